// Where each arrow of a motion lies: the longest displacements, each as a shaft and a head that are copies of one unit mesh.
import type { DecodedFrame } from '../../protocol/messages.js';

export type ArrowPart = 'shaft' | 'head';

/** Proportions of an arrow; lengths in Å. */
const HEAD_RADIUS = 2.6;
const HEAD_LENGTH = 6.5;
const LONGEST_HEAD = 0.45;
/** A shaft is never thicker than this share of its arrow's length. */
const STOUTEST = 0.09;

/** A Gaussian that never weighs this share of the mean belongs to no visible part: where it goes says nothing of the molecule. */
const LIGHTEST = 0.25;

/**
 * The Gaussians that move furthest from one frame to the other, furthest first, at most `count`; what does not move has no direction, and what
 * has next to no amplitude at either end is left out.
 */
export function longestDisplacements(from: DecodedFrame, to: DecodedFrame, count: number): Uint32Array {
  const n = Math.min(from.count, to.count);
  const squared = Float64Array.from({ length: n }, (_, i) => {
    const [x, y, z] = displacement(from, to, i);
    return x * x + y * y + z * z;
  });
  const heavier = Float64Array.from({ length: n }, (_, i) => Math.max(from.amplitudes[i], to.amplitudes[i]));
  const lightest = (LIGHTEST * heavier.reduce((sum, amplitude) => sum + amplitude, 0)) / Math.max(n, 1);
  const moving = Array.from({ length: n }, (_, i) => i).filter(i => squared[i] > 1e-12 && heavier[i] >= lightest);
  moving.sort((a, b) => squared[b] - squared[a] || a - b);
  return Uint32Array.from(moving.slice(0, count));
}

export function displacement(from: DecodedFrame, to: DecodedFrame, i: number): [number, number, number] {
  const a = from.positions;
  const b = to.positions;
  return [b[3 * i] - a[3 * i], b[3 * i + 1] - a[3 * i + 1], b[3 * i + 2] - a[3 * i + 2]];
}

/** A shaft radius in Å that suits the size of the molecule. */
export function shaftRadiusFor(frame: DecodedFrame): number {
  return Math.min(1.2, Math.max(0.15, 0.009 * rmsRadius(frame)));
}

/** Root mean square distance of the Gaussians from their middle, Å. */
export function rmsRadius(frame: DecodedFrame): number {
  const mean = [0, 0, 0];
  for (let i = 0; i < 3 * frame.count; i++) mean[i % 3] += frame.positions[i] / frame.count;
  let squared = 0;
  for (let i = 0; i < 3 * frame.count; i++) squared += (frame.positions[i] - mean[i % 3]) ** 2 / frame.count;
  return Math.sqrt(squared);
}

/**
 * Writes the 4×4 matrix (column-major) that carries the unit mesh, which stands on the origin along +z with radius 1 and length 1, to
 * where one part of the arrow of Gaussian `i` lies. The arrow starts at the Gaussian's place in `from`; its tip is `scale` displacements away.
 */
export function writeArrowMatrix(
  out: Float32Array | number[],
  offset: number,
  part: ArrowPart,
  from: DecodedFrame,
  to: DecodedFrame,
  i: number,
  scale: number,
  shaftRadius: number,
): void {
  const d = displacement(from, to, i);
  const distance = Math.hypot(d[0], d[1], d[2]);
  const length = Math.max(1e-6, distance * Math.abs(scale));
  const sign = scale < 0 ? -1 : 1;
  const axis = distance > 0 ? d.map(x => (sign * x) / distance) : [0, 0, 1];
  const radius = Math.min(shaftRadius, STOUTEST * length);
  const headLength = Math.min(LONGEST_HEAD * length, HEAD_LENGTH * radius);
  const start = part === 'shaft' ? 0 : length - headLength;
  const along = part === 'shaft' ? length - headLength : headLength;
  const across = part === 'shaft' ? radius : HEAD_RADIUS * radius;
  // Any two directions that make a right-handed frame with the axis: the least aligned coordinate axis is a safe start.
  const least = axis.map(Math.abs).indexOf(Math.min(...axis.map(Math.abs)));
  const helper = [0, 0, 0];
  helper[least] = 1;
  const u = unit(cross(helper, axis));
  const v = cross(axis, u);
  for (let a = 0; a < 3; a++) {
    out[offset + a] = across * u[a];
    out[offset + 4 + a] = across * v[a];
    out[offset + 8 + a] = along * axis[a];
    out[offset + 12 + a] = from.positions[3 * i + a] + start * axis[a];
  }
  out[offset + 3] = out[offset + 7] = out[offset + 11] = 0;
  out[offset + 15] = 1;
}

function cross(a: number[], b: number[]): number[] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function unit(a: number[]): number[] {
  const length = Math.hypot(...a);
  return a.map(x => x / length);
}
