// k-means against the best of all possible partitions, and against clusters that anyone can see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitKMeans, kMeans, silhouette } from '../../daemon/latent/k-means.js';
import { Random } from '../../daemon/numerics/random.js';
import { adjustedRandIndex, blobs, cloudOf, silent } from './clouds.js';

/** The least Σ squared distance to the cluster means over every way to give `points` one of `count` labels. */
function leastInertia(points: readonly (readonly number[])[], count: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let code = 0; code < count ** points.length; code++) {
    const labels = points.map((_, i) => Math.floor(code / count ** i) % count);
    let inertia = 0;
    for (let k = 0; k < count; k++) {
      const own = points.filter((_, i) => labels[i] === k);
      const mean = points[0].map((_, d) => own.reduce((sum, point) => sum + point[d], 0) / own.length);
      for (const point of own) inertia += point.reduce((sum, value, d) => sum + (value - mean[d]) ** 2, 0);
    }
    best = Math.min(best, inertia);
  }
  return best;
}

test('on sets small enough to try every partition, the fit is the best one: scattered points have many local optima', () => {
  for (const seed of [1, 2, 3]) {
    const random = new Random(seed);
    const points = Array.from({ length: 9 }, () => [Math.fround(random.normal()), Math.fround(random.normal())]);
    for (const count of [2, 3]) {
      const { inertia } = fitKMeans(cloudOf(points), count, new Random(seed), 20);
      assert.ok(Math.abs(inertia - leastInertia(points, count)) < 1e-9);
    }
  }
});

test('blobs far apart are found exactly, numbered by falling size with their own means, and their number is suggested', () => {
  const centres = [
    [0, 0, 0],
    [9, 0, 0],
    [0, 9, 0],
    [0, 0, 9],
  ];
  const sizes = [30, 90, 60, 45];
  const { cloud, truth } = blobs(centres, sizes, 0.7, 1);
  const found = kMeans.cluster(cloud, { count: null, seed: 1 }, silent);
  assert.equal(found.suggestion.count, 4);
  assert.equal(found.count, 4);
  assert.equal(adjustedRandIndex(found.labels, truth), 1);
  assert.deepEqual(found.sizes, [90, 60, 45, 30]);
  const order = [1, 2, 3, 0];
  // Standard errors of the means are below 0.7/√30 = 0.13.
  for (let k = 0; k < 4; k++) for (let d = 0; d < 3; d++) assert.ok(Math.abs(found.centres[k * 3 + d] - centres[order[k]][d]) < 0.6);
  assert.deepEqual(
    [...found.labels].map(label => order[label - 1]),
    [...truth],
  );
});

test('the same seed gives the same clusters where there is nothing to find', () => {
  const { cloud } = blobs([[0, 0]], [300], 1, 2);
  const [a, b] = [1, 1].map(seed => kMeans.cluster(cloud, { count: 5, seed }, silent).labels);
  assert.deepEqual(a, b);
});

test('the silhouette is that of its definition on four points on a line', () => {
  // Clusters {0, 1} and {4, 6}: (b − a)/max with a, b by hand: (5−1)/5, (4−1)/4, (3.5−2)/3.5, (5.5−2)/5.5.
  const expected = (4 / 5 + 3 / 4 + 1.5 / 3.5 + 3.5 / 5.5) / 4;
  assert.ok(Math.abs(silhouette(cloudOf([[0], [1], [4], [6]]), [0, 0, 1, 1], 2) - expected) < 1e-12);
});

test('coinciding points, one point, and more clusters than points end in a result or a clear refusal', () => {
  const same = cloudOf([
    [1, 1],
    [1, 1],
    [1, 1],
  ]);
  assert.equal(kMeans.cluster(same, { count: 2, seed: 1 }, silent).labels.length, 3);
  assert.deepEqual([...kMeans.cluster(cloudOf([[3]]), { count: null, seed: 1 }, silent).labels], [1]);
  assert.throws(() => kMeans.cluster(same, { count: 4, seed: 1 }, silent), /4 clusters of 3 particles/);
});
