// Membership of Gaussians in a mask, where the mask's value is known in closed form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { regionMembership } from '../../daemon/gaussians/region.js';

/** Rises evenly along x from 0 at −10 Å to 1 at +10 Å. */
const ramp: DensityMap = {
  size: [11, 5, 6],
  voxelSizeAngstrom: [2, 3, 4],
  originAngstrom: [-10, 100, -50],
  data: Float32Array.from({ length: 11 * 5 * 6 }, (_, i) => (i % 11) / 10),
};

const membership = (...points: number[][]) =>
  regionMembership(
    {
      count: points.length,
      positions: Float32Array.from(points.flat()),
      amplitudes: new Float32Array(points.length),
      sigmas: new Float32Array(points.length),
    },
    ramp,
  );

test('between voxels the value is interpolated in the world frame: on an even ramp it is the ramp, with unlike voxel sizes and an origin', () => {
  const found = membership([-10, 100, -50], [10, 112, -30], [0, 106, -40], [3.3, 101, -49], [-9.9, 111.9, -30.1]);
  [0, 1, 0.5, 0.665, 0.005].forEach((value, i) => {
    assert.ok(Math.abs(found[i] - value) < 1e-6, `${i}: ${found[i]}`);
  });
});

test("outside the mask's box nobody belongs to the region", () => {
  assert.deepEqual([...membership([10.1, 106, -40], [9, 99, -40], [9, 106, -29], [0, 0, 0])], [0, 0, 0, 0]);
});
