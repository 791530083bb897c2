// The first 64 KiB of the shared memory: how the caller hands an operation to the worker threads and hears back. Each
// word that threads contend for has a cache line of its own.

/** Indices in an Int32Array over the memory. */
export const GENERATION = 16; // counts operations; a change wakes the workers
export const BUSY = 32; // workers that have not finished
/** Byte 192: kernels/simd.ts takes pieces of work from here. */
export const WORK_COUNTER = 48;
export const FAILED = 64; // length in bytes of the message of a worker that failed, 0 for none
export const OPERATION = 80; // index of the kernel in its module's exports
export const ARGUMENT_COUNT = 81;

/** Byte addresses. */
export const ARGUMENTS = 512; // float64 each: holds addresses, counts and float32 alike
export const MESSAGE = 4096;
export const MESSAGE_CAPACITY = 4096;

/** Tensors and scratch begin here, behind the static data of the kernels (--memoryBase in build.mjs is 65536). */
export const HEAP_START = 131072;

/** Looks at a word some thousand times before sleeping: between the operations of a training step the wait is shorter than a wake-up. */
export const SPINS = 3000;
