// Where the latents begin: principal components of the amplitude gradients, so that a motion starts unfolded.
//
// Encoder and decoder together would find any labelling that tells states apart, and from random weights often a folded one: in d = 1 the two
// halves of a long slide stood behind one another in half of the trials. The amplitude gradient of a Gaussian says "mass is missing here" or "too
// much is here"; over a motion its first principal components run through the states in order (as Fourier modes do).

import type { Random } from '../../numerics/random.js';
import type { ParticleGradients } from '../particle-gradients.js';

/** Particles that the components are found on. */
const SAMPLE = 4096;
const ITERATIONS = 30;
/** Standard deviation of the first coordinate: well inside the unit ball that the spread penalty leaves free, well above the latent noise. */
export const LATENT_SPREAD = 0.5;

/** count × dims scores, first component with standard deviation LATENT_SPREAD, the others in proportion. `gaussians`: N. */
export function principalStart(gradients: ParticleGradients, count: number, gaussians: number, dims: number, random: Random): Float32Array {
  const sampled = Math.min(count, SAMPLE);
  const row = new Float32Array(gradients.store.width);
  const amplitudes = (particle: number) => {
    gradients.store.read([particle], row);
    return row.subarray(3 * gaussians, 4 * gaussians);
  };
  const sample = new Float32Array(sampled * gaussians);
  const mean = new Float64Array(gaussians);
  for (let s = 0; s < sampled; s++) {
    sample.set(amplitudes(Math.floor((s * count) / sampled)), s * gaussians);
    for (let i = 0; i < gaussians; i++) mean[i] += sample[s * gaussians + i] / sampled;
  }
  for (let i = 0; i < sample.length; i++) sample[i] -= mean[i % gaussians];

  const kept = Math.min(dims, gaussians);
  const { axes, deviations } = subspace(sample, sampled, gaussians, kept, random);
  const scores = new Float32Array(count * dims);
  for (let p = 0; p < count; p++) {
    const values = amplitudes(p);
    for (let k = 0; k < kept; k++) {
      let score = 0;
      for (let i = 0; i < gaussians; i++) score += (values[i] - mean[i]) * axes[k * gaussians + i];
      scores[p * dims + k] = deviations[0] > 0 ? (LATENT_SPREAD * score) / deviations[0] : 0;
    }
  }
  return scores;
}

/** Leading axes of rows[n × width] (centred) by subspace iteration, orthonormal, and the standard deviation along each. */
function subspace(
  rows: Float32Array,
  n: number,
  width: number,
  count: number,
  random: Random,
): { axes: Float64Array; deviations: Float64Array } {
  const axes = new Float64Array(count * width).map(() => random.normal());
  const deviations = new Float64Array(count);
  orthonormalise(axes, width);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = new Float64Array(axes.length);
    deviations.fill(0);
    for (let r = 0; r < n; r++) {
      const row = rows.subarray(r * width, (r + 1) * width);
      for (let k = 0; k < count; k++) {
        const at = k * width;
        let score = 0;
        for (let i = 0; i < width; i++) score += row[i] * axes[at + i];
        for (let i = 0; i < width; i++) next[at + i] += score * row[i];
        deviations[k] += (score * score) / n;
      }
    }
    axes.set(next);
    orthonormalise(axes, width);
  }
  return { axes, deviations: deviations.map(Math.sqrt) };
}

/** Gram–Schmidt in order, so that the axes settle by falling variance. */
function orthonormalise(axes: Float64Array, width: number): void {
  const count = axes.length / width;
  for (let k = 0; k < count; k++) {
    const axis = axes.subarray(k * width, (k + 1) * width);
    for (let j = 0; j < k; j++) {
      const other = axes.subarray(j * width, (j + 1) * width);
      const overlap = axis.reduce((sum, value, i) => sum + value * other[i], 0);
      for (let i = 0; i < width; i++) axis[i] -= overlap * other[i];
    }
    const length = Math.hypot(...axis) || 1;
    for (let i = 0; i < width; i++) axis[i] /= length;
  }
}
