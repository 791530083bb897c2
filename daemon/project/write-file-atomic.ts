// Writes a file so that a kill at any instant leaves either the old one or the new one whole: write beside, flush, rename.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Replaces `path` by the chunks, in order. They are written one by one, so that a large file never lies in memory at once.
 * The file beside is `path` + `.partial`; one that a kill left behind is overwritten by the next write.
 * Throws the system's own error (no space, no permission), with the old file untouched.
 */
export function writeFileAtomic(path: string, chunks: string | Uint8Array | Iterable<string | Uint8Array>): void {
  const beside = `${path}.partial`;
  const file = openSync(beside, 'w');
  try {
    const list = typeof chunks === 'string' || chunks instanceof Uint8Array ? [chunks] : chunks;
    for (const chunk of list) writeWhole(file, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    fsyncSync(file);
  } catch (error) {
    closeSync(file);
    rmSync(beside, { force: true });
    throw error;
  }
  closeSync(file);
  renameSync(beside, path);
  flushFolder(dirname(path));
}

/** The system may take fewer bytes than offered in one call. */
function writeWhole(file: number, bytes: Uint8Array): void {
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset, bytes.length - offset);
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
