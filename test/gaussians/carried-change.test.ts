// A change of one piece of a symmetric molecule as its copies show it, whose Gaussians are others at other places.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CarriedChange } from '../../daemon/gaussians/carried-change.js';
import { Random } from '../../daemon/numerics/random.js';
import { vectorToRotation } from '../../daemon/numerics/rotations.js';
import { symmetryRotations } from '../../daemon/numerics/symmetry.js';

const [PIECE, COPIES] = [24, 3];
const N = PIECE * COPIES;
const SIGMA = 0.03;
const group = symmetryRotations('C3');

const turn = (r: ArrayLike<number>, v: readonly number[]) =>
  [0, 1, 2].map(k => r[3 * k] * v[0] + r[3 * k + 1] * v[1] + r[3 * k + 2] * v[2]);
const placeOf = (row: ArrayLike<number>, g: number) => [row[g], row[N + g], row[2 * N + g]];

/** Planar 5N: three balls about z, each of its own random Gaussians; alike as densities, not Gaussian by Gaussian. */
function trimer(random: Random): Float32Array {
  const row = new Float32Array(5 * N);
  for (let g = 0; g < N; g++) {
    const place = [0.25, 0, 0.1].map(middle => middle + 0.1 * (random.uniform() - 0.5));
    for (const [axis, value] of turn(group[Math.floor(g / PIECE)], place).entries()) row[axis * N + g] = value;
    row[3 * N + g] = 0.3 + 0.4 * random.uniform();
    row[4 * N + g] = 1;
  }
  return row;
}

/** The first piece changed. */
function changed(
  row: Float32Array,
  change: (place: number[], g: number) => { place: number[]; amplitude?: number; width?: number },
): Float32Array {
  const to = row.slice();
  for (let g = 0; g < PIECE; g++) {
    const { place, amplitude = 1, width = 0 } = change(placeOf(row, g), g);
    for (const [axis, value] of place.entries()) to[axis * N + g] = value;
    to[3 * N + g] *= amplitude;
    to[4 * N + g] += width;
  }
  return to;
}

test('a shift, a share of all amplitudes and a width come to each copy exactly, turned with it, and to no other: means of equal changes are that change', () => {
  const row = trimer(new Random(1));
  const shift = [0.02, -0.01, 0.03];
  const to = changed(row, place => ({ place: place.map((value, k) => value + shift[k]), amplitude: 1.2, width: -0.1 }));
  for (const copy of [1, 2]) {
    const out = row.slice();
    new CarriedChange(row, group[copy], SIGMA).add(row, to, out);
    const expected = turn(group[copy], shift);
    for (let g = 0; g < N; g++) {
      const isThere = Math.floor(g / PIECE) === copy;
      placeOf(out, g).forEach((value, k) => {
        assert.ok(Math.abs(value - placeOf(row, g)[k] - (isThere ? expected[k] : 0)) < 1e-6, `copy ${copy}, Gaussian ${g}`);
      });
      assert.ok(Math.abs(out[3 * N + g] / row[3 * N + g] - (isThere ? 1.2 : 1)) < 1e-5);
      assert.ok(Math.abs(out[4 * N + g] - (isThere ? 0.9 : 1)) < 1e-5);
    }
  }
});

test('a turn about a hinge comes to the copy as the turn about the turned hinge, to a fifth of its way, since neighbours move alike', () => {
  const row = trimer(new Random(2));
  const hinge = [0.2, 0, 0];
  const turned = (tilt: ArrayLike<number>, place: readonly number[], about: readonly number[]) =>
    turn(
      tilt,
      place.map((value, k) => value - about[k]),
    ).map((value, k) => value + about[k]);
  const tilt = vectorToRotation([0, 0.17, 0]);
  const to = changed(row, place => ({ place: turned(tilt, place, hinge) }));
  const out = row.slice();
  new CarriedChange(row, group[1], SIGMA).add(row, to, out);
  const [axis, about] = [turn(group[1], [0, 0.17, 0]), turn(group[1], hinge)];
  const copied = vectorToRotation(axis as [number, number, number]);
  let [missed, way] = [0, 0];
  for (let g = PIECE; g < 2 * PIECE; g++) {
    const expected = turned(copied, placeOf(row, g), about);
    missed += Math.hypot(...placeOf(out, g).map((value, k) => value - expected[k]));
    way += Math.hypot(...placeOf(row, g).map((value, k) => value - expected[k]));
  }
  assert.ok(missed < 0.2 * way, `${missed} of ${way}`);
});

test('a Gaussian follows none where the rotation takes it to an empty place, as any would be a guess', () => {
  const row = trimer(new Random(3));
  const to = changed(row, place => ({ place: place.map(value => value + 0.05) }));
  const out = row.slice();
  // A sixth of a turn takes every ball between two others.
  new CarriedChange(row, vectorToRotation([0, 0, Math.PI / 3]), SIGMA).add(row, to, out);
  assert.deepEqual(out, row);
});
