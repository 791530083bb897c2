// Models made of bodies that move by motions known exactly: which Gaussians belong together, and where each body stands, must be found again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyRegistration } from '../../daemon/gaussians/body-registration.js';
import { bodyShares } from '../../daemon/gaussians/body-shares.js';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { bodyMotion, findRigidBodies } from '../../daemon/gaussians/rigid-bodies.js';
import { Random } from '../../daemon/numerics/random.js';
import { vectorToRotation } from '../../daemon/numerics/rotations.js';
import { moved, type Superposition } from '../../daemon/numerics/superposition.js';

const CORE = 60;
const ARM = 20;
const FRAME = { boxAngstrom: 200, centreAngstrom: [100, 100, 100] as [number, number, number], referenceSigmaAngstrom: 6 };
const LIMITS = { most: 8, toleranceAngstrom: 0.5 };
const ARM_CENTRE: [number, number, number] = [145, 100, 100];
const STILL: Superposition = { rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), centre: ARM_CENTRE, target: ARM_CENTRE };

/** A core of 60 Gaussians about the box's centre and an arm of 20 beside it, in Å. */
function model(seed = 1): GaussianSet {
  const random = new Random(seed);
  const positions = new Float32Array(3 * (CORE + ARM));
  for (let g = 0; g < CORE + ARM; g++) {
    const [middle, spread] = g < CORE ? [[100, 100, 100], 26] : [ARM_CENTRE, 13];
    for (let k = 0; k < 3; k++) positions[3 * g + k] = middle[k] + spread * (2 * random.uniform() - 1);
  }
  return {
    count: CORE + ARM,
    positions,
    amplitudes: Float32Array.from({ length: CORE + ARM }, () => 0.4 + 0.4 * random.uniform()),
    sigmas: new Float32Array(CORE + ARM).fill(6),
  };
}

/** The arm about its centre by a rotation vector (radians), and shifted (Å). */
function swing(turn: [number, number, number], shift: [number, number, number]): Superposition {
  return {
    rotation: vectorToRotation(turn),
    centre: ARM_CENTRE,
    target: ARM_CENTRE.map((c, k) => c + shift[k]) as [number, number, number],
  };
}

function withArm(set: GaussianSet, motion: Superposition): GaussianSet {
  const positions = set.positions.slice();
  for (let g = CORE; g < CORE + ARM; g++) positions.set(moved(motion, set.positions, 3 * g), 3 * g);
  return { ...set, positions };
}

const SWINGS = [-1, -0.5, 0.5, 1].map(t => swing([0, 0.1 * t, 0.3 * t], [0, 14 * t, 3 * t]));
const apart = (a: Superposition, b: Superposition, set: GaussianSet, g: number) => {
  const [p, q] = [moved(a, set.positions, 3 * g), moved(b, set.positions, 3 * g)];
  return Math.hypot(...p.map((value, k) => value - q[k]));
};

test('a core and an arm that swings are found as two bodies, and the motions of both come back', () => {
  const target = model();
  const states = SWINGS.map(motion => withArm(target, motion));
  const { count, bodyOf, residualAngstrom } = findRigidBodies(target, states, LIMITS);
  assert.equal(count, 2);
  const [core, arm] = [bodyOf[0], bodyOf[CORE]];
  assert.deepEqual([...bodyOf], [...Array(CORE).fill(core), ...Array(ARM).fill(arm)]);
  // Positions are single precision, 1e-5 Å here.
  assert.ok(residualAngstrom < 1e-3, `${residualAngstrom}`);
  SWINGS.forEach((motion, s) => {
    assert.ok(apart(bodyMotion(target, states[s], bodyOf, arm), motion, target, CORE) < 1e-3);
    assert.ok(apart(bodyMotion(target, states[s], bodyOf, core), STILL, target, 0) < 1e-3);
  });
});

test('a model that moves as one is one body, whose motion is exactly none where nothing moves, so that nothing is resampled', () => {
  const target = model();
  const { count, residualAngstrom, bodyOf } = findRigidBodies(target, [target, target], LIMITS);
  assert.deepEqual([count, residualAngstrom], [1, 0]);
  const { rotation, centre, target: gone } = bodyMotion(target, target, bodyOf, 0);
  assert.deepEqual([...rotation], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
  assert.deepEqual(gone, centre);
});

test('no more bodies are made than allowed, nor any that explains nothing: noise is not a motion', () => {
  const target = model();
  const states = SWINGS.map(motion => withArm(target, motion));
  assert.equal(findRigidBodies(target, states, { ...LIMITS, most: 1 }).count, 1);
  const random = new Random(9);
  const shaken = states.map(set => ({ ...set, positions: set.positions.map(value => value + random.normal()) }));
  assert.ok(findRigidBodies(target, shaken, LIMITS).count <= 3);
});

test('bodies are found by density where the paths of single Gaussians say nothing, since a decoder may let some fade and others rise', () => {
  const target = model();
  const bodyOf = Uint8Array.from({ length: CORE + ARM }, (_, g) => (g < CORE ? 0 : 1));
  const registration = new BodyRegistration(target, bodyOf, 2, FRAME);
  for (const motion of SWINGS) {
    const state = withArm(target, motion);
    // The same density from Gaussians in another order: every path that the order tells is wrong.
    const order = new Random(4).shuffle(Uint16Array.from({ length: CORE + ARM }, (_, g) => g));
    const shuffled: GaussianSet = {
      ...state,
      positions: Float32Array.from({ length: 3 * (CORE + ARM) }, (_, i) => state.positions[3 * order[Math.floor(i / 3)] + (i % 3)]),
      amplitudes: Float32Array.from(order, g => state.amplitudes[g]),
    };
    const [core, arm] = registration.register(shuffled, [STILL, STILL]);
    for (let g = 0; g < CORE; g++) assert.ok(apart(core, STILL, target, g) < 0.5, `core ${apart(core, STILL, target, g)} Å off`);
    for (let g = CORE; g < CORE + ARM; g++) assert.ok(apart(arm, motion, target, g) < 1.5, `arm ${apart(arm, motion, target, g)} Å off`);
  }
});

test('an arm that a state lacks stays where the paths put it, and does not sink into the core', () => {
  const target = model();
  const bodyOf = Uint8Array.from({ length: CORE + ARM }, (_, g) => (g < CORE ? 0 : 1));
  const gone = { ...target, amplitudes: target.amplitudes.map((amplitude, g) => (g < CORE ? amplitude : 0)) };
  const [core, arm] = new BodyRegistration(target, bodyOf, 2, FRAME).register(gone, [STILL, STILL]);
  for (let g = 0; g < CORE; g++) assert.ok(apart(core, STILL, target, g) < 0.5);
  for (let g = CORE; g < CORE + ARM; g++) assert.ok(apart(arm, STILL, target, g) < 1, `${apart(arm, STILL, target, g)} Å off`);
});

test('a registration that begins at the answer stays there', () => {
  const target = model();
  const bodyOf = Uint8Array.from({ length: CORE + ARM }, (_, g) => (g < CORE ? 0 : 1));
  const found = new BodyRegistration(target, bodyOf, 2, FRAME).register(withArm(target, SWINGS[3]), [STILL, SWINGS[3]]);
  for (let g = CORE; g < CORE + ARM; g++) assert.ok(apart(found[1], SWINGS[3], target, g) < 1e-3);
});

test('the shares of the bodies add up to one at every voxel, and each body has its own core to itself', () => {
  const target = model();
  const bodyOf = Uint8Array.from({ length: CORE + ARM }, (_, g) => (g < CORE ? 0 : 1));
  const n = 20;
  const step = 10;
  const shares = bodyShares(target, bodyOf, 2, { size: [n, n, n], voxelSizeAngstrom: [step, step, step], originAngstrom: [0, 0, 0] });
  for (let i = 0; i < n ** 3; i++) assert.ok(Math.abs(shares[0][i] + shares[1][i] - 1) < 1e-6);
  const at = ([x, y, z]: number[]) => (Math.round(z / step) * n + Math.round(y / step)) * n + Math.round(x / step);
  assert.ok(shares[1][at([150, 100, 100])] > 0.99);
  assert.ok(shares[0][at([80, 100, 100])] > 0.99);
  // Far from all Gaussians the nearest ones decide.
  assert.ok(shares[1][at([190, 100, 100])] > 0.99);
  assert.ok(shares[0][0] > 0.99);
});
