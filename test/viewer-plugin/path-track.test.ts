// A path that is walked: places by share of its length, and the nearest place, by plain geometry.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestOn, pointAt, trackThrough, verticesOf } from '../../viewer-plugin/path-track.js';

const corner = trackThrough([
  [0, 0],
  [3, 0],
  [3, 1],
]);

test('a share of the length is walked from the start, round the corner, and beyond the ends it stays there', () => {
  assert.deepEqual(corner.shares, [0, 0.75, 1]);
  assert.deepEqual(
    [0, 0.25, 0.75, 0.875, 1, 1.5, -1].map(share => pointAt(corner, share)),
    [
      [0, 0],
      [1, 0],
      [3, 0],
      [3, 0.5],
      [3, 1],
      [3, 1],
      [0, 0],
    ],
  );
});

test('the nearest place is the foot on the nearest segment, so that a loop resumes where the molecule is', () => {
  assert.deepEqual(nearestOn(corner, [1, 2]), { share: 0.25, distance: 2 });
  assert.deepEqual(nearestOn(corner, [4, 0.5]), { share: 0.875, distance: 1 });
  assert.deepEqual(nearestOn(corner, [-3, -4]), { share: 0, distance: 5 });
  for (const share of [0, 0.3, 0.9, 1]) assert.ok(Math.abs(nearestOn(corner, pointAt(corner, share)).share - share) < 1e-12);
});

test('a path of one point, or of none but its ends in the same place, has one place', () => {
  for (const track of [
    trackThrough([[1, 2]]),
    trackThrough([
      [1, 2],
      [1, 2],
    ]),
  ]) {
    assert.deepEqual(pointAt(track, 0.7), [1, 2]);
    assert.deepEqual(nearestOn(track, [1, 4]), { share: 0, distance: 2 });
  }
});

test('flat coordinates become vertices in order', () => {
  assert.deepEqual(verticesOf(Float32Array.from([1, 2, 3, 4, 5, 6]), 3), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
});
