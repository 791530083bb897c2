// Densities splatted in real space: of the mean over all states, which is what a refinement that ignores the motion would show, and of one state.
//
//   V(r) = Σ w (2πσ²)^(−3/2) exp(−|r − c|² / 2σ²)

import type { DensityMap } from '../daemon/formats/density-map.js';
import { bandLimit } from './band-limit.js';
import { type Conformation, finer, type ImageGeometry } from './projection.js';
import { aboutAxis, rotate, type Vector } from './quaternion.js';
import { applyMove, type MovingMolecule } from './scatterers.js';

const REACH_SIGMAS = 4.5;

/** The rotation centre's world position, Å. */
export function worldCentre(molecule: MovingMolecule, geometry: ImageGeometry): Vector {
  const middle = Math.floor(geometry.boxSize / 2) * geometry.pixelSizeAngstrom;
  return molecule.centreAngstrom ?? [middle, middle, middle];
}

/** Samples data[b³] as a map in the molecule's frame. */
export function mapOf(data: Float32Array, molecule: MovingMolecule, { boxSize, pixelSizeAngstrom }: ImageGeometry): DensityMap {
  const offset = Math.floor(boxSize / 2) * pixelSizeAngstrom;
  const [x, y, z] = worldCentre(molecule, { boxSize, pixelSizeAngstrom });
  return {
    size: [boxSize, boxSize, boxSize],
    voxelSizeAngstrom: [pixelSizeAngstrom, pixelSizeAngstrom, pixelSizeAngstrom],
    originAngstrom: [x - offset, y - offset, z - offset],
    data,
  };
}

/** How a map is drawn. */
export interface MapDrawing {
  /** Times density in mass units; the sum of the map over z is then the projection that drawProjection makes, times this. */
  scale: number;
  /** The map is drawn in so many times finer voxels and Fourier-cropped; default 1. */
  supersampling?: number;
}

/**
 * The mean map over all states. With `foldSymmetry` n > 1 it is also the mean over n turns about z, as a refinement under Cn would give.
 */
export function consensusMap(molecule: MovingMolecule, geometry: ImageGeometry, drawing: MapDrawing, foldSymmetry = 1): DensityMap {
  const { motions, parts } = molecule;
  const moves = motions.map(motion => motion.values.map(value => motion.move(value)));
  const turns = Array.from({ length: foldSymmetry }, (_, k) => aboutAxis([0, 0, 1], (360 * k) / foldSymmetry));
  return drawMap(molecule, geometry, drawing, (r, motion, part) => {
    const places = motion < 0 ? [r] : moves[motion].map(move => applyMove(move, r));
    const share = part < 0 ? 1 : parts[part].occupancy;
    return { places: places.flatMap(place => turns.map(turn => rotate(turn, place))), share };
  });
}

/** The density of one state; of all of it, or of what `chosen` selects by motion (−1: none). */
export function stateMap(
  molecule: MovingMolecule,
  state: Conformation,
  geometry: ImageGeometry,
  drawing: MapDrawing,
  chosen: (motion: number) => boolean = () => true,
): DensityMap {
  const moves = molecule.motions.map((motion, m) => motion.move(motion.values[state.steps[m]]));
  return drawMap(molecule, geometry, drawing, (r, motion, part) => ({
    places: chosen(motion) ? [motion < 0 ? r : applyMove(moves[motion], r)] : [],
    share: part < 0 || state.present[part] ? 1 : 0,
  }));
}

/** `spread` says where a Gaussian at r is, in equal shares, and how much of it there is. */
function drawMap(
  molecule: MovingMolecule,
  geometry: ImageGeometry,
  { scale, supersampling = 1 }: MapDrawing,
  spread: (r: Vector, motion: number, part: number) => { places: Vector[]; share: number },
): DensityMap {
  const { scatterers } = molecule;
  const drawn = finer(geometry, supersampling);
  const fine = new Float64Array(drawn.boxSize ** 3);
  for (let i = 0; i < scatterers.x.length; i++) {
    const { places, share } = spread([scatterers.x[i], scatterers.y[i], scatterers.z[i]], scatterers.motion[i], scatterers.part[i]);
    const weight = (scatterers.weight[i] * share * scale * geometry.pixelSizeAngstrom) / places.length;
    if (weight === 0) continue;
    for (const place of places) splat(place, weight, scatterers.sigmaAngstrom[i], drawn, fine);
  }
  return mapOf(Float32Array.from(bandLimit(fine, drawn.boxSize, 3, supersampling)), molecule, geometry);
}

function splat(r: Vector, weight: number, sigmaAngstrom: number, geometry: ImageGeometry, data: Float64Array): void {
  const { boxSize, pixelSizeAngstrom } = geometry;
  const sigma = sigmaAngstrom / pixelSizeAngstrom;
  const axes = r.map(coordinate => {
    const centre = coordinate / pixelSizeAngstrom + Math.floor(boxSize / 2);
    const first = Math.max(0, Math.ceil(centre - REACH_SIGMAS * sigma));
    const last = Math.min(boxSize - 1, Math.floor(centre + REACH_SIGMAS * sigma));
    const values = Array.from({ length: Math.max(0, last - first + 1) }, (_, k) =>
      Math.exp(-((first + k - centre) ** 2) / (2 * sigma * sigma)),
    );
    return { first, values };
  });
  const peak = weight / ((2 * Math.PI) ** 1.5 * sigmaAngstrom ** 3);
  const [x, y, z] = axes;
  for (let k = 0; k < z.values.length; k++)
    for (let j = 0; j < y.values.length; j++) {
      const value = peak * z.values[k] * y.values[j];
      const row = ((z.first + k) * boxSize + y.first + j) * boxSize + x.first;
      for (let i = 0; i < x.values.length; i++) data[row + i] += value * x.values[i];
    }
}
