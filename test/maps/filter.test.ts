// Resampling and filtering against closed forms: a Gaussian is a Gaussian at any sampling, a wave passes or does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { lowPass, resampleMap } from '../../daemon/maps/filter.js';

/** Σ of Gaussians at world positions, sampled at the voxels' world positions. */
function gaussianMap(
  size: [number, number, number],
  voxel: [number, number, number],
  origin: [number, number, number],
  sigma: number,
): DensityMap {
  const centres = [
    [3, -2, 5],
    [-6, 4, 0.5],
    [1, 7, -8],
  ];
  const data = new Float32Array(size[0] * size[1] * size[2]);
  for (let z = 0, i = 0; z < size[2]; z++)
    for (let y = 0; y < size[1]; y++)
      for (let x = 0; x < size[0]; x++, i++)
        for (const centre of centres) {
          const d2 = [x, y, z].reduce((sum, n, axis) => sum + (origin[axis] + n * voxel[axis] - centre[axis]) ** 2, 0);
          data[i] += Math.exp(-d2 / (2 * sigma * sigma));
        }
  return { size, voxelSizeAngstrom: voxel, originAngstrom: origin, data };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}

test('a smooth map cropped or padded is the same density at the new voxels’ world positions, for odd and even boxes both ways', () => {
  for (const [n, m] of [
    [48, 32],
    [49, 32],
    [48, 33],
    [33, 48],
    [32, 45],
    [65, 64],
  ]) {
    const step = 66 / n;
    // σ = 4 Å: at the coarsest sampling, 2.06 Å, what lies beyond Nyquist is exp(−2π²σ²/(2·2.06)²) = 1e-8.
    const before = gaussianMap([n, n, n], [step, step, step], [-33, -32, -34], 4);
    const after = resampleMap(before, m);
    assert.ok(Math.abs(after.voxelSizeAngstrom[0] - 66 / m) < 1e-12);
    for (let axis = 0; axis < 3; axis++) {
      const centre = (map: DensityMap) => map.originAngstrom[axis] + (map.size[axis] >> 1) * map.voxelSizeAngstrom[axis];
      assert.ok(Math.abs(centre(after) - centre(before)) < 1e-9, 'the centre voxel stays where it was');
    }
    const expected = gaussianMap([m, m, m], after.voxelSizeAngstrom, after.originAngstrom, 4);
    assert.ok(largestDifference(after.data, expected.data) < 2e-5, `${n} → ${m}`);
  }
});

test('unequal sides become one box over the same space, and the same size is the same map', () => {
  const before = gaussianMap([40, 36, 44], [1.5, 1.5, 1.5], [-30, -27, -33], 4);
  const after = resampleMap(before, 30);
  assert.deepEqual(after.voxelSizeAngstrom, [2, 1.8, 2.2]);
  assert.ok(largestDifference(after.data, gaussianMap([30, 30, 30], after.voxelSizeAngstrom, after.originAngstrom, 4).data) < 1e-4);
  assert.deepEqual(resampleMap(after, 30), after);
});

test('a low pass keeps the mean and waves coarser than the resolution, and removes finer ones', () => {
  const n = 40;
  const wave = (cycles: number): DensityMap => ({
    size: [n, n, n],
    voxelSizeAngstrom: [2, 2, 2],
    originAngstrom: [0, 0, 0],
    data: Float32Array.from({ length: n ** 3 }, (_, i) => 1 + Math.cos((2 * Math.PI * cycles * Math.floor(i / (n * n))) / n)),
  });
  // The box is 80 Å: 10 Å is at 8 cycles, the edge goes from 6 to 10, half-way at 8.
  for (const [cycles, kept] of [
    [3, 1],
    [6, 1],
    [8, 0.5],
    [10, 0],
    [15, 0],
  ]) {
    const result = lowPass(wave(cycles), 10);
    const expected = wave(cycles).data.map(value => 1 + kept * (value - 1));
    assert.ok(largestDifference(result.data, expected) < 1e-5, `${cycles} cycles`);
  }
});
