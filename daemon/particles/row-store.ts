// Rows of numbers in a file, written in order and read in any order: what training needs of every particle, without holding it in memory.
//
// In half precision (compute/cpu/half-precision.ts): half the bytes of single precision, so that the system keeps twice as many particles in its cache, and what is rounded
// off is a thousandth of the noise in any image.

import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { HalfPrecisionRow } from '../compute/cpu/half-precision.js';

export class RowStore {
  private readonly row: HalfPrecisionRow;

  private constructor(
    private readonly file: number,
    readonly path: string,
    readonly rows: number,
    /** Numbers a row. */
    readonly width: number,
  ) {
    this.row = new HalfPrecisionRow(width);
  }

  /** A new file of zeros; an old one of the name is replaced. */
  static create(path: string, rows: number, width: number): RowStore {
    const store = new RowStore(openSync(path, 'w+'), path, rows, width);
    ftruncateSync(store.file, rows * store.rowBytes);
    return store;
  }

  /** On disk. */
  get rowBytes(): number {
    return this.row.bytes.length;
  }

  /** Writes consecutive rows from row `first` on. */
  write(first: number, data: Float32Array): void {
    const { width, rowBytes } = this;
    for (let i = 0; i * width < data.length; i++) {
      const bytes = this.row.encode(data.subarray(i * width, (i + 1) * width));
      for (let done = 0; done < rowBytes; ) done += writeSync(this.file, bytes, done, rowBytes - done, (first + i) * rowBytes + done);
    }
  }

  /** Copies the rows of `indices` into `out`, one after the other. */
  read(indices: ArrayLike<number>, out: Float32Array): void {
    const { width, rowBytes } = this;
    for (let i = 0; i < indices.length; i++) {
      for (let done = 0; done < rowBytes; ) {
        const got = readSync(this.file, this.row.bytes, done, rowBytes - done, indices[i] * rowBytes + done);
        if (got === 0) throw new Error(`${this.path} ends before row ${indices[i]}; start the command again to prepare it anew`);
        done += got;
      }
      out.set(this.row.decode(), i * width);
    }
  }

  close(): void {
    closeSync(this.file);
  }
}
