// insertSlice (insertion.ts) by a SIMD kernel: the memory that threads share for it, and a thread's hands on it.

import { HEAP_START } from '../compute/cpu/control-block.js';
import { instantiateKernels } from '../compute/cpu/kernel-module.js';
import { type insertSlice, PADDING } from './insertion.js';

const PAGE = 65536;
/** Of a memory with 32-bit addresses, the last page left out: an address past the end must still fit. */
const MOST_PAGES = 65535;

/**
 * Arrays of single-precision numbers that threads share, one of each length, in one memory that the kernel can reach; where they are too large for that, `memory` is null and each has a memory of its own.
 */
export function sharedArrays(lengths: readonly number[]): { memory: WebAssembly.Memory | null; arrays: Float32Array[] } {
  const starts = [HEAP_START];
  for (const length of lengths) starts.push(starts.at(-1)! + 64 * Math.ceil(length / 16));
  const pages = Math.ceil(starts.at(-1)! / PAGE);
  if (pages > MOST_PAGES) return { memory: null, arrays: lengths.map(length => new Float32Array(new SharedArrayBuffer(4 * length))) };
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  return { memory, arrays: lengths.map((length, i) => new Float32Array(memory.buffer, starts[i], length)) };
}

/** What `insertSlice` does, on arrays of `memory`. */
export function insertionKernel(module: WebAssembly.Module, memory: WebAssembly.Memory): typeof insertSlice {
  const { names, kernels } = instantiateKernels(module, memory);
  const insert = kernels[names.indexOf('insertSlice')];
  return (accumulator, grid, { rings }, samples, offset, rotation, from, to) => {
    const [a, b] = [0, 3].map(row => [0, 1, 2].map(i => PADDING * rotation[row + i]));
    insert(accumulator.byteOffset, grid.side, grid.reach, rings, samples.byteOffset + 4 * offset, ...a, ...b, from, to);
  };
}
