// What the spike's trial takes for granted: the deposited model turns into itself, its RBDs turn alike, and which RBD a copy shows.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import { multiply, symmetryRotations } from '../../daemon/numerics/symmetry.js';
import { measureOracle } from '../../demo-data/oracle.js';
import { aboutAxis, rotate, type Vector } from '../../demo-data/quaternion.js';
import { applyMove } from '../../demo-data/scatterers.js';
import { prepareScene } from '../../demo-data/scene.js';
import { simulate } from '../../demo-data/simulate.js';
import { planSimulation } from '../../demo-data/simulation-options.js';
import { chainInFocus, missingForSpike, SPIKE_CHAINS, spikeOptions } from './spike.js';

const missing = missingForSpike();
const skip = missing ?? false;
const root = mkdtempSync(join(tmpdir(), 'limber-spike-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A third of a turn about z, `times` times. */
const third = (times: number, r: Vector) => rotate(aboutAxis([0, 0, 1], 120 * times), r);
const apart = (a: Vector, b: Vector) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

test('a third of a turn about z through the centre of the box takes chain A into B and B into C, as RELION has a C3 molecule', {
  skip,
}, async () => {
  const { molecule } = await prepareScene(planSimulation({ ...spikeOptions(root, 1), particles: 1 }));
  const { x, y, z, motion } = molecule.scatterers;
  const chain = x.length / 3;
  assert.ok(Number.isInteger(chain));
  for (let i = 0; i < x.length; i++) {
    const next = (i + chain) % x.length;
    // The file keeps three decimals, and a residue is a mean of atoms.
    assert.ok(apart(third(1, [x[i], y[i], z[i]]), [x[next], y[next], z[next]]) < 5e-3);
    assert.equal(motion[i] < 0, motion[next] < 0);
  }
});

test('the RBDs turn about hinges and axes that symmetry takes into one another, or a copy would see another motion than its neighbour', {
  skip,
}, async () => {
  const { molecule } = await prepareScene(planSimulation({ ...spikeOptions(root, 1), particles: 1 }));
  const places: Vector[] = [
    [20, -10, 40],
    [-35, 5, 60],
    [0, 0, 25],
  ];
  const [first] = molecule.motions;
  assert.equal(molecule.motions.length, SPIKE_CHAINS.length);
  assert.deepEqual([first.values[0], first.values.at(-1)], [-11, 0]);
  molecule.motions.forEach((motion, k) => {
    for (const place of places)
      assert.ok(apart(applyMove(motion.move(-11), third(k, place)), third(k, applyMove(first.move(-11), place))) < 5e-3);
  });
});

test('an RBD that turns rises from the closed spike, as those that open do', { skip }, async () => {
  const { molecule } = await prepareScene(planSimulation({ ...spikeOptions(root, 1), particles: 1 }));
  const { x, y, z, motion } = molecule.scatterers;
  const { values, move } = molecule.motions[0];
  const height = (angle: number) =>
    motion.reduce((sum, carried, i) => sum + (carried === 0 ? applyMove(move(angle), [x[i], y[i], z[i]])[2] : 0), 0) /
    motion.filter(carried => carried === 0).length;
  // An arm of about 25 Å: 4 Å and more at its end.
  assert.ok(height(values[0]) > height(0) + 3);
});

test('a copy shows where chain A stands the chain that the orientations of star file and truth put there', { skip }, async () => {
  const made = await simulate({ ...spikeOptions(root, 1), particles: 12, noise: 0 }, { progress() {}, epoch() {}, note() {} });
  const rotsOfStar = readFileSync(made.particles, 'utf8')
    .split('\n')
    .filter(line => line.includes('@'))
    .map(line => Number(line.split(' ')[1]));
  const [header, ...rows] = readFileSync(made.truth, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'));
  const group = symmetryRotations('C3');
  const placeOfA: Vector = [17, -13, 45];
  const seen = new Set<number>();
  rows.forEach((row, i) => {
    const of = (name: string) => Number(row[header.indexOf(name)]);
    const [tilt, psi] = [of('view_tilt'), of('view_psi')];
    const inTruth = eulerToMatrix(of('view_rot'), tilt, psi);
    const inStar = eulerToMatrix(rotsOfStar[i], tilt, psi);
    group.forEach((g, copy) => {
      const chain = chainInFocus(copy, of('copy'));
      seen.add(3 * copy + of('copy'));
      const asRunSees = times(multiply(inStar, g), placeOfA);
      const asItIs = times(inTruth, third(chain, placeOfA));
      // Four decimals of rot.
      assert.ok(apart(asRunSees, asItIs) < 1e-3, `copy ${copy} of ${of('copy')}`);
    });
  });
  assert.equal(seen.size, 9);
});

test('without noise the oracle finds each of three independent tilts, the others being where they are', { skip }, async () => {
  const options = { ...spikeOptions(join(root, 'oracle'), 1), particles: 6, noise: 0 };
  await simulate(options, { progress() {}, epoch() {}, note() {} });
  assert.ok((await measureOracle(options)).rankCorrelation > 0.9999);
});

function times(matrix: ArrayLike<number>, [x, y, z]: Vector): [number, number, number] {
  const row = (k: number) => matrix[3 * k] * x + matrix[3 * k + 1] * y + matrix[3 * k + 2] * z;
  return [row(0), row(1), row(2)];
}
