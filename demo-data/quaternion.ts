// Rotations of the simulator, by quaternions: written apart from the daemon's matrices, so that a wrong convention there cannot cancel here.

/** Unit quaternion [w, x, y, z]. */
export type Quaternion = readonly [number, number, number, number];
export type Vector = readonly [number, number, number];

const DEGREE = Math.PI / 180;

export const IDENTITY: Quaternion = [1, 0, 0, 0];

/** Right-handed turn by `degrees` about `axis` (any length but zero). */
export function aboutAxis(axis: Vector, degrees: number): Quaternion {
  const length = Math.hypot(...axis);
  const s = Math.sin((degrees * DEGREE) / 2) / length;
  return [Math.cos((degrees * DEGREE) / 2), axis[0] * s, axis[1] * s, axis[2] * s];
}

/** The turn `second` after `first`. */
export function multiply(second: Quaternion, first: Quaternion): Quaternion {
  const [a, b, c, d] = second;
  const [e, f, g, h] = first;
  return [a * e - b * f - c * g - d * h, a * f + b * e + c * h - d * g, a * g - b * h + c * e + d * f, a * h + b * g - c * f + d * e];
}

/** The turn back. */
export function inverse(q: Quaternion): Quaternion {
  return [q[0], -q[1], -q[2], -q[3]];
}

/** v turned by q: q v q⁻¹. */
export function rotate(q: Quaternion, v: Vector): [number, number, number] {
  const [, x, y, z] = multiply(multiply(q, [0, v[0], v[1], v[2]]), inverse(q));
  return [x, y, z];
}

/**
 * The turn that takes the molecule into the view of RELION's angles (degrees). RELION turns the coordinate axes: by rot about z, then tilt
 * about the new y, then psi about the new z. The molecule, seen from the turned axes, turns the opposite way.
 */
export function viewFromEuler(rot: number, tilt: number, psi: number): Quaternion {
  const axes = multiply(multiply(aboutAxis([0, 0, 1], rot), aboutAxis([0, 1, 0], tilt)), aboutAxis([0, 0, 1], psi));
  return inverse(axes);
}
