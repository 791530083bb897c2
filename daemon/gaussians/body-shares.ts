// To which of several bodies of a model each voxel of a map belongs: the share that the body's Gaussians have in the density there.
import { NearestNeighbours } from '../numerics/nearest-neighbours.js';
import type { GaussianSet } from './gaussian-set.js';
import type { DensityGrid } from './to-density.js';

/** Gaussians looked at round a voxel: the others are fainter there. */
const NEIGHBOURS = 16;

/**
 * One array a body, on the grid: 0 to 1, at every voxel 1 in sum, where Gaussians are far too (there the nearest ones decide). `bodyOf`: body of each Gaussian of `set`, from 0.
 */
export function bodyShares(set: GaussianSet, bodyOf: Uint8Array, bodies: number, grid: DensityGrid): Float32Array[] {
  const [nx, ny, nz] = grid.size;
  const shares = Array.from({ length: bodies }, () => new Float32Array(nx * ny * nz));
  const search = new NearestNeighbours(set.positions);
  const near = new Int32Array(NEIGHBOURS);
  const distances = new Float64Array(NEIGHBOURS);
  const exponents = new Float64Array(NEIGHBOURS);
  const [ox, oy, oz] = grid.originAngstrom;
  const [sx, sy, sz] = grid.voxelSizeAngstrom;
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        const found = search.nearest(ox + x * sx, oy + y * sy, oz + z * sz, NEIGHBOURS, near, distances);
        let highest = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < found; j++) {
          const g = near[j];
          exponents[j] = Math.log((set.amplitudes[g] + 1e-9) / set.sigmas[g] ** 3) - (distances[j] / set.sigmas[g]) ** 2 / 2;
          if (exponents[j] > highest) highest = exponents[j];
        }
        let total = 0;
        for (let j = 0; j < found; j++) total += Math.exp(exponents[j] - highest);
        for (let j = 0; j < found; j++) shares[bodyOf[near[j]]][i] += Math.exp(exponents[j] - highest) / total;
      }
    }
  }
  return shares;
}
