// Where the stacks lie that a particle file names: its paths are relative to a project folder that may have moved.
import { statSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import { InputError } from '../formats/input-error.js';

/**
 * The path of each stack, in the order of `names`. Tried, in this order: below `imagesDir` where given, with all of the name's folders, then fewer and
 * fewer of them; the name itself if absolute; the particle file's folder; the current folder; the folders above the particle file (RELION's names start
 * at the project folder). Throws InputError where a stack is nowhere, or two names lead to one file.
 */
export function locateStacks(names: readonly string[], particleFile: string, imagesDir: string | null): string[] {
  if (imagesDir !== null && !isFolder(imagesDir))
    throw new InputError(`--images-dir ${imagesDir}: no such folder; give the one the stacks lie in`);
  const folders = [dirname(resolve(particleFile)), process.cwd(), ...foldersAbove(dirname(resolve(particleFile)))];
  const nameOfPath = new Map<string, string>();
  return names.map(name => {
    const path = [...candidates(name, folders, imagesDir)].find(isFile);
    if (path === undefined) {
      const searched = imagesDir === null ? 'beside it, in the current folder, or above' : `there or below ${imagesDir}`;
      throw new InputError(`${name}: no such stack (named in ${particleFile}; searched ${searched}); give its folder with --images-dir`);
    }
    const other = nameOfPath.get(path);
    if (other !== undefined && normalize(other) !== normalize(name)) {
      throw new InputError(
        `${particleFile}: the stacks ${other} and ${name} both lead to ${path}; keep them in different folders below --images-dir`,
      );
    }
    nameOfPath.set(path, name);
    return path;
  });
}

function* candidates(name: string, folders: readonly string[], imagesDir: string | null): Generator<string> {
  if (imagesDir !== null) {
    const parts = name.split(/[\\/]+/).filter(part => part !== '' && part !== '.' && part !== '..');
    for (let first = 0; first < parts.length; first++) yield resolve(imagesDir, ...parts.slice(first));
  }
  if (isAbsolute(name)) yield name;
  else for (const folder of folders) yield join(folder, name);
}

function foldersAbove(folder: string): string[] {
  const above: string[] = [];
  for (let parent = dirname(folder); parent !== folder; parent = dirname(folder)) above.push((folder = parent));
  return above;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
