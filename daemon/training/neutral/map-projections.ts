// A density map as what the neutral model is compared with: its projections, places for Gaussians by its volume, a mask that bounds them.

import { type DensityMap, valueAt } from '../../formats/density-map.js';
import { InputError } from '../../formats/input-error.js';
import { logitsToRow, type ModelFrame, toWorld } from '../../gaussians/model-frame.js';
import { gaussiansToDensity } from '../../gaussians/to-density.js';
import { fourierShellCorrelation } from '../../maps/fsc.js';
import { MapProjector } from '../../maps/project-map.js';
import type { Random } from '../../numerics/random.js';
import { eulerToMatrix } from '../../numerics/rotations.js';
import type { ProjectionSource } from './neutral-model.js';

export interface Consensus {
  /** For people: the file, or what it was made of. */
  name: string;
  map: DensityMap;
  /** On the map's grid; null: none. */
  mask: DensityMap | null;
  /** The level that encloses the molecule, in the map's values. */
  contour: number;
  /** By shell of the map from 0: the correlation that its noise leaves to a perfect model. */
  ceiling: Float64Array;
  /** World position of the particles' rotation centre, Å. */
  centreAngstrom: readonly [number, number, number];
}

/** Levels over the contour: below the first no Gaussian is placed, from the second on a voxel counts in full. */
const FAINTEST = 0.1;
const FULL = 0.5;
/** Share of the voxels above the contour that are less dense than what counts as whole. */
const DENSE = 0.9;

/**
 * `boxAngstrom`: side of the particles' box. With a mask it is the masked map that is projected: what Gaussians cannot reach must not pull at
 * them. Throws InputError where nothing of the map is above its contour.
 */
export function mapProjections(consensus: Consensus, boxAngstrom: number): ProjectionSource {
  const { name, map, mask, contour, ceiling, centreAngstrom } = consensus;
  const seen = mask ? { ...map, data: map.data.map((value, i) => value * mask.data[i]) } : map;
  const projector = new MapProjector(seen, { boxLengthAngstrom: boxAngstrom });
  const world = (x: number, axis: number) => x * boxAngstrom + centreAngstrom[axis];
  // By volume, not by mass: what few particles have is faint in the consensus and wants as many Gaussians as what all have.
  const [floor, whole] = [FAINTEST * contour, FULL * contour];
  const cumulative = new Float64Array(seen.data.length);
  let total = 0;
  for (let i = 0; i < cumulative.length; i++) cumulative[i] = total += Math.max(Math.min(seen.data[i], whole) - floor, 0);
  if (!(total > 0)) throw new InputError(`${name}: no voxel is above ${floor}; check the map's sign and contour, and the mask`);
  const [nx, ny] = map.size;
  const above = seen.data.filter(value => value > contour).sort();
  const dense = above[Math.floor(DENSE * above.length)] ?? contour;
  return {
    ceiling,
    shellCorrelation: (logits, referenceSigmaAngstrom) =>
      shellCorrelation(consensus, logits, { boxAngstrom, centreAngstrom, referenceSigmaAngstrom }),
    inside: (x, y, z) => mask === null || (valueAt(mask, world(x, 0), world(y, 1), world(z, 2)) ?? 0) >= 0.5,
    density: (x, y, z) => Math.min(Math.max((valueAt(seen, world(x, 0), world(y, 1), world(z, 2)) ?? 0) / dense, 0), 1),
    seed: random => {
      const voxel = search(cumulative, random.uniform() * total);
      const index = [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))];
      return index.map((i, axis) => {
        const place = map.originAngstrom[axis] + (i + random.uniform() - 0.5) * map.voxelSizeAngstrom[axis];
        return Math.min(Math.max((place - centreAngstrom[axis]) / boxAngstrom, -0.49), 0.49);
      }) as [number, number, number];
    },
    draw: (rows, geometry, random, images, rotations) => {
      for (let r = 0; r < rows; r++) {
        randomOrientation(random, rotations, 9 * r);
        projector.projectToRings(rotations, geometry, images, r * 2 * geometry.planeSize, 9 * r);
      }
    },
  };
}

/** Fourier shell correlation of the Gaussians' density with the map on its own grid, by shell from 0; both masked where there is a mask. */
export function shellCorrelation({ map, mask }: Pick<Consensus, 'map' | 'mask'>, logits: Float32Array, frame: ModelFrame): Float64Array {
  const density = gaussiansToDensity(toWorld(logitsToRow(logits), frame), map);
  return fourierShellCorrelation(density, map, mask).correlation;
}

/** World position of voxel b//2, about which particles rotate (method.md section 1). */
export function rotationCentre(map: DensityMap): [number, number, number] {
  return [0, 1, 2].map(axis => map.originAngstrom[axis] + Math.floor(map.size[axis] / 2) * map.voxelSizeAngstrom[axis]) as [
    number,
    number,
    number,
  ];
}

/** Å³ above the contour, inside the mask. */
export function moleculeVolume({ map, mask, contour }: Pick<Consensus, 'map' | 'mask' | 'contour'>): number {
  const voxels = map.data.reduce((count, value, i) => count + (value > contour && (!mask || mask.data[i] >= 0.5) ? 1 : 0), 0);
  return voxels * map.voxelSizeAngstrom[0] * map.voxelSizeAngstrom[1] * map.voxelSizeAngstrom[2];
}

function randomOrientation(random: Random, out: Float32Array, offset: number): void {
  const tilt = (Math.acos(2 * random.uniform() - 1) * 180) / Math.PI;
  eulerToMatrix(360 * random.uniform(), tilt, 360 * random.uniform(), out, offset);
}

/** First index whose cumulative value exceeds x. */
function search(cumulative: Float64Array, x: number): number {
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
