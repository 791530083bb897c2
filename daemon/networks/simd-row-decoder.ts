// The decoder of one latent point on one thread with the SIMD kernels of the CPU backend, in a small memory of its own: fast enough for every move of a mouse.

import { HEAP_START, WORK_COUNTER } from '../compute/cpu/control-block.js';
import { instantiateKernels, type Kernel, loadRowKernels } from '../compute/cpu/kernel-module.js';
import type { DecoderWeights, RowDecoder } from './plain-row-decoder.js';

const PAGE = 65536;

/** Compiled once for all decoders. */
let rowKernels: WebAssembly.Module | null = null;

export class SimdRowDecoder implements RowDecoder {
  private readonly kernels: Map<string, Kernel>;
  private readonly counter: Int32Array;
  private readonly input: Float32Array;
  /** Addresses in the memory, with the sizes that the kernels want. */
  private readonly layers: { inputs: number; outputs: number; weight: number; bias: number; y: number }[];
  private readonly place: { input: number; origin: number; neutral: number; vary: number; out: number; list: number };
  private readonly out: Float32Array;

  /** Copies the weights; the caller's may go. */
  constructor({ layers, neutral, vary }: DecoderWeights) {
    const width = neutral.length;
    const widest = Math.max(...layers.map(layer => layer.inputs));
    let end = HEAP_START;
    const reserve = (numbers: number) => {
      const address = end;
      // A vector may reach over the last number.
      end = Math.ceil((end + numbers * 4 + 16) / 64) * 64;
      return address;
    };
    this.layers = layers.map(({ inputs, outputs }) => ({
      inputs,
      outputs,
      weight: reserve(inputs * outputs),
      bias: reserve(outputs),
      y: reserve(outputs),
    }));
    this.place = {
      input: reserve(layers[0].inputs),
      origin: reserve(width),
      neutral: reserve(width),
      vary: reserve(width),
      out: reserve(width),
      list: reserve(2 * (widest + 4)),
    };
    const pages = Math.ceil(end / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const floats = (address: number, length: number) => new Float32Array(memory.buffer, address, length);
    layers.forEach(({ weight, bias }, l) => {
      floats(this.layers[l].weight, weight.length).set(weight);
      floats(this.layers[l].bias, bias.length).set(bias);
    });
    floats(this.place.neutral, width).set(neutral);
    floats(this.place.vary, width).set(vary);
    rowKernels ??= loadRowKernels();
    const { names, kernels } = instantiateKernels(rowKernels, memory);
    this.kernels = new Map(names.map((name, i) => [name, kernels[i]]));
    this.counter = new Int32Array(memory.buffer, 4 * WORK_COUNTER, 1);
    this.input = floats(this.place.input, layers[0].inputs);
    this.out = floats(this.place.out, width);
    const { y } = this.layers[layers.length - 1];
    this.run();
    floats(this.place.origin, width).set(floats(y, width));
  }

  row(z: ArrayLike<number>): Float32Array {
    this.input.set(z);
    this.run();
    const { origin, neutral, vary, out } = this.place;
    const { outputs, y } = this.layers[this.layers.length - 1];
    this.call('gaussians', 1, outputs / 5, y, origin, neutral, 0, vary, out);
    return this.out;
  }

  private run(): void {
    let x = this.place.input;
    this.layers.forEach(({ inputs, outputs, weight, bias, y }, l) => {
      const relu = Number(l < this.layers.length - 1);
      this.call('multiplyActive', x, inputs, weight, outputs, bias, relu, y, this.place.list);
      x = y;
    });
  }

  private call(name: string, ...args: number[]): void {
    // Kernels take their pieces of work from this counter, alone here too.
    this.counter[0] = 0;
    (this.kernels.get(name) as Kernel)(0, 1, ...args);
  }
}
