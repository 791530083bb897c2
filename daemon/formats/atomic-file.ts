// A file that appears under its name only when it is complete: written beside, flushed, renamed.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** Node refuses 2 GiB and more in one call. */
const MAX_BYTES_PER_CALL = 1 << 30;

/** Grows beside `path` as `path` + `.partial`; `commit` puts it in place, `abandon` leaves an older file of that name untouched. Errors are the system's own. */
export class AtomicFile {
  private readonly beside: string;
  private handle: number;
  private end = 0;

  constructor(private readonly path: string) {
    this.beside = `${path}.partial`;
    this.handle = openSync(this.beside, 'w');
  }

  append(bytes: Uint8Array): void {
    this.writeAt(this.end, bytes);
    this.end += bytes.length;
  }

  /** Overwrites bytes that were appended before. The system may take fewer bytes than offered in one call. */
  writeAt(position: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(this.handle, bytes, done, Math.min(bytes.length - done, MAX_BYTES_PER_CALL), position + done);
    }
  }

  commit(): void {
    fsyncSync(this.handle);
    this.closeHandle();
    renameSync(this.beside, this.path);
    flushFolder(dirname(this.path));
  }

  abandon(): void {
    this.closeHandle();
    rmSync(this.beside, { force: true });
  }

  private closeHandle(): void {
    if (this.handle >= 0) closeSync(this.handle);
    this.handle = -1;
  }
}

/** Runs `write` on a new file; the file is in place when it returns, and nothing is left when it throws. */
export function writeAtomically(path: string, write: (file: AtomicFile) => void): void {
  const file = new AtomicFile(path);
  try {
    write(file);
    file.commit();
  } catch (error) {
    file.abandon();
    throw error;
  }
}

/** Makes the rename itself survive a power cut. Windows cannot open a folder; there the file system's journal has to do. */
function flushFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
