// Small dense linear algebra: symmetric eigenvalues and positive definite systems of a few dozen unknowns.

/**
 * Eigenvalues and eigenvectors of a symmetric n×n matrix (row-major, not changed), by cyclic Jacobi rotations (Golub & Van
 * Loan, section 8.5): row k of `vectors` is the unit eigenvector of values[k]; values fall.
 */
export function symmetricEigen(matrix: ArrayLike<number>, n: number): { values: Float64Array; vectors: Float64Array } {
  const a = Float64Array.from(matrix);
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  const scale = a.reduce((sum, x) => sum + x * x, 0);
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += a[p * n + q] ** 2;
    // Below the square of the rounding of the whole matrix there is nothing left to rotate away.
    if (off <= 1e-32 * scale) break;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const apq = a[p * n + q];
        if (apq === 0) continue;
        const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.hypot(theta, 1));
        const c = 1 / Math.hypot(t, 1);
        const s = t * c;
        for (let k = 0; k < n; k++) rotate(a, k * n + p, k * n + q, c, s);
        for (let k = 0; k < n; k++) rotate(a, p * n + k, q * n + k, c, s);
        for (let k = 0; k < n; k++) rotate(v, p * n + k, q * n + k, c, s);
      }
    }
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a[j * n + j] - a[i * n + i]);
  const values = Float64Array.from(order, i => a[i * n + i]);
  const vectors = new Float64Array(n * n);
  for (let k = 0; k < n; k++) vectors.set(v.subarray(order[k] * n, (order[k] + 1) * n), k * n);
  return { values, vectors };
}

function rotate(a: Float64Array, i: number, j: number, c: number, s: number): void {
  const x = a[i];
  a[i] = c * x - s * a[j];
  a[j] = s * x + c * a[j];
}

/**
 * Cholesky factor L of a symmetric positive definite n×n matrix M = L Lᵀ (row-major), over M's lower triangle; the upper one stays.
 * Returns false, the matrix unspecified, where M is not positive definite.
 */
export function choleskyFactor(matrix: Float64Array, n: number): boolean {
  for (let j = 0; j < n; j++) {
    let diagonal = matrix[j * n + j];
    for (let k = 0; k < j; k++) diagonal -= matrix[j * n + k] ** 2;
    if (!(diagonal > 0)) return false;
    const root = Math.sqrt(diagonal);
    matrix[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k++) sum -= matrix[i * n + k] * matrix[j * n + k];
      matrix[i * n + j] = sum / root;
    }
  }
  return true;
}

/** Solves L y = b in place of b; L: lower triangle of an n×n matrix (row-major). */
export function solveLower(factor: Float64Array, b: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) b[i] -= factor[i * n + k] * b[k];
    b[i] /= factor[i * n + i];
  }
}

/** Solves Lᵀ x = b in place of b; L: lower triangle of an n×n matrix (row-major). */
export function solveUpper(factor: Float64Array, b: Float64Array, n: number): void {
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) b[i] -= factor[k * n + i] * b[k];
    b[i] /= factor[i * n + i];
  }
}

/**
 * Solves M x = b in place of b for a symmetric positive definite n×n matrix M (row-major; its lower triangle is overwritten
 * with the Cholesky factor). Returns false, b unspecified, where M is not positive definite.
 */
export function solvePositiveDefinite(matrix: Float64Array, b: Float64Array, n: number): boolean {
  if (!choleskyFactor(matrix, n)) return false;
  solveLower(matrix, b, n);
  solveUpper(matrix, b, n);
  return true;
}

/**
 * The generalised eigenproblem A v = λ B v of a symmetric A and a symmetric positive definite B (n×n, row-major, not changed), through
 * B = L Lᵀ (Golub & Van Loan, section 8.7): row k of `vectors` belongs to values[k], vᵀ B v = 1; values fall. Null where B is not
 * positive definite.
 */
export function generalisedEigen(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  n: number,
): { values: Float64Array; vectors: Float64Array } | null {
  const factor = Float64Array.from(b);
  if (!choleskyFactor(factor, n)) return null;
  // L⁻¹ A L⁻ᵀ: L⁻¹ on the rows of A = Aᵀ, the result turned about, and once more.
  const reduced = Float64Array.from(a);
  for (let pass = 0; pass < 2; pass++) {
    for (let i = 0; i < n; i++) solveLower(factor, reduced.subarray(i * n, (i + 1) * n), n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < i; j++) {
        const kept = reduced[i * n + j];
        reduced[i * n + j] = reduced[j * n + i];
        reduced[j * n + i] = kept;
      }
    }
  }
  const { values, vectors } = symmetricEigen(reduced, n);
  for (let k = 0; k < n; k++) solveUpper(factor, vectors.subarray(k * n, (k + 1) * n), n);
  return { values, vectors };
}
