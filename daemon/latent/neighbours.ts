// The particles nearest to a latent point, or to each of several points along a line: whose images show what the Gaussians claim (the paper takes 2,000 a point).

import { KdTree } from '../numerics/k-d-tree.js';
import type { LatentCloud } from './analysis.js';

/** Particles near one point. */
export interface Neighbourhood {
  /** dims. */
  point: Float32Array;
  /** Rows of the cloud, from 0, nearest first. */
  rows: Int32Array;
  /** Latent distances, rising. */
  distances: Float64Array;
}

/** The `most` particles nearest to each point (dims numbers each), all there are where the cloud has fewer. A particle may be near several points. */
export function nearestParticles({ count, dims, z }: LatentCloud, points: readonly ArrayLike<number>[], most: number): Neighbourhood[] {
  const tree = new KdTree(z, count, dims);
  const wanted = Math.min(most, count);
  return points.map(point => {
    const rows = new Int32Array(wanted);
    const distances = new Float64Array(wanted);
    tree.nearest(point, wanted, rows, distances);
    return { point: Float32Array.from(point), rows, distances };
  });
}

/** `steps` points evenly from `start` to `end`, both included; one alone is the middle. */
export function pointsAlongLine(start: ArrayLike<number>, end: ArrayLike<number>, steps: number): Float32Array[] {
  return Array.from({ length: steps }, (_, i) => {
    const t = steps === 1 ? 0.5 : i / (steps - 1);
    return Float32Array.from(start, (value, d) => value + t * (end[d] - value));
  });
}
