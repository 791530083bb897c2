// A contour for a map that came without one: the level that best parts its voxels into molecule and surroundings.
import type { DensityMap } from '../formats/density-map.js';

const BINS = 1024;

/**
 * Otsu's threshold (IEEE Trans. SMC 9, 62, 1979): of all levels, the one between whose two sides the variance is largest; absolute, in the map's
 * own values. Always below the highest voxel, so something is seen. A flat map gives its own value.
 */
export function contourLevel(map: DensityMap): number {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = Number.NEGATIVE_INFINITY;
  for (const value of map.data) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (!(highest > lowest)) return highest;
  const width = (highest - lowest) / BINS;
  const counts = new Float64Array(BINS);
  for (const value of map.data) counts[Math.min(BINS - 1, Math.floor((value - lowest) / width))]++;
  const total = map.data.length;
  let sum = 0;
  for (let bin = 0; bin < BINS; bin++) sum += bin * counts[bin];
  let below = 0;
  let sumBelow = 0;
  let best = { bin: 0, variance: -1 };
  for (let bin = 0; bin < BINS - 1; bin++) {
    below += counts[bin];
    sumBelow += bin * counts[bin];
    if (below === 0 || below === total) continue;
    const difference = sumBelow / below - (sum - sumBelow) / (total - below);
    const variance = below * (total - below) * difference ** 2;
    if (variance > best.variance) best = { bin, variance };
  }
  return lowest + (best.bin + 1) * width;
}
