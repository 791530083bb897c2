// Gaussians as a density map: M(x) = Σ A (2πσ²)^(−3/2) exp(−|x − c|²/2σ²), method.md section 2.
//
// A Gaussian is separable, so each is three short tables and one triple product over its own voxels.
import type { DensityMap } from '../formats/density-map.js';
import type { GaussianSet } from './gaussian-set.js';

/** The mass beyond this many σ along an axis, 6e-7 of the Gaussian, is left out unless asked otherwise. */
const WINDOW_SIGMAS = 5;

export type DensityGrid = Pick<DensityMap, 'size' | 'voxelSizeAngstrom' | 'originAngstrom'>;

/**
 * The density of the set on any grid, in amplitude per Å³, sampled at the voxel centres. The sum over voxels times the voxel
 * volume is the sum of the amplitudes of those inside the box, as long as no σ is below 0.8 voxels (there point
 * sampling is off by up to 2e-5, at 0.5 voxels by up to 4 %). What lies outside the grid, or `windowSigmas` from a Gaussian along an axis, is cut off, never wrapped around.
 */
export function gaussiansToDensity(set: GaussianSet, grid: DensityGrid, windowSigmas = WINDOW_SIGMAS): DensityMap {
  const [nx, ny, nz] = grid.size;
  const data = new Float32Array(nx * ny * nz);
  const [tableX, tableY, tableZ] = grid.size.map(n => new Float64Array(n));
  for (let g = 0; g < set.count; g++) {
    const sigma = set.sigmas[g];
    const amplitude = set.amplitudes[g];
    if (amplitude === 0) continue;
    const [x0, x1] = axisTable(set.positions[3 * g], sigma, grid, 0, tableX, windowSigmas);
    const [y0, y1] = axisTable(set.positions[3 * g + 1], sigma, grid, 1, tableY, windowSigmas);
    const [z0, z1] = axisTable(set.positions[3 * g + 2], sigma, grid, 2, tableZ, windowSigmas);
    for (let z = z0; z <= z1; z++) {
      for (let y = y0; y <= y1; y++) {
        const weight = amplitude * tableZ[z] * tableY[y];
        const row = (z * ny + y) * nx;
        for (let x = x0; x <= x1; x++) data[row + x] += weight * tableX[x];
      }
    }
  }
  return { ...grid, data };
}

/** The normalised one-dimensional Gaussian at the voxels within its window, first to last inclusive (last < first: none). */
export function axisTable(
  centre: number,
  sigma: number,
  grid: DensityGrid,
  axis: number,
  table: Float64Array,
  windowSigmas: number,
): [number, number] {
  const step = grid.voxelSizeAngstrom[axis];
  const position = (centre - grid.originAngstrom[axis]) / step;
  const reach = (windowSigmas * sigma) / step;
  const first = Math.max(0, Math.ceil(position - reach));
  const last = Math.min(table.length - 1, Math.floor(position + reach));
  const norm = 1 / (Math.sqrt(2 * Math.PI) * sigma);
  for (let i = first; i <= last; i++) table[i] = norm * Math.exp(-0.5 * (((i - position) * step) / sigma) ** 2);
  return [first, last];
}
