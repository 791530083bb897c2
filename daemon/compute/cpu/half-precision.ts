// Rows of numbers to half precision and back, by SIMD kernels on a small memory of their own: for what is kept on disk.

import { HEAP_START } from './control-block.js';
import { instantiateKernels, type Kernel, loadRowKernels } from './kernel-module.js';

const PAGE = 65536;
/** Numbers that a kernel takes at a time. */
const GROUP = 8;
/** Of the row's scale, a float32 in the order of this machine. */
const SCALE_BYTES = 4;

/** A relative error of 2⁻¹¹ for numbers down to 2⁻²⁹ of the row's largest; each row has a power of two of its own, so that none is out of range. */
export class HalfPrecisionRow {
  /** The row's bytes: the scale, then `width` numbers of two bytes. To be filled before `decode`; filled by `encode`. */
  readonly bytes: Uint8Array;
  private readonly scale: Float32Array;
  private readonly row: Float32Array;
  private readonly toHalf: Kernel;
  private readonly fromHalf: Kernel;
  private readonly count: number;
  private readonly halfAddress: number;
  private readonly rowAddress: number;

  constructor(width: number) {
    this.count = GROUP * Math.ceil(width / GROUP);
    // The halves begin at a whole vector, the scale just before them.
    this.halfAddress = HEAP_START + 16;
    this.rowAddress = this.halfAddress + 2 * this.count + 16;
    const pages = Math.ceil((this.rowAddress + 4 * this.count + 16) / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.bytes = new Uint8Array(memory.buffer, this.halfAddress - SCALE_BYTES, SCALE_BYTES + 2 * width);
    this.scale = new Float32Array(memory.buffer, this.halfAddress - SCALE_BYTES, 1);
    this.row = new Float32Array(memory.buffer, this.rowAddress, width);
    const { names, kernels } = instantiateKernels(loadRowKernels(), memory);
    this.toHalf = kernels[names.indexOf('toHalf')];
    this.fromHalf = kernels[names.indexOf('fromHalf')];
  }

  /** The bytes of a row of `width` numbers; valid until the next call. A row with a number that is not finite comes back as NaN throughout. */
  encode(row: Float32Array): Uint8Array {
    this.row.set(row);
    this.scale[0] = this.toHalf(0, 1, this.count, this.rowAddress, this.halfAddress);
    return this.bytes;
  }

  /** The numbers of the row whose bytes lie in `bytes`; valid until the next call. */
  decode(): Float32Array {
    this.fromHalf(0, 1, this.count, this.halfAddress, this.scale[0], this.rowAddress);
    return this.row;
  }
}
