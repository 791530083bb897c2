// Localised eigenmotions: latent directions along which a region moves most and all else least (method.md section 5).
//
// The top generalised eigenvectors of (JᵀWJ inside, JᵀWJ outside + ridge): J is how the positions change with z, W the Gaussians' weights.
import { generalisedEigen } from '../numerics/linear-algebra.js';

/** Ridge over the mean square of the motion inside: below a 30th of the region's own motion, less outside earns nothing more. */
const RIDGE = 1e-3;

export interface MolecularMotion {
  /** Positions of the N Gaussians at a latent point: 3N, x0 y0 z0 x1 …, Å. The array must not be used again by the next call. */
  decode: (z: Float32Array) => Float32Array;
  /** dims; the point that all motions pass through (the neutral point is zero). */
  origin: ArrayLike<number>;
  /**
   * dims × dims, a row per axis: one standard deviation of the particles along it. J is taken by central differences over these, the
   * particles' own spread, so that directions are compared by what the particles really do and not by the network's scale.
   */
  spread: ArrayLike<number>;
  /** N; how much each Gaussian counts: its amplitude. */
  weights: ArrayLike<number>;
}

export interface LocalMotion {
  /** dims; from the origin to one standard deviation of the particles along this motion: the motion runs from −step to +step. */
  step: Float32Array;
  /** Root mean square displacement of the region's Gaussians from −step to +step, as decoded, Å. */
  insideAngstrom: number;
  /** The same of all others. */
  outsideAngstrom: number;
}

/** `region`: N, in [0, 1], how far each Gaussian belongs to it. Motions fall in how well they keep to the region. Throws RangeError where the region is empty or holds all. */
export function localEigenmotions(motion: MolecularMotion, region: ArrayLike<number>, count: number): LocalMotion[] {
  const { weights, spread } = motion;
  const dims = motion.origin.length;
  const inside = Float64Array.from(weights, (weight, i) => weight * region[i]);
  const outside = Float64Array.from(weights, (weight, i) => weight * (1 - region[i]));
  if (!(sum(inside) > 0)) throw new RangeError('no Gaussian lies in the region');
  if (!(sum(outside) > 0)) throw new RangeError('every Gaussian lies in the region');
  const jacobian = positionJacobian(motion);
  const a = weightedProduct(jacobian, inside);
  const b = weightedProduct(jacobian, outside);
  let trace = 0;
  for (let d = 0; d < dims; d++) trace += a[d * dims + d];
  // A region that never moves has no motion of its own; any ridge then does.
  const ridge = Math.max(RIDGE * (trace / dims), Number.MIN_VALUE * 1e20);
  for (let d = 0; d < dims; d++) b[d * dims + d] += ridge;
  const eigen = generalisedEigen(a, b, dims);
  if (eigen === null) throw new Error('the motion outside the region is not finite');
  return Array.from({ length: Math.min(count, dims) }, (_, k) => {
    const v = eigen.vectors.subarray(k * dims, (k + 1) * dims);
    const length = Math.hypot(...v);
    const step = new Float32Array(dims);
    for (let axis = 0; axis < dims; axis++) for (let d = 0; d < dims; d++) step[d] += (v[axis] / length) * spread[axis * dims + d];
    return measured(motion, region, withPositiveSign(step));
  });
}

export interface CombinedMotions {
  /** Both regions move the same way at once. */
  together: Float32Array;
  /** One moves as the other moves back. */
  apart: Float32Array;
}

/**
 * Sum and difference of two regions' motions, as steps (dims). An eigenvector's sign is free, so the second is turned so that
 * the centres of the two regions move the same way in the sum.
 */
export function combineMotions(
  motion: MolecularMotion,
  first: { region: ArrayLike<number>; step: ArrayLike<number> },
  second: { region: ArrayLike<number>; step: ArrayLike<number> },
): CombinedMotions {
  const [a, b] = [first, second].map(({ region, step }) => centreShift(motion, region, step));
  const sign = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] < 0 ? -1 : 1;
  return {
    together: Float32Array.from(first.step, (value, d) => value + sign * second.step[d]),
    apart: Float32Array.from(first.step, (value, d) => value - sign * second.step[d]),
  };
}

/** How much moves in the region and elsewhere along `step`, Å. */
export function measured(motion: MolecularMotion, region: ArrayLike<number>, step: Float32Array): LocalMotion {
  const displacement = displacementAlong(motion, step);
  const squares = [0, 0];
  const totals = [0, 0];
  for (let i = 0; i < displacement.length / 3; i++) {
    const square = displacement[3 * i] ** 2 + displacement[3 * i + 1] ** 2 + displacement[3 * i + 2] ** 2;
    [region[i], 1 - region[i]].forEach((share, side) => {
      squares[side] += motion.weights[i] * share * square;
      totals[side] += motion.weights[i] * share;
    });
  }
  const [insideAngstrom, outsideAngstrom] = squares.map((square, side) => (totals[side] > 0 ? Math.sqrt(square / totals[side]) : 0));
  return { step, insideAngstrom, outsideAngstrom };
}

/** Displacement of every Gaussian from origin − step to origin + step, 3N, Å. */
function displacementAlong({ decode, origin }: MolecularMotion, step: ArrayLike<number>): Float32Array {
  const before = decode(Float32Array.from(origin, (value, d) => value - step[d]));
  const after = decode(Float32Array.from(origin, (value, d) => value + step[d]));
  return after.map((value, i) => value - before[i]);
}

/** Weighted mean displacement of a region, Å. */
function centreShift(motion: MolecularMotion, region: ArrayLike<number>, step: ArrayLike<number>): number[] {
  const displacement = displacementAlong(motion, step);
  const shift = [0, 0, 0];
  for (let i = 0; i < displacement.length; i++)
    shift[i % 3] += motion.weights[Math.floor(i / 3)] * region[Math.floor(i / 3)] * displacement[i];
  return shift;
}

/** A row (3N, Å) per axis of the spread: change of the positions per standard deviation. */
function positionJacobian(motion: MolecularMotion): Float64Array[] {
  const dims = motion.origin.length;
  return Array.from({ length: dims }, (_, axis) => {
    const step = Float32Array.from({ length: dims }, (_, d) => motion.spread[axis * dims + d]);
    return Float64Array.from(displacementAlong(motion, step), value => value / 2);
  });
}

/** JᵀWJ over the weights' sum, dims × dims, Å². `weights`: N. */
function weightedProduct(jacobian: Float64Array[], weights: Float64Array): Float64Array {
  const dims = jacobian.length;
  const product = new Float64Array(dims * dims);
  const total = sum(weights);
  for (let p = 0; p < dims; p++) {
    for (let q = 0; q <= p; q++) {
      let value = 0;
      for (let i = 0; i < jacobian[p].length; i++) value += weights[Math.floor(i / 3)] * jacobian[p][i] * jacobian[q][i];
      product[p * dims + q] = product[q * dims + p] = value / total;
    }
  }
  return product;
}

function withPositiveSign(step: Float32Array): Float32Array {
  const largest = step.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
  return largest < 0 ? step.map(value => -value) : step;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
