// Box fractions to Å and logits to rows: inverses of one another, and in the frame of the map.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logitsToRow, type ModelFrame, rowToLogits, toWorld } from '../../daemon/gaussians/model-frame.js';
import { Random } from '../../daemon/numerics/random.js';

const frame: ModelFrame = { boxAngstrom: 200, centreAngstrom: [10, -20, 30.5], referenceSigmaAngstrom: 4 };

test('a box fraction c lies at c·box + the world position of voxel b//2, a relative width w is w·reference Å, and amplitudes stay', () => {
  // Two Gaussians, planar: x x y y z z amplitude amplitude width width. All numbers are exact in float32.
  const set = toWorld([0, 0.25, 0, -0.5, 0, 0.125, 0.5, 0.75, 1, 1.5], frame);
  assert.equal(set.count, 2);
  assert.deepEqual([...set.positions], [10, -20, 30.5, 60, -120, 55.5]);
  assert.deepEqual([...set.amplitudes], [0.5, 0.75]);
  assert.deepEqual([...set.sigmas], [4, 6]);
});

test('a set that is handed in is filled and given back, so that a stream of frames allocates nothing', () => {
  const set = toWorld([0, 0.25, 0, -0.5, 0, 0.125, 0.5, 0.75, 1, 1.5], frame);
  const row = [0.1, 0.2, 0.3, 0.4, -0.1, -0.2, 0.3, 0.6, 0.7, 1.3];
  assert.equal(toWorld(row, frame, set), set);
  assert.deepEqual(set, toWorld(row, frame));
});

test('logits of a row give the row back for all kinds, since the sigmoid and its shift are undone', () => {
  const random = new Random(1);
  const n = 50;
  const row = Float32Array.from({ length: 5 * n }, (_, i) => {
    const value = 0.001 + 0.998 * random.uniform();
    return i < 3 * n ? value - 0.5 : i < 4 * n ? value : value + 0.5;
  });
  // A float32 logit near 7 is good to 5e-7, times the sigmoid's slope of at most 1/4; storage of the row adds 6e-8.
  logitsToRow(rowToLogits(row)).forEach((value, i) => void assert.ok(Math.abs(value - row[i]) < 5e-7, `${i}`));
});

test('logit 0 is the middle of every range: the rotation centre, amplitude ½, relative width 1', () => {
  assert.deepEqual([...logitsToRow(new Float32Array(5))], [0, 0, 0, 0.5, 1]);
});

test('values at or beyond the edge of their range are drawn just inside, where a gradient can still move them', () => {
  const edges = rowToLogits([0.5, -0.7, 0.5, 0, 1.5]);
  assert.ok(edges.every(Number.isFinite));
  const back = logitsToRow(edges);
  [0.4999, -0.4999, 0.4999, 0.0001, 1.4999].forEach((wanted, i) => void assert.ok(Math.abs(back[i] - wanted) < 1e-6));
});
