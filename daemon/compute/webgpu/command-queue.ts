// Commands for the device, collected in order and handed over together: by a read, or when the room for their parameters is used up.

import { ComputeError } from '../compute-error.js';
import { type Kernel, type KernelName, Kernels } from './kernels.js';

/** A kernel's parameters in the order of its struct: whole numbers (u32), then floats. */
export interface KernelParameters {
  whole: readonly number[];
  floats?: readonly number[];
  /** Constants that are settled when the kernel is compiled, once for each choice of them. */
  overrides?: Readonly<Record<string, number>>;
}

/** Numbers on the device. */
export interface DeviceArray {
  readonly bytes: number;
}

/** What the operations ask of a queue. */
export interface Commands {
  /** A new array of zeros. */
  allocate(bytes: number): DeviceArray;
  release(array: DeviceArray): void;
  /** Later commands see the data, earlier ones do not. */
  write(array: DeviceArray, offsetBytes: number, data: Float32Array | Uint32Array): void;
  /** Runs everything collected, waits, and copies out. */
  read(array: DeviceArray): Promise<Float32Array>;
  /** Collects one dispatch of a kernel over `groups` workgroups. */
  dispatch(name: KernelName, parameters: KernelParameters, arrays: readonly DeviceArray[], groups: Groups): void;
  /** The same for a kernel that treats `count` numbers one by one, in workgroups of 256. */
  dispatchEach(name: KernelName, count: number, parameters: KernelParameters, arrays: readonly DeviceArray[]): void;
  close(): Promise<void>;
}

/** Workgroups along x, y and z; 1 where left out. */
export type Groups = readonly [number, number?, number?];

/** GPUBufferUsage and GPUMapMode, which in Node are no globals. */
const USAGE = { MAP_READ: 0x1, COPY_SRC: 0x4, COPY_DST: 0x8, UNIFORM: 0x40, STORAGE: 0x80 } as const;
const MAP_MODE_READ = 0x1;

/** Dispatches whose parameters are collected before they are handed over; a training step has some eighty. */
const SLOTS = 512;
/** Where the parameters of a dispatch may begin: a multiple of this, on every device. */
const SLOT_BYTES = 256;
/** WebGPU promises so many workgroups along an axis. */
const MAX_GROUPS = 65535;
/** Invocations in a workgroup of the kernels that treat one number after the other. */
const LINE = 256;

/** Workgroups that treat `count` numbers one by one. */
export function lineGroups(count: number): Groups {
  const groups = Math.ceil(count / LINE);
  const across = Math.min(groups, MAX_GROUPS);
  return [across, Math.ceil(groups / across)];
}

/** An array as this queue knows it. */
class QueuedArray implements DeviceArray {
  /** The last hand-over with a command that names it. */
  handOver = -1;

  constructor(
    readonly buffer: GPUBuffer,
    readonly bytes: number,
    /** Names it in the keys of bindings. */
    readonly number: number,
  ) {}
}

export class CommandQueue implements Commands {
  private readonly kernels: Kernels;
  private readonly parameters: GPUBuffer;
  private readonly slots = new ArrayBuffer(SLOTS * SLOT_BYTES);
  private readonly wholeSlots = new Uint32Array(this.slots);
  private readonly floatSlots = new Float32Array(this.slots);
  private used = 0;
  private encoder: GPUCommandEncoder | null = null;
  private pass: GPUComputePassEncoder | null = null;
  /** What the pass is set to. */
  private pipeline: GPUComputePipeline | null = null;
  /** Counts the times that commands were handed over. */
  private handOver = 0;
  /** By kernel and arrays; forgotten when any array is given back. */
  private readonly bindings = new Map<string, GPUBindGroup>();
  private arrays = 0;
  /** Idle buffers to read through, by size. */
  private readonly readers = new Map<number, GPUBuffer[]>();
  /** Copies of arrays that an operation both reads and overwrites, by size. */
  private readonly copies = new Map<number, QueuedArray>();
  private failure: Error | null = null;
  private isClosed = false;

  constructor(readonly device: GPUDevice) {
    this.kernels = new Kernels(device);
    this.parameters = device.createBuffer({ label: 'parameters', size: SLOTS * SLOT_BYTES, usage: USAGE.UNIFORM | USAGE.COPY_DST });
    void device.lost.then(({ message, reason }) => {
      if (!this.isClosed)
        this.fail(`the graphics processor was lost (${reason}: ${oneLine(message)}): its driver stopped or it was removed`);
    });
    device.addEventListener('uncapturederror', event => {
      const { error } = event as GPUUncapturedErrorEvent;
      // Else Dawn prints it too, in many lines.
      event.preventDefault();
      const isMemory = error.constructor.name === 'GPUOutOfMemoryError';
      this.fail(
        isMemory
          ? 'the graphics processor is out of memory: give a smaller --batch, fewer --gaussians, or --backend cpu'
          : `the graphics processor refused a command: ${oneLine(error.message)}`,
      );
    });
  }

  /** Throws ComputeError where the device cannot hold one so large. */
  allocate(bytes: number): QueuedArray {
    this.check();
    const { maxStorageBufferBindingSize, maxBufferSize } = this.device.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (bytes > most)
      throw new ComputeError(
        `an array of ${megabytes(bytes)} MB is larger than this graphics processor takes (${megabytes(most)} MB): give a smaller --batch, fewer --gaussians, or --backend cpu`,
      );
    const buffer = this.device.createBuffer({ size: Math.max(bytes, 4), usage: USAGE.STORAGE | USAGE.COPY_SRC | USAGE.COPY_DST });
    return new QueuedArray(buffer, bytes, this.arrays++);
  }

  release(array: DeviceArray): void {
    const { buffer, handOver } = array as QueuedArray;
    if (handOver === this.handOver) this.submit();
    this.bindings.clear();
    buffer.destroy();
  }

  write(array: DeviceArray, offsetBytes: number, data: Float32Array | Uint32Array): void {
    this.check();
    const { buffer, handOver } = array as QueuedArray;
    if (handOver === this.handOver) this.submit();
    this.device.queue.writeBuffer(buffer, offsetBytes, data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  }

  async read(array: DeviceArray): Promise<Float32Array> {
    this.check();
    const { bytes } = array;
    const idle = this.readers.get(bytes);
    const reader = idle?.pop() ?? this.device.createBuffer({ size: Math.max(bytes, 4), usage: USAGE.MAP_READ | USAGE.COPY_DST });
    this.copy(array as QueuedArray, reader);
    this.submit();
    try {
      await reader.mapAsync(MAP_MODE_READ);
    } catch (error) {
      // The cause is told to other listeners, a turn later.
      await new Promise(setImmediate);
      this.check();
      throw new ComputeError(`the graphics processor gave nothing back: ${oneLine((error as Error).message)}`);
    }
    this.check();
    const data = new Float32Array(reader.getMappedRange(), 0, bytes / 4).slice();
    reader.unmap();
    if (idle) idle.push(reader);
    else this.readers.set(bytes, [reader]);
    return data;
  }

  dispatch(name: KernelName, parameters: KernelParameters, arrays: readonly DeviceArray[], groups: Groups): void {
    this.check();
    const kernel = this.kernels.get(name, parameters.overrides);
    const [x, y = 1, z = 1] = groups;
    if (Math.max(x, y, z) > MAX_GROUPS)
      throw new Error(`${name} needs ${x} × ${y} × ${z} workgroups, and a device takes ${MAX_GROUPS} along a side`);
    const offset = this.put(parameters);
    const bound = this.bind(kernel, this.apart(kernel.isWritten, arrays as readonly QueuedArray[]));
    if (!this.pass) {
      this.pass = this.encoding().beginComputePass();
      this.pipeline = null;
    }
    if (this.pipeline !== kernel.pipeline) this.pass.setPipeline(kernel.pipeline);
    this.pipeline = kernel.pipeline;
    this.pass.setBindGroup(0, bound, [offset]);
    this.pass.dispatchWorkgroups(x, y, z);
  }

  dispatchEach(name: KernelName, count: number, parameters: KernelParameters, arrays: readonly DeviceArray[]): void {
    if (count > 0) this.dispatch(name, parameters, arrays, lineGroups(count));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.device.destroy();
  }

  /** Hands over what is collected. */
  private submit(): void {
    if (!this.encoder) return;
    this.pass?.end();
    if (this.used > 0) this.device.queue.writeBuffer(this.parameters, 0, this.slots, 0, this.used * SLOT_BYTES);
    this.device.queue.submit([this.encoder.finish()]);
    this.pass = null;
    this.encoder = null;
    this.used = 0;
    this.handOver++;
  }

  private copy(from: QueuedArray, to: GPUBuffer): void {
    this.pass?.end();
    this.pass = null;
    this.encoding().copyBufferToBuffer(from.buffer, 0, to, 0, Math.max(from.bytes, 4));
    from.handOver = this.handOver;
  }

  /** WebGPU lets no dispatch write an array that it has under another name too: such an operation reads a copy. */
  private apart(isWritten: readonly boolean[], arrays: readonly QueuedArray[]): readonly QueuedArray[] {
    if (new Set(arrays).size === arrays.length) return arrays;
    return arrays.map((array, i) => {
      if (isWritten[i] || !arrays.some((other, j) => other === array && isWritten[j])) return array;
      let aside = this.copies.get(array.bytes);
      if (!aside) this.copies.set(array.bytes, (aside = this.allocate(array.bytes)));
      this.copy(array, aside.buffer);
      return aside;
    });
  }

  private put({ whole, floats = [] }: KernelParameters): number {
    if (this.used === SLOTS) this.submit();
    const offset = this.used++ * SLOT_BYTES;
    this.wholeSlots.set(whole, offset / 4);
    this.floatSlots.set(floats, offset / 4 + whole.length);
    return offset;
  }

  private encoding(): GPUCommandEncoder {
    this.encoder ??= this.device.createCommandEncoder();
    return this.encoder;
  }

  private bind({ label, layout }: Kernel, arrays: readonly QueuedArray[]): GPUBindGroup {
    let key = label;
    for (const array of arrays) {
      array.handOver = this.handOver;
      key += ` ${array.number}`;
    }
    let group = this.bindings.get(key);
    if (!group) {
      const entries = [
        { binding: 0, resource: { buffer: this.parameters, size: SLOT_BYTES } },
        ...arrays.map(({ buffer }, i) => ({ binding: i + 1, resource: { buffer } })),
      ];
      this.bindings.set(key, (group = this.device.createBindGroup({ label, layout, entries })));
    }
    return group;
  }

  private fail(message: string): void {
    // The first failure is the cause of all later ones.
    this.failure ??= new ComputeError(message);
  }

  private check(): void {
    if (this.failure) throw this.failure;
  }
}

const oneLine = (text: string) => text.replace(/\s*\n\s*/g, ' ').trim();
const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);
