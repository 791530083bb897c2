// Membership of Gaussians in a mask, where the mask's value is known in closed form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { atomShares, regionMembership } from '../../daemon/gaussians/region.js';

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

test('a Gaussian belongs to chosen atoms by their share of what lies about it: all, half between two alike, a Gaussian weight apart, and nothing far from every atom', () => {
  const atoms = Float32Array.of(0, 0, 0, 10, 0, 0);
  const at = (...xs: number[]) =>
    atomShares(
      {
        count: xs.length,
        positions: Float32Array.from(xs.flatMap(x => [x, 0, 0])),
        amplitudes: new Float32Array(xs.length).fill(1),
        sigmas: new Float32Array(xs.length).fill(4),
      },
      atoms,
      [true, false],
    );
  const weight = (distance: number) => Math.exp(-(distance ** 2) / 32);
  [-15, 0, 2, 5, 8].forEach((x, i) => {
    const wanted = weight(x) / (weight(x) + weight(10 - x));
    assert.ok(Math.abs(at(-15, 0, 2, 5, 8)[i] - wanted) < 1e-6, `${x}`);
  });
  // 16 Å is 4 σ.
  assert.equal(at(-16.1)[0], 0);
});
