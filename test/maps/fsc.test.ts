// Fourier shell correlation where its value is known beforehand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { fourierShellCorrelation, resolutionAt } from '../../daemon/maps/fsc.js';
import { Random } from '../../daemon/numerics/random.js';

function noise(size: [number, number, number], seed: number): DensityMap {
  const random = new Random(seed);
  return {
    size,
    voxelSizeAngstrom: [2, 2, 2],
    originAngstrom: [0, 0, 0],
    data: Float32Array.from({ length: size[0] * size[1] * size[2] }, () => random.normal()),
  };
}

function combine(a: DensityMap, weight: number, b: DensityMap): DensityMap {
  return { ...a, data: a.data.map((value, i) => value + weight * b.data[i]) };
}

test('a map with itself gives 1 in every shell, with its negative −1, and any positive scale changes nothing', () => {
  const map = noise([16, 16, 16], 1);
  for (const [scale, expected] of [
    [1, 1],
    [7.5, 1],
    [-2, -1],
  ]) {
    const { correlation } = fourierShellCorrelation(map, { ...map, data: map.data.map(value => scale * value) });
    assert.equal(correlation.length, 9);
    assert.ok(correlation.every(value => Math.abs(value - expected) < 1e-6));
  }
});

test('each shell is the sum that defines it: against a plain double loop over the Fourier coefficients of an odd, unequal box', () => {
  const [nx, ny, nz] = [6, 7, 5];
  const a = noise([nx, ny, nz], 2);
  const b = combine(a, 0.8, noise([nx, ny, nz], 3));
  const coefficient = (map: DensityMap, kx: number, ky: number, kz: number): [number, number] => {
    let re = 0;
    let im = 0;
    map.data.forEach((value, i) => {
      const angle = -2 * Math.PI * ((kx * (i % nx)) / nx + (ky * (Math.floor(i / nx) % ny)) / ny + (kz * Math.floor(i / nx / ny)) / nz);
      re += value * Math.cos(angle);
      im += value * Math.sin(angle);
    });
    return [re, im];
  };
  const sums = Array.from({ length: 4 }, () => [0, 0, 0]);
  for (let kx = -3; kx <= 2; kx++)
    for (let ky = -3; ky <= 3; ky++)
      for (let kz = -2; kz <= 2; kz++) {
        // Shells count cycles per longest side, which is ny.
        const shell = Math.floor(Math.hypot((kx * ny) / nx, ky, (kz * ny) / nz) + 0.5);
        if (shell > 3) continue;
        const [ar, ai] = coefficient(a, kx, ky, kz);
        const [br, bi] = coefficient(b, kx, ky, kz);
        sums[shell][0] += ar * br + ai * bi;
        sums[shell][1] += ar * ar + ai * ai;
        sums[shell][2] += br * br + bi * bi;
      }
  const { correlation } = fourierShellCorrelation(a, b);
  sums.forEach(([cross, first, second], shell) => {
    assert.ok(Math.abs(correlation[shell] - cross / Math.sqrt(first * second)) < 1e-6, `shell ${shell}`);
  });
});

test('signal with independent noise of the same power in both halves correlates at 1/2 in every shell', () => {
  const size: [number, number, number] = [40, 40, 40];
  const signal = noise(size, 4);
  const { correlation } = fourierShellCorrelation(combine(signal, 1, noise(size, 5)), combine(signal, 1, noise(size, 6)));
  // Shell k holds about 2πk² independent pairs; at k ≥ 6 the scatter is below 0.07, four of its deviations are allowed.
  for (let shell = 6; shell <= 20; shell++)
    assert.ok(Math.abs(correlation[shell] - 0.5) < 4 / Math.sqrt(2 * Math.PI * shell * shell), `shell ${shell}`);
});

test('maps that share only what is coarser than 10 Å have a resolution of 10 Å', () => {
  const size: [number, number, number] = [40, 40, 40];
  const shared = lowPass(noise(size, 7), 10);
  const half = (seed: number) => combine(shared, 0.05, noise(size, seed));
  const curve = fourierShellCorrelation(half(8), half(9));
  assert.equal(curve.boxLengthAngstrom, 80);
  // The shared signal fades from shell 6 to shell 10 (13.3 to 8 Å).
  const resolution = resolutionAt(curve, 0.5);
  assert.ok(resolution < 13.4 && resolution > 7.9, `${resolution}`);
  assert.equal(
    resolutionAt(fourierShellCorrelation(shared, shared), -2),
    4,
    'never below the threshold: the finest shell, twice the voxel',
  );
});

test('what differs outside the mask does not count, and maps of unlike sizes are refused', () => {
  const size: [number, number, number] = [24, 24, 24];
  const a = noise(size, 10);
  const b = { ...a, data: a.data.slice() };
  const mask = { ...a, data: a.data.map((_, i) => (i % 24 < 12 ? 1 : 0)) };
  const other = noise(size, 11);
  for (let i = 0; i < b.data.length; i++) if (i % 24 >= 12) b.data[i] = other.data[i];
  assert.ok(fourierShellCorrelation(a, b).correlation[8] < 0.8);
  assert.ok(fourierShellCorrelation(a, b, mask).correlation.every(value => value > 1 - 1e-6));
  assert.throws(() => fourierShellCorrelation(a, noise([20, 24, 24], 1)), /24 × 24 × 24 and 20 × 24 × 24/);
});
