// The density worker's numbers: normalisation, contour and surface against the closed form of one Gaussian, and a naive sum for several.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { densitySurface } from '../../viewer-plugin/worker/density-surface.js';
import {
  contourEnclosing,
  contourOfMass,
  densityOnGrid,
  type GaussianCloud,
  gridAround,
  gridHolds,
} from '../../viewer-plugin/worker/gaussian-grid.js';

const cloud = (...gaussians: [x: number, y: number, z: number, amplitude: number, sigma: number][]): GaussianCloud => ({
  count: gaussians.length,
  positions: Float32Array.from(gaussians.flatMap(g => g.slice(0, 3))),
  amplitudes: Float32Array.from(gaussians, g => g[3]),
  sigmas: Float32Array.from(gaussians, g => g[4]),
});

const several = cloud([10, -4, 3, 0.7, 3], [14, -2, 5, 0.2, 4.5], [-9, 8, 0, 0.9, 2.5]);

test('the density is the sum of the normalised Gaussians at every point, up to what lies beyond the cutoff', () => {
  const grid = gridAround(several, 40);
  const values = densityOnGrid(several, grid);
  const [nx, ny, nz] = grid.size;
  let largest = 0;
  for (let z = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++) {
        const at = [x, y, z].map((i, a) => grid.originAngstrom[a] + i * grid.spacingAngstrom);
        let expected = 0;
        for (let n = 0; n < several.count; n++) {
          const sigma = several.sigmas[n];
          const r2 = at.reduce((sum, v, a) => sum + (v - several.positions[3 * n + a]) ** 2, 0);
          expected += (several.amplitudes[n] / (2 * Math.PI * sigma ** 2) ** 1.5) * Math.exp(-r2 / (2 * sigma ** 2));
        }
        largest = Math.max(largest, Math.abs(values[(z * ny + y) * nx + x] - expected));
      }
  // At the cutoff of 3.5 σ a Gaussian has fallen to exp(−6.125) = 0.0022 of its peak; the highest peak here is the third one's.
  const peak = 0.9 / (2 * Math.PI * 2.5 ** 2) ** 1.5;
  assert.ok(largest < 0.0023 * peak * 1.2, `${largest} against a peak of ${peak}`);
});

test('the integral over the grid is the sum of the amplitudes, whatever the width: amplitude is the weight at zero frequency', () => {
  for (const sigma of [0.2, 1, 3]) {
    const one = cloud([1.3, 2.1, -0.7, 0.6, sigma], [31, 2, 3, 0.3, 4]);
    const grid = gridAround(one, 48);
    const sum = densityOnGrid(one, grid).reduce((a, b) => a + b, 0) * grid.spacingAngstrom ** 3;
    // Beyond 3.5 σ on an axis lie 0.05 % of a Gaussian; where that cut falls between two points, another 0.11 % (one spacing, at most 1.25 σ,
    // times the normal density there) may be lost. Three axes: 0.5 %.
    assert.ok(Math.abs(sum - 0.9) < 0.005 * 0.9, `σ = ${sigma}: ${sum}`);
  }
});

test('the surface of one Gaussian is the sphere of radius σ√(2 ln(peak/contour)), its normals point outward', async () => {
  const [sigma, amplitude] = [4, 0.8];
  const one = cloud([12, -7, 30, amplitude, sigma]);
  const grid = gridAround(one, 56);
  const peak = amplitude / (2 * Math.PI * sigma ** 2) ** 1.5;
  for (const ratio of [0.7, 0.3, 0.05]) {
    const { vertices, normals, indices, vertexCount, triangleCount } = await densitySurface(one, grid, ratio * peak);
    const radius = sigma * Math.sqrt(2 * Math.log(1 / ratio));
    assert.equal(vertices.length, 3 * vertexCount);
    assert.equal(indices.length, 3 * triangleCount);
    assert.ok(vertexCount > 500);
    for (let v = 0; v < vertexCount; v++) {
      const away = [0, 1, 2].map(a => vertices[3 * v + a] - one.positions[a]);
      const distance = Math.hypot(...away);
      // Linear interpolation between grid points is wrong by at most spacing²·|M″|/(8·|M′|) ≈ 0.03 Å here.
      assert.ok(Math.abs(distance - radius) < 0.05, `${distance} against ${radius}`);
      const outward =
        away.reduce((sum, x, a) => sum + x * normals[3 * v + a], 0) / distance / Math.hypot(...normals.subarray(3 * v, 3 * v + 3));
      assert.ok(outward > 0.98, `cosine ${outward}`);
    }
    assert.ok(Math.max(...indices) < vertexCount);
    // Euler: a closed surface without holes has V − E + F = 2, and every triangle shares its three edges.
    assert.equal(vertexCount - 1.5 * triangleCount + triangleCount, 2);
  }
});

test('the contour that encloses a volume encloses it: 4/3 πr³ of the sphere where one Gaussian has that value', () => {
  const [sigma, amplitude] = [5, 0.5];
  const one = cloud([0, 0, 0, amplitude, sigma]);
  const grid = gridAround(one, 80);
  const density = densityOnGrid(one, grid);
  const radius = 8;
  const contour = contourEnclosing(density, ((4 / 3) * Math.PI * radius ** 3) / grid.spacingAngstrom ** 3);
  const expected = (amplitude / (2 * Math.PI * sigma ** 2) ** 1.5) * Math.exp(-(radius ** 2) / (2 * sigma ** 2));
  // Some 20,000 grid points lie inside; the count of lattice points in a ball is right to a fraction of a per cent.
  assert.ok(Math.abs(contour / expected - 1) < 0.02, `${contour} against ${expected}`);
});

test('half of the mass of a Gaussian lies within 1.5382 σ: the median of a Maxwell distribution', () => {
  const one = cloud([3, 3, 3, 0.5, 5]);
  const contour = contourOfMass(densityOnGrid(one, gridAround(one, 80)), 0.5);
  const expected = (0.5 / (2 * Math.PI * 25) ** 1.5) * Math.exp(-(1.5382 ** 2) / 2);
  assert.ok(Math.abs(contour / expected - 1) < 0.02, `${contour} against ${expected}`);
});

test('a grid holds the cloud it was made around and no cloud that left it', () => {
  const grid = gridAround(several, 64);
  assert.equal(Math.max(...grid.size), 64);
  assert.ok(gridHolds(grid, several));
  const shifted = { ...several, positions: several.positions.map(x => x + 20) };
  assert.ok(!gridHolds(grid, shifted));
});
