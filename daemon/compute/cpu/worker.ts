// One worker thread of the CPU backend: waits for an operation in the control block, does its share, says so.

import { parentPort, workerData } from 'node:worker_threads';
import * as control from './control-block.js';
import { instantiateKernels } from './kernel-module.js';

export interface WorkerStart {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  thread: number;
  threads: number;
}

const { module, memory, thread, threads } = workerData as WorkerStart;
const { kernels } = instantiateKernels(module, memory);
const words = new Int32Array(memory.buffer, 0, control.HEAP_START / 4);
const numbers = new Float64Array(memory.buffer, control.ARGUMENTS, 64);

function runShare(): void {
  const args = [thread, threads];
  const count = words[control.ARGUMENT_COUNT];
  for (let i = 0; i < count; i++) args.push(numbers[i]);
  kernels[words[control.OPERATION]](...args);
}

function reportFailure(error: unknown): void {
  const text = new TextEncoder().encode(error instanceof Error ? error.message : String(error)).subarray(0, control.MESSAGE_CAPACITY);
  new Uint8Array(memory.buffer, control.MESSAGE, control.MESSAGE_CAPACITY).set(text);
  Atomics.store(words, control.FAILED, Math.max(text.length, 1));
}

let seen = Atomics.load(words, control.GENERATION);
parentPort?.postMessage('ready');
for (;;) {
  for (let spin = 0; spin < control.SPINS && Atomics.load(words, control.GENERATION) === seen; spin++);
  Atomics.wait(words, control.GENERATION, seen);
  const now = Atomics.load(words, control.GENERATION);
  if (now === seen) continue;
  seen = now;
  try {
    runShare();
  } catch (error) {
    reportFailure(error);
  }
  if (Atomics.sub(words, control.BUSY, 1) === 1) Atomics.notify(words, control.BUSY);
}
