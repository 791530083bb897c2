// Particles near points, against a search through all of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestParticles, pointsAlongLine } from '../../daemon/latent/neighbours.js';
import { blobs, cloudOf } from './clouds.js';

test('the nearest particles to each point of a line are those of a search through all, nearest first', () => {
  const { cloud } = blobs([[0, 0, 0]], [300], 1, 1);
  const points = pointsAlongLine([-1, 0, 0], [1, 1, 0], 3);
  nearestParticles(cloud, points, 25).forEach(({ point, rows, distances }, p) => {
    const all = Array.from({ length: 300 }, (_, i) => [Math.hypot(...[...points[p]].map((value, d) => value - cloud.z[3 * i + d])), i]);
    const expected = all.sort((a, b) => a[0] - b[0]).slice(0, 25);
    assert.deepEqual(point, points[p]);
    assert.deepEqual(
      [...rows],
      expected.map(([, row]) => row),
    );
    for (let j = 0; j < 25; j++) assert.ok(Math.abs(distances[j] - expected[j][0]) < 1e-12);
  });
});

test('a line holds both its ends and even steps between, and a single point of it is its middle', () => {
  assert.deepEqual(
    pointsAlongLine([0, 2], [1, 4], 3).map(point => [...point]),
    [
      [0, 2],
      [0.5, 3],
      [1, 4],
    ],
  );
  assert.deepEqual([...pointsAlongLine([0, 2], [1, 4], 1)[0]], [0.5, 3]);
});

test('more particles than there are: all of them', () => {
  const [{ rows }] = nearestParticles(cloudOf([[0], [3], [1]]), [[0.9]], 2000);
  assert.deepEqual([...rows], [2, 0, 1]);
});
