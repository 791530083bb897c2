// Latent points from a table with the columns z0, z1, …: what `limber path` writes, a latents table, or one made by hand.
import { readFileSync } from 'node:fs';
import { InputError } from './input-error.js';

/** The points of `file`, a row each, `dims` numbers; other columns are passed over. Throws InputError naming the line on a table that has other dimensions, no row, or what is no number. */
export function readLatentPoints(file: string, dims: number): Float32Array[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InputError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
  const lines = text.split('\n').map((line, i) => ({ cells: line.trimEnd().split('\t'), number: i + 1 }));
  const used = lines.filter(({ cells }) => cells.join('').trim() !== '' && !cells[0].startsWith('#'));
  if (used.length === 0) throw new InputError(`${file}: is empty; give a table with the columns z0, z1, …`);
  const [{ cells: names, number: header }, ...rows] = used;
  const columns = Array.from({ length: dims }, (_, d) => names.indexOf(`z${d}`));
  if (columns.includes(-1) || names.includes(`z${dims}`))
    throw new InputError(
      `${file}:${header}: the run has ${dims} latent dimensions, so the table needs columns z0 to z${dims - 1} and no more; it has "${names.join(' ').slice(0, 80)}"`,
    );
  if (rows.length === 0) throw new InputError(`${file}: has no points below its header; give at least one row`);
  return rows.map(({ cells, number }) =>
    Float32Array.from(columns, (column, d) => {
      const value = cells[column]?.trim() ? Number(cells[column]) : Number.NaN;
      if (!Number.isFinite(value))
        throw new InputError(`${file}:${number}: z${d} is "${cells[column] ?? ''}", not a number; correct the row`);
      return value;
    }),
  );
}
