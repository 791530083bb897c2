// Where each particle lies, asked of its image itself: the mean of the latent points, weighted by how likely each makes the image; and how well the image tells.
//
// The encoder guesses z in one shot from the gradient at the neutral model, which is its weak place (method.md section 4.3). The decoder is better: of
// some hundred points of the latent cloud, drawn as their own prior, each explains the image with correlation c_k in ring k, and with white noise
// inside a ring of n_k pixels and unknown scale its log-likelihood is −Σ (n_k/2)·log(1 − c_k²).
//
// The decoder learned from the same images, noise included: fitting p parameters gains p/2 in log-likelihood where there is nothing to learn (Akaike 1974). Of
// what its states gain over the best single one, that part is no evidence, and the log-likelihoods are multiplied by what is left.

import type { Backend, ProjectionGeometry } from '../../compute/backend.js';
import type { Random } from '../../numerics/random.js';
import type { DecodedStates } from '../heterogeneity.js';
import type { BatchSource } from '../particle-gradients.js';
import { Cancelled, type Reporter } from '../progress.js';
import { Comparison } from './comparison.js';
import { MOST_SEARCHED_DIMS, neighbourGraph } from './plausible-candidates.js';

/**
 * Points of the cloud that an image is compared with: to place it, and where only observability is asked for. Each costs a projection of every particle, some fifth of a
 * training step.
 */
export const CANDIDATES = { placing: 128, observability: 24 } as const;
/**
 * How far from the likeliest place, over the size of the cloud, others count in the mean. An image may fit two places that lie apart, as the near and the far side of a ring: the mean of both would lie
 * where no particle is.
 */
const REACH = 0.7;
/**
 * In more dimensions so few candidates lie far apart and particles gather at them, with nothing gained: neighbours told the tilt of the simulated spike with a
 * rank correlation of 0.958 by either in d = 4.
 */
export const PLACED_DIMS = 2;
/** Particles that the evidence is measured on. */
const SAMPLE = 256;
/**
 * The evidence is not taken for less: parameters of Gaussians that overlap are not all free, so their number says too much where data are few. On 1,296 images of
 * 50S in d = 2, where the estimate is below zero, everything from 0.12 to 0.35 told the classes equally well (0.81 by a line), and 1 worse (0.80; 2-means 0.61 in place of 0.78).
 */
const LEAST_EVIDENCE = 0.25;

export interface Candidates {
  /** count × dims. */
  z: Float32Array;
  dims: number;
  states: DecodedStates;
}

export interface Placement {
  /** n × dims: posterior means about the likeliest places. */
  z: Float32Array;
  /** n: ring correlations at the likeliest candidate. */
  frc: Float32Array;
  /**
   * n: how well the motion can be seen in each image, 1 − trace of the posterior covariance over that of the cloud: near 1 where the image says where the
   * particle lies, 0 where it leaves the cloud as it is, and z then says no more than the cloud's middle (the paper's bias to neutral).
   */
  observability: Float32Array;
}

/** Latents of up to `most` particles drawn at random, so that dense places have more candidates: the cloud is the prior. `z`: n × dims. */
export function drawCandidates(z: Float32Array, dims: number, most: number, random: Random): Float32Array {
  const n = z.length / dims;
  const order = random.shuffle(Uint32Array.from({ length: n }, (_, i) => i));
  const count = Math.min(most, n);
  const drawn = new Float32Array(count * dims);
  for (let c = 0; c < count; c++) drawn.set(z.subarray(order[c] * dims, (order[c] + 1) * dims), c * dims);
  return drawn;
}

/** `parameters`: how many numbers of a model the decoder varies. Throws Cancelled when the signal asks. */
export async function posteriorLatents(
  backend: Backend,
  geometry: ProjectionGeometry,
  candidates: Candidates,
  source: BatchSource,
  batch: number,
  parameters: number,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Placement> {
  const { dims } = candidates;
  const count = candidates.states.rows.length;
  const comparison = new Comparison(backend, geometry, candidates.states, source, batch);
  const z = new Float32Array(source.count * dims);
  const frc = new Float32Array(source.count);
  const observability = new Float32Array(source.count);
  const spread = weightedVariance(candidates, new Float64Array(count).fill(1 / count));
  try {
    const sampled = Math.min(SAMPLE, source.count);
    const sample = new Float64Array(sampled * count);
    for (let first = 0; first < sampled; first += batch) {
      const rows = Math.min(batch, sampled - first);
      const chosen = Array.from({ length: rows }, (_, i) => Math.floor(((first + i) * source.count) / sampled));
      sample.set((await comparison.of(chosen)).logLikelihood, first * count);
    }
    const evidence = evidenceShare(sample, count, source.count, parameters);
    const graph = neighbourGraph(candidates.z, dims);
    for (let first = 0; first < source.count; first += batch) {
      if (signal?.aborted) throw new Cancelled('stopped while placing particles');
      const rows = Math.min(batch, source.count - first);
      const chosen = Array.from({ length: rows }, (_, i) => first + i);
      const { logLikelihood, correlation } = await (dims <= MOST_SEARCHED_DIMS
        ? comparison.plausible(chosen, graph, evidence)
        : comparison.of(chosen));
      for (let r = 0; r < rows; r++) {
        const { weights, likeliest } = posterior(logLikelihood.subarray(r * count, (r + 1) * count), evidence);
        z.set(localMean(candidates, weights, REACH * Math.sqrt(spread)), (first + r) * dims);
        frc[first + r] = correlation[r * count + likeliest];
        observability[first + r] = spread > 0 ? Math.max(0, 1 - weightedVariance(candidates, weights) / spread) : 0;
      }
      reporter.progress('placing particles by their likelihood', first + rows, source.count);
    }
  } finally {
    comparison.free();
  }
  return { z, frc, observability };
}

/**
 * The part of the gain in log-likelihood that is more than fitted noise, in [LEAST_EVIDENCE, 1]: 1 − (S − 1)·p / 2G, with p the `parameters` of a state, S = exp(mean
 * information of an image on its state) the number of states that the images tell apart, and G what all `particles` together gain over the best single
 * candidate. `logLikelihood`: sampled particles × `count` candidates.
 */
export function evidenceShare(logLikelihood: Float64Array, count: number, particles: number, parameters: number): number {
  const sampled = logLikelihood.length / count;
  const single = new Float64Array(count);
  let [gain, information] = [0, 0];
  for (let i = 0; i < sampled; i++) {
    const row = logLikelihood.subarray(i * count, (i + 1) * count);
    const { weights, logMean } = posterior(row, 1);
    gain += logMean / sampled;
    information += weights.reduce((sum, weight) => sum + (weight > 0 ? weight * Math.log(weight * count) : 0), 0) / sampled;
    row.forEach((value, c) => {
      single[c] += value / sampled;
    });
  }
  const total = particles * (gain - Math.max(...single));
  if (!(total > 0)) return LEAST_EVIDENCE;
  return Math.max(LEAST_EVIDENCE, 1 - ((Math.exp(information) - 1) * parameters) / (2 * total));
}

/** Weights of the candidates, their sum 1, after their log-likelihoods are multiplied by `evidence`; and the log of the mean likelihood. */
export function posterior(logLikelihood: Float64Array, evidence: number): { weights: Float64Array; likeliest: number; logMean: number } {
  let likeliest = 0;
  logLikelihood.forEach((value, c) => {
    if (value > logLikelihood[likeliest]) likeliest = c;
  });
  const highest = logLikelihood[likeliest];
  const weights = logLikelihood.map(value => Math.exp(evidence * (value - highest)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const logMean = evidence * highest + Math.log(total / weights.length);
  for (let c = 0; c < weights.length; c++) weights[c] /= total;
  return { weights, likeliest, logMean };
}

/** Trace of the covariance of the candidates under `weights` (sum 1). */
function weightedVariance({ z, dims }: Candidates, weights: Float64Array): number {
  let variance = 0;
  for (let d = 0; d < dims; d++) {
    const mean = weights.reduce((sum, weight, c) => sum + weight * z[c * dims + d], 0);
    variance += weights.reduce((sum, weight, c) => sum + weight * (z[c * dims + d] - mean) ** 2, 0);
  }
  return variance;
}

/**
 * Mean of the candidates under `weights` (sum 1) about the one from which the others are nearest on average: those at distance r count exp(−r²/2·reach²). With one heap of weights narrower than the
 * reach this is their mean; of two heaps apart it is the mean of the heavier.
 */
export function localMean({ z, dims }: Pick<Candidates, 'z' | 'dims'>, weights: Float64Array, reach: number): Float32Array {
  const likely = [...weights.keys()].filter(c => weights[c] > 1e-6);
  const closeness = (a: number, b: number) => {
    let square = 0;
    for (let d = 0; d < dims; d++) square += (z[a * dims + d] - z[b * dims + d]) ** 2;
    return reach > 0 ? Math.exp(-square / (2 * reach * reach)) : 1;
  };
  let middle = likely[0];
  let most = -1;
  for (const a of likely) {
    const near = likely.reduce((sum, b) => sum + weights[b] * closeness(a, b), 0);
    if (near > most) [middle, most] = [a, near];
  }
  const mean = new Float32Array(dims);
  for (let d = 0; d < dims; d++) mean[d] = likely.reduce((sum, c) => sum + weights[c] * closeness(middle, c) * z[c * dims + d], 0) / most;
  return mean;
}
