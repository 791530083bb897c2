// Which particles a file names (`--subset FILE`): a star file with some of the rows, a table with a column `particle`, or one row number a line.
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { InputError } from '../formats/input-error.js';
import { readStar } from '../formats/star.js';
import { particleTable } from './star-records.js';

/**
 * Rows (from 0, rising, each once) of the particle star file `particlesFile`, which has `count`. Numbers in tables and lists count from 1, as in the
 * latents table. Throws InputError, with file and line, on what is no particle of that file, and on an empty subset.
 */
export function readParticleSubset(file: string, particlesFile: string, count: number): Uint32Array {
  const rows = extname(file).toLowerCase() === '.star' ? matchImages(file, particlesFile) : readRowNumbers(file, count);
  if (rows.length === 0) throw new InputError(`${file}: names no particles; give a file with at least one`);
  return Uint32Array.from(new Set(rows)).sort();
}

function matchImages(file: string, particlesFile: string): number[] {
  const subset = particleTable(readStar(file));
  const rowOf = new Map(
    particleTable(readStar(particlesFile))
      .strings('rlnImageName')
      .map((name, row) => [canonical(name), row]),
  );
  return subset.strings('rlnImageName').map((name, i) => {
    const row = rowOf.get(canonical(name));
    if (row === undefined)
      throw new InputError(`${file}, line ${subset.line(i)}: image ${name} is not in ${particlesFile}; give a subset of that file`);
    return row;
  });
}

/** 000012@stack and 12@stack are the same image. */
function canonical(name: string): string {
  return name.replace(/^0+(?=\d)/, '');
}

function readRowNumbers(file: string, count: number): number[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
  const lines = text.split('\n');
  const column = lines[0].trim().split('\t').indexOf('particle');
  const rows: number[] = [];
  lines.forEach((line, i) => {
    if (line.trim() === '' || line.startsWith('#') || (column >= 0 && i === 0)) return;
    const cell = line.split('\t')[Math.max(column, 0)]?.trim() ?? '';
    const number = Number(cell);
    if (!/^\d+$/.test(cell) || number < 1 || number > count) {
      throw new InputError(
        `${file}:${i + 1}: "${line.trim().slice(0, 80)}" is no particle; give rows from 1 to ${count}, one a line or in a column named particle`,
      );
    }
    rows.push(number - 1);
  });
  return rows;
}
