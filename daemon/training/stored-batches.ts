// Batches of particles from rows prepared on disk.

import type { Backend, Tensor } from '../compute/backend.js';
import type { RowStore } from '../particles/row-store.js';
import type { BatchSource } from './particle-gradients.js';

/**
 * `rotations`: 9 numbers for each entry; every row of the store is `copies` entries, one after another. At most `batch` entries are loaded at once.
 */
export function storedBatches(backend: Backend, images: RowStore, rotations: Float32Array, batch: number, copies = 1): BatchSource {
  const imageRows = new Float32Array(batch * images.width);
  const rotationRows = new Float32Array(batch * 9);
  return {
    count: images.rows * copies,
    load(indices: ArrayLike<number>, rotationTensor: Tensor, imageTensor: Tensor) {
      const rows = indices.length;
      images.read(copies === 1 ? indices : Array.from(indices, index => Math.floor(index / copies)), imageRows);
      for (let i = 0; i < rows; i++) rotationRows.set(rotations.subarray(9 * indices[i], 9 * indices[i] + 9), 9 * i);
      backend.write(imageTensor, imageRows.subarray(0, rows * images.width));
      backend.write(rotationTensor, rotationRows.subarray(0, rows * 9));
    },
  };
}

/** The rotations of some particles, in that order. */
export function rotationsOf(rotations: Float32Array, chosen: ArrayLike<number>): Float32Array {
  const rows = new Float32Array(9 * chosen.length);
  for (let i = 0; i < chosen.length; i++) rows.set(rotations.subarray(9 * chosen[i], 9 * chosen[i] + 9), 9 * i);
  return rows;
}
