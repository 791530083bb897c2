// save-region: regions of the molecule that viewers mark, kept as masks in maps/regions, and the particles that they choose to train on.
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { RUN_NAME } from '../../protocol/kinds.js';
import type { DensityMap } from '../formats/density-map.js';
import { readMapHeader, writeMap } from '../formats/mrc.js';
import { logitsToRow, toWorld } from '../gaussians/model-frame.js';
import { regionMembership, sphereMask } from '../gaussians/region.js';
import type { ProjectFolder } from '../project/project-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import { readProjectNeutral } from '../training/neutral/project-neutral.js';
import { RequestError } from './request-error.js';

/** More than a viewer has reason to send: an atom each of a ribosome. */
const MOST_SPHERES = 60_000;
/** Å; smaller ones hold no voxel, larger ones no molecule. */
const RADII = [0.5, 1000];

const folderOf = (project: ProjectFolder) => join(project.mapsFolder, 'regions');
const fileOf = (project: ProjectFolder, name: string) => join(folderOf(project), `${name}.mrc`);

/** Names of the masks in maps/regions, sorted. */
export function regionNames(project: ProjectFolder): string[] {
  if (!existsSync(folderOf(project))) return [];
  return readdirSync(folderOf(project))
    .filter(file => file.endsWith('.mrc'))
    .map(file => basename(file, '.mrc'))
    .filter(name => RUN_NAME.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}

/** Path of a region's mask. Throws RequestError `bad-value` listing those there are. */
export function existingRegion(project: ProjectFolder, name: string): string {
  const names = regionNames(project);
  if (!names.includes(name))
    throw new RequestError(
      'bad-value',
      `the project has no region "${name}"; ${names.length > 0 ? `it has ${names.join(', ')}` : 'mark one first'}`,
    );
  return fileOf(project, name);
}

/** Writes the chosen rows (from 1) beside the run that is to train on them; returns the file. Throws RequestError `bad-value` where one is not there. */
export function keepSubset(project: ProjectFolder, run: string, rows: Uint32Array): string {
  const folder = project.run(run).path;
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'subset.tsv');
  writeSubset(project, file, rows);
  return file;
}

/** Writes the rows (from 1) as a table that `--subset` takes. Throws RequestError `bad-value` where one is not there. */
export function writeSubset(project: ProjectFolder, file: string, rows: Uint32Array): void {
  const { particleCount } = project.settings;
  const wrong = rows.find(row => row < 1 || row > particleCount);
  if (rows.length === 0 || wrong !== undefined)
    throw new RequestError(
      'bad-value',
      wrong === undefined ? 'the subset names no particles' : `particle ${wrong} is not from 1 to ${particleCount}`,
    );
  writeFileAtomic(file, `particle\n${[...rows].join('\n')}\n`);
}

export class Regions {
  constructor(
    private readonly project: ProjectFolder,
    private readonly changed: () => void,
  ) {}

  /** Writes maps/regions/NAME.mrc on the consensus map's grid; returns how many Gaussians of the neutral model lie inside, null without one. Throws RequestError. */
  save(name: string, spheres: Float32Array): number | null {
    if (spheres.length === 0 || spheres.length % 4 !== 0 || spheres.length / 4 > MOST_SPHERES)
      throw new RequestError('bad-value', `spheres has ${spheres.length} numbers; give four for each, of 1 to ${MOST_SPHERES} spheres`);
    const badRadius = spheres.find((value, i) => i % 4 === 3 && !(value >= RADII[0] && value <= RADII[1]));
    if (!spheres.every(Number.isFinite) || badRadius !== undefined)
      throw new RequestError(
        'bad-value',
        `spheres: ${badRadius ?? 'a number'} is no radius from ${RADII[0]} to ${RADII[1]} Å, or not finite`,
      );
    const mask = sphereMask(spheres, this.grid());
    if (!mask.data.some(value => value > 0)) throw new RequestError('bad-value', 'the spheres lie outside of the box of the map');
    mkdirSync(folderOf(this.project), { recursive: true });
    writeMap(fileOf(this.project, name), mask);
    this.changed();
    const neutral = readProjectNeutral(this.project);
    if (!neutral) return null;
    const model = toWorld(logitsToRow(neutral.logits), neutral.frame);
    return regionMembership(model, mask).filter(value => value >= 0.5).length;
  }

  /** The consensus map's; without a map the particles' box with its first voxel at the origin. */
  private grid(): Omit<DensityMap, 'data'> {
    const { map, boxSize, pixelSizeAngstrom } = this.project.settings;
    const triple = (value: number): [number, number, number] => [value, value, value];
    if (map === null) return { size: triple(boxSize), voxelSizeAngstrom: triple(pixelSizeAngstrom), originAngstrom: [0, 0, 0] };
    const { size, originAngstrom } = readMapHeader(this.project.resolve(map));
    return { size, voxelSizeAngstrom: triple(pixelSizeAngstrom), originAngstrom };
  }
}
