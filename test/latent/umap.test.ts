// UMAP by what it promises: neighbours stay neighbours, as well as umap-js keeps them, and a seed fixes the picture.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UMAP } from 'umap-js';
import type { LatentCloud } from '../../daemon/latent/analysis.js';
import { umapEmbedding } from '../../daemon/latent/umap.js';
import { neighbourGraph } from '../../daemon/latent/umap-graph.js';
import { nearestOthers } from '../../daemon/numerics/k-d-tree.js';
import { Random } from '../../daemon/numerics/random.js';
import { blobs, cloudOf, silent } from './clouds.js';

/** ranks[i][j]: how many points lie nearer to i than j does; i itself comes first. */
function ranks(points: ArrayLike<number>, count: number, dims: number): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const distance = (j: number) => {
      let square = 0;
      for (let d = 0; d < dims; d++) square += (points[i * dims + d] - points[j * dims + d]) ** 2;
      return j === i ? -1 : square;
    };
    const distances = Array.from({ length: count }, (_, j) => distance(j));
    const rank = new Array<number>(count);
    [...distances.keys()]
      .sort((a, b) => distances[a] - distances[b])
      .forEach((j, place) => {
        rank[j] = place;
      });
    return rank;
  });
}

/** As scikit-learn defines it: 1 − 2/(n k (2n − 3k − 1)) Σ over the k nearest in the picture of how far beyond the k nearest they were (Venna & Kaski 2001). */
function trustworthiness({ z, count, dims }: LatentCloud, picture: ArrayLike<number>, k: number): number {
  const [before, after] = [ranks(z, count, dims), ranks(picture, count, 2)];
  let excess = 0;
  for (let i = 0; i < count; i++) for (let j = 0; j < count; j++) if (j !== i && after[i][j] <= k) excess += Math.max(0, before[i][j] - k);
  return 1 - (2 * excess) / (count * k * (2 * count - 3 * k - 1));
}

/** A ring that is bent through four dimensions, and a blob beside it. */
function ringAndBlob(seed: number): LatentCloud {
  const random = new Random(seed);
  return cloudOf(
    Array.from({ length: 420 }, (_, i) => {
      const noise = () => 0.08 * random.normal();
      if (i % 3 === 0) return [5 + 4 * noise(), 4 * noise(), 4 * noise(), 4 * noise()];
      const angle = 2 * Math.PI * random.uniform();
      return [2 * Math.cos(angle) + noise(), 2 * Math.sin(angle) + noise(), Math.cos(2 * angle) + noise(), noise()];
    }),
  );
}

test('15 nearest neighbours are kept at least as well as umap-js keeps them, and better than a projection onto two axes', () => {
  const cloud = ringAndBlob(1);
  const ours = umapEmbedding.embed(cloud, { dims: 2, seed: 1 }, silent).coordinates;
  const random = new Random(1);
  const rows = Array.from({ length: cloud.count }, (_, i) => [...cloud.z.subarray(4 * i, 4 * i + 4)]);
  const other = new UMAP({ nComponents: 2, nNeighbors: 15, random: () => random.uniform() }).fit(rows).flat();
  const projected = rows.flatMap(row => [row[2], row[3]]);
  const score = trustworthiness(cloud, ours, 15);
  // Both are noisy in the third digit.
  assert.ok(score > trustworthiness(cloud, other, 15) - 0.01, `${score}`);
  assert.ok(score > 0.95, `${score}`);
  assert.ok(trustworthiness(cloud, projected, 15) < 0.9);
});

test('the same seed gives the same picture, another seed another', () => {
  const cloud = ringAndBlob(2);
  const [a, b, c] = [3, 3, 4].map(seed => umapEmbedding.embed(cloud, { dims: 2, seed }, silent).coordinates);
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
});

test('blobs far apart stay apart: every point is nearer to the middle of its own than to any other', () => {
  const { cloud, truth } = blobs(
    [
      [0, 0, 0],
      [9, 0, 0],
      [0, 9, 9],
    ],
    [100, 100, 100],
    0.5,
    1,
  );
  const { coordinates } = umapEmbedding.embed(cloud, { dims: 2, seed: 1 }, silent);
  const middles = [0, 1, 2].map(k => {
    const own = [...truth.keys()].filter(i => truth[i] === k);
    return [0, 1].map(d => own.reduce((sum, i) => sum + coordinates[2 * i + d], 0) / own.length);
  });
  truth.forEach((k, i) => {
    const distances = middles.map(([x, y]) => Math.hypot(coordinates[2 * i] - x, coordinates[2 * i + 1] - y));
    assert.equal(distances.indexOf(Math.min(...distances)), k);
  });
});

test('weights of the graph are those of the formulas: a point sums to log2 of its neighbours, and directions join as a + b − ab', () => {
  const random = new Random(6);
  const count = 80;
  const z = Float32Array.from({ length: count * 2 }, () => random.normal());
  const table = nearestOthers(z, count, 2, 14);
  const directed = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  for (let i = 0; i < count; i++) {
    const distances = [...table.distances.subarray(14 * i, 14 * i + 14)];
    const sumAt = (scale: number) => distances.reduce((sum, d) => sum + Math.exp(-(d - distances[0]) / scale), 0);
    // The sum grows with the scale: halve the interval until it is nothing.
    let [low, high] = [1e-9, 1e6];
    for (let step = 0; step < 200; step++)
      [low, high] = sumAt((low + high) / 2) > Math.log2(15) ? [low, (low + high) / 2] : [(low + high) / 2, high];
    distances.forEach((d, j) => {
      directed[i][table.indices[14 * i + j]] = Math.exp(-(d - distances[0]) / low);
    });
  }
  const { heads, tails, weights } = neighbourGraph(table, count);
  const joined = directed.flatMap((row, i) => row.map((a, j) => a + directed[j][i] - a * directed[j][i]));
  const graph = new Array<number>(count * count).fill(0);
  heads.forEach((head, e) => {
    assert.equal(graph[head * count + tails[e]], 0, 'an edge stands twice');
    graph[head * count + tails[e]] = weights[e];
  });
  // The scale is searched until the sum is within 1e-5.
  for (const [at, weight] of joined.entries()) assert.ok(Math.abs(weight - graph[at]) < 1e-4);
});

test('coinciding particles, one dimension and tiny sets end in finite pictures', () => {
  for (const cloud of [
    cloudOf(new Array(40).fill([1, 2])),
    cloudOf(Array.from({ length: 50 }, (_, i) => [i])),
    cloudOf([[0], [1], [5], [6]]),
  ]) {
    const { coordinates } = umapEmbedding.embed(cloud, { dims: 2, seed: 1 }, silent);
    assert.equal(coordinates.length, 2 * cloud.count);
    assert.ok(coordinates.every(Number.isFinite));
  }
});
