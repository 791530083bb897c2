// The assembly: which blocks come together, what its pictures weigh, where its block tilts, and what an oracle makes of it.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { valueAt } from '../../daemon/formats/density-map.js';
import { openStack, readMap } from '../../daemon/formats/mrc.js';
import type { Reporter } from '../../daemon/training/progress.js';
import { motionMask } from '../../demo-data/motion-mask.js';
import { assignStates, measureOracle } from '../../demo-data/oracle.js';
import { IDENTITY } from '../../demo-data/quaternion.js';
import { type MovingMolecule, packScatterers } from '../../demo-data/scatterers.js';
import { type SimulationOptions, simulate } from '../../demo-data/simulate.js';

const root = mkdtempSync(join(tmpdir(), 'limber-assembly-'));
after(() => rmSync(root, { recursive: true, force: true }));

const quiet: Reporter = { progress() {}, epoch() {}, note() {} };
const options = (name: string, more: Partial<SimulationOptions>): SimulationOptions => ({
  directory: join(root, name),
  kind: 'assembly',
  ...more,
});

function readTable(path: string): Record<string, string>[] {
  const [header, ...rows] = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'));
  return rows.map(row => Object.fromEntries(header.map((name, i) => [name, row[i]])));
}

const BLOCKS = ['base', 'protuberance', 'near_stalk', 'far_stalk'] as const;

test('blocks come in order, base first and far stalk last, with two ways between: six states of the sixteen that independent blocks would make', async () => {
  const { truth } = await simulate(options('order', { particles: 400, noise: 0 }), quiet);
  const rows = readTable(truth);
  for (const { base, protuberance, near_stalk: near, far_stalk: far } of rows) {
    assert.ok(base === '1' || (protuberance === '0' && near === '0'));
    assert.ok(far === '0' || (protuberance === '1' && near === '1'));
  }
  const combinations = new Map(rows.map(row => [BLOCKS.map(name => row[name]).join(''), row.state]));
  assert.equal(combinations.size, 6);
  assert.deepEqual([...combinations.values()].sort(), ['1', '2', '3', '4', '5', '6']);
  // Neither of these contains the other: two pathways.
  assert.ok(combinations.has('1100') && combinations.has('1010'));
  const sizes = [1, 2, 3, 4, 5, 6].map(state => rows.filter(row => row.state === String(state)).length);
  assert.ok(
    sizes.every(size => size === 66 || size === 67),
    `${sizes}`,
  );
});

test('a tilt is told of the particles that have what tilts and of no others, and spans 8° in any of their states', async () => {
  const { truth } = await simulate(options('tilts', { particles: 600, noise: 0 }), quiet);
  const rows = readTable(truth);
  for (const row of rows) assert.equal(row.tilt === 'nan', row.protuberance === '0');
  for (const state of ['3', '5', '6']) {
    const tilts = rows.filter(row => row.state === state).map(row => Number(row.tilt));
    assert.equal(Math.max(...tilts) - Math.min(...tilts), 8);
  }
});

test('a picture weighs as much as the blocks that are there, because projection keeps mass', async () => {
  const made = await simulate(options('mass', { particles: 60, noise: 0 }), quiet);
  const stack = openStack(made.stack);
  const image = new Float32Array(stack.width * stack.height);
  const masses = new Map<string, number[]>();
  readTable(made.truth).forEach((row, i) => {
    stack.readImage(i, image);
    masses.set(row.state, [...(masses.get(row.state) ?? []), image.reduce((sum, value) => sum + value, 0)]);
  });
  stack.close();
  const core = masses.get('1')![0];
  // Of 170 equal Gaussians, and so many more.
  const gaussians = { '1': 170, '2': 196, '3': 252, '4': 216, '5': 272, '6': 292 };
  for (const [state, count] of Object.entries(gaussians))
    for (const mass of masses.get(state)!) assert.ok(Math.abs(mass / core - count / 170) < 2e-3, `state ${state}: ${mass / core}`);
  // The consensus holds each block in the share of the particles that have it; its sum over z is an image, so its sum is a picture's mass.
  const consensus = readMap(made.map).data.reduce((sum, value) => sum + value, 0);
  assert.ok(Math.abs(consensus / core - (170 + (5 * 26 + 3 * 56 + 3 * 20 + 20) / 6) / 170) < 3e-3);
});

test('the mask of a motion is 1 within σ of any place that the piece passes, half way down at 1.5 σ, and 0 from 2 σ on', () => {
  const molecule: MovingMolecule = {
    scatterers: packScatterers([
      { position: [0, 0, 0], weight: 1, sigmaAngstrom: 8, motion: 0 },
      { position: [-40, 0, 0], weight: 1, sigmaAngstrom: 8 },
    ]),
    motions: [{ name: 'slide', values: [0, 40], move: value => ({ turn: IDENTITY, pivot: [0, 0, 0], shift: [0, value, 0] }) }],
    parts: [],
    centreAngstrom: [100, 0, 0],
    modelText: null,
  };
  const mask = motionMask(molecule, 0, { boxSize: 64, pixelSizeAngstrom: 2 });
  const at = (x: number, y: number, z: number) => valueAt(mask, 100 + x, y, z)!;
  for (const y of [0, 40]) {
    assert.equal(at(0, y, 8), 1);
    assert.ok(Math.abs(at(12, y, 0) - 0.5) < 1e-6);
    assert.equal(at(0, y, -16), 0);
  }
  // What does not move is not in it, nor is the way between two steps further apart than the piece is wide.
  assert.equal(at(-40, 0, 0), 0);
  assert.equal(at(0, 20, 0), 0);
});

test('the mask of the tilt holds the protuberance and leaves the stalks out', async () => {
  const made = await simulate(options('mask', { particles: 16, noise: 0 }), quiet);
  const mask = readMap(made.masks.tilt);
  const { originAngstrom } = readMap(made.map);
  assert.deepEqual(mask.originAngstrom, originAngstrom);
  const at = (x: number, y: number, z: number) => valueAt(mask, 128 + x, 128 + y, 128 + z)!;
  for (const z of [40, 60, 80]) assert.ok(at(0, -4, z) > 0.5);
  assert.equal(at(-74, -4, 24), 0);
  assert.equal(at(76, 0, 20), 0);
});

test('an oracle tells every composition even in noise, and without noise every tilt', async () => {
  const clean = options('clean', { particles: 60, noise: 0 });
  await simulate(clean, quiet);
  const { scene, particles, assigned } = await assignStates(clean);
  assigned.forEach((state, k) => {
    const truth = scene.truth[particles[k]];
    assert.deepEqual(state.present, truth.present);
    if (truth.present[1]) assert.equal(state.steps[0], truth.steps[0]);
  });
  const noisy = options('noisy', { particles: 240, noise: 1 });
  await simulate(noisy, quiet);
  const { partAccuracy, rankCorrelation } = await measureOracle(noisy);
  assert.equal(partAccuracy, 1);
  // 0.89 over 1,000 particles; some 0.02 of scatter over the 156 that have the block.
  assert.ok(rankCorrelation > 0.8 && rankCorrelation < 0.96, `${rankCorrelation}`);
});
