// The latent space laid out anew between two epochs, by which states images take for one another: what was folded or torn when training began lies flat.
//
// A run in few dimensions stays as it was first laid out, since particles cannot pass one another: a ring with an arc folded inside keeps it, a slide that begins with its halves in the
// wrong order too, and at the fold the decoder jumps. But images know nothing of z: one that lies at the fold fits the decoder on either side of it nearly as well, and so do none
// elsewhere. States that are likely for the same images are alike, wherever they lie, and eigenvectors of that likeness (Belkin & Niyogi 2003; of weights as they are, since a graph of so and so
// many neighbours tears where links are weak) give the true shape. States that the decoder makes badly are unlikely for all images alike, which the share of weights takes out; distances between the
// models themselves would put them apart.

import type { Backend, ProjectionGeometry } from '../../compute/backend.js';
import { KdTree } from '../../numerics/k-d-tree.js';
import { choleskyFactor, solveLower } from '../../numerics/linear-algebra.js';
import { Random } from '../../numerics/random.js';
import { spearmanCorrelation } from '../../numerics/rank-correlation.js';
import { affinityEmbedding } from '../../numerics/spectral-embedding.js';
import type { Heterogeneity, HeterogeneitySettings } from '../heterogeneity.js';
import type { BatchSource } from '../particle-gradients.js';
import { Cancelled, type Reporter } from '../progress.js';
import { Comparison } from './comparison.js';
import { localMean } from './placing.js';
import { drawCandidates, posterior } from './posteriors.js';

/** Share of the epochs after which it is done: the encoder then knows most of what it will, and there is time to learn the new places. */
export const RELAYING_AT = 0.4;
/**
 * States of the cloud that images are compared with. With half as many a torn slide came out in its order (rank correlation 0.987 to 0.992), with a third now and then not (0.91); a ring's
 * polar cosine fell from 0.96 to 0.94 with half as many.
 */
const STATES = (dims: number) => (dims === 1 ? 128 : 256);
/** Images for each state: fewer miss neighbours. A third of all particles at most: comparing them takes a tenth of a run or less. */
const IMAGES_A_STATE = 6;
/** Steps of an epoch: in fewer the networks do not learn the new places. */
export const FEWEST_STEPS = 100;
/**
 * How many states an image is spread over on average, from fine to coarse; what is alike by any of these counts. The fine ones part what differs; by them alone states that are told apart with certainty
 * would hang together by nothing, and lie anywhere.
 */
const SPREAD_OVER = [2, 4, 8, 16];
/** The spread by which compared images take the places of their states. */
const PLACED_BY = 4;
/**
 * Standard deviation of every coordinate: a cloud of radius 1.4, where training takes it of its own accord. Rings that were laid out half as wide grew, and since what they lacked was length
 * rather than width, they buckled.
 */
const RELAID_SPREAD = 1;
/** By how much less a layout may agree than the cloud does: it is held from then on, where a cloud that is nearly right still buckles (of one simulated ring 5 % of the points went to the middle). */
const TOLERANCE = 0.02;
/** Eigenvectors among which the axes of a layout are chosen. */
const LEADING = 6;
/** Images that tell where a particle lies which was not compared, and how far apart they may lie in the mean: near a fold some lie on its other side. */
const NEAREST = 8;
const REACH = RELAID_SPREAD / 4;

/** Points of a latent space. */
interface Cloud {
  /** n × dims. */
  z: Float32Array;
  dims: number;
}

/**
 * n × latentDims: where particles are to lie, of `cloud.z`[n × cloud.dims] where they lie now; null where a cloud of as many dimensions agrees clearly better with the images. Throws Cancelled when the
 * signal asks.
 */
export async function relaidLatents(
  backend: Backend,
  geometry: ProjectionGeometry,
  source: BatchSource,
  model: Pick<Heterogeneity, 'decodedStates'>,
  cloud: Cloud,
  { latentDims, batch, seed }: Pick<HeterogeneitySettings, 'latentDims' | 'batch' | 'seed'>,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Float32Array | null> {
  const { z, dims } = cloud;
  const random = new Random(seed);
  const images = Math.min(STATES(dims) * IMAGES_A_STATE, Math.ceil(source.count / 3));
  const count = Math.floor(images / IMAGES_A_STATE);
  const states = drawCandidates(z, dims, count, random);
  const chosen = Array.from({ length: images }, (_, i) => Math.floor((i * source.count) / images));
  const logLikelihood = new Float64Array(images * count);
  const comparison = new Comparison(backend, geometry, await model.decodedStates(states), source, batch);
  try {
    for (let first = 0; first < images; first += batch) {
      if (signal?.aborted) throw new Cancelled('stopped while laying the latent space out anew');
      logLikelihood.set((await comparison.of(chosen.slice(first, first + batch))).logLikelihood, first * count);
      reporter.progress('laying the latent space out anew', Math.min(first + batch, images), images);
    }
  } finally {
    comparison.free();
  }
  const likeness = likenessOf(logLikelihood, count);
  const { flat, after } = bestLayout(likeness, count, latentDims, random);
  if (dims === latentDims) {
    const before = agreement(likeness, states, count, dims);
    if (after < before - TOLERANCE) return null;
    reporter.note(
      `the latent space is laid out anew, by which states the images take for one another (rank correlation of nearness and likeness ${before.toFixed(2)}, now ${after.toFixed(2)})`,
    );
  }
  const likely = spreadWeights(logLikelihood, count, PLACED_BY);
  const places = new Float32Array(images * latentDims);
  for (let i = 0; i < images; i++)
    for (let c = 0; c < count; c++)
      for (let k = 0; k < latentDims; k++) places[i * latentDims + k] += RELAID_SPREAD * likely[i * count + c] * flat[c * latentDims + k];
  return spreadPlaces(cloud, chosen, { z: places, dims: latentDims });
}

/**
 * count × dims: the leading eigenvector of likeness with those of the next ones that agree best with it. A long motion beside a short one has its own harmonic for the second, and the short one comes
 * later: two slides, of particles with and without a ligand, then lie on one another along a horseshoe.
 */
export function bestLayout(likeness: Float64Array, count: number, dims: number, random: Random): { flat: Float64Array; after: number } {
  const most = dims === 1 ? 1 : Math.min(LEADING, count - 1);
  const leading = affinityEmbedding(likeness, count, most, random);
  const candidates = combinations(most - 1, dims - 1).map(others => {
    const axes = [0, ...others.map(axis => axis + 1)];
    const flat = Float64Array.from({ length: count * dims }, (_, i) => leading[Math.floor(i / dims) * most + axes[i % dims]]);
    return { flat, after: agreement(likeness, flat, count, dims) };
  });
  return candidates.reduce((best, candidate) => (candidate.after > best.after ? candidate : best));
}

/** All ways to take `chosen` of 0 … of − 1, in rising order. */
function combinations(of: number, chosen: number): number[][] {
  if (chosen === 0) return [[]];
  return Array.from({ length: of }, (_, last) => combinations(last, chosen - 1).map(rest => [...rest, last])).flat();
}

/** n × places.dims: where the nearest of `chosen` in the cloud have their places, most of which agree. */
function spreadPlaces({ z, dims }: Cloud, chosen: readonly number[], places: Cloud): Float32Array {
  const pick = (from: Cloud, rows: ArrayLike<number>) =>
    Float32Array.from(Array.from(rows).flatMap(row => [...from.z.subarray(row * from.dims, (row + 1) * from.dims)]));
  const tree = new KdTree(pick({ z, dims }, chosen), chosen.length, dims);
  const nearest = new Int32Array(NEAREST);
  const distances = new Float64Array(NEAREST);
  const n = z.length / dims;
  const spread = new Float32Array(n * places.dims);
  for (let i = 0; i < n; i++) {
    const found = nearest.subarray(0, tree.nearest(z.subarray(i * dims, (i + 1) * dims), NEAREST, nearest, distances));
    const near = { z: pick(places, found), dims: places.dims };
    spread.set(localMean(near, new Float64Array(found.length).fill(1 / found.length), REACH), i * places.dims);
  }
  return spread;
}

/**
 * images × count weights, each image's sum 1: likelihoods to that power, at most 1, which spreads images over `states` on average (the exponential of the mean entropy). `logLikelihood`: images × count.
 */
export function spreadWeights(logLikelihood: Float64Array, count: number, states: number): Float64Array {
  const images = logLikelihood.length / count;
  const weights = new Float64Array(logLikelihood.length);
  const spread = (power: number) => {
    let entropy = 0;
    for (let i = 0; i < images; i++) {
      const row = posterior(logLikelihood.subarray(i * count, (i + 1) * count), power).weights;
      weights.set(row, i * count);
      entropy -= row.reduce((sum, w) => sum + (w > 0 ? w * Math.log(w) : 0), 0) / images;
    }
    return Math.exp(entropy);
  };
  let [low, high] = [0, 1];
  if (spread(1) < states) {
    for (let halving = 0; halving < 20; halving++) {
      const middle = (low + high) / 2;
      if (spread(middle) < states) high = middle;
      else low = middle;
    }
    spread(high);
  }
  return weights;
}

/**
 * count × count: how alike states are by which images take them for one another, the weight that each image gives to both, summed over images and spreads. What makes a state unlikely for all images alike, as a
 * decoder does that makes it badly, makes it no less alike to its neighbours once rows are divided by their sums, as an embedding does. `logLikelihood`: images × count.
 */
export function likenessOf(logLikelihood: Float64Array, count: number): Float64Array {
  const shared = new Float64Array(count * count);
  for (const states of SPREAD_OVER) {
    const weights = spreadWeights(logLikelihood, count, states);
    for (let first = 0; first < weights.length; first += count) {
      const row = weights.subarray(first, first + count);
      row.forEach((w, a) => {
        if (w < 1e-6) return;
        for (let b = 0; b < count; b++) if (row[b] >= 1e-6) shared[a * count + b] += w * row[b];
      });
    }
  }
  // A state that no image takes for its own is alike to itself alone.
  for (let a = 0; a < count; a++) shared[a * count + a] += 1e-9;
  return shared;
}

/**
 * How well places agree with likeness: the rank correlation, over all pairs, of how near they lie and how alike they are. Folds and tears lower it, since what is alike lies far apart, and so do parts
 * that fall together, as when an embedding spends its dimensions on others. `z`: count × dims, made round first, since a latent space is right only up to a smooth map.
 */
export function agreement(likeness: Float64Array, z: ArrayLike<number>, count: number, dims: number): number {
  const round = madeRound(z, count, dims);
  const pairs = (count * (count - 1)) / 2;
  const [near, alike] = [new Float64Array(pairs), new Float64Array(pairs)];
  let pair = 0;
  for (let a = 0; a < count; a++)
    for (let b = 0; b < a; b++) {
      for (let k = 0; k < dims; k++) near[pair] -= (round[a * dims + k] - round[b * dims + k]) ** 2;
      alike[pair++] = likeness[a * count + b] / Math.sqrt(likeness[a * count + a] * likeness[b * count + b]);
    }
  return spearmanCorrelation(near, alike);
}

/** count × dims: the cloud about its mean, its covariance made the identity; as it is where it has no extent in some direction. */
function madeRound(z: ArrayLike<number>, count: number, dims: number): Float64Array {
  const means = Float64Array.from({ length: dims }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += z[i * dims + k] / count;
    return sum;
  });
  const centred = Float64Array.from({ length: count * dims }, (_, i) => z[i] - means[i % dims]);
  const covariance = new Float64Array(dims * dims);
  for (let i = 0; i < centred.length; i += dims)
    for (let k = 0; k < dims; k++) for (let l = 0; l < dims; l++) covariance[k * dims + l] += (centred[i + k] * centred[i + l]) / count;
  if (choleskyFactor(covariance, dims))
    for (let i = 0; i < centred.length; i += dims) solveLower(covariance, centred.subarray(i, i + dims), dims);
  return centred;
}
