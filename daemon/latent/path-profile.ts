// How the particles are spread along a line or path: populations, and −ln density with the bandwidth that blurs it and its counting error.
//
// The latent space is not a reaction coordinate, its scale is the network's choice, and particles may have been selected: −ln density is a
// free energy in kT only as far as equal lengths of the path mean equally much. Features narrower than the bandwidth are not resolved.
import type { LatentCloud } from './analysis.js';
import { cumulativeLengths } from './dense-path.js';

export interface PathProfile {
  /** Per vertex of the path: latent distance from its start. */
  lengths: Float64Array;
  /** Per vertex: particles nearer to it than to any other vertex, along the path. They add up to `counted`. */
  populations: number[];
  /** Per vertex: −ln of the density along the path, 0 at its highest; in kT where the caveat above allows. Infinite where there is nobody. */
  freeEnergy: Float64Array;
  /** Per vertex: standard error of that from counting; large where particles are few. */
  standardError: Float64Array;
  /** Standard deviation of the Gaussian that the density is blurred with, in latent distance along the path. */
  bandwidth: number;
  counted: number;
  /** Particles left out: before the path's start, behind its end, or farther from it than `reach`. */
  leftOut: number;
}

/** ∫ kernel² of the unit Gaussian: 1 / (2√π). */
const KERNEL_ROUGHNESS = 1 / (2 * Math.sqrt(Math.PI));

/**
 * Projects every particle within `reach` (latent distance) of the path (vertices × dims, at least two) onto its nearest segment. The
 * density is a Gaussian kernel estimate, mirrored at both ends, with `bandwidth` or else Silverman's rule, 0.9 min(sd, IQR/1.34) n^(−1/5).
 */
export function pathProfile(
  cloud: LatentCloud,
  path: ArrayLike<number>,
  vertices: number,
  { reach = Number.POSITIVE_INFINITY, bandwidth }: { reach?: number; bandwidth?: number } = {},
): PathProfile {
  const lengths = cumulativeLengths(path, vertices, cloud.dims);
  const total = lengths[vertices - 1];
  const places = placesAlong(cloud, path, lengths, reach).sort();
  const width = bandwidth ?? silverman(places, total);
  const density = Float64Array.from(lengths, at => densityAt(at, places, total, width));
  const highest = density.reduce((a, b) => Math.max(a, b), 0);
  const populations = new Array<number>(vertices).fill(0);
  let vertex = 0;
  for (const place of places) {
    while (vertex < vertices - 1 && place > (lengths[vertex] + lengths[vertex + 1]) / 2) vertex++;
    populations[vertex]++;
  }
  return {
    lengths,
    populations,
    freeEnergy: density.map(value => (value > 0 ? Math.log(highest / value) : Number.POSITIVE_INFINITY)),
    standardError: density.map(value =>
      value > 0 ? Math.sqrt(KERNEL_ROUGHNESS / (places.length * width * value)) : Number.POSITIVE_INFINITY,
    ),
    bandwidth: width,
    counted: places.length,
    leftOut: cloud.count - places.length,
  };
}

/** Distance along the path of each particle that has its nearest point on it, within reach. */
function placesAlong({ count, dims, z }: LatentCloud, path: ArrayLike<number>, lengths: Float64Array, reach: number): Float64Array {
  const places: number[] = [];
  const segments = lengths.length - 1;
  for (let i = 0; i < count; i++) {
    let nearest = reach * reach;
    let place = Number.NaN;
    for (let s = 0; s < segments; s++) {
      const length = lengths[s + 1] - lengths[s];
      if (length === 0) continue;
      let along = 0;
      for (let d = 0; d < dims; d++) along += (z[i * dims + d] - path[s * dims + d]) * (path[(s + 1) * dims + d] - path[s * dims + d]);
      along /= length * length;
      const t = Math.min(1, Math.max(0, along));
      let square = 0;
      for (let d = 0; d < dims; d++)
        square += (path[s * dims + d] + t * (path[(s + 1) * dims + d] - path[s * dims + d]) - z[i * dims + d]) ** 2;
      if (square > nearest) continue;
      nearest = square;
      const isBeyond = (s === 0 && along < 0) || (s === segments - 1 && along > 1);
      place = isBeyond ? Number.NaN : lengths[s] + t * length;
    }
    if (!Number.isNaN(place)) places.push(place);
  }
  return Float64Array.from(places);
}

/** `places`: sorted. */
function silverman(places: Float64Array, total: number): number {
  const n = places.length;
  if (n < 2) return total;
  const mean = places.reduce((sum, place) => sum + place, 0) / n;
  const deviation = Math.sqrt(places.reduce((sum, place) => sum + (place - mean) ** 2, 0) / (n - 1));
  const quartiles = places[Math.floor(0.75 * (n - 1))] - places[Math.floor(0.25 * (n - 1))];
  const spread = quartiles > 0 ? Math.min(deviation, quartiles / 1.34) : deviation;
  return spread > 0 ? 0.9 * spread * n ** -0.2 : total;
}

/** Particles per latent distance over all counted ones; those near an end are mirrored there, or the density would seem to fall towards it. */
function densityAt(at: number, places: Float64Array, total: number, width: number): number {
  let sum = 0;
  for (const place of places) for (const image of [place, -place, 2 * total - place]) sum += Math.exp(-(((at - image) / width) ** 2) / 2);
  return places.length > 0 ? sum / (places.length * width * Math.sqrt(2 * Math.PI)) : 0;
}
