// The truth beside which decoded volumes are put: a folder of maps, one a state, and a table that says which state each particle is in.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { InputError } from '../../daemon/formats/input-error.js';
import { readMap } from '../../daemon/formats/mrc.js';

/** Maps kept in memory; at 128 voxels a side each has 8 MB. */
const KEPT = 16;

export class TrueStates {
  private readonly files: string[];
  private readonly kept = new Map<number, DensityMap>();

  /** Maps in the order of the numbers in their names, as CryoBench sorts them. Throws InputError where the folder holds none. */
  constructor(folder: string) {
    let names: string[];
    try {
      names = readdirSync(folder).filter(name => /\.(mrc|map)$/.test(name));
    } catch {
      throw new InputError(`${folder}: cannot be read; give the folder that holds one map a state`);
    }
    if (names.length === 0) throw new InputError(`${folder}: holds no .mrc or .map file; give the folder that holds one map a state`);
    this.files = names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).map(name => join(folder, name));
  }

  get count(): number {
    return this.files.length;
  }

  /** The map of a state, from 0. Throws InputError where it is not cubic. */
  map(state: number): DensityMap {
    let map = this.kept.get(state);
    if (!map) {
      map = readMap(this.files[state]);
      if (map.size.some(n => n !== map!.size[0] || n % 2 === 1))
        throw new InputError(`${this.files[state]}: ${map.size.join(' × ')} voxels; the measure is defined for cubes of even size`);
      if (this.kept.size >= KEPT) this.kept.delete(this.kept.keys().next().value!);
      this.kept.set(state, map);
    }
    return map;
  }
}

/**
 * State of each particle, from 0, by row: of a table with a header, its column `column`; of a file of numbers alone, one a line. Throws InputError naming the line.
 */
export function readStates(file: string, column: string, states: number): Uint32Array {
  let lines: string[];
  try {
    lines = readFileSync(file, 'utf8').trimEnd().split(/\r?\n/);
  } catch {
    throw new InputError(`${file}: cannot be read; give a table with a column ${column}, or one number a line`);
  }
  const header = /^\s*\d+\s*$/.test(lines[0]) ? null : lines[0].split('\t');
  const at = header ? header.indexOf(column) : 0;
  if (at < 0) throw new InputError(`${file}:1: has no column ${column}; its columns are ${header?.join(', ')}`);
  return Uint32Array.from(header ? lines.slice(1) : lines, (line, i) => {
    const text = line.split('\t')[at]?.trim() ?? '';
    const state = Number(text);
    if (!/^\d+$/.test(text) || state >= states)
      throw new InputError(`${file}:${i + (header ? 2 : 1)}: "${text}" is no state; there are maps of states 0 to ${states - 1}`);
    return state;
  });
}
