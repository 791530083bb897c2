// How much data stands behind a latent point: its nearest particle, and the number of particles within the distance at which a typical particle has its share of neighbours.
import type { LatentCloud } from './latent-basis.js';

export interface Support {
  /** Index (0-based) into the cloud of the nearest particle, −1 in an empty cloud. */
  nearest: number;
  /** Distance to it in latent units. */
  distance: number;
  /** Particles within `SupportScale.radius`. */
  near: number;
}

export interface SupportScale {
  /** Latent units. */
  radius: number;
  /** Particles within `radius` of a typical particle, itself not counted. */
  typical: number;
}

const PROBES = 48;
const MOST_COMPARED = 20_000;

/**
 * The radius within which the median particle has `typical` neighbours: 2 % of the particles, at least 5 and at most 500.
 * Measured on PROBES particles spread evenly over the rows against at most MOST_COMPARED others, so that a new epoch of a large set
 * does not halt the page.
 */
export function supportScale(cloud: LatentCloud): SupportScale {
  const { count, dims, z } = cloud;
  if (count < 2) return { radius: 0, typical: 0 };
  const typical = Math.max(1, Math.min(count - 1, 500, Math.max(5, Math.round(0.02 * count))));
  const stride = Math.ceil(count / MOST_COMPARED);
  const probes = Math.min(PROBES, count);
  const kth = new Float64Array(probes);
  const squares = new Float32Array(Math.ceil(count / stride));
  for (let k = 0; k < probes; k++) {
    const probe = Math.floor(((k + 0.5) * count) / probes);
    for (let p = 0, at = 0; p < count; p += stride, at++) {
      let sum = 0;
      for (let i = 0; i < dims; i++) sum += (z[p * dims + i] - z[probe * dims + i]) ** 2;
      squares[at] = sum;
    }
    kth[k] = Math.sqrt(kthSmallest(squares, Math.max(1, Math.round(typical / stride))));
  }
  kth.sort();
  return { radius: kth[probes >> 1], typical };
}

export function supportAt(cloud: LatentCloud, scale: SupportScale, point: ArrayLike<number>): Support {
  const { count, dims, z } = cloud;
  const reach = scale.radius * scale.radius;
  let nearest = -1;
  let least = Infinity;
  let near = 0;
  for (let p = 0; p < count; p++) {
    let sum = 0;
    for (let i = 0; i < dims; i++) sum += (z[p * dims + i] - point[i]) ** 2;
    if (sum <= reach) near++;
    if (sum < least) {
      least = sum;
      nearest = p;
    }
  }
  return { nearest, distance: Math.sqrt(least), near };
}

/** The value that k others are smaller than (or equal to), found by histogram refinement in a few passes without sorting. */
function kthSmallest(values: Float32Array, k: number): number {
  let low = 0;
  let high = 0;
  for (const value of values) if (value > high) high = value;
  const bins = new Uint32Array(256);
  for (let pass = 0; pass < 4 && high > low; pass++) {
    bins.fill(0);
    const width = (high - low) / 256;
    let below = 0;
    for (const value of values) {
      if (value < low) below++;
      else if (value <= high) bins[Math.min(255, Math.floor((value - low) / width))]++;
    }
    let bin = 0;
    while (bin < 255 && below + bins[bin] <= k) below += bins[bin++];
    high = low + (bin + 1) * width;
    low = low + bin * width;
  }
  return high;
}
