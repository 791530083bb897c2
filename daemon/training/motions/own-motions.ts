// Motions that regions have to themselves, as latent steps, with what they are in Å and degrees: one region's own, and two regions' together and apart (method.md section 5).
import { combineMotions, localEigenmotions, measured } from '../../latent/local-eigenmotion.js';
import { type RegionTurn, turnsOf } from './motion-between.js';
import type { Region } from './region.js';
import type { RunMolecule } from './run-molecule.js';

/** A motion from −step to +step. */
export interface StepMotion {
  /** dims. */
  step: Float32Array;
  /** By region: root mean square displacement of its Gaussians, Å. */
  insideAngstrom: number[];
  /** The same of all that belong to none of the regions. */
  outsideAngstrom: number;
  /** By region, as a rigid movement. */
  turns: RegionTurn[];
}

/** The region's own motions, at most `count`, falling in how well they keep to it; each step is one standard deviation of the particles along it. */
export function ownMotions(molecule: RunMolecule, region: Region, count: number): StepMotion[] {
  return localEigenmotions(molecule.motion, region.membership, count).map(({ step }) => alongStep(molecule, [region], step));
}

/**
 * The first own motions of two regions at once, `together` their sum and `apart` their difference. Signs: in `together` the centres of both regions go the same way (their shifts make an angle below 90°),
 * and in both the first region goes as in its own motion.
 */
export function jointMotions(
  molecule: RunMolecule,
  regions: readonly [Region, Region],
  own: readonly [StepMotion, StepMotion],
): { together: StepMotion; apart: StepMotion } {
  const [first, second] = regions.map(({ membership }, k) => ({ region: membership, step: own[k].step }));
  const { together, apart } = combineMotions(molecule.motion, first, second);
  return { together: alongStep(molecule, regions, together), apart: alongStep(molecule, regions, apart) };
}

function alongStep(molecule: RunMolecule, regions: readonly Region[], step: Float32Array): StepMotion {
  const { decoder, motion } = molecule;
  const [before, after] = [-1, 1].map(sign => decoder.decode(step.map(value => sign * value)));
  // A soft mask may share a Gaussian with another region; what is in any of them is not outside.
  const inAny = Float32Array.from({ length: decoder.count }, (_, i) =>
    Math.min(
      1,
      regions.reduce((sum, { membership }) => sum + membership[i], 0),
    ),
  );
  return {
    step,
    insideAngstrom: regions.map(({ membership }) => measured(motion, membership, step).insideAngstrom),
    outsideAngstrom: measured(motion, inAny, step).outsideAngstrom,
    turns: turnsOf(molecule, before, after, regions),
  };
}
