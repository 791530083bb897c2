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
