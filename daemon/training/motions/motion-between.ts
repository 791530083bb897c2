// How far a molecule and its regions go between two latent points: displacement, turn, axis and shift in Å and degrees, with the disagreement of both halves as their error.
//
// Errors: each half's model has half of the particles, so its squared error is about twice that of the run's, and the squared difference of two such twice that again. Half of the
// halves' difference is therefore the run's own standard error.
import type { GaussianSet } from '../../gaussians/gaussian-set.js';
import { type RigidMotion, rigidMotion, screwAxis } from '../../numerics/rigid-motion.js';
import { rotationVector, vectorToRotation } from '../../numerics/rotations.js';
import { moved, type Superposition } from '../../numerics/superposition.js';
import type { Region } from './region.js';
import { registeredMotions } from './registered-motions.js';
import type { RunMolecule } from './run-molecule.js';

/** A region's motion as that of a rigid body, and what it is not; null: not known, for want of halves. */
export interface RegionTurn {
  region: string;
  /** In [0, 180], right-handed about `axis`. */
  angleDegrees: number;
  /** Unit vector. */
  axis: [number, number, number];
  /** A point of the screw axis, Å in the map frame, the one beside the region; null where hardly anything turns. */
  axisPoint: [number, number, number] | null;
  /** How far the region's centre goes, Å. */
  shiftAngstrom: [number, number, number];
  /** Root mean square of what turn and shift leave unexplained of where its places go, Å. */
  residualAngstrom: number;
  /** Root mean square displacement of the region, Å. */
  rmsAngstrom: number;
  /** Half of the root mean square difference of the two halves' displacements in the region, Å. */
  errorAngstrom: number | null;
  /** Half of the angle that takes one half's turn to the other's: it counts a difference of axes as well as of angles. */
  angleErrorDegrees: number | null;
  /** The turn by either half's model, as the region's places say, which tell a little less than the density does. */
  halvesDegrees: [number, number] | null;
}

export interface MotionBetween {
  /** dims each. */
  from: Float32Array;
  to: Float32Array;
  /** Of all Gaussians, by their amplitudes; Å. */
  rmsAngstrom: number;
  errorAngstrom: number | null;
  /** N, Å: half of the halves' disagreement on each Gaussian's displacement. */
  gaussianErrors: Float32Array | null;
  regions: RegionTurn[];
}

/** From latent point `from` to `to`. `withHalves`: errors as well, where halves are there. Throws InputError where they are, but of other particles. */
export function motionBetween(
  molecule: RunMolecule,
  from: ArrayLike<number>,
  to: ArrayLike<number>,
  regions: readonly Region[],
  withHalves = true,
): MotionBetween {
  const { decoder, neutral } = molecule;
  const [before, after] = [decoder.decode(from), decoder.decode(to)];
  const halves = withHalves ? molecule.halves() : null;
  const whole = halves?.between(from, to, before.positions).disagreementAngstrom.map(value => value / 2) ?? null;
  return {
    from: Float32Array.from(from),
    to: Float32Array.from(to),
    rmsAngstrom: rmsDistance(before.positions, after.positions, neutral.amplitudes),
    errorAngstrom: whole && rms(whole, neutral.amplitudes),
    gaussianErrors: whole,
    regions: turnsOf(molecule, before, after, regions).map((turn, k) => {
      if (!halves) return turn;
      const { weights, placesIn } = regions[k];
      const places = placesIn(before);
      const { displacements, disagreementAngstrom } = halves.between(from, to, places);
      const turns = displacements.map(d =>
        rigidMotion(
          places,
          d.map((value, i) => places[i] + value),
          weights,
        ),
      );
      return {
        ...turn,
        errorAngstrom: rms(disagreementAngstrom, weights) / 2,
        angleErrorDegrees: degreesBetween(turns[0], turns[1]) / 2,
        halvesDegrees: [turns[0].angleDegrees, turns[1].angleDegrees],
      };
    }),
  };
}

/** How each region goes from one state of the molecule to another, by its density, or where it is small by its places; without errors. */
export function turnsOf(
  { decoder: { frame } }: RunMolecule,
  before: GaussianSet,
  after: GaussianSet,
  regions: readonly Region[],
): RegionTurn[] {
  const registered = registeredMotions(before, after, regions, frame);
  return regions.map(({ name, weights, placesIn }, k) => {
    const places = [placesIn(before), placesIn(after)];
    const paths = rigidMotion(places[0], places[1], weights);
    const motion = registered[k];
    const rigid = motion ? ofPlaces(motion, paths, places[0], places[1], weights) : paths;
    return {
      region: name,
      angleDegrees: rigid.angleDegrees,
      axis: rigid.axis,
      axisPoint: screwAxis(rigid)?.point ?? null,
      shiftAngstrom: rigid.shift,
      residualAngstrom: rigid.residual,
      rmsAngstrom: rmsDistance(places[0], places[1], weights),
      errorAngstrom: null,
      angleErrorDegrees: null,
      halvesDegrees: null,
    };
  });
}

/** A motion of the whole region, told of its places (3n, Å). */
function ofPlaces(
  motion: Superposition,
  { centre }: RigidMotion,
  before: Float32Array,
  after: Float32Array,
  weights: Float32Array,
): RigidMotion {
  const turn = rotationVector(motion.rotation);
  const radians = Math.hypot(...turn);
  const goal = moved(motion, centre, 0);
  const carried = before.slice();
  for (let i = 0; i < carried.length; i += 3) carried.set(moved(motion, before, i), i);
  return {
    angleDegrees: (radians * 180) / Math.PI,
    axis: radians > 0 ? (turn.map(value => value / radians) as [number, number, number]) : [0, 0, 1],
    centre,
    shift: goal.map((value, k) => value - centre[k]) as [number, number, number],
    residual: rmsDistance(carried, after, weights),
  };
}

/** Angle of the rotation from one turn to another, by the Frobenius norm of their difference, 2√2 sin(angle/2). */
function degreesBetween(a: RigidMotion, b: RigidMotion): number {
  const [ra, rb] = [a, b].map(({ axis, angleDegrees }) =>
    vectorToRotation(axis.map(value => (value * angleDegrees * Math.PI) / 180) as [number, number, number]),
  );
  const norm = Math.hypot(...ra.map((value, i) => value - rb[i]));
  return (2 * Math.asin(Math.min(1, norm / Math.sqrt(8))) * 180) / Math.PI;
}

function rmsDistance(a: Float32Array, b: Float32Array, weights: ArrayLike<number>): number {
  const distances = Float32Array.from({ length: weights.length }, (_, i) =>
    Math.hypot(b[3 * i] - a[3 * i], b[3 * i + 1] - a[3 * i + 1], b[3 * i + 2] - a[3 * i + 2]),
  );
  return rms(distances, weights);
}

/** Weighted root mean square. */
function rms(values: ArrayLike<number>, weights: ArrayLike<number>): number {
  let squares = 0;
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    squares += weights[i] * values[i] ** 2;
    total += weights[i];
  }
  return Math.sqrt(squares / total);
}
