// Where latents begin, against a naive covariance and its eigenvectors, and on a motion whose order is known.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { symmetricEigen } from '../../../daemon/numerics/linear-algebra.js';
import { Random } from '../../../daemon/numerics/random.js';
import { RowStore } from '../../../daemon/particles/row-store.js';
import { principalStart } from '../../../daemon/training/latents/principal-start.js';
import type { ParticleGradients } from '../../../daemon/training/particle-gradients.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-start-'));
after(() => rmSync(folder, { recursive: true }));

/** Gradients whose amplitude plane is given; positions and widths are loud noise, which must not matter. */
function gradientsWith(amplitudes: Float32Array[]): ParticleGradients {
  const n = amplitudes[0].length;
  const random = new Random(9);
  const store = RowStore.create(join(folder, 'rows'), amplitudes.length, 5 * n);
  amplitudes.forEach((plane, p) => {
    const row = Float32Array.from({ length: 5 * n }, () => 100 * random.normal());
    row.set(plane, 3 * n);
    store.write(p, row);
  });
  return { store, scales: [1, 1, 1, 1, 1] };
}

/** The amplitudes as half precision has kept them. */
function keptAmplitudes({ store }: ParticleGradients, count: number): Float32Array[] {
  const n = store.width / 5;
  return Array.from({ length: count }, (_, p) => {
    const row = new Float32Array(store.width);
    store.read([p], row);
    return row.slice(3 * n, 4 * n);
  });
}

function naivePrincipal(rows: Float32Array[], dims: number): { scores: number[][]; values: number[] } {
  const n = rows[0].length;
  const mean = Array.from({ length: n }, (_, i) => rows.reduce((sum, row) => sum + row[i], 0) / rows.length);
  const covariance = new Float64Array(n * n);
  for (const row of rows)
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) covariance[i * n + j] += ((row[i] - mean[i]) * (row[j] - mean[j])) / rows.length;
  const { values, vectors } = symmetricEigen(covariance, n);
  const scores = rows.map(row =>
    Array.from({ length: dims }, (_, k) => row.reduce((sum, value, i) => sum + (value - mean[i]) * vectors[k * n + i], 0)),
  );
  return { scores, values: Array.from(values) };
}

test('coordinates are the scores on the eigenvectors of the covariance, up to sign, with standard deviation 0.5 along the first and the others in proportion', () => {
  const [count, n, dims] = [300, 12, 3];
  const random = new Random(1);
  // Along orthogonal cosines with variances well apart, so that thirty steps of the iteration settle every axis to about (0.6²)³⁰ = 5e-14.
  const mix = Array.from({ length: n }, (_, j) => Float64Array.from({ length: n }, (_, i) => Math.cos((Math.PI * (i + 0.5) * j) / n)));
  const rows = Array.from({ length: count }, () => {
    const hidden = Float64Array.from({ length: n }, (_, i) => 0.6 ** i * random.normal());
    return Float32Array.from({ length: n }, (_, i) => 3 + hidden.reduce((sum, value, j) => sum + mix[j][i] * value, 0));
  });
  const gradients = gradientsWith(rows);
  const z = principalStart(gradients, count, n, dims, new Random(2));
  const { scores, values } = naivePrincipal(keptAmplitudes(gradients, count), dims);
  gradients.store.close();
  for (let k = 0; k < dims; k++) {
    const sign = Math.sign(z[k] * scores[0][k]);
    for (let p = 0; p < count; p++) {
      const wanted = (sign * 0.5 * scores[p][k]) / Math.sqrt(values[0]);
      assert.ok(Math.abs(z[p * dims + k] - wanted) < 1e-4, `particle ${p}, axis ${k}: ${z[p * dims + k]}, ${wanted}`);
    }
    const deviation = Math.sqrt(scores.reduce((sum, _, p) => sum + z[p * dims + k] ** 2, 0) / count);
    assert.ok(Math.abs(deviation - 0.5 * Math.sqrt(values[k] / values[0])) < 1e-4);
  }
});

test('a motion in one dimension is put in order: its modes are cosines of the position, and the first of them is monotonic', () => {
  const [count, n] = [400, 40];
  const random = new Random(3);
  const position = Float64Array.from({ length: count }, () => random.uniform());
  // Mass that slides from 0 to 1 over n places from −0.5 to 1.5: what is missing at one place is too much at another.
  const rows = Array.from(position, t =>
    Float32Array.from({ length: n }, (_, i) => Math.exp(-((((2 * i) / n - 0.5 - t) / 0.35) ** 2)) + 0.05 * random.normal()),
  );
  const gradients = gradientsWith(rows);
  const z = principalStart(gradients, count, n, 1, new Random(4));
  gradients.store.close();
  const rank = (values: ArrayLike<number>) => {
    const ranks = new Float64Array(count);
    Array.from({ length: count }, (_, i) => i)
      .sort((a, b) => values[a] - values[b])
      .forEach((particle, r) => {
        ranks[particle] = r - (count - 1) / 2;
      });
    return ranks;
  };
  const [a, b] = [rank(z), rank(position)];
  const rho = a.reduce((sum, value, i) => sum + value * b[i], 0) / a.reduce((sum, value) => sum + value * value, 0);
  assert.ok(Math.abs(rho) > 0.97, `rank correlation ${rho}`);
});

test('the same seed gives the same numbers; another seed may only turn an axis round', () => {
  const random = new Random(5);
  const rows = Array.from({ length: 50 }, () => Float32Array.from({ length: 6 }, (_, i) => random.normal() * 0.5 ** i));
  const gradients = gradientsWith(rows);
  const [one, same, other] = [6, 6, 7].map(seed => principalStart(gradients, 50, 6, 2, new Random(seed)));
  gradients.store.close();
  assert.deepEqual(one, same);
  for (const k of [0, 1]) {
    const sign = Math.sign(one[k] * other[k]);
    for (let p = 0; p < 50; p++) assert.ok(Math.abs(one[2 * p + k] - sign * other[2 * p + k]) < 1e-4);
  }
});

test('more dimensions than Gaussians leave the rest at zero, and particles all alike start at the origin rather than at NaN', () => {
  const random = new Random(8);
  const few = gradientsWith(Array.from({ length: 20 }, () => Float32Array.from({ length: 2 }, () => random.normal())));
  const z = principalStart(few, 20, 2, 4, new Random(1));
  few.store.close();
  for (let p = 0; p < 20; p++) assert.deepEqual([z[4 * p + 2], z[4 * p + 3]], [0, 0]);
  assert.ok(z.some(value => value !== 0));
  const alike = gradientsWith(Array.from({ length: 16 }, () => new Float32Array(3).fill(2)));
  assert.deepEqual(principalStart(alike, 16, 3, 2, new Random(1)), new Float32Array(32));
  alike.store.close();
});
