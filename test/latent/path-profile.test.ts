// Populations and −ln density along a line, against the closed form of a normal cloud and against counting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathProfile } from '../../daemon/latent/path-profile.js';
import { Random } from '../../daemon/numerics/random.js';
import { cloudOf } from './clouds.js';

test('along a normal cloud −ln density is the parabola x²/2, blurred by the stated bandwidth and off by the stated error', () => {
  const random = new Random(1);
  const cloud = cloudOf(Array.from({ length: 4000 }, () => [random.normal(), 0.3 * random.normal()]));
  const path = Array.from({ length: 81 }, (_, i) => [-4 + i / 10, 0]).flat();
  const { freeEnergy, standardError, bandwidth, lengths } = pathProfile(cloud, path, 81);
  // Silverman's rule for a standard deviation of 1; the sample's own deviates by less than 5 %.
  assert.ok(Math.abs(bandwidth / (0.9 * 4000 ** -0.2) - 1) < 0.05);
  const blurred = 1 + bandwidth ** 2;
  for (const x of [-2, -1.5, -1, 0, 1, 2]) {
    const at = Math.round((x + 4) * 10);
    assert.ok(Math.abs(lengths[at] - (x + 4)) < 1e-9);
    // The zero is the highest point of a noisy curve, which adds its own error.
    const allowed = 4 * Math.hypot(standardError[at], standardError[40]);
    assert.ok(Math.abs(freeEnergy[at] - (x * x) / (2 * blurred)) < allowed, `${x}: ${freeEnergy[at]} ± ${standardError[at]}`);
    assert.ok(standardError[at] < 0.2);
  }
});

test('an even spread stays even up to both ends: what blurring loses there is mirrored back', () => {
  const random = new Random(2);
  const cloud = cloudOf(Array.from({ length: 6000 }, () => [random.uniform()]));
  const { freeEnergy, standardError } = pathProfile(cloud, [0, 0.25, 0.5, 0.75, 1], 5);
  // Without mirrors both ends would stand ln 2 = 0.69 too high. Mirrored samples count double: the error there is √2 larger.
  freeEnergy.forEach((value, i) => {
    assert.ok(value < 4 * Math.SQRT2 * standardError[i] && value < 0.35, `${value}`);
  });
});

test('populations count each particle at the nearest vertex along the path, and those beyond its ends or out of reach are said', () => {
  const cloud = cloudOf([
    [0.1, 0],
    [0.2, 0.1],
    [0.9, -0.1],
    [1.9, 0],
    [-0.5, 0],
    [2.5, 0],
    [1, 5],
  ]);
  const path = [0, 0, 1, 0, 2, 0];
  const near = pathProfile(cloud, path, 3, { reach: 1, bandwidth: 0.5 });
  assert.deepEqual([near.populations, near.counted, near.leftOut, near.bandwidth], [[2, 1, 1], 4, 3, 0.5]);
  assert.deepEqual(pathProfile(cloud, path, 3).populations, [2, 2, 1]);
});

test('around a bend every particle is counted on the nearer arm only', () => {
  const path = [0, 0, 2, 0, 2, 2];
  const { populations } = pathProfile(
    cloudOf([
      [0.2, 0.1],
      [2.1, 1.9],
      [1.8, 0.3],
    ]),
    path,
    3,
    { bandwidth: 1 },
  );
  assert.deepEqual(populations, [1, 1, 1]);
});

test('where nobody is the free energy is infinite, not invented', () => {
  const { freeEnergy, counted } = pathProfile(cloudOf([[5, 5]]), [0, 0, 1, 0], 2, { reach: 1 });
  assert.equal(counted, 0);
  assert.ok(freeEnergy.every(value => value === Number.POSITIVE_INFINITY));
});
