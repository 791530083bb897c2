// Principal components of the latent cloud: invertible, so that an eigenvector becomes a trajectory (method.md section 5).
import { symmetricEigen } from '../numerics/linear-algebra.js';
import type { EmbeddingMethod } from './analysis.js';

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

/** Components c (count × dims) of z (count × dims): c_k = axes_k · (z − mean). */
export function toComponents({ mean, axes }: LatentPca, z: Float32Array, count: number): Float32Array {
  const dims = mean.length;
  const components = new Float32Array(count * dims);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < dims; k++) {
      let c = 0;
      for (let d = 0; d < dims; d++) c += axes[k * dims + d] * (z[i * dims + d] - mean[d]);
      components[i * dims + k] = c;
    }
  }
  return components;
}

/**
 * The two ends of the first principal component: the points on the line through the mean beyond which `share` of the particles lie, in float32. Not the outermost particles: those are where noise has
 * carried them.
 */
export function principalEnds(pca: LatentPca, z: Float32Array, count: number, share = 0.02): [Float32Array, Float32Array] {
  const dims = pca.mean.length;
  const along = toComponents(pca, z, count)
    .filter((_, i) => i % dims === 0)
    .sort();
  const beyond = Math.min(Math.floor(share * count), count - 1);
  const at = (rank: number) => pca.mean.map((value, d) => value + along[rank] * pca.axes[d]);
  return [at(beyond), at(count - 1 - beyond)];
}

/**
 * The inverse: z (count × dims) of the first `given` components (count × given); those not given are zero, the cloud's mean.
 * With all of them it undoes `toComponents`; with the first alone it walks along the first axis.
 */
export function fromComponents({ mean, axes }: LatentPca, components: ArrayLike<number>, count: number, given: number): Float32Array {
  const dims = mean.length;
  if (given > dims) throw new RangeError(`${given} components of a cloud that has ${dims}`);
  const z = new Float32Array(count * dims);
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < dims; d++) {
      let value = mean[d];
      for (let k = 0; k < given; k++) value += components[i * given + k] * axes[k * dims + d];
      z[i * dims + d] = value;
    }
  }
  return z;
}

export const pcaEmbedding: EmbeddingMethod = {
  name: 'pca',
  description: 'the directions of largest spread; a point of it can be decoded',
  leastCount: 1,
  embed({ count, dims, z }, options) {
    if (options.dims > dims) throw new RangeError(`${options.dims} principal components of a cloud of ${dims} dimensions`);
    const components = toComponents(principalComponents(z, count, dims), z, count);
    const coordinates = new Float32Array(count * options.dims);
    for (let i = 0; i < count; i++) for (let k = 0; k < options.dims; k++) coordinates[i * options.dims + k] = components[i * dims + k];
    return { dims: options.dims, coordinates };
  },
};
