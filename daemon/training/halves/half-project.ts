// A small project of its own for each half of the particles, so that everything made in it has never seen the other half (method.md section 4.7).
import { existsSync, mkdirSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';
import { InputError } from '../../formats/input-error.js';
import { writeMap } from '../../formats/mrc.js';
import { consensusContour } from '../../maps/contour.js';
import { lowPass } from '../../maps/filter.js';
import { fourierShellCorrelation, resolutionAt } from '../../maps/fsc.js';
import { halfOf, type Reconstruction, reconstruct } from '../../maps/reconstruct.js';
import { locateStacks } from '../../particles/locate-stacks.js';
import type { ParticleSet } from '../../particles/particle-set.js';
import { writeParticleSubset } from '../../particles/read-particles.js';
import { readStarRecords } from '../../particles/star-records.js';
import { ProjectFolder } from '../../project/project-folder.js';
import type { ProjectSettings } from '../../project/project-settings.js';
import { rotationCentre } from '../neutral/map-projections.js';
import { openProjectParticles } from '../neutral/project-neutral.js';
import type { Reporter } from '../progress.js';

export interface HalfProject {
  half: 1 | 2;
  project: ProjectFolder;
  /** Row of the whole project's particle file, from 0, for each row of the half's. */
  rows: Uint32Array;
}

/** Fewer particles of a half make no map and no latent space worth comparing. */
const FEWEST = 16;

/**
 * Makes the two half-projects `folder`/half1 and `folder`/half2, or opens them where they are whole: their own star file (rlnRandomSubset where the
 * file has it, else odd and even rows), images where they lie, the same mask, and, where the project has a map, one reconstructed from that half alone and
 * low-passed to where the two agree. `star` has the rows of `particles` with their orientations. Throws InputError on halves too small or of other particles or
 * orientations, Cancelled after an abort.
 */
export async function openHalfProjects(
  whole: ProjectFolder,
  folder: string,
  particles: ParticleSet,
  star: string,
  threads: number | null,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<[HalfProject, HalfProject]> {
  const halfRows = ([1, 2] as const).map(half => {
    const rows: number[] = [];
    for (let row = 0; row < particles.count; row++) if (halfOf(particles, row) === half) rows.push(row);
    if (rows.length < FEWEST)
      throw new InputError(
        `${particles.file}: half ${half} has ${rows.length} of ${particles.count} particles; each half needs ${FEWEST}: correct rlnRandomSubset or leave it out`,
      );
    return Uint32Array.from(rows);
  });
  const paths = [1, 2].map(half => join(folder, `half${half}`));
  if (!paths.every(path => existsSync(join(path, 'project.json')))) {
    const map = whole.readMap();
    const all = Uint32Array.from({ length: particles.count }, (_, row) => row);
    const centreAngstrom = map && rotationCentre(map);
    const { contrast, symmetry } = whole.settings;
    const options = centreAngstrom && { centreAngstrom, contrast, symmetry, halves: true, threads: threads ?? undefined };
    const made = options && (await reconstruct(particles, all, options, reporter, signal));
    const maps = made && filteredHalves(made, reporter);
    paths.forEach((path, i) => {
      const half = (i + 1) as 1 | 2;
      mkdirSync(path, { recursive: true });
      writeParticleSubset(star, halfRows[i], join(path, 'particles.star'));
      if (maps) writeMap(join(path, 'consensus.mrc'), maps[i]);
      // Left by a kill between the two: made of the same particles.
      if (existsSync(join(path, 'project.json'))) return;
      ProjectFolder.create(path, halfSettings(whole, path, half, halfRows[i].length, particles.file, maps && consensusContour(maps[i])));
    });
  }
  const open = (i: 0 | 1): HalfProject => {
    const project = ProjectFolder.open(paths[i]);
    const own = openProjectParticles(project);
    const isSame = own.count === halfRows[i].length && halfRows[i].every((row, k) => hasPose(particles, row, own, k));
    own.close();
    if (!isSame)
      throw new InputError(
        `${paths[i]} is a half of other particles or orientations than ${star} has; delete ${folder} and run limber halves again`,
      );
    return { half: (i + 1) as 1 | 2, project, rows: halfRows[i] };
  };
  return [open(0), open(1)];
}

/** Whether both are turned and shifted alike, but for the rounding of a star file. */
function hasPose(a: ParticleSet, i: number, b: ParticleSet, k: number): boolean {
  for (let e = 0; e < 9; e++) if (Math.abs(a.rotations[9 * i + e] - b.rotations[9 * k + e]) > 1e-4) return false;
  return [0, 1].every(axis => Math.abs(a.shiftsPixels[2 * i + axis] - b.shiftsPixels[2 * k + axis]) < 1e-3);
}

/** Both without what lies beyond the resolution at which they agree: their noise would be fitted like density. */
function filteredHalves({ halves }: Reconstruction, reporter: Reporter) {
  const [first, second] = halves!;
  const resolution = resolutionAt(fourierShellCorrelation(first, second), 0.143);
  const finest = 2 * Math.max(...first.voxelSizeAngstrom);
  reporter.note(`the maps of the two halves agree to ${resolution.toFixed(2)} Å (FSC 0.143)`);
  return resolution > 1.01 * finest ? [lowPass(first, resolution), lowPass(second, resolution)] : [first, second];
}

function halfSettings(
  whole: ProjectFolder,
  path: string,
  half: 1 | 2,
  particleCount: number,
  particlesFile: string,
  contour: number | null,
): ProjectSettings {
  const { settings } = whole;
  const carried = (file: string | null) => file && carriedPath(whole, file, path);
  return {
    ...settings,
    name: `${settings.name}, half ${half}`,
    particles: 'particles.star',
    imagesDir: carried(settings.imagesDir ?? imagesFolder(particlesFile)),
    map: contour === null ? null : 'consensus.mrc',
    mask: carried(settings.mask),
    model: carried(settings.model),
    particleCount,
    contour,
  };
}

/** The folder that the file's stacks are named from, which a copy of the file elsewhere would not find; null where names are absolute. */
function imagesFolder(particlesFile: string): string | null {
  const name = readStarRecords(particlesFile).stackNames.find(stack => !isAbsolute(stack));
  if (name === undefined) return null;
  const [path] = locateStacks([name], particlesFile, null);
  const steps = name.split(/[\\/]+/).filter(part => part !== '' && part !== '.' && part !== '..');
  return resolve(path, ...steps.map(() => '..'));
}

/** A path of the whole project, as one of its folder's subfolder `path`: relative where it lies inside, so that all can be moved together. */
export function carriedPath(whole: ProjectFolder, file: string, path: string): string {
  const absolute = whole.resolve(file);
  const inside = relative(whole.path, absolute);
  return inside.startsWith('..') || isAbsolute(inside) ? absolute : relative(path, absolute).replaceAll('\\', '/');
}
