// Runs a kernel on every thread at once: the caller's and its workers', on one shared WebAssembly memory.

import { Worker } from 'node:worker_threads';
import * as control from './control-block.js';
import { instantiateKernels, type Kernel, type KernelModule } from './kernel-module.js';
import type { WorkerStart } from './worker.js';

/** A worker silent for so long is taken for dead, milliseconds. No operation takes a hundredth of it. */
const SILENCE = 300_000;

export class ThreadPool {
  private readonly words: Int32Array;
  private readonly numbers: Float64Array;
  private readonly kernels: Kernel[];
  private readonly index = new Map<string, number>();
  private workers: Worker[] = [];
  private failure: Error | null = null;

  private constructor(
    kernelModule: KernelModule,
    memory: WebAssembly.Memory,
    readonly threads: number,
  ) {
    const { names, kernels } = instantiateKernels(kernelModule.module, memory);
    names.forEach((name, i) => {
      this.index.set(name, i);
    });
    this.kernels = kernels;
    this.words = new Int32Array(memory.buffer, 0, control.HEAP_START / 4);
    this.numbers = new Float64Array(memory.buffer, control.ARGUMENTS, 64);
  }

  /** Starts threads − 1 workers and waits until they listen. */
  static async start(kernelModule: KernelModule, memory: WebAssembly.Memory, threads: number): Promise<ThreadPool> {
    const pool = new ThreadPool(kernelModule, memory, threads);
    const started: Promise<void>[] = [];
    for (let thread = 1; thread < threads; thread++) {
      const workerData: WorkerStart = { module: kernelModule.module, memory, thread, threads };
      const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData });
      pool.workers.push(worker);
      started.push(
        new Promise((resolve, reject) => {
          worker.once('message', () => resolve());
          worker.once('error', reject);
          worker.once('exit', code => reject(new Error(`a compute thread ended at its start (code ${code})`)));
        }),
      );
    }
    try {
      await Promise.all(started);
    } catch (error) {
      await pool.stop();
      throw error;
    }
    for (const worker of pool.workers) {
      worker.removeAllListeners();
      worker.on('error', error => {
        pool.failure = error;
      });
      worker.unref();
    }
    return pool;
  }

  /** Runs a kernel on this thread alone: for work too small to share. */
  runAlone(name: string, ...args: number[]): number {
    Atomics.store(this.words, control.WORK_COUNTER, 0);
    return this.kernel(name)(0, 1, ...args);
  }

  /** Calls a kernel that shares no work and takes no thread numbers. */
  call(name: string, ...args: number[]): number {
    return this.kernel(name)(...args);
  }

  /** Runs a kernel on all threads and returns when all have finished. Throws what any of them threw. */
  run(name: string, ...args: number[]): void {
    if (this.failure) throw this.failure;
    const { words } = this;
    const workers = this.threads - 1;
    if (workers === 0) {
      this.runAlone(name, ...args);
      return;
    }
    const operation = this.index.get(name);
    if (operation === undefined) throw new Error(`there is no kernel ${name}`);
    Atomics.store(words, control.WORK_COUNTER, 0);
    words[control.OPERATION] = operation;
    words[control.ARGUMENT_COUNT] = args.length;
    this.numbers.set(args);
    Atomics.store(words, control.BUSY, workers);
    Atomics.add(words, control.GENERATION, 1);
    Atomics.notify(words, control.GENERATION);
    let own: unknown = null;
    try {
      this.kernels[operation](0, this.threads, ...args);
    } catch (error) {
      own = error;
    }
    this.waitForWorkers();
    const failed = Atomics.exchange(words, control.FAILED, 0);
    if (own) throw own;
    if (failed) throw new Error(`a compute thread failed in ${name}: ${this.message(failed)}`);
  }

  async stop(): Promise<void> {
    const workers = this.workers;
    this.workers = [];
    this.failure ??= new Error('the CPU backend has been disposed of');
    await Promise.all(workers.map(worker => worker.terminate()));
  }

  private kernel(name: string): Kernel {
    const operation = this.index.get(name);
    if (operation === undefined) throw new Error(`there is no kernel ${name}`);
    return this.kernels[operation];
  }

  private waitForWorkers(): void {
    const { words } = this;
    for (let spin = 0; spin < 10 * control.SPINS; spin++) if (Atomics.load(words, control.BUSY) === 0) return;
    for (let busy = Atomics.load(words, control.BUSY); busy !== 0; busy = Atomics.load(words, control.BUSY)) {
      if (Atomics.wait(words, control.BUSY, busy, SILENCE) === 'timed-out') {
        this.failure = new Error(`${busy} compute threads stopped answering`);
        throw this.failure;
      }
    }
  }

  private message(length: number): string {
    // TextDecoder refuses shared memory: the bytes are copied first.
    const start = control.MESSAGE;
    return new TextDecoder().decode(new Uint8Array(this.words.buffer, start, length).slice());
  }
}
