// The density of Gaussians against its closed form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { gaussiansToDensity } from '../../daemon/gaussians/to-density.js';
import { Random } from '../../daemon/numerics/random.js';

function gaussians(rows: number[][]): GaussianSet {
  return {
    count: rows.length,
    positions: Float32Array.from(rows.flatMap(row => row.slice(0, 3))),
    amplitudes: Float32Array.from(rows, row => row[3]),
    sigmas: Float32Array.from(rows, row => row[4]),
  };
}

const grid = {
  size: [20, 24, 17] as [number, number, number],
  voxelSizeAngstrom: [1.5, 1.25, 2] as [number, number, number],
  originAngstrom: [-10, 5, 100] as [number, number, number],
};

test('every voxel is the sum of Gaussians at its world position: origin, unequal voxels and overlapping Gaussians included', () => {
  const random = new Random(1);
  const set = gaussians(
    Array.from({ length: 15 }, () => [
      -10 + 30 * random.uniform(),
      5 + 30 * random.uniform(),
      100 + 34 * random.uniform(),
      random.uniform(),
      1.5 + 2 * random.uniform(),
    ]),
  );
  const map = gaussiansToDensity(set, grid);
  const [nx, ny, nz] = grid.size;
  const peak = Math.max(...set.amplitudes.map((a, g) => a * (2 * Math.PI * set.sigmas[g] ** 2) ** -1.5));
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++) {
        const at = [x, y, z].map((n, axis) => grid.originAngstrom[axis] + n * grid.voxelSizeAngstrom[axis]);
        let expected = 0;
        for (let g = 0; g < set.count; g++) {
          const d2 = at.reduce((sum, value, axis) => sum + (value - set.positions[3 * g + axis]) ** 2, 0);
          expected += set.amplitudes[g] * (2 * Math.PI * set.sigmas[g] ** 2) ** -1.5 * Math.exp(-d2 / (2 * set.sigmas[g] ** 2));
        }
        // Each of 15 Gaussians is cut at 5 σ, where it is 3.7e-6 of its peak.
        assert.ok(Math.abs(map.data[i] - expected) < 2e-5 * peak, `voxel ${x}, ${y}, ${z}`);
      }
});

test('the integral of the density is the sum of the amplitudes: amplitude is the weight at zero frequency, whatever the width', () => {
  for (const sigma of [1.8, 2.5, 3]) {
    const map = gaussiansToDensity(gaussians([[5.3, 20.1, 117, 0.7, sigma]]), {
      ...grid,
      size: [40, 40, 40],
      originAngstrom: [-25, -5, 77],
    });
    const integral = map.data.reduce((sum, value) => sum + value, 0) * 1.5 * 1.25 * 2;
    // 3 · 6e-7 is cut off, the rest is single-precision rounding.
    assert.ok(Math.abs(integral / 0.7 - 1) < 1e-5, `σ = ${sigma}: ${integral}`);
  }
});

test('what lies outside the box is cut off and never comes in on the other side', () => {
  const inside = gaussiansToDensity(gaussians([[-10, 20, 115, 1, 2]]), grid);
  const [nx, ny] = grid.size;
  let farSide = 0;
  for (let i = 0; i < inside.data.length; i++) if (i % nx >= nx / 2) farSide += inside.data[i];
  assert.equal(farSide, 0);
  assert.ok(inside.data[(8 * ny + 12) * nx] > 0, 'half of it is there');
  const outside = gaussiansToDensity(gaussians([[-100, 20, 115, 1, 2]]), grid);
  assert.ok(outside.data.every(value => value === 0));
});
