// Latent coordinates of particles as a TSV table: particle, copy where symmetry was expanded, z0, z1, …, frc, observability (contract.md); the form they leave this program in.
import { InputError } from './input-error.js';
import { formatParticleColumns, type ParticleColumn } from './particle-columns.js';

export interface LatentsTable {
  count: number;
  dims: number;
  /** count: 1-based row of the input file. */
  particle: Uint32Array;
  /** count: which symmetric orientation of the particle, from 0 (in the file from 1); left out where each particle has one place. */
  copy?: Uint8Array;
  /** count × dims. */
  z: Float32Array;
  /** count: ring correlation of the particle with its decoded model; NaN where unknown. */
  frc: Float32Array;
  /** count: how well the motion can be seen in the particle's image, 0 (not at all) to 1; NaN where unknown; left out where nobody asked. */
  observability?: Float32Array;
}

/** The table's text, with `further` columns behind its own, a piece per thousand particles. */
export function formatLatents(table: LatentsTable, further: readonly ParticleColumn[] = []): Generator<string> {
  const { count, dims, particle, copy, z, frc, observability } = table;
  const coordinates = Array.from({ length: dims }, (_, k) => ({
    name: `z${k}`,
    values: Float32Array.from({ length: count }, (_, i) => z[i * dims + k]),
  }));
  const copies = copy ? [{ name: 'copy', values: Uint8Array.from(copy, value => value + 1) }] : [];
  const seen = observability ? [{ name: 'observability', values: observability }] : [];
  return formatParticleColumns({ particle, columns: [...copies, ...coordinates, { name: 'frc', values: frc }, ...seen, ...further] });
}

/** Reads what `formatLatents` wrote; further columns are passed over. Throws InputError naming the file and the line. */
export function parseLatents(text: string, file: string): LatentsTable {
  const lines = text.split('\n');
  const names = lines[0].trimEnd().split('\t');
  const particleColumn = names.indexOf('particle');
  const copyColumn = names.indexOf('copy');
  const frcColumn = names.indexOf('frc');
  const seenColumn = names.indexOf('observability');
  const zColumns: number[] = [];
  for (let k = 0; names.includes(`z${k}`); k++) zColumns.push(names.indexOf(`z${k}`));
  if (particleColumn < 0 || zColumns.length === 0)
    throw new InputError(`${file}:1: a latents table starts with the columns particle, z0, …; this one has "${lines[0].slice(0, 80)}"`);
  const rows = lines.slice(1).filter(line => line.trim() !== '');
  const dims = zColumns.length;
  const table: LatentsTable = {
    count: rows.length,
    dims,
    particle: new Uint32Array(rows.length),
    ...(copyColumn >= 0 && { copy: new Uint8Array(rows.length) }),
    z: new Float32Array(rows.length * dims),
    frc: new Float32Array(rows.length).fill(Number.NaN),
    ...(seenColumn >= 0 && { observability: new Float32Array(rows.length) }),
  };
  rows.forEach((row, i) => {
    const cells = row.split('\t');
    const particle = Number(cells[particleColumn]);
    const copy = table.copy ? Number(cells[copyColumn]) : 1;
    if (cells.length !== names.length || ![particle, copy].every(value => Number.isInteger(value) && value >= 1)) {
      throw new InputError(
        `${file}:${i + 2}: "${row.slice(0, 80)}" is not a row of ${names.length} columns with a particle number; restore the file or export it again`,
      );
    }
    table.particle[i] = particle;
    if (table.copy) table.copy[i] = copy - 1;
    zColumns.forEach((column, k) => {
      table.z[i * dims + k] = Number(cells[column]);
      if (!Number.isFinite(table.z[i * dims + k]))
        throw new InputError(`${file}:${i + 2}: z${k} is "${cells[column]}", not a number; restore the file or export it again`);
    });
    if (frcColumn >= 0) table.frc[i] = Number(cells[frcColumn]);
    if (table.observability) table.observability[i] = Number(cells[seenColumn]);
  });
  return table;
}
