// The consensus map in the one form that Mol* reads without surprises: float32, axes x y z, NSTART 0, true statistics.
//
// Mol* refuses 16-bit modes, misplaces maps with permuted axes and trusts false statistics, so the daemon serves a copy of its own making.
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DensityMap } from '../formats/density-map.js';
import { readMapHeader, writeMap } from '../formats/mrc.js';
import type { ProjectFolder } from '../project/project-folder.js';

export interface ServedMap {
  /** Absolute path of the copy. */
  path: string;
  /** Absolute, in the map's own values. */
  contour: number;
  sizeVoxels: [number, number, number];
  voxelSizeAngstrom: [number, number, number];
  originAngstrom: [number, number, number];
}

/** Makes maps/consensus.mrc where it is missing or older than the map or project.json. null without a map. Throws InputError as readMap does. */
export function prepareServedMap(project: ProjectFolder): ServedMap | null {
  const { map: source, contour } = project.settings;
  if (source === null) return null;
  const path = join(project.mapsFolder, 'consensus.mrc');
  const changed = Math.max(modified(project.resolve(source)), modified(join(project.path, 'project.json')));
  if (!existsSync(path) || modified(path) < changed) {
    mkdirSync(project.mapsFolder, { recursive: true });
    writeMap(path, project.readMap() as DensityMap);
  }
  const { size, voxelSizeAngstrom, originAngstrom, fileHeader } = readMapHeader(path);
  // A project made by hand may lack the contour; three standard deviations is where most programs would begin.
  const absolute = contour ?? fileHeader.mean + 3 * fileHeader.rms;
  return { path, contour: absolute, sizeVoxels: size, voxelSizeAngstrom, originAngstrom };
}

/** 0 for a missing file: reading it says so better. */
function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
