// Eigenvectors and linear systems against the equations that define them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generalisedEigen, solvePositiveDefinite, symmetricEigen } from '../../daemon/numerics/linear-algebra.js';
import { Random } from '../../daemon/numerics/random.js';

function randomSymmetric(n: number, seed: number): Float64Array {
  const random = new Random(seed);
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = random.normal();
  return a;
}

test('M v = λ v, with orthonormal v and falling λ, for symmetric matrices of every small size', () => {
  for (const n of [1, 2, 3, 4, 8, 20]) {
    const m = randomSymmetric(n, n);
    const { values, vectors } = symmetricEigen(m, n);
    for (let k = 0; k < n; k++) {
      assert.ok(k === 0 || values[k] <= values[k - 1]);
      for (let i = 0; i < n; i++) {
        let product = 0;
        for (let j = 0; j < n; j++) product += m[i * n + j] * vectors[k * n + j];
        assert.ok(Math.abs(product - values[k] * vectors[k * n + i]) < 1e-12 * n);
      }
      for (let other = 0; other <= k; other++) {
        let dot = 0;
        for (let j = 0; j < n; j++) dot += vectors[k * n + j] * vectors[other * n + j];
        assert.ok(Math.abs(dot - (k === other ? 1 : 0)) < 1e-13 * n);
      }
    }
  }
});

test('equal eigenvalues and zero matrices are solved as well: any orthonormal basis is right', () => {
  assert.deepEqual([...symmetricEigen([2, 0, 0, 0, 2, 0, 0, 0, 2], 3).values], [2, 2, 2]);
  assert.deepEqual([...symmetricEigen(new Float64Array(4), 2).vectors], [1, 0, 0, 1]);
});

test('a positive definite system is solved to rounding, and an indefinite one is refused', () => {
  const n = 6;
  const root = randomSymmetric(n, 3);
  const m = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) m[i * n + j] += root[i * n + k] * root[j * n + k];
  const x = Float64Array.from({ length: n }, (_, i) => i - 2.5);
  const b = new Float64Array(n);
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) b[i] += m[i * n + j] * x[j];
  assert.equal(solvePositiveDefinite(m.slice(), b, n), true);
  for (let i = 0; i < n; i++) assert.ok(Math.abs(b[i] - x[i]) < 1e-9);
  assert.equal(solvePositiveDefinite(Float64Array.of(1, 2, 2, 1), new Float64Array(2), 2), false);
});

test('A v = λ B v and vᵀ B v = 1 with falling λ, as the generalised eigenproblem says; a B that is not positive definite is refused', () => {
  for (const n of [1, 2, 3, 6]) {
    const a = randomSymmetric(n, 10 + n);
    const root = randomSymmetric(n, 20 + n);
    const b = new Float64Array(n * n);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) for (let k = 0; k < n; k++) b[i * n + j] += root[i * n + k] * root[j * n + k] + (i === j ? 0.1 / n : 0);
    const eigen = generalisedEigen(a, b, n);
    assert.ok(eigen !== null);
    const times = (m: Float64Array, v: Float64Array) =>
      Array.from({ length: n }, (_, i) => v.reduce((sum, value, j) => sum + m[i * n + j] * value, 0));
    for (let k = 0; k < n; k++) {
      assert.ok(k === 0 || eigen.values[k] <= eigen.values[k - 1]);
      const v = eigen.vectors.subarray(k * n, (k + 1) * n);
      const [av, bv] = [times(a, v), times(b, v)];
      // B's condition is below 1e3, so ten digits of sixteen are left at least.
      for (let i = 0; i < n; i++) assert.ok(Math.abs(av[i] - eigen.values[k] * bv[i]) < 1e-9 * (1 + Math.abs(eigen.values[k])));
      assert.ok(Math.abs(bv.reduce((sum, value, i) => sum + value * v[i], 0) - 1) < 1e-9);
    }
  }
  assert.equal(generalisedEigen([1, 0, 0, 1], [1, 0, 0, -1], 2), null);
});
