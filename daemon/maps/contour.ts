// The contour at which a consensus map is first shown: absolute, in the map's own values.
import type { DensityMap } from '../formats/density-map.js';

/**
 * A level that encloses the molecule: half-way between the mean of the voxels below it and the mean of those above it (Ridler
 * & Calvard, IEEE Trans. SMC 8, 630, 1978), where the blurred edge of a solid body lies; but never within three standard
 * deviations of the background, so that noise shows no islands. Background is what lies outside the sphere that fits the box;
 * where density fills the corners too, and nothing rises above such a background, it is left out. The rule commutes with
 * scaling and shifting the map's values.
 */
export function consensusContour(map: DensityMap): number {
  const [nx, ny, nz] = map.size;
  let outside = 0;
  let mean = 0;
  let squares = 0;
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const yz = ((2 * y) / ny - 1) ** 2 + ((2 * z) / nz - 1) ** 2;
      for (let x = 0; x < nx; x++, i++) {
        if (yz + ((2 * x) / nx - 1) ** 2 < 1) continue;
        const delta = map.data[i] - mean;
        mean += delta / ++outside;
        squares += delta * (map.data[i] - mean);
      }
    }
  }
  const noise = mean + 3 * Math.sqrt(squares / Math.max(1, outside - 1));
  const floor = map.data.some(value => value > noise) ? noise : Number.NEGATIVE_INFINITY;
  let level = Math.max(floor, map.data.reduce((sum, value) => sum + value, 0) / map.data.length);
  for (let round = 0; round < 100; round++) {
    let above = 0;
    let sumAbove = 0;
    let sumBelow = 0;
    for (let i = 0; i < map.data.length; i++) {
      const value = map.data[i];
      if (value > level) {
        above++;
        sumAbove += value;
      } else sumBelow += value;
    }
    if (above === 0 || above === map.data.length) break;
    const next = Math.max(floor, (sumAbove / above + sumBelow / (map.data.length - above)) / 2);
    const settled = Math.abs(next - level) <= 1e-6 * Math.abs(sumAbove / above - level);
    level = next;
    if (settled) break;
  }
  return level;
}
