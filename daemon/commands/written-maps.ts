// What `limber reconstruct` leaves on disk: maps, half-maps and their FSC, and of a series of maps one filter, one contour and a script that plays it.
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { DensityMap } from '../formats/density-map.js';
import { readMap, writeMap } from '../formats/mrc.js';
import { consensusContour } from '../maps/contour.js';
import { lowPass } from '../maps/filter.js';
import { formatShellCorrelations, fourierShellCorrelation, resolutionAt, type ShellCorrelation } from '../maps/fsc.js';
import type { Reconstruction } from '../maps/reconstruct.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';

/** What is said of one map. */
export interface WrittenMap {
  file: string;
  /** The table of the half-maps' FSC, how many particles each has, and Å where it falls below 0.143 and 0.5; with --halves. */
  fsc?: string;
  halves?: number[];
  resolutionAngstrom?: number;
  resolutionAtHalfAngstrom?: number;
  /** Nothing finer is in the map. */
  filteredAngstrom?: number;
}

/** Writes one map; low-passed to `filter`, or where that is null to what its halves show. The half-maps stay as they are. */
export function writeReconstruction(
  file: string,
  { map, halves, counts }: Reconstruction,
  mask: DensityMap | null,
  filter: number | null,
): WrittenMap {
  const shown = halves ? writeHalves(file, halves, counts, mask) : {};
  const filteredAngstrom = filter ?? finestShown(map, shown.resolutionAngstrom);
  writeMap(file, filteredAngstrom === undefined ? map : lowPass(map, filteredAngstrom));
  return { file, ...shown, ...(filteredAngstrom !== undefined && { filteredAngstrom }) };
}

function writeHalves(file: string, halves: readonly DensityMap[], counts: number[], mask: DensityMap | null): Partial<WrittenMap> {
  const [first, second] = halves;
  const curves: Record<string, ShellCorrelation> = { fsc: fourierShellCorrelation(first, second) };
  if (mask?.size.every((n, axis) => n === first.size[axis])) curves.fsc_masked = fourierShellCorrelation(first, second, mask);
  const best = curves.fsc_masked ?? curves.fsc;
  halves.forEach((half, i) => {
    writeMap(insertBeforeEnding(file, `_half${i + 1}`), half);
  });
  const fsc = `${withoutEnding(file)}.fsc.tsv`;
  writeFileAtomic(fsc, formatShellCorrelations(curves));
  return { fsc, halves: counts, resolutionAngstrom: resolutionAt(best, 0.143), resolutionAtHalfAngstrom: resolutionAt(best, 0.5) };
}

/** Where half-maps agree up to the finest shell there is nothing to leave out. */
function finestShown(map: DensityMap, resolutionAngstrom: number | undefined): number | undefined {
  if (resolutionAngstrom === undefined) return undefined;
  return resolutionAngstrom > 2.02 * Math.max(...map.voxelSizeAngstrom) ? resolutionAngstrom : undefined;
}

/** What maps of one series have in common. */
export interface WrittenSeries {
  /** Absolute, in the maps' own values: encloses the molecule in their mean. */
  contour: number;
  /** A ChimeraX command file that plays the series. */
  script: string;
  /** The commands themselves, to be given in the maps' folder. */
  commands: string[];
}

/** NAME_001.mrc, NAME_002.mrc, … of NAME.mrc. */
export function numberedFile(file: string, number: number): string {
  return insertBeforeEnding(file, `_${String(number).padStart(3, '0')}`);
}

/**
 * Makes maps that were written one by one into a series that can be compared voxel by voxel, and writes NAME.cxc. They are on one grey scale already, since each is the least-squares fit to its images in the images' own
 * units, and none is normalised; what they showed at different resolutions is filtered again to the coarsest, and one contour is chosen for all. A series too large for memory is no obstacle: one map is held at a time.
 */
export function finishSeries(output: string, maps: WrittenMap[], note: (line: string) => void): WrittenSeries {
  const filters = maps.map(({ filteredAngstrom }) => filteredAngstrom ?? 0);
  const coarsest = Math.max(...filters);
  let mean: DensityMap | null = null;
  for (const [i, written] of maps.entries()) {
    const map = readMap(written.file);
    if (filters[i] < coarsest) {
      map.data = lowPass(map, coarsest).data;
      writeMap(written.file, map);
      written.filteredAngstrom = coarsest;
    }
    mean ??= { ...map, data: new Float32Array(map.data.length) };
    for (let v = 0; v < map.data.length; v++) mean.data[v] += map.data[v] / maps.length;
  }
  const contour = consensusContour(mean!);
  const pattern = basename(insertBeforeEnding(output, '_???'));
  const commands = [
    `open "${pattern}" vseries true`,
    `volume #1 style surface step 1 level ${contour.toPrecision(6)}`,
    'vseries play #1 loop true',
  ];
  const script = `${withoutEnding(output)}.cxc`;
  const opening = `# ${maps.length} maps of one grey scale, at one contour. In ChimeraX, with nothing else open: open ${basename(script)}`;
  writeFileAtomic(script, [opening, ...commands, ''].join('\n'));
  const next = numberedFile(output, maps.length + 1);
  if (existsSync(next)) note(`${next} is of an earlier, longer series, and would be played too; remove it`);
  return { contour, script, commands };
}

export function insertBeforeEnding(file: string, text: string): string {
  return withoutEnding(file) + text + extname(file);
}

function withoutEnding(file: string): string {
  return join(dirname(file), basename(file, extname(file)));
}
