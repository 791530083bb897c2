// k-means: clusters about centres, each particle with the nearest (Lloyd 1982, with the seeding of Arthur & Vassilvitskii 2007).
import type { Random } from '../numerics/random.js';
import type { ClusteringMethod, CountSuggestion, LatentCloud, Progress } from './analysis.js';
import { clusterBy, MOST_SUGGESTED, requireEnough, sampleOf } from './cluster-count.js';

/** Starts of which the best is kept: one alone often settles in a poor arrangement. */
const RESTARTS = 10;
const MOST_ROUNDS = 300;
/** A silhouette compares all pairs. */
const SCORED_PARTICLES = 2000;

export interface KMeansFit {
  /** Per particle, from 0. */
  labels: Int32Array;
  /** count × dims. */
  centres: Float64Array;
  /** Σ squared distance of each particle to its centre. */
  inertia: number;
}

export const kMeans: ClusteringMethod = {
  name: 'kmeans',
  description: 'round clusters of like size about their centres',
  cluster: (cloud, options, progress) => clusterBy({ suggest: suggestBySilhouette, fit: labelsOf }, cloud, options, progress),
};

function labelsOf(cloud: LatentCloud, count: number, _asked: boolean, random: Random, progress: Progress): Int32Array {
  return fitKMeans(cloud, count, random, RESTARTS, (done, total) => progress('k-means', done, total)).labels;
}

/** The best of `restarts` fits by inertia. */
export function fitKMeans(
  cloud: LatentCloud,
  count: number,
  random: Random,
  restarts: number,
  progress: (done: number, total: number) => void = () => {},
): KMeansFit {
  requireEnough(cloud, count);
  let best: KMeansFit | null = null;
  for (let start = 0; start < restarts; start++) {
    const fit = settle(cloud, seedCentres(cloud, count, random), count);
    if (best === null || fit.inertia < best.inertia) best = fit;
    progress(start + 1, restarts);
  }
  return best!;
}

/** k-means++: each further centre is a particle, drawn with a chance that grows as its squared distance to the centres so far. */
function seedCentres(cloud: LatentCloud, count: number, random: Random): Float64Array {
  const { count: particles, dims, z } = cloud;
  const centres = new Float64Array(count * dims);
  const nearest = new Float64Array(particles).fill(Number.POSITIVE_INFINITY);
  let chosen = random.integer(particles);
  for (let k = 0; k < count; k++) {
    for (let d = 0; d < dims; d++) centres[k * dims + d] = z[chosen * dims + d];
    let sum = 0;
    for (let i = 0; i < particles; i++) {
      nearest[i] = Math.min(nearest[i], squaredDistance(z, i * dims, centres, k * dims, dims));
      sum += nearest[i];
    }
    let left = random.uniform() * sum;
    chosen = sum > 0 ? nearest.findIndex(square => (left -= square) < 0) : random.integer(particles);
    // Rounding may leave a little of the sum unspent.
    if (chosen < 0) chosen = nearest.lastIndexOf(nearest.reduce((a, b) => Math.max(a, b)));
  }
  return centres;
}

function settle(cloud: LatentCloud, centres: Float64Array, count: number): KMeansFit {
  const { count: particles, dims, z } = cloud;
  const labels = new Int32Array(particles).fill(-1);
  const squares = new Float64Array(particles);
  const sizes = new Float64Array(count);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    let changed = 0;
    for (let i = 0; i < particles; i++) {
      let label = 0;
      squares[i] = Number.POSITIVE_INFINITY;
      for (let k = 0; k < count; k++) {
        const square = squaredDistance(z, i * dims, centres, k * dims, dims);
        if (square < squares[i]) {
          squares[i] = square;
          label = k;
        }
      }
      if (label !== labels[i]) changed++;
      labels[i] = label;
    }
    if (changed === 0) break;
    centres.fill(0);
    sizes.fill(0);
    for (let i = 0; i < particles; i++) {
      sizes[labels[i]]++;
      for (let d = 0; d < dims; d++) centres[labels[i] * dims + d] += z[i * dims + d];
    }
    for (let k = 0; k < count; k++) {
      if (sizes[k] > 0) for (let d = 0; d < dims; d++) centres[k * dims + d] /= sizes[k];
      else moveToFarthest(cloud, centres, k, squares);
    }
  }
  return { labels, centres, inertia: squares.reduce((sum, square) => sum + square, 0) };
}

/** A centre that lost all its particles starts again where the fit is worst. */
function moveToFarthest({ dims, z }: LatentCloud, centres: Float64Array, k: number, squares: Float64Array): void {
  const farthest = squares.reduce((best, square, i) => (square > squares[best] ? i : best), 0);
  for (let d = 0; d < dims; d++) centres[k * dims + d] = z[farthest * dims + d];
  squares[farthest] = 0;
}

function suggestBySilhouette(cloud: LatentCloud, random: Random, progress: Progress): CountSuggestion {
  const sample = sampleOf(cloud, SCORED_PARTICLES, random);
  const most = Math.min(MOST_SUGGESTED, sample.count - 1);
  const scores = [];
  for (let count = 2; count <= most; count++) {
    scores.push({ count, score: silhouette(sample, fitKMeans(sample, count, random, 5).labels, count) });
    progress('number of clusters', count - 1, most - 1);
  }
  const best = scores.reduce((a, b) => (b.score > a.score ? b : a), { count: 1, score: Number.NEGATIVE_INFINITY });
  return { count: best.count, criterion: 'silhouette, highest is best', scores, sampled: sample.count };
}

/**
 * Mean over particles of (b − a) / max(a, b): a is the mean distance to the others of its cluster, b to those of the nearest other
 * one (Rousseeuw 1987). 1: apart; 0: touching. A particle alone in its cluster counts 0. `labels` from 0.
 */
export function silhouette({ count: particles, dims, z }: LatentCloud, labels: ArrayLike<number>, count: number): number {
  const sizes = new Float64Array(count);
  for (let i = 0; i < particles; i++) sizes[labels[i]]++;
  const sums = new Float64Array(count);
  let total = 0;
  for (let i = 0; i < particles; i++) {
    sums.fill(0);
    for (let j = 0; j < particles; j++) sums[labels[j]] += Math.sqrt(squaredDistance(z, i * dims, z, j * dims, dims));
    const own = labels[i];
    if (sizes[own] < 2) continue;
    const within = sums[own] / (sizes[own] - 1);
    let between = Number.POSITIVE_INFINITY;
    for (let k = 0; k < count; k++) if (k !== own && sizes[k] > 0) between = Math.min(between, sums[k] / sizes[k]);
    const larger = Math.max(within, between);
    if (larger > 0 && Number.isFinite(larger)) total += (between - within) / larger;
  }
  return total / particles;
}

function squaredDistance(a: ArrayLike<number>, atA: number, b: ArrayLike<number>, atB: number, dims: number): number {
  let square = 0;
  for (let d = 0; d < dims; d++) {
    const difference = a[atA + d] - b[atB + d];
    square += difference * difference;
  }
  return square;
}
