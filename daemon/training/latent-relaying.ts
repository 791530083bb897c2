// The latent space laid out anew between two epochs, by which states images take for one another: what was folded when training began lies flat.
//
// A run in few dimensions stays as it was first laid out, since particles cannot pass one another: a ring with an arc folded inside keeps it, and at the fold
// the decoder jumps. But images know nothing of z: one that lies at the fold fits the decoder on either side of it nearly as well, and so do none elsewhere. States
// that are likely for the same images are neighbours, wherever they lie, and the graph of these neighbourhoods has the true shape. States that the decoder
// makes badly are unlikely for all images alike, which the share of weights takes out; distances between the models themselves would put them apart.

import type { Backend, ProjectionGeometry } from '../compute/backend.js';
import { KdTree } from '../numerics/k-d-tree.js';
import { Random } from '../numerics/random.js';
import { connectGraph, graphEmbedding } from '../numerics/spectral-embedding.js';
import type { Heterogeneity, HeterogeneitySettings } from './heterogeneity.js';
import { LATENT_SPREAD } from './latent-start.js';
import type { BatchSource } from './particle-gradients.js';
import { Comparison, drawCandidates, localMean, posterior } from './posterior-latents.js';
import { Cancelled, type Reporter } from './progress.js';

/** Share of the epochs after which it is done: the encoder then knows most of what it will, and there is time to learn the new places. */
export const RELAYING_AT = 0.4;
/** Images that are looked at: a third of them all, up to this many. Comparing them takes less than a tenth of a run. */
const IMAGES = 1536;
/** Images for each state that they are compared with: fewer miss neighbours. */
const IMAGES_A_STATE = 6;
/** Steps of an epoch: in fewer the networks do not learn the new places. */
export const FEWEST_STEPS = 100;
/**
 * States that an image is spread over, and neighbours of each state. Fewer leave weak links, where Laplacian eigenmaps tear: with 5 and 8 of 256 states a ring of
 * known angles came out with a polar cosine of 0.36 to 0.98 by subsets of images and states, with these of 0.984 to 0.989.
 */
const SPREAD_OVER = 8;
const NEIGHBOURS = 12;
/** Images that tell where a particle lies which was not compared, and how far apart they may lie in the mean: near a fold some lie on its other side. */
const NEAREST = 8;
const REACH = LATENT_SPREAD / 2;
/** Neighbours further apart than this, over the root mean square radius of the cloud, lie on two sides of a fold. */
const FAR = 0.7;
/**
 * Share of neighbours that lie so. Simulated rings with an arc folded inside had 0.049 and 0.047 at that epoch, two parallel slides 0.029 or less, and all below
 * 0.003 once laid out anew. A space that is not folded stays as it is.
 */
const TORN = 0.035;

/** n × latentDims: where particles are to lie, of `z`[n × latentDims] where they lie now; null where that is not folded. Throws Cancelled when the signal asks. */
export async function relaidLatents(
  backend: Backend,
  geometry: ProjectionGeometry,
  source: BatchSource,
  model: Pick<Heterogeneity, 'decodedRows'>,
  z: Float32Array,
  { latentDims: dims, batch, seed }: Pick<HeterogeneitySettings, 'latentDims' | 'batch' | 'seed'>,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Float32Array | null> {
  const random = new Random(seed);
  const images = Math.min(IMAGES, Math.ceil(source.count / 3));
  const count = Math.floor(images / IMAGES_A_STATE);
  const states = drawCandidates(z, dims, count, random);
  const chosen = Array.from({ length: images }, (_, i) => Math.floor((i * source.count) / images));
  const logLikelihood = new Float64Array(images * count);
  const comparison = new Comparison(backend, geometry, await model.decodedRows(states), source, batch);
  try {
    for (let first = 0; first < images; first += batch) {
      if (signal?.aborted) throw new Cancelled('stopped while laying the latent space out anew');
      logLikelihood.set((await comparison.of(chosen.slice(first, first + batch))).logLikelihood, first * count);
      reporter.progress('laying the latent space out anew', Math.min(first + batch, images), images);
    }
  } finally {
    comparison.free();
  }
  const likely = spreadWeights(logLikelihood, count, SPREAD_OVER);
  const edges = likenessGraph(likely, count);
  const flat = graphEmbedding(edges, dims, random);
  const [before, after] = [tornShare(edges, states, dims), tornShare(edges, flat, dims)];
  if (before < TORN || after > before / 2) return null;
  const places = new Float32Array(images * dims);
  for (let i = 0; i < images; i++)
    for (let c = 0; c < count; c++)
      for (let k = 0; k < dims; k++) places[i * dims + k] += LATENT_SPREAD * likely[i * count + c] * flat[c * dims + k];
  return spreadPlaces(z, dims, chosen, places);
}

/** n × dims: the places of the nearest of `chosen`, most of which agree. */
function spreadPlaces(z: Float32Array, dims: number, chosen: readonly number[], places: Float32Array): Float32Array {
  const tree = new KdTree(Float32Array.from(chosen.flatMap(i => [...z.subarray(i * dims, (i + 1) * dims)])), chosen.length, dims);
  const nearest = new Int32Array(NEAREST);
  const distances = new Float64Array(NEAREST);
  const spread = new Float32Array(z.length);
  for (let i = 0; i < z.length; i += dims) {
    const found = nearest.subarray(0, tree.nearest(z.subarray(i, i + dims), NEAREST, nearest, distances));
    const near = Float32Array.from([...found].flatMap(c => [...places.subarray(c * dims, (c + 1) * dims)]));
    spread.set(localMean({ z: near, dims }, new Float64Array(found.length).fill(1 / found.length), REACH), i);
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
 * The graph of states that are likely for the same images: neighbours of each are those that share most weight with it, over the square root of what they have in all. Connected. `weights`: images × count.
 */
export function likenessGraph(weights: Float64Array, count: number): Set<number>[] {
  const images = weights.length / count;
  const total = new Float64Array(count).fill(1e-9);
  const shared = new Float64Array(count * count);
  for (let i = 0; i < images; i++) {
    const row = weights.subarray(i * count, (i + 1) * count);
    row.forEach((w, a) => {
      total[a] += w;
      if (w < 1e-6) return;
      for (let b = 0; b < count; b++) shared[a * count + b] += w * row[b];
    });
  }
  const likeness = (a: number, b: number) => shared[a * count + b] / Math.sqrt(total[a] * total[b]);
  const edges = Array.from({ length: count }, () => new Set<number>());
  for (let a = 0; a < count; a++) {
    const others = Array.from({ length: count }, (_, b) => b).filter(b => b !== a && likeness(a, b) > 0);
    others.sort((b, c) => likeness(a, c) - likeness(a, b));
    for (const b of others.slice(0, NEIGHBOURS)) {
      edges[a].add(b);
      edges[b].add(a);
    }
  }
  connectGraph(edges, (a, b) => -likeness(a, b));
  return edges;
}

/** Share of the graph's edges between points that lie far apart in z[n × dims]. */
export function tornShare(edges: readonly ReadonlySet<number>[], z: ArrayLike<number>, dims: number): number {
  const n = edges.length;
  let [variance, torn, all] = [0, 0, 0];
  for (let k = 0; k < dims; k++) {
    const values = Float64Array.from({ length: n }, (_, i) => z[i * dims + k]);
    const mean = values.reduce((sum, v) => sum + v / n, 0);
    variance += values.reduce((sum, v) => sum + (v - mean) ** 2 / n, 0);
  }
  edges.forEach((near, a) => {
    for (const b of near) {
      let square = 0;
      for (let k = 0; k < dims; k++) square += (z[a * dims + k] - z[b * dims + k]) ** 2;
      torn += Number(square > FAR * FAR * variance);
      all++;
    }
  });
  return torn / all;
}
