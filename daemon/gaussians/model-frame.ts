// From the numbers a network speaks in (box fractions, relative widths) to Å in the map frame, and back (method.md section 1).

import { emptySet, type GaussianSet } from './gaussian-set.js';

export interface ModelFrame {
  /** Side of the particle box, Å. */
  boxAngstrom: number;
  /** World position of the rotation centre, voxel b//2, Å. */
  centreAngstrom: readonly [number, number, number];
  /** σ of relative width 1, Å. */
  referenceSigmaAngstrom: number;
}

/** Relative widths lie within 1 ± this. */
export const WIDTH_RANGE = 0.5;

/** `row`: planar x(N) y(N) z(N) amplitude(N) width(N) as in compute/backend.ts → Å in the map frame; into `set` where one of N is given. */
export function toWorld(row: ArrayLike<number>, frame: ModelFrame, set = emptySet(row.length / 5)): GaussianSet {
  const { count } = set;
  for (let i = 0; i < count; i++) {
    for (let axis = 0; axis < 3; axis++)
      set.positions[3 * i + axis] = row[axis * count + i] * frame.boxAngstrom + frame.centreAngstrom[axis];
    set.amplitudes[i] = row[3 * count + i];
    set.sigmas[i] = row[4 * count + i] * frame.referenceSigmaAngstrom;
  }
  return set;
}

/** 3N, x0 y0 z0 x1 …, of a planar row. */
export function positionsOf(row: ArrayLike<number>): Float64Array {
  const count = row.length / 5;
  return Float64Array.from({ length: 3 * count }, (_, i) => row[(i % 3) * count + Math.floor(i / 3)]);
}

/** The logits of a planar row: sigmoid(logits) with the shifts of `gaussians` in compute/backend.ts gives the row back. Values at the edge of their range are drawn 1e-4 inside. */
export function rowToLogits(row: ArrayLike<number>): Float32Array {
  const count = row.length / 5;
  const logits = new Float32Array(row.length);
  for (let i = 0; i < row.length; i++) {
    const kind = Math.floor(i / count);
    const p = Math.min(Math.max(row[i] + (kind < 3 ? 0.5 : kind === 3 ? 0 : -WIDTH_RANGE), 1e-4), 1 - 1e-4);
    logits[i] = Math.log(p / (1 - p));
  }
  return logits;
}

/** Inverse of `rowToLogits`. */
export function logitsToRow(logits: ArrayLike<number>): Float32Array {
  const count = logits.length / 5;
  const row = new Float32Array(logits.length);
  for (let i = 0; i < logits.length; i++) {
    const kind = Math.floor(i / count);
    row[i] = 1 / (1 + Math.exp(-logits[i])) - (kind < 3 ? 0.5 : kind === 3 ? 0 : -WIDTH_RANGE);
  }
  return row;
}
