// What `limber bench --roofline` tells: how long each kernel of a training step would take at least on a graphics processor, by its arithmetic and its memory.

import { TallyingQueue } from '../compute/webgpu/tallying-queue.js';
import { WebgpuBackend } from '../compute/webgpu/webgpu-backend.js';
import type { Reporter } from '../training/progress.js';
import { type BenchSize, benchGeometry, runTraining } from './bench-operations.js';

/** Operations and bytes a second of the card that is assumed: what a data-centre card gives in single precision. */
export const RATES = { operations: 30e12, bytes: 2e12 } as const;

/** One kernel in one training step, a particle. */
export interface KernelBound {
  kernel: string;
  /** In the step, for the whole batch. */
  dispatches: number;
  megaflops: number;
  kilobytes: number;
  /** Each dispatch takes the longer of its arithmetic and its memory. */
  microseconds: number;
}

/** The dispatches of a training step as the backend asks for them, counted instead of run; the slowest kernel first. */
export async function trainingRoofline(size: BenchSize, signal: AbortSignal): Promise<KernelBound[]> {
  const { batch } = size;
  const { referenceSigmaPixels, blurVariancePixels } = benchGeometry(size);
  const queue = new TallyingQueue(2 * WebgpuBackend.windowSigmas * Math.sqrt(referenceSigmaPixels ** 2 + blurVariancePixels) + 1);
  let step = queue.take();
  const steps: Reporter = {
    // The last step that was asked for stays: those before prepare or are led, and the last is told of when nothing more is asked.
    progress: () => {
      const taken = queue.take();
      if (taken.size > 0) step = taken;
    },
    epoch: () => {},
    note: () => {},
  };
  const backend = new WebgpuBackend(queue, 'counted');
  await runTraining(backend, { ...size, particles: 4 * batch }, { gradients: steps, steps }, signal);
  const bounds = [...step].map(([kernel, works]) => {
    const sum = (of: (work: { operations: number; bytes: number }) => number) => works.reduce((total, work) => total + of(work), 0) / batch;
    return {
      kernel,
      dispatches: works.length,
      megaflops: sum(work => work.operations) / 1e6,
      kilobytes: sum(work => work.bytes) / 1e3,
      microseconds: sum(work => Math.max(work.operations / RATES.operations, work.bytes / RATES.bytes)) * 1e6,
    };
  });
  return bounds.sort((a, b) => b.microseconds - a.microseconds);
}
