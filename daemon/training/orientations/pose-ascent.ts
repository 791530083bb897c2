// The way uphill for one particle's orientation, shift and place in the latent space: quasi-Newton steps (BFGS; Nocedal & Wright, chapter 6) on the group of rotations.

import { inverseRotation, rotationVector, vectorToRotation } from '../../numerics/rotations.js';
import { multiply } from '../../numerics/symmetry.js';

/** How a particle looks at its model: a point c of the model is seen at (A·c)_xy + shift. */
export interface Pose {
  /** 9, row-major A. */
  rotation: Float64Array;
  /** 2, in the unit of the model's coordinates. */
  shift: Float64Array;
  /** Coordinates of the place in the latent space that the model is of (own-models.ts); none where the model is known. */
  place: Float64Array;
}

/** Value at a pose, and its slope along a turn of the model about x, y, z (A·exp(ω), radians), a shift along x, y, and each coordinate of the place. */
export interface PoseValue {
  value: number;
  /** 5 and as many as the place has coordinates. */
  slope: Float64Array;
}

/** Turns and shifts. */
export const RIGID = 5;
/** Share of the promised gain that a step must bring. */
const ENOUGH = 1e-4;
/** A step that fails is tried again shorter, by a factor between these; this often, then the ascent has ended. */
const [LEAST_SHORTENING, MOST_SHORTENING] = [0.1, 0.6];
const MOST_TRIES = 6;

/**
 * One particle's ascent, driven from outside because a whole batch is evaluated at once: `trial` says where, `take` hears what was found there. The best pose
 * is never left for a worse one.
 */
export class PoseAscent {
  readonly best: Pose;
  private found: PoseValue | null = null;
  /** size × size: estimate of minus the inverse Hessian; null before the first curvature has been seen. */
  private inverse: Float64Array | null = null;
  private step: Float64Array;
  private tries = 0;
  private ended = false;

  /**
   * `lengths`: how far a unit of each direction moves the model (a turn by one radian, a unit of shift, of a coordinate of the place), so that all directions are lengths and one
   * step size suits all. `longest`: no step is longer; `shortest`: shorter ones end the ascent; all in the unit of the model's coordinates.
   */
  constructor(
    start: Pose,
    private readonly lengths: Float64Array,
    private readonly longest: number,
    private readonly shortest: number,
  ) {
    this.best = { rotation: start.rotation.slice(), shift: start.shift.slice(), place: start.place.slice() };
    this.step = new Float64Array(lengths.length);
  }

  /** Whether there is nothing left to gain; a trial is then at the best pose. */
  get isOver(): boolean {
    return this.ended;
  }

  /** Where to look next. */
  trial(): Pose {
    if (!this.found || this.ended) return this.best;
    return changedBy(
      this.best,
      this.step.map((length, i) => length / this.lengths[i]),
    );
  }

  /** What was found at the last trial. */
  take({ value, slope }: PoseValue): void {
    if (this.ended) return;
    const uphill = slope.map((s, i) => s / this.lengths[i]);
    if (!this.found) {
      this.found = { value, slope: uphill };
      this.aim(this.longest);
      return;
    }
    const before = this.found;
    const promised = dot(this.step, before.slope);
    const length = Math.hypot(...this.step);
    if (!(value >= before.value + ENOUGH * promised)) {
      // A step too far still tells how the function bends; the parabola through what is known has its top within the step.
      this.learn(uphill);
      const top = promised / (2 * (promised - (value - before.value)));
      this.tries++;
      if (this.tries === MOST_TRIES) this.ended = true;
      else this.aim(length * Math.min(Math.max(top, LEAST_SHORTENING), MOST_SHORTENING));
      return;
    }
    const there = this.trial();
    this.learn(uphill);
    this.best.rotation.set(there.rotation);
    this.best.shift.set(there.shift);
    this.best.place.set(there.place);
    this.found = { value, slope: uphill };
    this.tries = 0;
    this.aim(this.longest);
  }

  /** The curvature along the step just made, into the inverse Hessian. */
  private learn(uphill: Float64Array): void {
    const s = this.step;
    const size = s.length;
    const before = this.found as PoseValue;
    const y = before.slope.map((g, i) => g - uphill[i]);
    const sy = dot(s, y);
    // Only where the function bends downwards along the step does it say anything of a maximum.
    if (!(sy > 1e-10 * Math.hypot(...s) * Math.hypot(...y))) return;
    const h = this.inverse ?? identity(size, sy / dot(y, y));
    const hy = product(h, y);
    const yhy = dot(y, hy);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) h[i * size + j] += ((1 + yhy / sy) * s[i] * s[j] - hy[i] * s[j] - s[i] * hy[j]) / sy;
    this.inverse = h;
  }

  /** The next step, from the slope and the curvature seen so far; no longer than `longest`. */
  private aim(longest: number): void {
    const { slope } = this.found as PoseValue;
    const h = this.inverse;
    this.step = h ? product(h, slope) : slope.slice();
    const length = Math.hypot(...this.step);
    const wanted = h ? Math.min(length, longest) : longest;
    if (!(length > 0) || wanted < this.shortest) {
      this.ended = true;
      return;
    }
    this.step = this.step.map(s => (s * wanted) / length);
  }
}

/** The pose turned about axis `direction` of the model (0 to 2, radians), shifted along x or y (3, 4), or of a model that lies elsewhere (from 5). */
export function movedBy(pose: Pose, direction: number, length: number): Pose {
  return changedBy(
    pose,
    Float64Array.from({ length: RIGID + pose.place.length }, (_, i) => (i === direction ? length : 0)),
  );
}

function changedBy({ rotation, shift, place }: Pose, step: Float64Array): Pose {
  return {
    rotation: multiply(rotation, vectorToRotation([step[0], step[1], step[2]])),
    shift: shift.map((value, k) => value + step[3 + k]),
    place: place.map((value, k) => value + step[RIGID + k]),
  };
}

/** How far a pose is from another: the turn about the model's axes as a rotation vector (radians), then the shift; 5 numbers. */
export function changeOfPose(from: Pose, to: Pose): Float64Array {
  return Float64Array.of(
    ...rotationVector(multiply(inverseRotation(from.rotation), to.rotation)),
    to.shift[0] - from.shift[0],
    to.shift[1] - from.shift[1],
  );
}

/**
 * A value and its slope with a normal prior, less half the squared change in units of the expected errors, times `weight`: of the pose about `centre` (null: it may be any), of the place, which is told in such
 * units, about the middle of the cloud.
 */
export function withPrior(
  { value, slope }: PoseValue,
  pose: Pose,
  centre: Pose,
  expected: { angleRadians: number; shift: number } | null,
  weight: number,
): PoseValue {
  const change = Float64Array.of(...changeOfPose(centre, pose), ...pose.place);
  // The squared angle from the centre grows along the rotation vector itself, by twice its length.
  const perUnit = change.map((_, i) => {
    if (i >= RIGID) return weight;
    return expected ? weight / (i < 3 ? expected.angleRadians : expected.shift) ** 2 : 0;
  });
  return {
    value: value - 0.5 * change.reduce((sum, x, i) => sum + perUnit[i] * x * x, 0),
    slope: slope.map((s, i) => s - perUnit[i] * change[i]),
  };
}

function identity(size: number, scale: number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? scale : 0));
}

/** Of a square matrix and a vector. */
function product(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return vector.map((_, i) => dot(matrix.subarray(i * size, (i + 1) * size), vector));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
