// Writes a whole file in one call so that a kill at any instant leaves either the old one or the new one.
import { writeAtomically } from '../formats/atomic-file.js';

/**
 * Replaces `path` by the chunks, in order. They are written one by one, so that a large file never lies in memory at once.
 * Throws the system's own error (no space, no permission), with the old file untouched.
 */
export function writeFileAtomic(path: string, chunks: string | Uint8Array | Iterable<string | Uint8Array>): void {
  const list = typeof chunks === 'string' || chunks instanceof Uint8Array ? [chunks] : chunks;
  writeAtomically(path, file => {
    for (const chunk of list) file.append(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  });
}
