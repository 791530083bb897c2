// Multiplication of a map's padded transform, done a plane at a time: out = crop(IFT(G · FT(pad(in)))), all in shared memory, so that
// threads can each take some planes. Its spectrum is the half 0 ≤ uz ≤ band, |ux|, |uy| ≤ band, in cycles per padded box; centres lie at
// voxel box//2.
import type { LineTransforms } from '../compute/cpu/line-transforms.js';

/** Lines transformed together. */
const BATCH = 16;

/** What the threads share. */
export interface OperatorMemory {
  /** [z][y][x], box³ each. */
  input: Float32Array;
  output: Float32Array;
  /** [uz][y][x]: transformed along z, before and after multiplication. */
  re: Float32Array;
  im: Float32Array;
}

export function allocateOperatorMemory(band: number, box: number): OperatorMemory {
  const shared = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));
  const points = (band + 1) * box * box;
  return { input: shared(box ** 3), output: shared(box ** 3), re: shared(points), im: shared(points) };
}

/** One thread's hands on the shared memory. The three steps are to be done for all rows, planes and rows, each when all threads have finished the one before. */
export class PaddedOperator {
  private readonly lineRe: Float32Array;
  private readonly lineIm: Float32Array;
  /** A plane of the spectrum, [uy][x or ux wrapped]. */
  private readonly planeRe: Float32Array;
  private readonly planeIm: Float32Array;
  /** The plane between its two axes, [y or uy wrapped][x]. */
  private readonly columnRe: Float32Array;
  private readonly columnIm: Float32Array;

  constructor(
    private readonly band: number,
    private readonly box: number,
    /** Side of the padded box; the box's own where its periodic copies may touch. */
    private readonly padded: number,
    private readonly memory: OperatorMemory,
    private readonly transforms: Pick<LineTransforms, 'floats' | 'lines'>,
  ) {
    if (2 * band >= padded) throw new Error(`a band of ${band} does not fit into a padded map of ${padded} voxels`);
    const side = 2 * band + 1;
    this.lineRe = transforms.floats(BATCH * padded);
    this.lineIm = transforms.floats(BATCH * padded);
    this.planeRe = transforms.floats(side * padded);
    this.planeIm = transforms.floats(side * padded);
    this.columnRe = transforms.floats(padded * box);
    this.columnIm = transforms.floats(padded * box);
  }

  /** First step: row y of the input along z. Two real lines share one complex transform. */
  forwardRow(y: number): void {
    const { box: m, padded, lineRe, lineIm } = this;
    const { input, re, im } = this.memory;
    for (let first = 0; first < m; first += 2 * BATCH) {
      lineRe.fill(0);
      lineIm.fill(0);
      for (let b = 0, x = first; b < BATCH && x < m; b++, x += 2) {
        for (let z = 0; z < m; z++) {
          const i = (z * m + y) * m + x;
          const o = b * padded + wrap(z - (m >> 1), padded);
          lineRe[o] = input[i];
          lineIm[o] = x + 1 < m ? input[i + 1] : 0;
        }
      }
      this.transforms.lines(padded, lineRe, lineIm, 0, 1, BATCH, padded, false);
      for (let b = 0, x = first; b < BATCH && x < m; b++, x += 2) {
        for (let uz = 0; uz <= this.band; uz++) {
          const i = b * padded + uz;
          const j = b * padded + wrap(-uz, padded);
          const o = (uz * m + y) * m + x;
          re[o] = (lineRe[i] + lineRe[j]) / 2;
          im[o] = (lineIm[i] - lineIm[j]) / 2;
          if (x + 1 === m) continue;
          re[o + 1] = (lineIm[i] + lineIm[j]) / 2;
          im[o + 1] = (lineRe[j] - lineRe[i]) / 2;
        }
      }
    }
  }

  /** Second step: plane uz to full transform, times `multiplier` ((2·band + 1)², row uy), and back along x and y. */
  multiplyPlane(uz: number, multiplier: ArrayLike<number>): void {
    const { box: m, padded, planeRe, planeIm, columnRe, columnIm } = this;
    const { band } = this;
    const side = 2 * band + 1;
    columnRe.fill(0);
    columnIm.fill(0);
    for (let y = 0; y < m; y++) {
      const from = (uz * m + y) * m;
      const to = wrap(y - (m >> 1), padded) * m;
      columnRe.set(this.memory.re.subarray(from, from + m), to);
      columnIm.set(this.memory.im.subarray(from, from + m), to);
    }
    this.transforms.lines(padded, columnRe, columnIm, 0, m, m, 1, false);
    planeRe.fill(0);
    planeIm.fill(0);
    for (let uy = -band; uy <= band; uy++) {
      const from = wrap(uy, padded) * m;
      const to = (uy + band) * padded;
      for (let x = 0; x < m; x++) {
        const o = to + wrap(x - (m >> 1), padded);
        planeRe[o] = columnRe[from + x];
        planeIm[o] = columnIm[from + x];
      }
    }
    this.transforms.lines(padded, planeRe, planeIm, 0, 1, side, padded, false);
    for (let uy = 0, i = 0; uy < side; uy++) {
      const row = uy * padded;
      for (let ux = -band; ux <= band; ux++, i++) {
        const o = row + wrap(ux, padded);
        planeRe[o] *= multiplier[i];
        planeIm[o] *= multiplier[i];
      }
      planeRe.fill(0, row + band + 1, row + padded - band);
      planeIm.fill(0, row + band + 1, row + padded - band);
    }
    this.invertPlane(uz);
  }

  /** The second step from a spectrum in place of the input's: `values` holds real and imaginary parts, (2·band + 1)² each, row uy. */
  setPlane(uz: number, values: { re: ArrayLike<number>; im: ArrayLike<number> }): void {
    const { padded, planeRe, planeIm } = this;
    const { band } = this;
    const side = 2 * band + 1;
    planeRe.fill(0);
    planeIm.fill(0);
    for (let uy = 0, i = 0; uy < side; uy++) {
      for (let ux = -band; ux <= band; ux++, i++) {
        const o = uy * padded + wrap(ux, padded);
        planeRe[o] = values.re[i];
        planeIm[o] = values.im[i];
      }
    }
    this.invertPlane(uz);
  }

  private invertPlane(uz: number): void {
    const { box: m, padded, planeRe, planeIm, columnRe, columnIm } = this;
    const { band } = this;
    const side = 2 * band + 1;
    this.transforms.lines(padded, planeRe, planeIm, 0, 1, side, padded, true);
    columnRe.fill(0);
    columnIm.fill(0);
    for (let uy = -band; uy <= band; uy++) {
      const to = wrap(uy, padded) * m;
      const from = (uy + band) * padded;
      for (let x = 0; x < m; x++) {
        const i = from + wrap(x - (m >> 1), padded);
        columnRe[to + x] = planeRe[i];
        columnIm[to + x] = planeIm[i];
      }
    }
    this.transforms.lines(padded, columnRe, columnIm, 0, m, m, 1, true);
    for (let y = 0; y < m; y++) {
      const from = wrap(y - (m >> 1), padded) * m;
      const to = (uz * m + y) * m;
      this.memory.re.set(columnRe.subarray(from, from + m), to);
      this.memory.im.set(columnIm.subarray(from, from + m), to);
    }
  }

  /** Third step: row y of the output, back along z. The spectrum is Hermitian there: two lines g, h share one transform as g + i·h. */
  inverseRow(y: number): void {
    const { box: m, padded, lineRe, lineIm } = this;
    const { output, re, im } = this.memory;
    for (let first = 0; first < m; first += 2 * BATCH) {
      lineRe.fill(0);
      lineIm.fill(0);
      for (let b = 0, x = first; b < BATCH && x < m; b++, x += 2) {
        const hasSecond = x + 1 < m;
        for (let uz = 0; uz <= this.band; uz++) {
          const i = (uz * m + y) * m + x;
          const [gr, gi] = [re[i], im[i]];
          const [hr, hi] = hasSecond ? [re[i + 1], im[i + 1]] : [0, 0];
          const up = b * padded + uz;
          lineRe[up] += gr - hi;
          lineIm[up] += gi + hr;
          if (uz === 0) continue;
          const down = b * padded + padded - uz;
          lineRe[down] += gr + hi;
          lineIm[down] += hr - gi;
        }
      }
      this.transforms.lines(padded, lineRe, lineIm, 0, 1, BATCH, padded, true);
      for (let b = 0, x = first; b < BATCH && x < m; b++, x += 2) {
        for (let z = 0; z < m; z++) {
          const i = b * padded + wrap(z - (m >> 1), padded);
          const o = (z * m + y) * m + x;
          output[o] = lineRe[i];
          if (x + 1 < m) output[o + 1] = lineIm[i];
        }
      }
    }
  }
}

function wrap(i: number, n: number): number {
  return i < 0 ? i + n : i;
}
