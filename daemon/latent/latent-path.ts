// A path between two latent points, straight or through dense regions, with what the particles say along it: populations and −ln density.

import { evenlyAlong, type Polyline } from './along-path.js';
import type { LatentCloud, Progress } from './analysis.js';
import { densePath } from './dense-path.js';
import { nearestVertices, type PathProfile, type ProfileOptions, pathProfile } from './path-profile.js';

/** dense: through the particles' neighbour graph, so that it never leaves them; line: straight. */
export type PathShape = 'dense' | 'line';

export interface PathOptions extends ProfileOptions {
  shape: PathShape;
  /** dims each. A dense path goes from the particle nearest to `from` to that nearest to `to`. */
  from: readonly number[];
  to: readonly number[];
  /** Points of the path, ends included; at least two. */
  points: number;
}

export interface LatentPath extends PathProfile {
  shape: PathShape;
  dims: number;
  /** points × dims, even along the path. */
  points: Float32Array;
  /** Per point: distance from the start along the path. (`populations` … `support` are per point as well.) */
  lengths: Float64Array;
  /** The same path in finer steps, for drawing and playing it. */
  track: Track;
  /** Of a dense path: the longest link of the chain of neighbours, and the median link anywhere, latent distances; else null. */
  links: { longest: number; median: number } | null;
}

export interface Track extends Polyline {
  /** Per vertex, as in PathProfile. */
  freeEnergy: Float64Array;
  standardError: Float64Array;
  support: Float64Array;
}

/** Steps of the track between two points, so that every point is one of its vertices; and how many vertices it has about. */
const TRACK_VERTICES = 200;

/** Null where no chain of neighbours joins the two ends: what lies between is empty. `from` and `to` must differ. */
export function latentPath(cloud: LatentCloud, options: PathOptions, progress: Progress = () => {}): LatentPath | null {
  const { shape, from, to, points, ...profileOptions } = options;
  const { dims } = cloud;
  const stride = Math.max(1, Math.round(TRACK_VERTICES / (points - 1)));
  const vertices = stride * (points - 1) + 1;
  const dense = shape === 'dense' ? densePath(cloud, from, to, { points: vertices, progress }) : null;
  if (shape === 'dense' && !dense) return null;
  const line = dense ?? evenlyAlong([...from, ...to], 2, dims, vertices);
  progress('profile', 0, 1);
  const profile = pathProfile(cloud, line, profileOptions);
  const { freeEnergy, standardError, support, places } = profile;
  const at = (values: Float64Array) => Float64Array.from({ length: points }, (_, i) => values[i * stride]);
  const lengths = at(line.lengths);
  return {
    ...profile,
    shape,
    dims,
    points: Float32Array.from({ length: points * dims }, (_, i) => line.points[Math.floor(i / dims) * stride * dims + (i % dims)]),
    lengths,
    populations: nearestVertices(places, lengths),
    freeEnergy: at(freeEnergy),
    standardError: at(standardError),
    support: at(support),
    track: { points: line.points, lengths: line.lengths, freeEnergy, standardError, support },
    links: dense && { longest: dense.longestLink, median: dense.medianLink },
  };
}
