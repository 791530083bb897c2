// What the threads of a reconstruction are given at their start, and with every piece of work.
import type { OperatorMemory } from './padded-operator.js';
import type { ImageOptics, ImagePose } from './reconstruct-images.js';

export interface WorkerStart {
  /** Compiled kernels, and the memory in which samples and accumulators lie; null where they are too large for one. */
  kernels: WebAssembly.Module;
  memory: WebAssembly.Memory | null;
  optics: ImageOptics;
  rings: number;
  /** Voxels along each side of the map. */
  outputBox: number;
  threads: number;
  /** Two buffers of images: one is read into while the other is worked on. */
  images: Float32Array[];
  /** Samples of one batch, shared by all threads. */
  samples: Float32Array;
  /** One, or one for each half-set. */
  accumulators: Float32Array[];
  operator: OperatorMemory;
  /** Int32 words of `Word`. */
  control: Int32Array;
  /** Borders of the slabs of planes. */
  slabs: Int32Array;
  /** Row-major 3×3 each. */
  symmetry: Float64Array[];
}

/** Words of the control block, zeroed by the caller before every piece of work: the next item of each step, and how many threads have finished it. */
export const Word = { FirstStep: 0, SecondStep: 1, ThirdStep: 2, FirstDone: 3, SecondDone: 4, Count: 5 } as const;

/** A batch of images, which lies in image buffer `buffer`, to be inserted. */
export interface Batch {
  kind: 'insert';
  buffer: number;
  poses: ImagePose[];
  /** Which accumulator each image goes into. */
  targets: Uint8Array;
}

/** One multiplication of the operator's input (padded-operator.ts): with W + τ of the accumulators `set`, or with a value for each ring, without padding. */
export type Multiplication = { kind: 'weights'; tau: Float64Array } | { kind: 'radial'; rings: Float64Array };

/** A multiplication, or N of the accumulators `set` taken back to real space. */
export interface Application {
  kind: 'apply';
  asked: Multiplication | { kind: 'numerator' };
  set: number[];
}

export type Work = Batch | Application;
