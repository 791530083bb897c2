// Principal components of the latent cloud: invertible, so that an eigenvector becomes a trajectory (method.md section 5).
import { symmetricEigen } from '../numerics/linear-algebra.js';

/** z = mean + Σ_k c_k · axes_k, with c_k = axes_k · (z − mean). */
export interface LatentPca {
  /** dims. */
  mean: Float32Array;
  /** dims × dims, orthonormal rows, falling variance. */
  axes: Float32Array;
  /** dims; variance of the particles along each axis (divided by count − 1). */
  variances: Float32Array;
}

/**
 * Principal components of z (count × dims, row-major). An eigenvector's sign is free: the component of largest magnitude is
 * made positive, so that the same cloud always gives the same axes.
 */
export function principalComponents(z: Float32Array, count: number, dims: number): LatentPca {
  const mean = new Float64Array(dims);
  for (let i = 0; i < count; i++) for (let d = 0; d < dims; d++) mean[d] += z[i * dims + d] / count;
  const covariance = new Float64Array(dims * dims);
  const degrees = Math.max(1, count - 1);
  for (let i = 0; i < count; i++) {
    for (let p = 0; p < dims; p++) {
      const dp = (z[i * dims + p] - mean[p]) / degrees;
      for (let q = 0; q <= p; q++) covariance[p * dims + q] += dp * (z[i * dims + q] - mean[q]);
    }
  }
  for (let p = 0; p < dims; p++) for (let q = 0; q < p; q++) covariance[q * dims + p] = covariance[p * dims + q];
  const { values, vectors } = symmetricEigen(covariance, dims);
  for (let k = 0; k < dims; k++) {
    const axis = vectors.subarray(k * dims, (k + 1) * dims);
    const largest = axis.reduce((best, value) => (Math.abs(value) > Math.abs(best) + 1e-9 ? value : best), 0);
    if (largest < 0) for (let d = 0; d < dims; d++) axis[d] = -axis[d];
  }
  return {
    mean: Float32Array.from(mean),
    axes: Float32Array.from(vectors),
    variances: Float32Array.from(values, value => Math.max(0, value)),
  };
}
