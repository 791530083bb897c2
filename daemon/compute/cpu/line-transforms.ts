// Complex Fourier transforms of many lines on one thread, by SIMD kernels on memory of its own; lengths with a large prime factor by numerics/fft.ts.

import { fftPlan } from '../../numerics/fft.js';
import { HEAP_START } from './control-block.js';
import { fourierPlan } from './fourier-plan.js';
import { instantiateKernels, type Kernel } from './kernel-module.js';

const PAGE = 65536;
/** Scratch of one thread stays below 1 GiB. */
const MOST_PAGES = 16384;
/** The kernel takes a prime factor p as a p × p sum; above this Bluestein's detour is shorter. */
const LARGEST_RADIX = 19;

export class LineTransforms {
  private readonly memory = new WebAssembly.Memory({ initial: HEAP_START / PAGE, maximum: MOST_PAGES, shared: true });
  private readonly transformLines: Kernel;
  private readonly arrays = new Set<Float32Array>();
  /** By length: addresses of plan and scratch; null where the kernel is not the way. */
  private readonly plans = new Map<number, { plan: number; scratch: number } | null>();
  private end = HEAP_START;

  /** `module`: that of loadMapKernels. */
  constructor(module: WebAssembly.Module) {
    const { names, kernels } = instantiateKernels(module, this.memory);
    this.transformLines = kernels[names.indexOf('transformLines')];
  }

  /** An array of zeros that `lines` works on; it is there as long as this object. */
  floats(length: number): Float32Array {
    // Growth makes another buffer of the memory: taken before, it would be too short.
    const address = this.allocate(4 * length);
    const array = new Float32Array(this.memory.buffer, address, length);
    this.arrays.add(array);
    return array;
  }

  /**
   * Transforms `count` lines of `n` in place, in single precision, as FftPlan.lines does: element j of line i is at offset + i·lineStride + j·stride of `re` and `im`, which are arrays of `floats`.
   */
  lines(
    n: number,
    re: Float32Array,
    im: Float32Array,
    offset: number,
    stride: number,
    count: number,
    lineStride: number,
    inverse: boolean,
  ): void {
    // The kernel checks nothing: elsewhere it would write over other things.
    if (!this.arrays.has(re) || !this.arrays.has(im)) throw new Error('lines are transformed in arrays of their own memory');
    const planned = this.planOf(n);
    if (planned === null) {
      fftPlan(n).lines(re, im, offset, stride, count, lineStride, inverse);
      return;
    }
    // The inverse is the forward transform with the real and imaginary parts exchanged before and after.
    const [a, b] = (inverse ? [im, re] : [re, im]).map(array => array.byteOffset + 4 * offset);
    this.transformLines(a, b, stride, count, lineStride, n, planned.plan, planned.scratch, inverse ? 1 / n : 1);
  }

  private planOf(n: number): { plan: number; scratch: number } | null {
    const known = this.plans.get(n);
    if (known !== undefined) return known;
    const { stages } = fourierPlan(n);
    if (stages.some(({ radix }) => radix > LARGEST_RADIX)) {
      this.plans.set(n, null);
      return null;
    }
    const words = [stages.length, 0, 0, 0];
    for (const { radix, length, stride, twiddles } of stages) {
      const address = this.allocate(twiddles.byteLength);
      new Float32Array(this.memory.buffer, address, twiddles.length).set(twiddles);
      words.push(radix, length, stride, address);
    }
    const plan = this.allocate(4 * words.length);
    new Int32Array(this.memory.buffer, plan, words.length).set(words);
    const planned = { plan, scratch: this.allocate(64 * n) };
    this.plans.set(n, planned);
    return planned;
  }

  /** Address of so many bytes; older arrays stay where they are, since memory that can be shared grows in place. */
  private allocate(bytes: number): number {
    const address = this.end;
    this.end += 64 * Math.ceil(bytes / 64);
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return address;
  }
}
