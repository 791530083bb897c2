// RELION's Euler angles and rotation matrices (method.md section 1): a point r of the volume projects to (A·r)_xy.

const DEGREE = Math.PI / 180;

/** A = Euler(rot, tilt, psi), degrees → row-major 3×3, written to `out` at `offset`. */
export function eulerToMatrix(
  rot: number,
  tilt: number,
  psi: number,
  out: Float64Array | Float32Array = new Float64Array(9),
  offset = 0,
): typeof out {
  const ca = Math.cos(rot * DEGREE);
  const sa = Math.sin(rot * DEGREE);
  const cb = Math.cos(tilt * DEGREE);
  const sb = Math.sin(tilt * DEGREE);
  const cg = Math.cos(psi * DEGREE);
  const sg = Math.sin(psi * DEGREE);
  out[offset] = cg * cb * ca - sg * sa;
  out[offset + 1] = cg * cb * sa + sg * ca;
  out[offset + 2] = -cg * sb;
  out[offset + 3] = -sg * cb * ca - cg * sa;
  out[offset + 4] = -sg * cb * sa + cg * ca;
  out[offset + 5] = sg * sb;
  out[offset + 6] = sb * ca;
  out[offset + 7] = sb * sa;
  out[offset + 8] = cb;
  return out;
}

/** The angles [rot, tilt, psi] in degrees, tilt in [0, 180]; at tilt 0 or 180, where only rot ± psi is determined, psi is 0. */
export function matrixToEuler(matrix: ArrayLike<number>, offset = 0): [number, number, number] {
  const m = (row: number, column: number) => matrix[offset + 3 * row + column];
  const sinTilt = Math.hypot(m(0, 2), m(1, 2));
  if (sinTilt < 1e-7) {
    const up = m(2, 2) > 0;
    return [Math.atan2(up ? m(0, 1) : -m(0, 1), up ? m(0, 0) : -m(0, 0)) / DEGREE, up ? 0 : 180, 0];
  }
  return [Math.atan2(m(2, 1), m(2, 0)) / DEGREE, Math.atan2(sinTilt, m(2, 2)) / DEGREE, Math.atan2(m(1, 2), -m(0, 2)) / DEGREE];
}

/** exp of the rotation vector (radians about its own direction, right-handed) → row-major 3×3 (Rodrigues' formula). */
export function vectorToRotation([x, y, z]: readonly [number, number, number]): Float64Array {
  const angle = Math.hypot(x, y, z);
  // sin θ / θ and (1 − cos θ) / θ², whose limits are 1 and 1/2.
  const s = angle < 1e-6 ? 1 : Math.sin(angle) / angle;
  const c = angle < 1e-6 ? 0.5 : 2 * (Math.sin(angle / 2) / angle) ** 2;
  return Float64Array.of(
    1 - c * (y * y + z * z),
    c * x * y - s * z,
    c * x * z + s * y,
    c * x * y + s * z,
    1 - c * (x * x + z * z),
    c * y * z - s * x,
    c * x * z - s * y,
    c * y * z + s * x,
    1 - c * (x * x + y * y),
  );
}

/** Inverse of `vectorToRotation` for turns of less than 180°, where the direction is determined. */
export function rotationVector(matrix: ArrayLike<number>, offset = 0): [number, number, number] {
  const m = (row: number, column: number) => matrix[offset + 3 * row + column];
  const axis: [number, number, number] = [m(2, 1) - m(1, 2), m(0, 2) - m(2, 0), m(1, 0) - m(0, 1)];
  const twiceSin = Math.hypot(...axis);
  const angle = Math.atan2(twiceSin, m(0, 0) + m(1, 1) + m(2, 2) - 1);
  const scale = twiceSin < 1e-9 ? 0.5 : angle / twiceSin;
  return [scale * axis[0], scale * axis[1], scale * axis[2]];
}

/** The turn back: the transpose of a row-major rotation matrix. */
export function inverseRotation(m: ArrayLike<number>): Float64Array {
  return Float64Array.of(m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]);
}
