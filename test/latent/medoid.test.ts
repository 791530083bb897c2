// The medoid against all pairs, and where the mean would be empty.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { medoid } from '../../daemon/latent/medoid.js';
import { Random } from '../../daemon/numerics/random.js';
import { cloudOf } from './clouds.js';

test('the medoid is the particle whose distances to the others of its cluster add up to least', () => {
  const random = new Random(1);
  const cloud = cloudOf(Array.from({ length: 90 }, () => [random.normal(), random.normal(), random.normal()]));
  const rows = [...Array(90).keys()].filter(row => row % 3 !== 1);
  const sum = (a: number) =>
    rows.reduce((total, b) => total + Math.hypot(...[0, 1, 2].map(d => cloud.z[3 * a + d] - cloud.z[3 * b + d])), 0);
  assert.equal(
    medoid(cloud, rows),
    rows.reduce((best, row) => (sum(row) < sum(best) ? row : best)),
  );
});

test('of a ring the medoid lies on the ring, where the mean is in its empty middle', () => {
  const cloud = cloudOf(Array.from({ length: 5000 }, (_, i) => [Math.cos(i), Math.sin(i)]));
  const row = medoid(cloud, [...Array(5000).keys()]);
  assert.ok(Math.abs(Math.hypot(cloud.z[2 * row], cloud.z[2 * row + 1]) - 1) < 1e-6);
});
