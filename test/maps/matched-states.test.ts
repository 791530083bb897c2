// States reconstructed twice: the same state agrees, another does not, however much the two have in common.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readMap } from '../../daemon/formats/mrc.js';
import { compareMatchedStates } from '../../daemon/maps/matched-states.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import { turnedParticles } from '../../daemon/particles/turned-particles.js';
import { type Blob, drawnParticles } from '../particles/drawn-particles.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-states-'));
after(() => rmSync(folder, { recursive: true }));

const BOX = 24;
const silent = { progress() {}, epoch() {}, note() {} };
const body: Blob[] = [
  { centre: [0, 0, 0], amplitude: 3, sigma: 2.5 },
  { centre: [4, 1, -2], amplitude: 1, sigma: 1.8 },
];
/** A small part at one of two places. */
const parts: Blob[] = [
  { centre: [-3, 4, 1], amplitude: 1, sigma: 1.8 },
  { centre: [-1, -4, 3], amplitude: 1, sigma: 1.8 },
];
const random = new Random(1);
const states = Array.from({ length: 400 }, (_, i) => (i >> 1) % 2);
const particles = drawnParticles(
  BOX,
  states.map(state => ({
    rotation: eulerToMatrix(360 * random.uniform(), (Math.acos(2 * random.uniform() - 1) * 180) / Math.PI, 360 * random.uniform()),
    shift: [0, 0],
    blobs: [...body, parts[state]],
  })),
);
const rowsOf = (state: number, half: number) => states.flatMap((other, i) => (other === state && i % 2 === half ? [i] : []));
const options = { centreAngstrom: [24, 24, 24] as const, contrast: 1 as const, threads: 1 };
const comparison = {
  mask: null,
  resolutionAngstrom: 8,
  comparisonBox: 16,
  file: (state: number, half: 1 | 2) => join(folder, `state_${state}_${half}.mrc`),
};

test('maps of the same state agree between the halves, and what sets a state apart is found again there and nowhere else', async () => {
  const matched = [0, 1].map(state => [rowsOf(state, 0), rowsOf(state, 1)] as const);
  const { curves, differences } = await compareMatchedStates(particles, matched, options, comparison, silent);
  for (const curve of curves) {
    assert.ok(curve);
    assert.deepEqual(Object.keys(curve), ['fsc', 'fsc_difference']);
    for (let shell = 1; shell <= 6; shell++) assert.ok(curve.fsc.correlation[shell] > 0.95, `${curve.fsc.correlation}`);
    for (let shell = 1; shell <= 4; shell++)
      assert.ok(curve.fsc_difference.correlation[shell] > 0.9, `${curve.fsc_difference.correlation}`);
  }
  for (const state of [0, 1]) assert.ok(differences[state][state] > 0.9, `${differences}`);
  // Two states of equal size lie on either side of their mean.
  for (const state of [0, 1]) assert.ok(differences[state][1 - state] < -0.9, `${differences}`);
});

test('states drawn by chance agree in what all particles share, and in nothing that would set them apart', async () => {
  const draw = new Random(2);
  const label = states.map(() => draw.integer(2));
  const rows = (state: number, half: number) => label.flatMap((other, i) => (other === state && i % 2 === half ? [i] : []));
  const { curves, differences } = await compareMatchedStates(
    particles,
    [0, 1].map(state => [rows(state, 0), rows(state, 1)] as const),
    options,
    comparison,
    silent,
  );
  for (const curve of curves) assert.ok(curve!.fsc.correlation[3] > 0.9);
  assert.ok(Math.abs(differences[0][0]) < 0.6, `${differences}`);
});

test('maps lie where they were to be written, a state that a half lacks has no curve, and one state alone nothing to be set apart from', async () => {
  const { curves, differences } = await compareMatchedStates(particles, [[rowsOf(0, 0), []]], options, comparison, silent);
  assert.deepEqual([curves, differences], [[null], [[Number.NaN]]]);
  assert.deepEqual(readMap(comparison.file(0, 1)).size, [BOX, BOX, BOX]);
  const alone = await compareMatchedStates(particles, [[rowsOf(0, 0), rowsOf(0, 1)]], options, comparison, silent);
  assert.deepEqual(Object.keys(alone.curves[0]!), ['fsc']);
});

test('a particle that stands in a selection twice, turned by the symmetry of its map, gives the map of two particles', async () => {
  // A half turn about z: the two-fold copies of one state's particles make its map two-fold.
  const rows = rowsOf(0, 0);
  const twice = Uint32Array.from({ length: 2 * rows.length }, (_, i) => rows[i >> 1]);
  const turned = Float32Array.from({ length: 9 * twice.length }, (_, i) => {
    const column = i % 3;
    const isCopy = Math.floor(i / 9) % 2 === 1;
    const value = particles.rotations[9 * twice[Math.floor(i / 9)] + (i % 9)];
    return isCopy && column < 2 ? -value : value;
  });
  const selection = turnedParticles(particles, twice, turned);
  assert.equal(selection.count, twice.length);
  const file = (_: number, half: 1 | 2) => join(folder, `turned_${half}.mrc`);
  const all = Uint32Array.from(twice.keys());
  await compareMatchedStates(selection, [[all, all]], options, { ...comparison, file }, silent);
  const { data } = readMap(file(0, 1));
  let [different, squares] = [0, 0];
  const at = (x: number, y: number, z: number) => data[(z * BOX + y) * BOX + x];
  for (let z = 4; z < 21; z++)
    for (let y = 4; y < 21; y++)
      for (let x = 4; x < 21; x++) {
        different += (at(x, y, z) - at(BOX - x, BOX - y, z)) ** 2;
        squares += at(x, y, z) ** 2;
      }
  // The solver's own error about a per cent of the density.
  assert.ok(Math.sqrt(different / squares) < 0.05, `${Math.sqrt(different / squares)}`);
});
