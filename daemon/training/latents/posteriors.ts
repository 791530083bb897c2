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
import { Comparison, likeliestOf } from './comparison.js';
import { COMPARED_ANYWHERE, NearbyCandidates } from './nearby-candidates.js';
import { MOST_SEARCHED_DIMS, neighbourGraph } from './plausible-candidates.js';

/** Points of the cloud that an image is compared with: to place it, and to draw places for it. Each costs a projection of every particle, a twentieth to a fifth of a training step. */
export const CANDIDATES = { placing: 128, drawing: 64 } as const;
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
  /** n × dims: where the encoder puts each particle, with which not all candidates are compared then, but those of nearby-candidates.ts. */
  guesses?: Float32Array;
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

/**
 * Compares every image with the candidates, in the order of the source; where it is `goingOn`, those from so many on, saying after every batch how many are done. `stage` is what its progress is called. Throws Cancelled when the
 * signal asks.
 */
export async function eachPosterior(
  { backend, geometry, source, batch, parameters }: ComparedImages,
  candidates: Candidates,
  stage: string,
  visit: (particle: number, posterior: ImagePosterior) => void,
  reporter: Reporter,
  signal?: AbortSignal,
  goingOn?: { from: number; onBatch(done: number): void },
): Promise<void> {
  const { guesses } = candidates;
  const count = candidates.states.rows.length;
  const comparison = new Comparison(backend, geometry, candidates.states, source, batch);
  try {
    const sampled = Math.min(SAMPLE, source.count);
    const surveyed = guesses ? Math.min(COMPARED_ANYWHERE, count) : count;
    const sample = new Float64Array(sampled * surveyed);
    for (let first = 0; first < sampled; first += batch) {
      const rows = Math.min(batch, sampled - first);
      const chosen = Array.from({ length: rows }, (_, i) => Math.floor(((first + i) * source.count) / sampled));
      const { logLikelihood } = await comparison.of(chosen, surveyed);
      chosen.forEach((_, r) => void sample.set(logLikelihood.subarray(r * count, r * count + surveyed), (first + r) * surveyed));
    }
    const evidence = evidenceShare(sample, surveyed, source.count, parameters);
    const compare = comparing(comparison, candidates, evidence);
    for (let first = goingOn?.from ?? 0; first < source.count; first += batch) {
      if (signal?.aborted) throw new Cancelled(`stopped while ${stage}`);
      const rows = Math.min(batch, source.count - first);
      const chosen = Array.from({ length: rows }, (_, i) => first + i);
      const { logLikelihood, correlation, standsFor } = await compare(chosen);
      for (let r = 0; r < rows; r++) {
        const own = [r * count, (r + 1) * count] as const;
        const { weights, likeliest } = posterior(logLikelihood.subarray(...own), evidence, standsFor?.subarray(...own));
        visit(first + r, { weights, likeliest, correlation: correlation.subarray(...own) });
      }
      goingOn?.onBatch(first + rows);
      reporter.progress(stage, first + rows, source.count);
    }
  } finally {
    comparison.free();
  }
}

/** How each of some images is compared with as many candidates as it needs. */
function comparing(
  comparison: Comparison,
  { z, dims, guesses }: Candidates,
  evidence: number,
): (chosen: readonly number[]) => ReturnType<Comparison['of']> {
  if (guesses) {
    const ground = new NearbyCandidates(z, dims);
    return chosen => comparison.nearby(chosen, ground, guesses);
  }
  if (dims > MOST_SEARCHED_DIMS) return chosen => comparison.of(chosen);
  const graph = neighbourGraph(z, dims);
  return chosen => comparison.plausible(chosen, graph, evidence);
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

/** Weights of the candidates, their sum 1, after their log-likelihoods are multiplied by `evidence`, each counted `standsFor` times; and the log of the mean likelihood. */
export function posterior(
  logLikelihood: Float64Array,
  evidence: number,
  standsFor?: Float64Array,
): { weights: Float64Array; likeliest: number; logMean: number } {
  const likeliest = likeliestOf(logLikelihood);
  const highest = logLikelihood[likeliest];
  const weights = logLikelihood.map((value, c) => (standsFor?.[c] ?? 1) * Math.exp(evidence * (value - highest)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const logMean = evidence * highest + Math.log(total / weights.length);
  for (let c = 0; c < weights.length; c++) weights[c] /= total;
  return { weights, likeliest, logMean };
}
