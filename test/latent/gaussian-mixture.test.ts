// The Gaussian mixture against an expectation–maximisation written from the formulas, and where round clusters would fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LatentCloud } from '../../daemon/latent/analysis.js';
import { fitGaussianMixture, type GaussianMixtureFit, gaussianMixture } from '../../daemon/latent/gaussian-mixture.js';
import { fitKMeans } from '../../daemon/latent/k-means.js';
import { Random } from '../../daemon/numerics/random.js';
import { adjustedRandIndex, blobs, cloudOf, silent } from './clouds.js';

/** Density of every component at a point of the plane, weights included. */
function densities({ weights, means, covariances }: GaussianMixtureFit, x: number, y: number): number[] {
  return [...weights].map((weight, k) => {
    const [a, b, , d] = covariances.subarray(4 * k, 4 * k + 4);
    const [u, v] = [x - means[2 * k], y - means[2 * k + 1]];
    const determinant = a * d - b * b;
    return (weight * Math.exp(-(d * u * u - 2 * b * u * v + a * v * v) / (2 * determinant))) / (2 * Math.PI * Math.sqrt(determinant));
  });
}

function twoSlats(seed: number): { cloud: LatentCloud; truth: Int32Array } {
  const random = new Random(seed);
  const truth = Int32Array.from({ length: 400 }, (_, i) => i % 2);
  return { truth, cloud: cloudOf([...truth].map(k => [6 * random.normal(), 4 * k + 0.4 * random.normal()])) };
}

test('likelihood and BIC are those of the formulas, and one more round of expectation and maximisation changes nothing', () => {
  const { cloud } = blobs(
    [
      [0, 0],
      [2.5, 1],
    ],
    [250, 150],
    0.8,
    3,
  );
  const fit = fitGaussianMixture(cloud, 2, new Random(1), 3);
  const all = Array.from({ length: cloud.count }, (_, i) => densities(fit, cloud.z[2 * i], cloud.z[2 * i + 1]));
  const logLikelihood = all.reduce((sum, [p, q]) => sum + Math.log(p + q), 0);
  assert.ok(Math.abs(logLikelihood - fit.logLikelihood) < 1e-8 * Math.abs(logLikelihood));
  // Free: one weight, two means of two numbers, two covariances of three.
  assert.ok(Math.abs(fit.bic - (-2 * logLikelihood + 11 * Math.log(400))) < 1e-6);
  for (let k = 0; k < 2; k++) {
    const shares = all.map(pair => pair[k] / (pair[0] + pair[1]));
    const total = shares.reduce((sum, share) => sum + share, 0);
    const mean = [0, 1].map(d => shares.reduce((sum, share, i) => sum + share * cloud.z[2 * i + d], 0) / total);
    const variance = shares.reduce((sum, share, i) => sum + share * (cloud.z[2 * i] - mean[0]) ** 2, 0) / total;
    // The fit stops when a round gains less than 1e-6 a particle: parameters then move by less than about the root of that.
    assert.ok(Math.abs(total / 400 - fit.weights[k]) < 5e-3);
    for (let d = 0; d < 2; d++) assert.ok(Math.abs(mean[d] - fit.means[2 * k + d]) < 5e-3);
    assert.ok(Math.abs(variance - fit.covariances[4 * k]) < 1e-2);
  }
});

test('two long slats side by side are told apart, where k-means cuts across them', () => {
  const { cloud, truth } = twoSlats(1);
  assert.equal(adjustedRandIndex(gaussianMixture.cluster(cloud, { count: 2, seed: 1 }, silent).labels, truth), 1);
  assert.ok(adjustedRandIndex(fitKMeans(cloud, 2, new Random(1), 10).labels, truth) < 0.1);
});

test('blobs far apart are found exactly and their number is suggested; of a single blob it is one', () => {
  const centres = [
    [0, 0],
    [8, 0],
    [0, 8],
  ];
  const { cloud, truth } = blobs(centres, [120, 80, 50], 0.6, 4);
  const found = gaussianMixture.cluster(cloud, { count: null, seed: 1 }, silent);
  assert.equal(found.suggestion.count, 3);
  assert.equal(adjustedRandIndex(found.labels, truth), 1);
  assert.deepEqual(found.sizes, [120, 80, 50]);
  assert.equal(gaussianMixture.cluster(blobs([[1, 2]], [300], 1, 5).cloud, { count: null, seed: 1 }, silent).suggestion.count, 1);
});

test('the same seed gives the same clusters, coinciding and flat clouds included', () => {
  const flat = cloudOf(Array.from({ length: 60 }, (_, i) => [i % 3, 0, 2 * (i % 3)]));
  for (const cloud of [twoSlats(2).cloud, flat]) {
    const [a, b] = [7, 7].map(seed => gaussianMixture.cluster(cloud, { count: 3, seed }, silent));
    assert.deepEqual(a, b);
  }
  assert.deepEqual(gaussianMixture.cluster(flat, { count: 3, seed: 1 }, silent).sizes, [20, 20, 20]);
});
