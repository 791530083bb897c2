// How the particles are spread along a line or path: populations, and −ln density with the bandwidth that blurs it and its counting error.
//
// The latent space is not a reaction coordinate, its scale is the network's choice, and particles may have been selected: −ln density is a
// free energy in kT only as far as equal lengths of the path mean equally much. Features narrower than the bandwidth are not resolved.

import { kernelBandwidth } from '../numerics/kernel-bandwidth.js';
import { alongPath, type Polyline, streamReach } from './along-path.js';
import type { LatentCloud } from './analysis.js';

/** Particles that the kernel must hold before anything is said of the density there: its counting error is then below a third. */
export const LEAST_SUPPORT = 10;
/** Beyond so many bandwidths a Gaussian is nothing. */
const KERNEL_REACH = 6;

export interface PathProfile {
  /** Per vertex of the path: particles nearer to it than to any other vertex, along the path. They add up to `counted`. */
  populations: number[];
  /** Per vertex: −ln of the density along the path, 0 at its highest; in kT where the caveat above allows. Infinite where there is nobody. */
  freeEnergy: Float64Array;
  /** Per vertex: standard error of that from counting, 1/√support. */
  standardError: Float64Array;
  /** Per vertex: effective number of particles in the kernel, (Σ w)²/Σ w² (Kish 1965). Below LEAST_SUPPORT free energy and error mean nothing. */
  support: Float64Array;
  /** Free energy above which so many particles could not support it: what has less support is higher than about this. */
  ceiling: number;
  /** Standard deviation of the Gaussian that the density is blurred with, in latent distance along the path. */
  bandwidth: number;
  /** Latent distance from the path within which particles are counted. */
  reach: number;
  counted: number;
  /** Particles left out: nearest to an end and beyond it, within reach of it. */
  beyond: number;
  /** Particles left out: farther from the path than `reach`. */
  farther: number;
  /** Rising: where along the path each counted particle lies. */
  places: Float64Array;
}

export interface ProfileOptions {
  /** Latent distance; the width of the stream about the path unless given. */
  reach?: number;
  /** Latent distance along the path; unless given that which suits the sample (numerics/kernel-bandwidth.ts). */
  bandwidth?: number;
}

/** Projects every particle within reach onto the path (at least two vertices); the density is a Gaussian kernel estimate, mirrored at both ends. */
export function pathProfile(cloud: LatentCloud, path: Polyline, options: ProfileOptions = {}): PathProfile {
  const { lengths } = path;
  const total = lengths[lengths.length - 1];
  const beside = alongPath(cloud, path);
  const reach = options.reach ?? streamReach(beside);
  const near = beside.places.filter((_, i) => beside.distances[i] <= reach);
  const places = near.filter(place => !Number.isNaN(place)).sort();
  const bandwidth = options.bandwidth ?? kernelBandwidth(places, total);
  const kernels = Array.from(lengths, at => kernelAt(at, places, total, bandwidth));
  const highest = kernels.reduce((most, { sum }) => Math.max(most, sum), 0);
  const support = Float64Array.from(kernels, ({ sum, squares }) => (sum > 0 ? sum ** 2 / squares : 0));
  return {
    populations: nearestVertices(places, lengths),
    freeEnergy: Float64Array.from(kernels, ({ sum }) => (sum > 0 ? Math.log(highest / sum) : Number.POSITIVE_INFINITY)),
    standardError: support.map(value => (value > 0 ? 1 / Math.sqrt(value) : Number.POSITIVE_INFINITY)),
    support,
    // An even density of LEAST_SUPPORT effective particles has a sum of LEAST_SUPPORT/√2: ∫ kernel against ∫ kernel² of the Gaussian.
    ceiling: Math.max(0, Math.log((highest * Math.SQRT2) / LEAST_SUPPORT)),
    bandwidth,
    reach,
    counted: places.length,
    beyond: near.length - places.length,
    farther: cloud.count - near.length,
    places,
  };
}

/** How many of the sorted `places` are nearest to each of the rising `lengths`. */
export function nearestVertices(places: Float64Array, lengths: ArrayLike<number>): number[] {
  const populations = new Array<number>(lengths.length).fill(0);
  let vertex = 0;
  for (const place of places) {
    while (vertex < lengths.length - 1 && place > (lengths[vertex] + lengths[vertex + 1]) / 2) vertex++;
    populations[vertex]++;
  }
  return populations;
}

/**
 * Sum of the kernel's weights, 1 at its middle, and of their squares. Those near an end are mirrored there, or the density would seem
 * to fall towards it; a particle and its image are one witness, so their weights are added before they are squared.
 */
function kernelAt(at: number, places: Float64Array, total: number, width: number): { sum: number; squares: number } {
  const far = KERNEL_REACH * width;
  const weight = (offset: number) => Math.exp(-((offset / width) ** 2) / 2);
  let sum = 0;
  let squares = 0;
  // An image within `far` is that of a particle within `far`.
  for (let i = firstAtLeast(places, at - far); i < places.length && places[i] <= at + far; i++) {
    const place = places[i];
    const one = weight(at - place) + weight(at + place) + weight(2 * total - at - place);
    sum += one;
    squares += one * one;
  }
  return { sum, squares };
}

function firstAtLeast(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
