// Lays one set of points on another by a rotation and a shift, by what most of them agree on: points that have moved by themselves have little say.

import { rigidMotion } from './rigid-motion.js';
import { vectorToRotation } from './rotations.js';

/** x goes to rotation · (x − centre) + target. */
export interface Superposition {
  /** Row-major 3×3. */
  rotation: Float64Array;
  centre: [number, number, number];
  target: [number, number, number];
}

const MOST_ROUNDS = 8;
/** Change of the median squared distance that ends the rounds. */
const SETTLED = 0.01;

/**
 * `from`, `to`: 3N, x0 y0 z0 x1 …, the same points in two states; `weights`: N, not negative, not all zero. Least squares at first (Horn 1987), then each point counts
 * 1/(1 + (d/median)²) of its weight, d being what the last round left of its distance (Cauchy's M-estimator; Huber, Robust Statistics).
 */
export function superpose(from: ArrayLike<number>, to: ArrayLike<number>, weights: ArrayLike<number>): Superposition {
  let found = superposeAll(from, to, weights);
  let before = Number.POSITIVE_INFINITY;
  for (let round = 1; round < MOST_ROUNDS; round++) {
    const squares = squaredDistances(found, from, to);
    const median = squares.slice().sort()[squares.length >> 1];
    if (median >= before * (1 - SETTLED)) break;
    before = median;
    // Where half of the points fit exactly (a focus mask holds them), only those count.
    const reweighted = squares.map((square, i) => weights[i] / (1 + square / Math.max(median, 1e-12)));
    found = superposeAll(from, to, reweighted);
  }
  return found;
}

/** Where the point at `offset` of 3N numbers goes. */
export function moved({ rotation: r, centre, target }: Superposition, points: ArrayLike<number>, offset: number): [number, number, number] {
  const [x, y, z] = [points[offset] - centre[0], points[offset + 1] - centre[1], points[offset + 2] - centre[2]];
  return [
    r[0] * x + r[1] * y + r[2] * z + target[0],
    r[3] * x + r[4] * y + r[5] * z + target[1],
    r[6] * x + r[7] * y + r[8] * z + target[2],
  ];
}

/** Least squares over all points (Horn 1987): exact where all of them move as one body. Throws RangeError where all weights are zero. */
export function superposeAll(from: ArrayLike<number>, to: ArrayLike<number>, weights: ArrayLike<number>): Superposition {
  const { angleDegrees, axis, centre, shift } = rigidMotion(from, to, weights);
  const turn = axis.map(a => (a * angleDegrees * Math.PI) / 180) as [number, number, number];
  return { rotation: vectorToRotation(turn), centre, target: [centre[0] + shift[0], centre[1] + shift[1], centre[2] + shift[2]] };
}

function squaredDistances({ rotation: r, centre, target }: Superposition, from: ArrayLike<number>, to: ArrayLike<number>): Float64Array {
  const squares = new Float64Array(from.length / 3);
  for (let i = 0, at = 0; i < squares.length; i++, at += 3) {
    const [x, y, z] = [from[at] - centre[0], from[at + 1] - centre[1], from[at + 2] - centre[2]];
    const dx = r[0] * x + r[1] * y + r[2] * z + target[0] - to[at];
    const dy = r[3] * x + r[4] * y + r[5] * z + target[1] - to[at + 1];
    const dz = r[6] * x + r[7] * y + r[8] * z + target[2] - to[at + 2];
    squares[i] = dx * dx + dy * dy + dz * dz;
  }
  return squares;
}
