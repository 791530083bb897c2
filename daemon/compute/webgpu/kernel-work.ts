// The arithmetic of every kernel and the memory it must move, from the sizes that it is dispatched with.
//
// An addition or a multiplication counts as one operation, as do a division and a root; an exponential as twenty. Bytes are those of each array once,
// read or written: what the caches of a graphics processor bring again costs little. What a tile computes past the edge of an array is not counted.

import type { Groups, KernelParameters } from './command-queue.js';
import type { KernelName } from './kernels.js';

export interface Work {
  operations: number;
  bytes: number;
}

const EXPONENTIAL = 20;
/** Pixels of a tile's side, as in kernels/draw.wgsl. */
const TILE = 32;

type Sizes = { whole: readonly number[]; groups: readonly [number, number, number]; windowPixels: number };

const workOf: Record<KernelName, (sizes: Sizes) => Work> = {
  // m: 3, v: 4, the step: 8, the penalty: 2. Reads four arrays and writes three.
  adam: ({ whole: [count] }) => ({ operations: 17 * count, bytes: 28 * count }),
  add: ({ whole: [count] }) => ({ operations: count, bytes: 12 * count }),
  'batch-normalise': ({ whole: [count, width] }) => ({ operations: 6 * count, bytes: 8 * count + 16 * width }),
  'batch-normalise-backward': ({ whole: [rows, , width] }) => ({ operations: 13 * rows * width, bytes: 12 * rows * width + 20 * width }),
  'batch-statistics': ({ whole: [rows, width] }) => ({ operations: (4 * rows + 6) * width, bytes: (4 * rows + 24) * width }),
  // The two tables of every tile that a Gaussian's window meets, their product on its pixels, and every Gaussian held against every tile.
  draw: ({ whole: [n, box], groups: [across, down, rows], windowPixels }) => {
    const met = Math.min(((Math.min(windowPixels, box) + TILE) / TILE) ** 2, across * down);
    const listed = 2 * TILE * (EXPONENTIAL + 5) + 2 * TILE ** 2;
    return { operations: rows * n * (met * listed + across * down * 8), bytes: rows * (16 * n + 4 * box ** 2) };
  },
  'draw-backward': ({ whole: [n, box], groups: [, rows], windowPixels }) => {
    const pixels = Math.min(windowPixels, box) ** 2;
    return { operations: rows * n * (pixels * (EXPONENTIAL + 12) + 40), bytes: rows * (40 * n + 4 * box ** 2 + 36) };
  },
  // Whole numbers, but they are computed all the same: two hashes of nine.
  dropout: ({ whole: [count] }) => ({ operations: 20 * count, bytes: 8 * count }),
  fill: ({ whole: [count] }) => ({ operations: 0, bytes: 4 * count }),
  gaussians: ({ whole: [count, width, , hasOrigin, neutralStride] }) => ({
    operations: (EXPONENTIAL + 6) * count,
    bytes: 8 * count + 4 * width * (1 + hasOrigin) + 4 * (neutralStride === 0 ? width : count),
  }),
  'gaussians-backward': ({ whole: [rows, width, hasOrigin] }) => ({
    operations: 6 * rows * width,
    bytes: 4 * width * (3 * rows + 1 + hasOrigin),
  }),
  'latent-penalty-backward': ({ whole: [rows, dims] }) => ({ operations: 5 * rows * dims, bytes: 12 * rows * dims }),
  'latent-pull-backward': ({ whole: [count] }) => ({ operations: 3 * count, bytes: 16 * count }),
  'mask-inactive': ({ whole: [count] }) => ({ operations: count, bytes: 12 * count }),
  'matrix-product': ({ whole: [rows, columns, depth, parts, , , , leftBatch, , , rightBatch], groups: [, , layers] }) => {
    const batches = layers / parts;
    const sides = (leftBatch > 0 ? batches : 1) * rows * depth + (rightBatch > 0 ? batches : 1) * depth * columns;
    return { operations: 2 * batches * rows * depth * columns, bytes: 4 * (sides + batches * parts * rows * columns) };
  },
  'ring-correlation': ({ whole: [rings], groups: [rows] }) => ({ operations: 14 * rows * rings, bytes: rows * 32 * (rings + 1) }),
  'ring-gradient': ({ whole: [rings, , planeSize], groups: [, rows] }) => ({
    operations: 40 * rows * (rings + 1) ** 2,
    bytes: rows * (32 * (rings + 1) ** 2 + 8 * planeSize + 16 * (rings + 1)) + 8 * planeSize,
  }),
  'ring-sums': ({ whole: [rings, , planeSize], groups: [, rows] }) => ({
    operations: 19 * rows * planeSize,
    bytes: rows * (16 * (rings + 1) ** 2 + 8 * planeSize + 16 * (rings + 1)) + 8 * planeSize,
  }),
  'scale-kinds': ({ whole: [count] }) => ({ operations: count, bytes: 8 * count }),
  see: ({ whole: [n], groups: [, rows] }) => ({ operations: 18 * rows * n, bytes: rows * (36 * n + 36) }),
  'stretch-backward': ({ whole: [n, most], groups: [, rows] }) => ({
    operations: 24 * rows * n * most,
    bytes: 36 * rows * n + 12 * n * most,
  }),
  'sum-parts': ({ whole: [count, columns, parts] }) => ({ operations: (parts + 1) * count, bytes: 4 * (count * (parts + 1) + columns) }),
  'sum-rows': ({ whole: [rows, width] }) => ({ operations: rows * width, bytes: 4 * (rows + 1) * width }),
};

/** Of one dispatch. `windowPixels`: side of the square in which a Gaussian of the reference width is drawn. */
export function kernelWork(name: KernelName, { whole }: KernelParameters, [x, y = 1, z = 1]: Groups, windowPixels: number): Work {
  return workOf[name]({ whole, groups: [x, y, z], windowPixels });
}
