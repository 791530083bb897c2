// A run's own orientations, runs/NAME/orientations.star: the particles' file again, with the angles and origins that were refined against the run's models.

import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../formats/input-error.js';
import { readStar, type StarTable, writeStarColumns } from '../formats/star.js';
import { matrixToEuler } from '../numerics/rotations.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { originUnitsPerPixel } from '../particles/read-particles.js';
import { particleTable, readStarRecords } from '../particles/star-records.js';
import type { RunFolder } from './run-folder.js';
import { writeFileAtomic } from './write-file-atomic.js';

export interface RefinedOrientations {
  /** n × 9, row-major A, n being all particles of the project. */
  rotations: Float32Array;
  /** n × 2, rlnOrigin x y in pixels. */
  shiftsPixels: Float32Array;
}

/** The models that orientations are refined against: each particle's own, or the neutral one for all. */
export type RefinedAgainst = 'own' | 'neutral';

/** runs/NAME/orientations.json: what is known of orientations.star. */
export interface OrientationReport {
  format: 'limber-orientations';
  version: 1;
  /** Whose latents and decoder they were refined with. */
  run: string;
  against: RefinedAgainst;
  /** Particles refined. */
  particles: number;
  /** Mean ring correlation with the models they were refined against, as the project's file has them and as refined. */
  frcBefore: number;
  frcAfter: number;
  /** Change against the project's particle file. */
  medianDegrees: number;
  degrees95: number;
  medianAngstrom: number;
  angstrom95: number;
  /** What the errors of the project's file were estimated to be: standard deviations about each axis and along each. */
  expectedDegrees: number;
  expectedAngstrom: number;
  seconds: number;
  backend: string;
  /** Digest of the weights, the latents and the project's orientations that these were refined from. */
  madeFrom: string;
  /** `madeFrom` of the orientations that the run was trained with; null: those of the project's file. */
  trainedWith: string | null;
  /** The run that they were taken over from, to train this one with; null: they are this run's own. */
  inheritedFrom: string | null;
}

const ANGLES = ['rlnAngleRot', 'rlnAngleTilt', 'rlnAnglePsi'] as const;

/** Where they lie, once there are any. */
export function orientationsPath(run: RunFolder): string {
  return join(run.path, 'orientations.star');
}

/** null where the run has none of its own. Throws InputError where the file is not of these particles. */
export function readRefinedOrientations(run: RunFolder, particles: ParticleSet): RefinedOrientations | null {
  const path = orientationsPath(run);
  if (!existsSync(path)) return null;
  const records = readStarRecords(path);
  if (records.count !== particles.count)
    throw new InputError(
      `${path}: ${records.count} particles, the project has ${particles.count}; delete it, or refine again with limber orient`,
    );
  const unit = originUnitsPerPixel(records, particles.pixelSizeAngstrom);
  return { rotations: records.rotations, shiftsPixels: Float32Array.from(records.shifts, shift => shift / unit) };
}

/** The particles with the run's own orientations where it has some; else as they are. */
export function withRunOrientations(particles: ParticleSet, run: RunFolder): ParticleSet {
  return { ...particles, ...readRefinedOrientations(run, particles) };
}

/** null where the run has no orientations of its own. */
export function readOrientationReport(run: RunFolder): OrientationReport | null {
  const path = reportPath(run);
  if (!existsSync(path) || !existsSync(orientationsPath(run))) return null;
  // Reports that do not say are of a time when there were only own models.
  return { against: 'own', ...(JSON.parse(readFileSync(path, 'utf8')) as Omit<OrientationReport, 'against'>) };
}

export function writeOrientationReport(run: RunFolder, report: OrientationReport): void {
  writeFileAtomic(reportPath(run), `${JSON.stringify(report, null, 2)}\n`);
}

/** `madeFrom` of the orientations that a run with this report was trained with; null: the project's. */
export function trainedWith(report: OrientationReport | null): string | null {
  return report?.inheritedFrom ? report.madeFrom : (report?.trainedWith ?? null);
}

function reportPath(run: RunFolder): string {
  return join(run.path, 'orientations.json');
}

/** A run that is to be trained with another one's orientations, where that has some: copies them into its folder, unless they are there. */
export function inheritOrientations(from: RunFolder, to: RunFolder): void {
  const report = readOrientationReport(from);
  if (!report || readOrientationReport(to)) return;
  mkdirSync(to.path, { recursive: true });
  writeFileAtomic(orientationsPath(to), readFileSync(orientationsPath(from)));
  writeOrientationReport(to, { ...report, inheritedFrom: from.name });
}

/**
 * Writes the particles' star file again to `path`, with other angles and origins: its own columns, unchanged and in order, a missing one of these five added.
 * Rows of particles that are not `refined` keep their own text.
 */
export function writeRefinedOrientations(
  path: string,
  particles: ParticleSet,
  { rotations, shiftsPixels }: RefinedOrientations,
  refined: (particle: number) => boolean,
): void {
  const star = readStar(particles.file);
  const table = particleTable(star);
  const inAngstrom = table.hasColumn('rlnOriginXAngst') || (star.blocks.has('optics') && !table.hasColumn('rlnOriginX'));
  const unitsPerPixel = originUnitsPerPixel(
    { shiftUnit: inAngstrom ? 'angstrom' : 'pixel', pixelSizeAngstrom: readStarRecords(particles.file).pixelSizeAngstrom },
    particles.pixelSizeAngstrom,
  );
  const angles = Array.from({ length: particles.count }, (_, i) => matrixToEuler(rotations, 9 * i));
  const columns = new Map<string, string[]>();
  const set = (column: string, value: (particle: number) => number) =>
    columns.set(
      column,
      angles.map((_, i) => (!refined(i) && textOf(table, i, column)) || value(i).toFixed(6)),
    );
  ANGLES.forEach((column, k) => {
    set(column, i => angles[i][k]);
  });
  ['X', 'Y'].forEach((axis, k) => {
    set(`rlnOrigin${axis}${inAngstrom ? 'Angst' : ''}`, i => shiftsPixels[2 * i + k] * unitsPerPixel);
  });
  writeStarColumns(path, star, table.name, columns);
}

/** null where the table has no such column. */
function textOf(table: StarTable, row: number, column: string): string | null {
  return table.hasColumn(column) ? table.value(row, column) : null;
}
