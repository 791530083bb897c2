// The number of clusters of clouds whose number is known, and prominences in closed form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LatentCloud } from '../../daemon/latent/analysis.js';
import { gaussianMixture } from '../../daemon/latent/gaussian-mixture.js';
import { mixtureModes } from '../../daemon/latent/mixture-modes.js';
import { Random } from '../../daemon/numerics/random.js';
import { adjustedRandIndex, cloudOf, silent } from './clouds.js';

function drawn(count: number, seed: number, point: (random: Random, i: number) => number[]): LatentCloud {
  const random = new Random(seed);
  return cloudOf(Array.from({ length: count }, (_, i) => point(random, i)));
}
const suggested = (cloud: LatentCloud) => gaussianMixture.cluster(cloud, { count: null, seed: 1 }, silent);

test('the prominence of the second of two equal round clusters is ln of its height over the middle, and of a third joined to the first it is its own', () => {
  const apart = (distance: number) => Math.log((1 + Math.exp(-(distance ** 2) / 2)) / (2 * Math.exp(-(distance ** 2) / 8)));
  const round = [1, 0, 0, 1];
  const modes = mixtureModes({
    weights: Float64Array.from([1 / 3, 1 / 3, 1 / 3]),
    means: Float64Array.from([0, 0, 5, 0, 0, 4]),
    covariances: Float64Array.from([...round, ...round, ...round]),
  });
  // The third is far from the others: what it adds to their passes is below a thousandth.
  assert.equal(modes.prominences[0], Number.POSITIVE_INFINITY);
  assert.ok(Math.abs(modes.prominences[1] - apart(5)) < 0.01, `${modes.prominences}`);
  assert.ok(Math.abs(modes.prominences[2] - apart(4)) < 0.01, `${modes.prominences}`);
  assert.deepEqual([...modes.groups(3)], [0, 1, 2]);
  assert.deepEqual([...modes.groups(2)], [0, 1, 0]);
  assert.deepEqual([...modes.groups(1)], [0, 0, 0]);
});

test('of one even line, of three quarters of a ring and of a flat square, which several ellipsoids describe, one cluster is suggested', () => {
  const clouds = [
    drawn(2000, 1, random => [10 * random.uniform(), 0.3 * random.normal()]),
    drawn(2000, 2, random => {
      const angle = 1.5 * Math.PI * random.uniform();
      return [3 * Math.cos(angle) + 0.3 * random.normal(), 3 * Math.sin(angle) + 0.3 * random.normal()];
    }),
    drawn(2000, 3, random => [random.uniform(), random.uniform()]),
  ];
  for (const cloud of clouds) {
    const { count, sizes, suggestion } = suggested(cloud);
    assert.deepEqual([count, suggestion.count, sizes], [1, 1, [2000]]);
    // BIC took more, or this says nothing.
    assert.ok(suggestion.scores.length > 0);
  }
});

test('of unequal and of elongated clusters, and of an arc beside a blob, as many are suggested as there are, and the particles are sorted so', () => {
  const cases: [number, (random: Random, k: number) => number[], (i: number) => number][] = [
    [
      3,
      (random, k) =>
        [
          [0, 0],
          [6, 0],
          [0, 4],
        ][k].map(centre => centre + [1, 0.6, 0.4][k] * random.normal()),
      i => (i % 20 === 0 ? 2 : i % 6 === 0 ? 1 : 0),
    ],
    [2, (random, k) => [6 * random.normal(), 4 * k + 0.5 * random.normal()], i => i % 2],
    [
      2,
      (random, k) => {
        const angle = Math.PI * random.uniform();
        const [x, y] = k === 0 ? [3 * Math.cos(angle), 3 * Math.sin(angle)] : [0, -1];
        return [x + 0.3 * random.normal(), y + 0.3 * random.normal()];
      },
      i => (i % 3 === 0 ? 1 : 0),
    ],
  ];
  for (const [wanted, point, kind] of cases) {
    const cloud = drawn(3000, 4, (random, i) => point(random, kind(i)));
    const { count, labels } = suggested(cloud);
    assert.equal(count, wanted);
    const truth = Array.from({ length: 3000 }, (_, i) => kind(i));
    // Tails of the unequal ones reach into each other.
    assert.ok(adjustedRandIndex(labels, truth) > 0.93, `${adjustedRandIndex(labels, truth)}`);
  }
});
