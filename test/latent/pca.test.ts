// Principal components on a cloud whose axes and variances are known by construction.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromComponents, pcaEmbedding, principalComponents, toComponents } from '../../daemon/latent/pca.js';
import { Random } from '../../daemon/numerics/random.js';

test('a cloud stretched along known directions gives back those directions, their variances and its centre', () => {
  const random = new Random(1);
  const count = 20000;
  const s = Math.SQRT1_2;
  // Orthonormal, each with its largest component positive: the sign rule leaves them as they are.
  const axes = [
    [s, s, 0],
    [0, 0, 1],
    [s, -s, 0],
  ];
  const deviations = [3, 2, 0.5];
  const centre = [1, -2, 4];
  const z = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) {
    z.set(centre, i * 3);
    axes.forEach((axis, k) => {
      const c = deviations[k] * random.normal();
      for (let d = 0; d < 3; d++) z[i * 3 + d] += c * axis[d];
    });
  }
  const pca = principalComponents(z, count, 3);
  // Sampling errors fall as 1/√20000 = 0.7 %; four of them are allowed.
  for (let k = 0; k < 3; k++) {
    assert.ok(Math.abs(pca.variances[k] / deviations[k] ** 2 - 1) < 0.04);
    const dot = axes[k].reduce((sum, value, d) => sum + value * pca.axes[k * 3 + d], 0);
    assert.ok(Math.abs(dot) > 0.999, `axis ${k} is off: ${dot}`);
    assert.ok(Math.abs(pca.mean[k] - centre[k]) < 0.1);
  }
});

test('z is exactly mean + Σ c_k axes_k: nothing is lost on the way to components and back', () => {
  const random = new Random(2);
  const [count, dims] = [50, 5];
  const z = Float32Array.from({ length: count * dims }, () => random.normal());
  const { mean, axes } = principalComponents(z, count, dims);
  for (let i = 0; i < count; i++) {
    const back = [...mean];
    for (let k = 0; k < dims; k++) {
      let c = 0;
      for (let d = 0; d < dims; d++) c += axes[k * dims + d] * (z[i * dims + d] - mean[d]);
      for (let d = 0; d < dims; d++) back[d] += c * axes[k * dims + d];
    }
    for (let d = 0; d < dims; d++) assert.ok(Math.abs(back[d] - z[i * dims + d]) < 1e-5);
  }
});

test('the sign of an axis does not depend on the order of the particles: the largest component is positive', () => {
  const random = new Random(3);
  const count = 200;
  const z = Float32Array.from({ length: count * 4 }, (_, i) => random.normal() * (1 + (i % 4)));
  const backwards = new Float32Array(z.length);
  for (let i = 0; i < count; i++) backwards.set(z.subarray(i * 4, i * 4 + 4), (count - 1 - i) * 4);
  const a = principalComponents(z, count, 4).axes;
  const b = principalComponents(backwards, count, 4).axes;
  for (let i = 0; i < 16; i++) assert.ok(Math.abs(a[i] - b[i]) < 1e-5);
  for (let k = 0; k < 4; k++) {
    const row = [...a.subarray(4 * k, 4 * k + 4)];
    assert.ok(row.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best)) > 0);
  }
});

test('one particle, or all at one point, has axes and no variance', () => {
  const pca = principalComponents(Float32Array.of(2, 5), 1, 2);
  assert.deepEqual([...pca.mean], [2, 5]);
  assert.deepEqual([...pca.variances], [0, 0]);
  assert.deepEqual([...pca.axes], [1, 0, 0, 1]);
});

test('components lead back to the latent point, so that a point of the picture can be decoded; the first alone walk along the first axis', () => {
  const random = new Random(4);
  const [count, dims] = [60, 4];
  const z = Float32Array.from({ length: count * dims }, (_, i) => random.normal() * (1 + (i % dims)) + 2);
  const pca = principalComponents(z, count, dims);
  const back = fromComponents(pca, toComponents(pca, z, count), count, dims);
  // Float32 holds seven digits of coordinates below 20.
  for (let i = 0; i < z.length; i++) assert.ok(Math.abs(back[i] - z[i]) < 1e-5);
  const walk = fromComponents(pca, [0, 3], 2, 1);
  for (let d = 0; d < dims; d++) {
    assert.equal(walk[d], pca.mean[d]);
    assert.ok(Math.abs(walk[dims + d] - pca.mean[d] - 3 * pca.axes[d]) < 1e-5);
  }
});

test('the embedding is centred, uncorrelated, and its variances are those of the axes, as principal components must be', () => {
  const random = new Random(5);
  const [count, dims] = [500, 3];
  const z = new Float32Array(count * dims);
  for (let i = 0; i < count; i++) {
    const [a, b, c] = [random.normal() * 3, random.normal(), random.normal() * 0.2];
    z.set([a + b, a - b + c, c + 5], i * dims);
  }
  const { coordinates } = pcaEmbedding.embed({ count, dims, z }, { dims: 2, seed: 1 }, () => {});
  const { variances } = principalComponents(z, count, dims);
  const moment = (f: (x: number, y: number) => number) =>
    Array.from({ length: count }, (_, i) => f(coordinates[2 * i], coordinates[2 * i + 1])).reduce((sum, value) => sum + value, 0);
  assert.ok(Math.abs(moment(x => x) / count) < 1e-5);
  assert.ok(Math.abs(moment((x, y) => x * y) / count) < 1e-4);
  assert.ok(Math.abs(moment(x => x * x) / (count - 1) / variances[0] - 1) < 1e-5);
  assert.ok(Math.abs(moment((_, y) => y * y) / (count - 1) / variances[1] - 1) < 1e-5);
  assert.throws(() => pcaEmbedding.embed({ count, dims, z }, { dims: 4, seed: 1 }, () => {}), RangeError);
});
