// What has been found out about a run's latents, each in a table of its own beside them: embeddings/NAME.tsv, clusters.tsv and paths/NAME.tsv.
//
// The latents themselves are never rewritten, so a table can be older than they are: then it speaks of earlier weights, which is said.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../formats/input-error.js';
import { formatParticleColumns, type ParticleColumn, parseParticleColumns } from '../formats/particle-columns.js';
import type { RunFolder } from './run-folder.js';
import { writeFileAtomic } from './write-file-atomic.js';

/** Embeddings in the order in which their columns are exported; others follow by name. */
const FIRST = ['pca.tsv', 'umap.tsv'];

function clustersPath(run: RunFolder): string {
  return join(run.path, 'clusters.tsv');
}

/** Writes embeddings/NAME.tsv with columns name0, name1, …; returns its path. `coordinates`: particles × dims. */
export function writeEmbedding(run: RunFolder, name: string, particle: Uint32Array, coordinates: Float32Array, dims: number): string {
  const columns = Array.from({ length: dims }, (_, k) => ({
    name: `${name}${k}`,
    values: Float32Array.from({ length: particle.length }, (_, i) => coordinates[i * dims + k]),
  }));
  const folder = join(run.path, 'embeddings');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.tsv`);
  writeFileAtomic(path, formatParticleColumns({ particle, columns }));
  return path;
}

/** Writes clusters.tsv; returns its path. `labels`: cluster of each particle, from 1. */
export function writeClusters(run: RunFolder, particle: Uint32Array, labels: Uint32Array): string {
  writeFileAtomic(clustersPath(run), formatParticleColumns({ particle, columns: [{ name: 'cluster', values: labels }] }));
  return clustersPath(run);
}

/** Writes paths/NAME.tsv; returns its path. `table`: as formats/path-table.ts makes it. */
export function writePath(run: RunFolder, name: string, table: string): string {
  const folder = join(run.path, 'paths');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.tsv`);
  writeFileAtomic(path, table);
  return path;
}

/** The tables that there are, embeddings first; `outdated`: older than the latents, which have been trained on since. */
export function analysisFiles(run: RunFolder): { path: string; outdated: boolean }[] {
  const folder = join(run.path, 'embeddings');
  const names = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.tsv')) : [];
  const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  names.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  const paths = [...names.map(name => join(folder, name)), clustersPath(run)].filter(path => existsSync(path));
  return paths.map(path => ({ path, outdated: isOutdated(run, path) }));
}

function isOutdated(run: RunFolder, path: string): boolean {
  return run.hasLatents && statSync(path).mtimeMs < statSync(run.latentsPath).mtimeMs;
}

/** Every column that `limber embed` and `limber cluster` have made for this run; `note` is told of those older than the latents. Throws InputError where one belongs to other particles. */
export function analysisColumns(run: RunFolder, note: (line: string) => void): ParticleColumn[] {
  const files = analysisFiles(run);
  if (files.length === 0) return [];
  const { particle } = run.latents();
  return files.flatMap(({ path }) => readColumns(run, path, particle, note));
}

/** Rows of the run's latents, from 0, that are in cluster `label`, which `flag` asked for. Throws InputError where there are no clusters, or not this one. */
export function rowsOfCluster(run: RunFolder, label: number, note: (line: string) => void, flag = '--cluster'): number[] {
  const path = clustersPath(run);
  if (!existsSync(path)) throw new InputError(`${flag} ${label}: run "${run.name}" has no clusters; make them with limber cluster`);
  const [{ values }] = readColumns(run, path, run.latents().particle, note);
  const rows: number[] = [];
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    most = Math.max(most, values[i]);
    if (values[i] === label) rows.push(i);
  }
  if (rows.length === 0) throw new InputError(`${flag} ${label}: run "${run.name}" has clusters 1 to ${most}; take one of them`);
  return rows;
}

function readColumns(run: RunFolder, path: string, particle: Uint32Array, note: (line: string) => void): ParticleColumn[] {
  const table = parseParticleColumns(readFileSync(path, 'utf8'), path);
  if (table.particle.length !== particle.length || table.particle.some((row, i) => row !== particle[i]))
    throw new InputError(`${path} is of other particles than the run's latents; make it again, or delete it`);
  if (isOutdated(run, path)) note(`${path} is older than the latents, which have been trained on since; make it again to match them`);
  return table.columns;
}
