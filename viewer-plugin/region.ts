// Makes a region of what is selected: a sphere about each atom and each Gaussian, in Å in the frame of the map.
import type { DecodedFrame } from '../protocol/messages.js';

/** Å about an atom: spheres of neighbouring residues close up, and little of what lies beside them is taken in. */
const ATOM_RADIUS_ANGSTROM = 4;
/** A Gaussian's reach in units of its width: 95 % of its profile along a line. */
const GAUSSIAN_SIGMAS = 2;

/**
 * x, y, z, radius of each sphere. `atoms` is 3n, Å; `gaussians` are indices into `neutral`, the molecule at the neutral point: a region is
 * of the resting molecule, whatever point is shown.
 */
export function regionSpheres(atoms: Float32Array, gaussians: readonly number[], neutral: DecodedFrame | null): Float32Array {
  const count = atoms.length / 3;
  const spheres: number[] = [];
  for (let i = 0; i < count; i++) spheres.push(atoms[3 * i], atoms[3 * i + 1], atoms[3 * i + 2], ATOM_RADIUS_ANGSTROM);
  for (const i of neutral ? gaussians : []) {
    const { positions, sigmas } = neutral!;
    spheres.push(positions[3 * i], positions[3 * i + 1], positions[3 * i + 2], GAUSSIAN_SIGMAS * sigmas[i]);
  }
  return Float32Array.from(spheres);
}
