// How much arithmetic a reconstruction takes, for measuring how fast it is done. An addition or a multiplication counts one.

import { PADDING, samplePlane } from './insertion.js';
import { ITERATIONS } from './reconstruct.js';

/** CTF of a frequency: its phase, and a sine. */
const CTF = 40;
/** A sample out of the transform: apart from its pair, shifted, times the CTF. */
const SAMPLE = 20;
/** Its place on the grid, eight weights, and three numbers added to eight points. */
const SPREAD = 30 + 48;

/** Floating-point operations of one map of `particles` images of `box` pixels with C1 symmetry, all rings, and every step of the solver. */
export function reconstructionOperations(particles: number, box: number): number {
  const rings = Math.ceil(box / 2) - 1;
  const { first, last } = samplePlane(rings);
  const samples = last.reduce((sum, end, line) => sum + end - first[line] + 1, 0);
  // 5 n log₂ n for a complex transform, which two images share.
  const insertion = 2.5 * box ** 2 * Math.log2(box ** 2) + samples * (CTF + SAMPLE + SPREAD);
  const operator = multiplicationOperations(PADDING * box, PADDING * rings, box);
  const preconditioner = multiplicationOperations(box, rings, box);
  // The right-hand side goes one way; each step multiplies by the operator and by its preconditioner, with ten operations a voxel beside.
  return particles * insertion + operator / 2 + ITERATIONS * (operator + preconditioner + 10 * box ** 3);
}

/** There and back through the transform of a box in a box of `padded` voxels (padded-operator.ts). */
function multiplicationOperations(padded: number, band: number, box: number): number {
  const line = 5 * padded * Math.log2(padded);
  const side = 2 * band + 1;
  // Two real lines along z share a transform; of the half spectrum's planes, the lines that are not zero, along y and x.
  const oneWay = (box ** 2 / 2) * line + (band + 1) * (box + side) * line;
  return 2 * oneWay + (band + 1) * 2 * side ** 2;
}
