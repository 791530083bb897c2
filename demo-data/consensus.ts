// The density of the mean over all states, splatted in real space: what a refinement that ignores the motion would show.
//
//   V(r) = Σ w (2πσ²)^(−3/2) exp(−|r − c|² / 2σ²)

import type { DensityMap } from '../daemon/formats/density-map.js';
import type { ImageGeometry } from './projection.js';
import { aboutAxis, rotate, type Vector } from './quaternion.js';
import { applyMove, type MovingMolecule } from './scatterers.js';

const REACH_SIGMAS = 4.5;

/** The rotation centre's world position, Å. */
export function worldCentre(molecule: MovingMolecule, geometry: ImageGeometry): Vector {
  const middle = Math.floor(geometry.boxSize / 2) * geometry.pixelSizeAngstrom;
  return molecule.centreAngstrom ?? [middle, middle, middle];
}

/**
 * The mean map. Its sum over z is the projection that drawProjection makes, both times `scale`. With `foldSymmetry` n > 1 it is also the mean over
 * n turns about z, as a refinement under Cn would give.
 */
export function consensusMap(molecule: MovingMolecule, geometry: ImageGeometry, scale: number, foldSymmetry = 1): DensityMap {
  const { boxSize, pixelSizeAngstrom } = geometry;
  const data = new Float32Array(boxSize ** 3);
  const { scatterers, motions, parts } = molecule;
  const moves = motions.map(motion => motion.values.map(value => motion.move(value)));
  const turns = Array.from({ length: foldSymmetry }, (_, k) => aboutAxis([0, 0, 1], (360 * k) / foldSymmetry));
  for (let i = 0; i < scatterers.x.length; i++) {
    const r: Vector = [scatterers.x[i], scatterers.y[i], scatterers.z[i]];
    const { motion, part } = { motion: scatterers.motion[i], part: scatterers.part[i] };
    const places = motion < 0 ? [r] : moves[motion].map(move => applyMove(move, r));
    const share = part < 0 ? 1 : parts[part].occupancy;
    const weight = (scatterers.weight[i] * share * scale * pixelSizeAngstrom) / (places.length * turns.length);
    for (const place of places) for (const turn of turns) splat(rotate(turn, place), weight, scatterers.sigmaAngstrom[i], geometry, data);
  }
  const centre = worldCentre(molecule, geometry);
  const offset = Math.floor(boxSize / 2) * pixelSizeAngstrom;
  return {
    size: [boxSize, boxSize, boxSize],
    voxelSizeAngstrom: [pixelSizeAngstrom, pixelSizeAngstrom, pixelSizeAngstrom],
    originAngstrom: [centre[0] - offset, centre[1] - offset, centre[2] - offset],
    data,
  };
}

function splat(r: Vector, weight: number, sigmaAngstrom: number, geometry: ImageGeometry, data: Float32Array): void {
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
