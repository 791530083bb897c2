// Finds the fastest TensorFlow.js of this machine: on CUDA, natively on the processor, on WebGPU, in WebAssembly, in plain JavaScript.

import { ComputeError } from '../compute-error.js';
import { openGpu } from '../webgpu/device.js';
import type { TensorFlow } from './array.js';
import type { OpenedTensorFlow } from './tfjs-backend.js';
import { multiplyAsLaid } from './wasm-products.js';

export interface TensorFlowRequest {
  /** Of TensorFlow's own library, where it is there; null: all of the machine. */
  threads: number | null;
  /** Nothing slower than CUDA is worth having. */
  needsCuda: boolean;
}

/** TensorFlow.js, or one of its backends, cannot be had; one line with its cure. */
export interface NoTensorFlow {
  reason: string;
}

/** Tables of this size stay in a processor's cache from one operation to the next, and are worth what an operation costs besides. */
const CACHED = 2 ** 20;

/** What may be asked for by name; each is tried in this order. */
export const tensorFlowBackends = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type TensorFlowBackend = (typeof tensorFlowBackends)[number];

/**
 * The fastest that works here, or the one named `only`. TensorFlow.js has one engine a process with one backend at a time, so what
 * was opened before is closed by opening another.
 */
export async function openTensorFlow(
  { threads, needsCuda }: TensorFlowRequest,
  only: TensorFlowBackend | null = null,
): Promise<OpenedTensorFlow | NoTensorFlow> {
  const reasons: string[] = [];
  for (const name of only ? [only] : tensorFlowBackends) {
    if (needsCuda && name !== 'tensorflow') break;
    const opened = name === 'tensorflow' ? await openNative(threads, needsCuda) : await openPortable(name, only === name);
    if (!('reason' in opened)) {
      const others = reasons.length > 0 ? ` (nothing faster: ${reasons.join('; ')})` : '';
      return { ...opened, description: `TensorFlow.js ${opened.tf.version_core}, ${opened.description}${others}` };
    }
    if (!reasons.includes(opened.reason)) reasons.push(opened.reason);
  }
  return { reason: reasons.join('; ') };
}

/** TensorFlow's own library (C++), with CUDA where the package has it and sees a card. */
async function openNative(threads: number | null, needsCuda: boolean): Promise<OpenedTensorFlow | NoTensorFlow> {
  // Read when the library loads; else it tells of every card and instruction set on the terminal.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (threads !== null) process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  const reasons: string[] = [];
  for (const packageName of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    const tf = await load(packageName);
    if ('reason' in tf) {
      reasons.push(tf.reason);
      continue;
    }
    await take(tf, 'tensorflow');
    const { isUsingGpuDevice } = tf.backend() as { isUsingGpuDevice?: boolean };
    if (isUsingGpuDevice) return { tf, description: `CUDA by ${packageName}`, drawnBytes: Infinity, close: () => {} };
    if (needsCuda) return { reason: `${packageName} loads and sees no CUDA card` };
    const description = `TensorFlow's library on the processor by ${packageName}, which sees no CUDA card`;
    return { tf, description, drawnBytes: Infinity, close: () => {} };
  }
  return { reason: reasons[0] };
}

async function openPortable(name: Exclude<TensorFlowBackend, 'tensorflow'>, isAsked: boolean): Promise<OpenedTensorFlow | NoTensorFlow> {
  try {
    const tf: TensorFlow = await import('@tensorflow/tfjs-core');
    // The core comes without gradients; the package of layers registers them all.
    await import('@tensorflow/tfjs-layers');
    if (name === 'webgpu') return await openWebgpu(tf, isAsked);
    if (name === 'wasm') return await openWasm(tf);
    await import('@tensorflow/tfjs-backend-cpu');
    await take(tf, 'cpu');
    return { tf, description: 'plain JavaScript on one thread', drawnBytes: CACHED, close: () => {} };
  } catch (error) {
    if (isMissing(error))
      return { reason: 'the optional npm packages of TensorFlow.js are not installed (npm install --include=optional)' };
    return { reason: whyNot(`@tensorflow/tfjs-backend-${name}`, error) };
  }
}

/** By Dawn, as the backend of WGSL kernels. A software adapter only where it is asked for. */
async function openWebgpu(tf: TensorFlow, isAsked: boolean): Promise<OpenedTensorFlow | NoTensorFlow> {
  const gpu = await openGpu();
  if ('reason' in gpu) return { reason: `webgpu: ${gpu.reason}` };
  const { device, description, isSoftware } = gpu;
  if (isSoftware && !isAsked) {
    device.destroy();
    return { reason: `webgpu: only ${description} answers` };
  }
  const { globals } = await import('webgpu');
  // What a browser has, and TensorFlow.js looks for; it opens no device by itself as long as it is loaded before there is one.
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  Object.assign(globalThis, globals);
  if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: {} });
  if (!navigator.gpu) Object.defineProperty(navigator, 'gpu', { value: {}, configurable: true });
  if (tf.findBackend('webgpu')) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, device.adapterInfo));
  await take(tf, 'webgpu');
  return { tf, description: `WebGPU on ${description}`, drawnBytes: Infinity, close: () => tf.removeBackend('webgpu') };
}

async function openWasm(tf: TensorFlow): Promise<OpenedTensorFlow> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map(event => process.listeners(event as 'uncaughtException'));
  await import('@tensorflow/tfjs-backend-wasm');
  await take(tf, 'wasm');
  // Emscripten's glue would turn every error of the process into a stack on the terminal.
  events.forEach((event, i) => {
    for (const listener of process.listeners(event as 'uncaughtException'))
      if (!before[i].includes(listener)) process.removeListener(event, listener);
  });
  refuseFullMemory(tf.backend() as unknown as WasmBackend);
  multiplyAsLaid(tf);
  return { tf, description: 'WebAssembly on one thread', drawnBytes: CACHED, close: () => {} };
}

interface WasmBackend {
  wasm: { _malloc(bytes: number): number; isChecked?: boolean };
}

/** Out of its 4 GB the module hands out address 0, and what is written there breaks it. */
export function refuseFullMemory({ wasm }: WasmBackend): void {
  if (wasm.isChecked) return;
  const allocate = wasm._malloc;
  wasm._malloc = bytes => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0) {
      const megabytes = (bytes / 2 ** 20).toFixed(0);
      throw new ComputeError(
        `the 4 GB of WebAssembly are full, and ${megabytes} MB more were asked for: give a smaller --batch, fewer --gaussians, or --backend cpu`,
      );
    }
    return address;
  };
  wasm.isChecked = true;
}

/** Makes it the backend of the engine, and keeps the library from printing advice. */
async function take(tf: TensorFlow, name: TensorFlowBackend): Promise<void> {
  tf.enableProdMode();
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js does not start its backend ${name}`);
  await tf.ready();
}

/** A package that may be there, with all that its CommonJS exports. */
async function load(packageName: string): Promise<TensorFlow | NoTensorFlow> {
  try {
    const { default: whole } = await import(packageName);
    return whole as TensorFlow;
  } catch (error) {
    return { reason: whyNot(packageName, error) };
  }
}

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND';

function whyNot(packageName: string, error: unknown): string {
  if (isMissing(error)) return `${packageName} is not installed (npm install ${packageName})`;
  return `${packageName} does not load here: ${(error as Error).message.split('\n')[0].trim()}`;
}
