// Tells one state of a file from another without reading it.
import { statSync } from 'node:fs';

/** Another one whenever the file is replaced, '' while it is not there. Files are replaced by rename, so a new one has a new inode as well. */
export function fileVersion(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat ? `${stat.ino}:${stat.mtimeMs}:${stat.size}` : '';
}
