// Laying a cloud out flat: curves come out in order however they are bent, rings stay rings, and parts that do not touch stay in one picture.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { spectralEmbedding } from '../../daemon/numerics/spectral-embedding.js';

function cloud(n: number, dims: number, place: (t: number) => number[], noise: number, random: Random) {
  const t = Float64Array.from({ length: n }, () => random.uniform());
  const points = new Float32Array(n * dims);
  for (let i = 0; i < n; i++) {
    const noisy = place(t[i]).map(x => x + noise * random.normal());
    points.set(noisy, i * dims);
  }
  return { t, points };
}

/** Share of pairs in the same order; 1 or 0 for a monotone relation. */
function concordance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [same, all] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < i; j++) {
      same += Number((a[i] - a[j]) * (b[i] - b[j]) > 0);
      all++;
    }
  }
  return same / all;
}

test('a spiral in three dimensions comes out in the order of its length, because neighbours in space are neighbours on the curve', () => {
  const random = new Random(1);
  const { t, points } = cloud(400, 3, u => [(1 + u) * Math.cos(9 * u), (1 + u) * Math.sin(9 * u), 0.5 * u], 0.02, random);
  const order = concordance(spectralEmbedding(points, 400, 3, 1, random), t);
  // Only points closer than the noise (0.02 of a length of 14) may change places.
  assert.ok(Math.max(order, 1 - order) > 0.98, `${order}`);
});

test('a closed curve comes out as a ring in two coordinates, whose angle runs with the place on it', () => {
  const random = new Random(2);
  const { t, points } = cloud(400, 3, u => [Math.cos(2 * Math.PI * u), Math.sin(2 * Math.PI * u), Math.cos(4 * Math.PI * u)], 0.02, random);
  const flat = spectralEmbedding(points, 400, 3, 2, random);
  const angle = Array.from(t, (_, i) => Math.atan2(flat[2 * i + 1], flat[2 * i]));
  const agreement = (sign: number) => {
    let [c, s] = [0, 0];
    t.forEach((u, i) => {
      c += Math.cos(angle[i] - sign * 2 * Math.PI * u);
      s += Math.sin(angle[i] - sign * 2 * Math.PI * u);
    });
    return Math.hypot(c, s) / t.length;
  };
  assert.ok(Math.max(agreement(1), agreement(-1)) > 0.95);
});

test('each coordinate has mean 0 and standard deviation 1, also where the cloud falls into parts that are joined at their nearest points', () => {
  const random = new Random(3);
  const { points, t } = cloud(200, 2, u => (u < 0.5 ? [u, 0] : [u + 10, 0]), 0.01, random);
  const flat = spectralEmbedding(points, 200, 2, 1, random);
  const mean = flat.reduce((sum, v) => sum + v, 0) / 200;
  const deviation = Math.sqrt(flat.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 200);
  assert.ok(Math.abs(mean) < 1e-9 && Math.abs(deviation - 1) < 1e-9);
  const [left, right] = [0, 1].map(part => Array.from(flat).filter((_, i) => Number(t[i] >= 0.5) === part));
  assert.ok(Math.max(...left) < Math.min(...right) || Math.max(...right) < Math.min(...left), 'the parts do not mix');
});
