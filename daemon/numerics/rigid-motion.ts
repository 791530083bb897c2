// The rotation and shift that carry a set of points best onto where they have gone (Horn, J. Opt. Soc. Am. A 4, 629 (1987): the quaternion is the top eigenvector).
import { symmetricEigen } from './linear-algebra.js';

export interface RigidMotion {
  /** In [0, 180], right-handed about `axis`. */
  angleDegrees: number;
  /** Unit vector; (0, 0, 1) where nothing turns. */
  axis: [number, number, number];
  /** The weighted centre before the motion, in the unit of the points. */
  centre: [number, number, number];
  /** How far the weighted centre goes. */
  shift: [number, number, number];
  /** Weighted root mean square of what rotation and shift leave unexplained. */
  residual: number;
}

/** `from`, `to`: 3N, x0 y0 z0 x1 …, the same points before and after; `weights`: N, not negative. Throws RangeError where all weights are zero. */
export function rigidMotion(from: ArrayLike<number>, to: ArrayLike<number>, weights: ArrayLike<number>): RigidMotion {
  const [a, b] = [weightedCentre(from, weights), weightedCentre(to, weights)];
  // s[3p + q] = Σ w (from − centre)_p (to − centre)_q
  const s = new Float64Array(9);
  let size = 0;
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    total += weights[i];
    for (let p = 0; p < 3; p++) {
      const x = from[3 * i + p] - a[p];
      size += weights[i] * (x * x + (to[3 * i + p] - b[p]) ** 2);
      for (let q = 0; q < 3; q++) s[3 * p + q] += weights[i] * x * (to[3 * i + q] - b[q]);
    }
  }
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = s;
  const { values, vectors } = symmetricEigen(
    [
      ...[xx + yy + zz, yz - zy, zx - xz, xy - yx],
      ...[yz - zy, xx - yy - zz, xy + yx, zx + xz],
      ...[zx - xz, xy + yx, yy - xx - zz, yz + zy],
      ...[xy - yx, zx + xz, yz + zy, zz - xx - yy],
    ],
    4,
  );
  // q and −q are one rotation: the one by at most 180°.
  const sign = vectors[0] < 0 ? -1 : 1;
  const vector = [1, 2, 3].map(k => sign * vectors[k]);
  const sine = Math.hypot(...vector);
  // Points that are all in one place turn nowhere.
  const turns = size > 0 && sine > 1e-9;
  return {
    angleDegrees: turns ? (2 * Math.atan2(sine, sign * vectors[0]) * 180) / Math.PI : 0,
    axis: turns ? (vector.map(value => value / sine) as [number, number, number]) : [0, 0, 1],
    centre: a,
    shift: [b[0] - a[0], b[1] - a[1], b[2] - a[2]],
    residual: Math.sqrt(Math.max(0, size - 2 * values[0]) / total),
  };
}

/** A line about which a turn needs no shift but one along it (Chasles' theorem): least where the hinge is. */
export interface ScrewAxis {
  /** The point of the axis nearest to the middle between the centre before and after, in the unit of the points. */
  point: [number, number, number];
  /** Shift along the axis, positive in its direction. */
  slide: number;
}

/**
 * The screw axis of a motion; null where it turns by less than `leastDegrees`, whose axis would lie anywhere: its distance grows as 1/angle. With t⊥ the part of the
 * centre's shift across the axis n, the point is c + t⊥/2 + n × t⊥ / (2 tan(angle/2)).
 */
export function screwAxis({ angleDegrees, axis, centre, shift }: RigidMotion, leastDegrees = 0.05): ScrewAxis | null {
  if (!(angleDegrees >= leastDegrees)) return null;
  const slide = axis[0] * shift[0] + axis[1] * shift[1] + axis[2] * shift[2];
  const across = shift.map((value, k) => value - slide * axis[k]);
  const cotangent = 1 / Math.tan((angleDegrees * Math.PI) / 360);
  const point = [0, 1, 2].map(k => {
    const [p, q] = [(k + 1) % 3, (k + 2) % 3];
    return centre[k] + across[k] / 2 + ((axis[p] * across[q] - axis[q] * across[p]) * cotangent) / 2;
  });
  return { point: point as [number, number, number], slide };
}

function weightedCentre(points: ArrayLike<number>, weights: ArrayLike<number>): [number, number, number] {
  const centre: [number, number, number] = [0, 0, 0];
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    total += weights[i];
    for (let axis = 0; axis < 3; axis++) centre[axis] += weights[i] * points[3 * i + axis];
  }
  if (!(total > 0)) throw new RangeError('a rigid motion of no points');
  return [centre[0] / total, centre[1] / total, centre[2] / total];
}
