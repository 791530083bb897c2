// What all clusterings share: a sample to score numbers of clusters on, and clusters numbered from 1 by falling size.
import { Random } from '../numerics/random.js';
import type { Clustering, ClusteringOptions, CountSuggestion, LatentCloud, Progress } from './analysis.js';

/** Numbers of clusters that are tried for a suggestion; more are seldom read by a person. */
export const MOST_SUGGESTED = 12;

/** What one way of clustering adds to `clusterBy`. */
export interface ClusteringSteps {
  suggest(cloud: LatentCloud, random: Random, progress: Progress): CountSuggestion;
  /** Labels from 0 for `count` clusters, of which some may be empty. `asked`: whether the count was given. */
  fit(cloud: LatentCloud, count: number, asked: boolean, random: Random, progress: Progress): Int32Array;
}

/** Suggests a number of clusters, sorts the particles into that many or as many as were asked for, and numbers them by size. */
export function clusterBy(
  { suggest, fit }: ClusteringSteps,
  cloud: LatentCloud,
  options: ClusteringOptions,
  progress: Progress,
): Clustering {
  const random = new Random(options.seed);
  const suggestion = suggest(cloud, random, progress);
  const count = options.count ?? suggestion.count;
  requireEnough(cloud, count);
  return numberedBySize(cloud, fit(cloud, count, options.count !== null, random, progress), count, suggestion);
}

/** `most` particles drawn without replacement, or the cloud itself where it has no more. */
export function sampleOf(cloud: LatentCloud, most: number, random: Random): LatentCloud {
  const { count, dims, z } = cloud;
  if (count <= most) return cloud;
  const order = random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
  const sample: LatentCloud = { count: most, dims, z: new Float32Array(most * dims) };
  for (let i = 0; i < most; i++) sample.z.set(z.subarray(order[i] * dims, (order[i] + 1) * dims), i * dims);
  return sample;
}

/** Labels from 0 in any order → the finished clustering. `count`: how many were asked for; empty ones come last. */
export function numberedBySize(
  { count: particles, dims, z }: LatentCloud,
  raw: Int32Array,
  count: number,
  suggestion: CountSuggestion,
): Clustering {
  const rawSizes = new Float64Array(count);
  for (const label of raw) rawSizes[label]++;
  const order = Array.from({ length: count }, (_, k) => k).sort((a, b) => rawSizes[b] - rawSizes[a] || a - b);
  const place = new Int32Array(count);
  order.forEach((old, rank) => {
    place[old] = rank;
  });
  const sizes = order.map(old => rawSizes[old]);
  const sums = new Float64Array(count * dims);
  for (let i = 0; i < particles; i++) for (let d = 0; d < dims; d++) sums[place[raw[i]] * dims + d] += z[i * dims + d];
  return {
    count,
    labels: Uint32Array.from(raw, label => place[label] + 1),
    sizes,
    centres: Float32Array.from(sums, (sum, i) => sum / Math.max(1, sizes[Math.floor(i / dims)])),
    suggestion,
  };
}

export function requireEnough(cloud: LatentCloud, count: number): void {
  if (!(count >= 1 && count <= cloud.count)) throw new RangeError(`${count} clusters of ${cloud.count} particles`);
}
