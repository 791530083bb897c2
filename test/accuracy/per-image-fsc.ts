// CryoBench's measure of a heterogeneous reconstruction: the mean area under the Fourier shell correlation of each particle's own volume with its true one.
//
// Shells as CryoBench draws them (metrics/fsc/utils/volumes.py): shell i holds i − 1 ≤ |k| < i, i = 1 … D/2 − 1, and stands at x = i/D; a leading 1 at x = 0; the area is the
// trapezoid's. Equal volumes give (D/2 − 1)/D, 0.492 at D = 128 and not a half.

import type { DensityMap } from '../../daemon/formats/density-map.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';

/** |FSC| at x = i/D for i = 0 … D/2 − 1 of two cubic maps of D voxels a side, both times `mask`. A shell where a map has no power counts nothing (CryoBench: 1). */
export function cryobenchCurve(volume: DensityMap, truth: DensityMap, mask: DensityMap | null): Float64Array {
  const { correlation } = fourierShellCorrelation(volume, truth, mask, radius => Math.floor(radius) + 1);
  const curve = Float64Array.from(correlation.subarray(0, truth.size[0] / 2), Math.abs);
  curve[0] = 1;
  return curve;
}

/** Area under D/2 values at x = i/D, by trapezoids. */
export function areaUnder(curve: Float64Array): number {
  const step = 1 / (2 * curve.length);
  let area = 0;
  for (let i = 1; i < curve.length; i++) area += (step * (curve[i - 1] + curve[i])) / 2;
  return area;
}

/** The highest area there is in a box of D voxels. */
export function perfectArea(boxSize: number): number {
  return (boxSize / 2 - 1) / boxSize;
}

/** Rows from 0 of the particles that are looked at: every ⌊count/n⌋-th, which may be a few more than n, as in CryoBench. */
export function everyNth(count: number, n: number): Uint32Array {
  const step = Math.max(1, Math.floor(count / n));
  return Uint32Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
}

export interface PerImageScore {
  /** One a particle. */
  areas: Float64Array;
  mean: number;
  /** Of the particles about their mean, as numpy's std. */
  deviation: number;
  median: number;
  /** Mean of the curves, D/2 values. */
  curve: Float64Array;
}

/** Of at least one curve, all of one length. */
export function scoreOf(curves: readonly Float64Array[]): PerImageScore {
  const areas = Float64Array.from(curves, areaUnder);
  const n = areas.length;
  const mean = areas.reduce((sum, area) => sum + area, 0) / n;
  const sorted = areas.toSorted();
  return {
    areas,
    mean,
    deviation: Math.sqrt(areas.reduce((sum, area) => sum + (area - mean) ** 2, 0) / n),
    median: (sorted[Math.floor((n - 1) / 2)] + sorted[Math.floor(n / 2)]) / 2,
    curve: curves[0].map((_, i) => curves.reduce((sum, curve) => sum + curve[i], 0) / n),
  };
}

/**
 * Scores `volumeOf` each of the particles (rows from 0) against `truthOf` it, both of one cubic grid. Volumes are made one at a time; those of equal `truthOf` may be cached by it.
 */
export async function perImageScore(
  particles: Uint32Array,
  volumeOf: (particle: number) => DensityMap | Promise<DensityMap>,
  truthOf: (particle: number) => DensityMap,
  mask: DensityMap | null,
): Promise<PerImageScore> {
  const curves: Float64Array[] = [];
  for (const particle of particles) curves.push(cryobenchCurve(await volumeOf(particle), truthOf(particle), mask));
  return scoreOf(curves);
}
