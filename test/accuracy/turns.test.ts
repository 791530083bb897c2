// Turns between states of a model, on states that a known turn made.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { Random } from '../../daemon/numerics/random.js';
import { amplitudeInside, signedAngle, turnInside, turnOfAtoms } from './turns.js';

const random = new Random(6);
const N = 120;
/** Half of the Gaussians lie at x below 0, half above. */
const neutral: GaussianSet = {
  count: N,
  positions: Float32Array.from({ length: 3 * N }, (_, i) =>
    i % 3 === 0 ? (i < 1.5 * N ? -1 : 1) * (5 + 25 * random.uniform()) : 30 * (random.uniform() - 0.5),
  ),
  amplitudes: Float32Array.from({ length: N }, () => 0.2 + 0.6 * random.uniform()),
  sigmas: new Float32Array(N).fill(4),
};

/** 1 where x is above 0. */
const mask: DensityMap = {
  size: [41, 41, 41],
  voxelSizeAngstrom: [2, 2, 2],
  originAngstrom: [-40, -40, -40],
  data: Float32Array.from({ length: 41 ** 3 }, (_, i) => (i % 41 > 20 ? 1 : 0)),
};

/** What is at x above 0 turned about z through (10, 0, 0); the rest moved at random. */
function turned(degrees: number): GaussianSet {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const positions = neutral.positions.map(value => value + random.normal());
  for (let i = 0; i < N; i++) {
    const [x, y, z] = neutral.positions.subarray(3 * i, 3 * i + 3);
    if (x > 0) positions.set([10 + c * (x - 10) - s * y, s * (x - 10) + c * y, z], 3 * i);
  }
  return { ...neutral, positions };
}

test('the turn of what is inside the mask is the one that was made, whatever happens outside', () => {
  const turn = turnInside(mask, neutral, turned(-3), turned(5));
  assert.ok(Math.abs(turn.angleDegrees - 8) < 1e-3, `${turn.angleDegrees}`);
  assert.ok(Math.abs(signedAngle(turn, [0, 0, 1]) - 8) < 1e-3);
  assert.ok(Math.abs(signedAngle(turnInside(mask, neutral, turned(5), turned(-3)), [0, 0, 1]) + 8) < 1e-3);
});

test('atoms among the Gaussians turn as these do, because a rigid turn is an affine field', () => {
  const positions = Float32Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? 12 + random.uniform() * 8 : 8 * (random.uniform() - 0.5)));
  const turn = turnOfAtoms({ positions }, [0, 2, 3, 5, 7, 9], neutral, turned(-4), turned(7));
  // The ridge on the gradient shortens the field by about its own hundredth.
  assert.ok(Math.abs(turn.angleDegrees - 11) < 0.25, `${turn.angleDegrees}`);
});

test('the amplitude inside is the mean over what is inside', () => {
  const state = { ...neutral, amplitudes: neutral.amplitudes.map((_, i) => (neutral.positions[3 * i] > 0 ? 0.25 : 0.75)) };
  assert.ok(Math.abs(amplitudeInside(mask, neutral, state) - 0.25) < 1e-6);
});
