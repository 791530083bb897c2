// Which Gaussians belong to a region that a mask or a choice of atoms marks.
import { type DensityMap, valueAt } from '../formats/density-map.js';
import { NearestNeighbours } from '../numerics/nearest-neighbours.js';
import type { GaussianSet } from './gaussian-set.js';

/** N: the mask's value at each Gaussian's centre; 0 outside the mask's box. A mask is 1 inside its region, 0 outside, and may fall softly between. */
export function regionMembership({ count, positions }: GaussianSet, mask: DensityMap): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => valueAt(mask, positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]) ?? 0);
}

/** Atoms that a Gaussian is asked about: some residues' worth, so that one stray atom decides nothing. */
const ATOMS_ASKED = 24;
/** In σ of the Gaussian: one whose nearest atom is further away stands for no atom of the model. */
const FAR_SIGMAS = 4;

/**
 * N: the share of each Gaussian's atoms that are `chosen` (one truth value an atom), among the 24 nearest, each counting exp(−d²/2σ²) with the Gaussian's own σ: how much of what it stands for
 * belongs to the choice. `atoms`: 3n, Å, fitted into the same frame as the Gaussians. 0 where no atom is within 4σ.
 */
export function atomShares({ count, positions, sigmas }: GaussianSet, atoms: Float32Array, chosen: ArrayLike<boolean>): Float32Array {
  const shares = new Float32Array(count);
  const search = new NearestNeighbours(atoms);
  const found = new Int32Array(ATOMS_ASKED);
  const distances = new Float64Array(ATOMS_ASKED);
  for (let i = 0; i < count; i++) {
    const asked = search.nearest(positions[3 * i], positions[3 * i + 1], positions[3 * i + 2], ATOMS_ASKED, found, distances);
    if (asked === 0 || distances[0] > FAR_SIGMAS * sigmas[i]) continue;
    let inside = 0;
    let total = 0;
    for (let k = 0; k < asked; k++) {
      // Relative to the nearest, so that the sum is never nothing.
      const weight = Math.exp((distances[0] ** 2 - distances[k] ** 2) / (2 * sigmas[i] ** 2));
      total += weight;
      if (chosen[found[k]]) inside += weight;
    }
    shares[i] = inside / total;
  }
  return shares;
}

/** Voxels over which a mask made of spheres falls to 0 outside them. */
const SOFT_EDGE_VOXELS = 3;

/**
 * A mask on `grid`: 1 inside any of the spheres (4 numbers each: x y z radius, Å in the map frame), falling as a cosine over three voxels outside, so that no Gaussian
 * stands with half of its neighbours on the other side of a cliff.
 */
export function sphereMask(spheres: ArrayLike<number>, grid: Omit<DensityMap, 'data'>): DensityMap {
  const { size, voxelSizeAngstrom, originAngstrom } = grid;
  const data = new Float32Array(size[0] * size[1] * size[2]);
  const edge = SOFT_EDGE_VOXELS * Math.max(...voxelSizeAngstrom);
  for (let s = 0; s + 3 < spheres.length; s += 4) {
    const radius = spheres[s + 3];
    const [low, high] = [-1, 1].map(side =>
      [0, 1, 2].map(axis => {
        const voxel = (spheres[s + axis] + side * (radius + edge) - originAngstrom[axis]) / voxelSizeAngstrom[axis];
        return Math.min(Math.max(side < 0 ? Math.ceil(voxel) : Math.floor(voxel), side < 0 ? 0 : -1), size[axis] - 1);
      }),
    );
    for (let k = low[2]; k <= high[2]; k++)
      for (let j = low[1]; j <= high[1]; j++)
        for (let i = low[0]; i <= high[0]; i++) {
          const place = [i, j, k].map((index, axis) => originAngstrom[axis] + index * voxelSizeAngstrom[axis] - spheres[s + axis]);
          const beyond = (Math.hypot(...place) - radius) / edge;
          const value = beyond <= 0 ? 1 : beyond >= 1 ? 0 : 0.5 + 0.5 * Math.cos(Math.PI * beyond);
          const at = (k * size[1] + j) * size[0] + i;
          if (value > data[at]) data[at] = value;
        }
  }
  return { ...grid, data };
}
