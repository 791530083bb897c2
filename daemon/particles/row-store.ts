// Rows of float32 in a file, written in order and read in any order: what training needs of every particle, without holding it in memory.

import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

export class RowStore {
  private constructor(
    private readonly file: number,
    readonly path: string,
    readonly rows: number,
    /** Numbers a row. */
    readonly width: number,
  ) {}

  /** A new file of zeros; an old one of the name is replaced. */
  static create(path: string, rows: number, width: number): RowStore {
    const file = openSync(path, 'w+');
    ftruncateSync(file, rows * width * 4);
    return new RowStore(file, path, rows, width);
  }

  /** Writes consecutive rows from row `first` on. */
  write(first: number, data: Float32Array): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.file, bytes, done, bytes.length - done, first * this.width * 4 + done);
  }

  /** Copies the rows of `indices` into `out`, one after the other. */
  read(indices: ArrayLike<number>, out: Float32Array): void {
    const rowBytes = this.width * 4;
    const bytes = new Uint8Array(out.buffer, out.byteOffset, out.byteLength);
    for (let i = 0; i < indices.length; i++) {
      for (let done = 0; done < rowBytes; ) {
        const got = readSync(this.file, bytes, i * rowBytes + done, rowBytes - done, indices[i] * rowBytes + done);
        if (got === 0) throw new Error(`${this.path} ends before row ${indices[i]}; start the command again to prepare it anew`);
        done += got;
      }
    }
  }

  close(): void {
    closeSync(this.file);
  }
}
