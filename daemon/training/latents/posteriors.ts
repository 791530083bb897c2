// What an image says of where its particle lies: how likely each of some points of the latent cloud makes it.
//
// The cloud is the prior: of some hundred of its points, drawn at random, each explains the image with correlation c_k in ring k, and with white noise
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
 * Points of the cloud that an image is compared with: to place it, to draw places for it, and where only observability is asked for. Each costs a projection of every particle, some fifth of a
 * training step.
 */
export const CANDIDATES = { placing: 128, drawing: 64, observability: 24 } as const;
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

/** The images of a run, and what they are compared on. */
export interface ComparedImages {
  backend: Backend;
  geometry: ProjectionGeometry;
  source: BatchSource;
  /** Most images at once. */
  batch: number;
  /** How many numbers of a model the decoder varies. */
  parameters: number;
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

/** What an image leaves of the cloud. */
export interface ImagePosterior {
  /** Of every candidate, their sum 1. */
  weights: Float64Array;
  likeliest: number;
  /** Ring correlation with every candidate that it was compared with. */
  correlation: Float32Array;
}

/** Compares every image with the candidates, in the order of the source. `stage` is what its progress is called. Throws Cancelled when the signal asks. */
export async function eachPosterior(
  { backend, geometry, source, batch, parameters }: ComparedImages,
  candidates: Candidates,
  stage: string,
  visit: (particle: number, posterior: ImagePosterior) => void,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<void> {
  const { dims } = candidates;
  const count = candidates.states.rows.length;
  const comparison = new Comparison(backend, geometry, candidates.states, source, batch);
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
      if (signal?.aborted) throw new Cancelled(`stopped while ${stage}`);
      const rows = Math.min(batch, source.count - first);
      const chosen = Array.from({ length: rows }, (_, i) => first + i);
      const { logLikelihood, correlation } = await (dims <= MOST_SEARCHED_DIMS
        ? comparison.plausible(chosen, graph, evidence)
        : comparison.of(chosen));
      for (let r = 0; r < rows; r++) {
        const own = [r * count, (r + 1) * count] as const;
        visit(first + r, { ...posterior(logLikelihood.subarray(...own), evidence), correlation: correlation.subarray(...own) });
      }
      reporter.progress(stage, first + rows, source.count);
    }
  } finally {
    comparison.free();
  }
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
