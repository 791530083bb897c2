// CryoBench's measure where its value is known beforehand, and against a plain sum over Fourier coefficients with CryoBench's own shells.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { Random } from '../../daemon/numerics/random.js';
import { areaUnder, cryobenchCurve, everyNth, perfectArea, perImageScore, scoreOf } from './per-image-fsc.js';

function noise(n: number, seed: number): DensityMap {
  const random = new Random(seed);
  return {
    size: [n, n, n],
    voxelSizeAngstrom: [3, 3, 3],
    originAngstrom: [0, 0, 0],
    data: Float32Array.from({ length: n ** 3 }, () => random.normal()),
  };
}

const map = (like: DensityMap, data: (i: number) => number): DensityMap => ({ ...like, data: like.data.map((_, i) => data(i)) });

test('equal volumes give (D/2 − 1)/D, since the last shell stands at D/2 − 1, and neither sign nor scale matters', () => {
  for (const n of [8, 16, 32]) {
    const truth = noise(n, n);
    for (const scale of [1, 40, -3]) {
      const area = areaUnder(
        cryobenchCurve(
          map(truth, i => scale * truth.data[i]),
          truth,
          null,
        ),
      );
      assert.ok(Math.abs(area - (n / 2 - 1) / n) < 1e-6, `${area}`);
      assert.equal(perfectArea(n), (n / 2 - 1) / n);
    }
  }
});

test('independent noise keeps the leading 1, the sign of the mean, and next to nothing else: |FSC| of a shell of m pairs is about 0.8/√m', () => {
  const n = 32;
  const curve = cryobenchCurve(noise(n, 1), noise(n, 2), null);
  // Shell 1 is the mean alone, a single real number.
  assert.ok(Math.abs(curve[1] - 1) < 1e-6);
  for (let i = 4; i < n / 2; i++) {
    // Half of the coefficients between |k| = i − 1 and i mirror the others; each has two parts.
    const numbers = (4 / 3) * Math.PI * (i ** 3 - (i - 1) ** 3);
    assert.ok(curve[i] < 4.5 / Math.sqrt(numbers), `shell ${i}: ${curve[i]}`);
  }
  assert.ok(areaUnder(curve) < 0.1);
});

test('signal with as much independent noise in every shell has an FSC of 1/√2 with the signal, so an area of that share', () => {
  const n = 48;
  const [truth, dirt] = [noise(n, 3), noise(n, 4)];
  const curve = cryobenchCurve(
    map(truth, i => truth.data[i] + dirt.data[i]),
    truth,
    null,
  );
  const expected = Math.SQRT1_2 * (n / 2 - 1) * (1 / n) + ((1 - Math.SQRT1_2) * 1.5) / n;
  // The outer shells, which carry the area, hold thousands of numbers; the inner few are off by some per cent each.
  assert.ok(Math.abs(areaUnder(curve) - expected) < 0.01, `${areaUnder(curve)} against ${expected}`);
});

test('each shell is the sum that defines it, i − 1 ≤ |k| < i, inside the mask: against a plain sum over Fourier coefficients', () => {
  const n = 8;
  const random = new Random(5);
  const truth = noise(n, 6);
  const volume = map(truth, i => truth.data[i] + 0.7 * random.normal());
  const mask = map(truth, () => random.uniform());
  const coefficient = (values: Float32Array, kx: number, ky: number, kz: number): [number, number] => {
    let [re, im] = [0, 0];
    values.forEach((value, i) => {
      const angle = (-2 * Math.PI * (kx * (i % n) + ky * (Math.floor(i / n) % n) + kz * Math.floor(i / n / n))) / n;
      re += value * mask.data[i] * Math.cos(angle);
      im += value * mask.data[i] * Math.sin(angle);
    });
    return [re, im];
  };
  const sums = Array.from({ length: n / 2 }, () => [0, 0, 0]);
  for (let kx = -n / 2; kx < n / 2; kx++)
    for (let ky = -n / 2; ky < n / 2; ky++)
      for (let kz = -n / 2; kz < n / 2; kz++) {
        const shell = sums.findIndex((_, i) => i >= 1 && kx * kx + ky * ky + kz * kz < i * i);
        if (shell < 0) continue;
        const [ar, ai] = coefficient(volume.data, kx, ky, kz);
        const [br, bi] = coefficient(truth.data, kx, ky, kz);
        sums[shell][0] += ar * br + ai * bi;
        sums[shell][1] += ar * ar + ai * ai;
        sums[shell][2] += br * br + bi * bi;
      }
  const curve = cryobenchCurve(volume, truth, mask);
  assert.equal(curve.length, n / 2);
  assert.equal(curve[0], 1);
  sums.slice(1).forEach(([cross, a, b], i) => {
    assert.ok(Math.abs(curve[i + 1] - Math.abs(cross / Math.sqrt(a * b))) < 1e-5);
  });
});

test('the area is the sum of trapezoids, the particles are every ⌊N/n⌋-th, and mean, deviation and median are of the particles', async () => {
  // 1, ½, 0, ½ at x = 0, ⅛, ¼, ⅜: ⅛ · (¾ + ¼ + ¼)
  assert.equal(areaUnder(Float64Array.of(1, 0.5, 0, 0.5)), 0.15625);
  assert.deepEqual([...everyNth(10, 4)], [0, 2, 4, 6, 8]);
  assert.deepEqual([...everyNth(8, 4)], [0, 2, 4, 6]);
  assert.deepEqual([...everyNth(3, 100)], [0, 1, 2]);
  const score = scoreOf([Float64Array.of(1, 1), Float64Array.of(1, 0), Float64Array.of(1, 0)]);
  assert.deepEqual([...score.areas], [0.25, 0.125, 0.125]);
  assert.equal(score.median, 0.125);
  assert.ok(Math.abs(score.mean - 1 / 6) < 1e-12 && Math.abs(score.deviation - Math.sqrt(2) / 24) < 1e-12);
  const truths = [noise(8, 7), noise(8, 8)];
  const perfect = await perImageScore(
    Uint32Array.of(0, 3),
    particle => truths[particle % 2],
    particle => truths[particle % 2],
    null,
  );
  assert.ok(Math.abs(perfect.mean - perfectArea(8)) < 1e-6 && perfect.deviation < 1e-6);
});
