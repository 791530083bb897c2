// Every backend that the tests compare with the plain reference; a new backend is one more entry.

import type { TestContext } from 'node:test';
import type { Backend } from '../../daemon/compute/backend.js';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { openTensorFlow, type TensorFlowBackend } from '../../daemon/compute/tfjs/open-tensorflow.js';
import { TfjsBackend } from '../../daemon/compute/tfjs/tfjs-backend.js';
import { type Gpu, openGpu } from '../../daemon/compute/webgpu/device.js';
import { createWebgpuBackend, type WebgpuBackend } from '../../daemon/compute/webgpu/webgpu-backend.js';
import { provideSoftwareVulkan } from './software-vulkan.js';

export interface BackendUnderTest {
  title: string;
  /** The backend, or why it cannot be had here. */
  open(): Promise<Backend | { reason: string }>;
  /** Largest difference from the reference that it may have, over the largest value; where a test allows more, that holds. */
  tolerance: number;
}

export const backendsUnderTest: readonly BackendUnderTest[] = [
  { title: 'cpu, 1 thread, fused SIMD', open: () => createCpuBackend({ threads: 1 }), tolerance: 0 },
  { title: 'cpu, 4 threads, fused SIMD', open: () => createCpuBackend({ threads: 4 }), tolerance: 0 },
  { title: 'cpu, 4 threads, plain SIMD', open: () => createCpuBackend({ threads: 4, fused: false }), tolerance: 0 },
  // The vendor's exponential and order of sums.
  { title: 'webgpu', open: openWebgpu, tolerance: 1e-4 },
  // Sums in single precision, in the library's order.
  { title: 'tfjs', open: () => openTfjs(), tolerance: 1e-4 },
];

/** The fastest TensorFlow.js of this machine, or the one named. */
export async function openTfjs(only: TensorFlowBackend | null = null): Promise<TfjsBackend | { reason: string }> {
  const opened = await openTensorFlow({ threads: 1, needsCuda: false }, only);
  return 'reason' in opened ? opened : new TfjsBackend(opened);
}

/** On the adapter of `openAdapter`. */
export async function openWebgpu(): Promise<WebgpuBackend | { reason: string }> {
  const gpu = await openAdapter();
  return 'reason' in gpu ? gpu : createWebgpuBackend(gpu);
}

/** The machine's graphics processor, else Chromium's software Vulkan. LIMBER_REQUIRE_GPU=1 makes it an error that neither is there. */
export async function openAdapter(): Promise<Gpu | { reason: string }> {
  let gpu = await openGpu();
  if ('reason' in gpu && provideSoftwareVulkan()) gpu = await openGpu();
  if ('reason' in gpu && process.env.LIMBER_REQUIRE_GPU === '1') throw new Error(`LIMBER_REQUIRE_GPU is set, and ${gpu.reason}`);
  return gpu;
}

/** The backend that was opened; where there is none the test is skipped, with the reason. */
export function present<B extends Backend>(opened: B | { reason: string }, t: TestContext): B | null {
  if (!('reason' in opened)) return opened;
  t.skip(opened.reason);
  return null;
}
