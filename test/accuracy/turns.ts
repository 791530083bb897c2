// By how much a piece of a run's model turns between two points of its latent space, as least-squares rigid motions.

import type { DensityMap } from '../../daemon/formats/density-map.js';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { regionMembership } from '../../daemon/gaussians/region.js';
import { AtomMotion } from '../../daemon/models/atom-motion.js';
import type { AtomicModel } from '../../daemon/models/read-model.js';
import { type RigidMotion, rigidMotion } from '../../daemon/numerics/rigid-motion.js';

/** How the Gaussians whose neutral place is inside the mask turn from one state of the model to another; each counts by its membership and mass. */
export function turnInside(mask: DensityMap, neutral: GaussianSet, from: GaussianSet, to: GaussianSet): RigidMotion {
  const weights = regionMembership(neutral, mask).map((membership, i) => membership * neutral.amplitudes[i]);
  return rigidMotion(from.positions, to.positions, weights);
}

/** Mean amplitude of the Gaussians whose neutral place is inside the mask, each counting by its membership. */
export function amplitudeInside(mask: DensityMap, neutral: GaussianSet, state: GaussianSet): number {
  const weights = regionMembership(neutral, mask);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.reduce((sum, weight, i) => sum + weight * state.amplitudes[i], 0) / total;
}

/** Rows of the model's atoms in residues `first` to `last` of a chain, as its authors count. */
export function atomsOf({ authChains, residueNumbers }: AtomicModel, chain: string, first: number, last: number): number[] {
  return [...residueNumbers.keys()].filter(i => authChains[i] === chain && residueNumbers[i] >= first && residueNumbers[i] <= last);
}

/** How the atoms in rows `chosen` turn when they follow the Gaussians from one state of the model to another, all atoms alike. `movable`: as AtomMotion takes it. */
export function turnOfAtoms(
  { positions }: Pick<AtomicModel, 'positions'>,
  chosen: readonly number[],
  neutral: GaussianSet,
  from: GaussianSet,
  to: GaussianSet,
  movable: ArrayLike<number> | null = null,
): RigidMotion {
  const places = Float32Array.from(chosen.flatMap(i => [...positions.subarray(3 * i, 3 * i + 3)]));
  const motion = new AtomMotion(places, neutral, { movable });
  return rigidMotion(motion.move(from), motion.move(to), new Float32Array(chosen.length).fill(1));
}

/** The turn about `axis` in degrees, counted positive along it: so that turns there and back differ. */
export function signedAngle({ angleDegrees, axis: found }: RigidMotion, axis: ArrayLike<number>): number {
  return angleDegrees * Math.sign(found[0] * axis[0] + found[1] * axis[1] + found[2] * axis[2]);
}
