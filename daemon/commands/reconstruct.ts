// `limber reconstruct`: maps from the particles themselves, of all, of those nearest to latent points, or of a chosen few; with half-maps and their FSC.
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import type { DensityMap } from '../formats/density-map.js';
import { InputError } from '../formats/input-error.js';
import { writeMap } from '../formats/mrc.js';
import { nearestParticles, pointsAlongLine } from '../latent/neighbours.js';
import { lowPass } from '../maps/filter.js';
import { formatShellCorrelations, fourierShellCorrelation, resolutionAt, type ShellCorrelation } from '../maps/fsc.js';
import { type Reconstruction, reconstruct } from '../maps/reconstruct.js';
import { multiply, symmetryRotations } from '../numerics/symmetry.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { readParticleSubset } from '../particles/particle-subset.js';
import { turnedParticles } from '../particles/turned-particles.js';
import { ProjectFolder } from '../project/project-folder.js';
import { readRefinedOrientations } from '../project/refined-orientations.js';
import { rowsOfCluster } from '../project/run-analyses.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import { parameters } from '../settings/settings.js';
import { rotationCentre } from '../training/map-projections.js';
import { openProjectParticles, readProjectNeutral } from '../training/project-neutral.js';
import { parseCluster, parsePoint, requireFolderOf } from './export.js';
import { addParameter, runLong } from './long-command.js';

interface ReconstructOptions {
  run?: string;
  all?: boolean;
  at?: string;
  line?: string;
  cluster?: number;
  points?: number;
  subset?: string;
  particles?: number;
  resolution?: number;
  halves?: boolean;
  threads?: number;
  output: string;
  json?: boolean;
}

/** The particles of one map (rows from 0), and its file. */
interface State {
  rows: Uint32Array;
  /** Which symmetric orientation of each is meant, for a run that tells them apart: such a map has no symmetry left. */
  copies: Uint8Array | null;
  file: string;
}

export function register(program: Command): void {
  const command = program
    .command('reconstruct')
    .description('Reconstruct maps from particles: all of them, those nearest to points of the latent space, or a subset.')
    .argument('<DIR>', 'project folder')
    .requiredOption('-o, --output <FILE.mrc>', 'the map; of a line FILE_001.mrc, FILE_002.mrc, …')
    .option('--all', 'all particles')
    .option('--run <NAME>', 'the run whose clusters and latent space are meant')
    .addOption(new Option('--cluster <K>', 'the particles of a cluster').argParser(parseCluster))
    .option('--at <z0,z1,…>', 'the particles nearest to a latent point')
    .option('--line <zA…:zB…>', 'those nearest to points on a line, one map each, of one grey scale')
    .option('--subset <FILE>', 'those that FILE names: a star file, a table with a column particle, or row numbers');
  for (const name of ['linePoints', 'nearest', 'resolution', 'threads'] as const) addParameter(command, name);
  command
    .option('--halves', 'also FILE_half1.mrc and FILE_half2.mrc, and their FSC in FILE.fsc.tsv')
    .option('--json', 'one JSON object a line')
    .action((dir: string, options: ReconstructOptions) =>
      runLong(options, async ({ reporter, signal }) => {
        const project = ProjectFolder.open(dir);
        const { settings } = project;
        checkTogether(options);
        const states = chooseStates(project, options, line => reporter.note(line));
        const particles = particlesOf(project, options.run, line => reporter.note(line));
        const mask = options.halves ? project.readMask() : null;
        const results: Record<string, unknown>[] = [];
        try {
          for (const { rows, copies, file } of states) {
            const seen = copies ? turnedCopies(particles, rows, copies, settings.symmetry) : particles;
            const made = await reconstruct(
              seen,
              copies ? Uint32Array.from(rows, (_, i) => i) : rows,
              {
                centreAngstrom: worldCentre(project),
                contrast: settings.contrast,
                symmetry: copies ? 'C1' : settings.symmetry,
                // Half-maps are compared at all frequencies: nobody knows beforehand where they part.
                resolutionAngstrom: options.halves ? undefined : options.resolution,
                halves: options.halves,
                threads: options.threads,
              },
              reporter,
              signal,
            );
            results.push({ particles: rows.length, ...write(file, made, mask, options.resolution) });
          }
        } finally {
          particles.close();
        }
        reporter.done({ maps: results, symmetry: settings.symmetry, seconds: reporter.seconds() }, describe(results));
      }),
    );
}

/** Throws InputError unless exactly one choice of particles was made, with what belongs to it. */
function checkTogether({ all, cluster, at, line, subset, run, points, particles, output }: ReconstructOptions): void {
  const choices = [all, cluster, at, line, subset].filter(choice => choice !== undefined);
  if (choices.length !== 1)
    throw new InputError(
      `${choices.length === 0 ? 'of which particles' : 'too many choices of particles'}? give one of --all, --cluster, --at, --line, --subset`,
    );
  const ofRun = Object.entries({ '--cluster': cluster, '--at': at, '--line': line }).find(([, choice]) => choice !== undefined);
  if (ofRun && run === undefined) throw new InputError(`${ofRun[0]} ${ofRun[1]}: of which run? add --run NAME`);
  if ((at ?? line) === undefined && particles !== undefined)
    throw new InputError('--particles counts the nearest ones; it goes with --at or --line');
  if (line === undefined && points !== undefined) throw new InputError('--points goes with --line');
  if (!['.mrc', '.map'].includes(extname(output))) throw new InputError(`-o ${output}: the name must end in .mrc or .map`);
  requireFolderOf(output);
}

/** The project's particles; of a run that has orientations of its own, with those. */
function particlesOf(project: ProjectFolder, run: string | undefined, note: (line: string) => void): ParticleSet {
  const particles = openProjectParticles(project);
  if (run === undefined) return particles;
  const refined = readRefinedOrientations(project.existingRun(run), particles);
  if (refined) note(`with the orientations that run "${run}" has of its own`);
  return { ...particles, ...refined };
}

function chooseStates(project: ProjectFolder, options: ReconstructOptions, note: (line: string) => void): State[] {
  const { output, subset, cluster, at, line } = options;
  const { particleCount } = project.settings;
  if (subset !== undefined)
    return [{ rows: readParticleSubset(subset, project.resolve(project.settings.particles), particleCount), copies: null, file: output }];
  if (options.run === undefined)
    return [{ rows: Uint32Array.from({ length: particleCount }, (_, row) => row), copies: null, file: output }];
  const run = project.existingRun(options.run);
  const latents = run.latents();
  const ofRun = (chosen: ArrayLike<number>) => {
    const sorted = Uint32Array.from(chosen).sort();
    const { particle, copy } = latents;
    return { rows: sorted.map(row => particle[row] - 1), copies: copy ? Uint8Array.from(sorted, row => copy[row]) : null };
  };
  if (cluster !== undefined) return [{ ...ofRun(rowsOfCluster(run, cluster, note)), file: output }];
  if (at === undefined && line === undefined)
    return [{ rows: Uint32Array.from(new Set(latents.particle), number => number - 1).sort(), copies: null, file: output }];
  const points = at !== undefined ? [parsePoint(at, latents.dims, '--at')] : parseLine(line!, latents.dims, options.points);
  const most = options.particles ?? parameters.nearest.default;
  return nearestParticles(latents, points, most).map(({ rows }, i) => ({
    ...ofRun(rows),
    file: at !== undefined ? output : insertBeforeEnding(output, `_${String(i + 1).padStart(3, '0')}`),
  }));
}

/** Row i of `rows` in its symmetric orientation `copies[i]`. */
function turnedCopies(particles: ParticleSet, rows: Uint32Array, copies: Uint8Array, symmetry: string): ParticleSet {
  const group = symmetryRotations(symmetry);
  const rotations = new Float32Array(9 * rows.length);
  rows.forEach((row, i) => {
    rotations.set(multiply(particles.rotations, group[copies[i]], 9 * row), 9 * i);
  });
  return turnedParticles(particles, rows, rotations);
}

function parseLine(text: string, dims: number, points: number | undefined): Float32Array[] {
  const ends = text.split(':');
  if (ends.length !== 2) throw new InputError(`--line ${text}: give two points, as 0,0:1,0`);
  const [from, to] = ends.map(end => parsePoint(end, dims, '--line'));
  return pointsAlongLine(from, to, points ?? parameters.linePoints.default);
}

/** Where the particles' rotation centre lies in the world: by the consensus map, else by the neutral model, else at voxel b//2 of a map at the origin. */
function worldCentre(project: ProjectFolder): readonly [number, number, number] {
  const map = project.readMap();
  if (map) return rotationCentre(map);
  const centre = Math.floor(project.settings.boxSize / 2) * project.settings.pixelSizeAngstrom;
  return readProjectNeutral(project)?.frame.centreAngstrom ?? [centre, centre, centre];
}

/** Writes the map, low-passed to the resolution asked for or that its halves show, and what belongs to it; returns what there is to say of it. */
function write(file: string, { map, halves, counts }: Reconstruction, mask: DensityMap | null, asked?: number): Record<string, unknown> {
  if (!halves) {
    writeMap(file, asked === undefined ? map : lowPass(map, asked));
    return { file };
  }
  const curves: Record<string, ShellCorrelation> = { fsc: fourierShellCorrelation(halves[0], halves[1]) };
  if (mask?.size.every((n, axis) => n === map.size[axis])) curves.fsc_masked = fourierShellCorrelation(halves[0], halves[1], mask);
  const best = curves.fsc_masked ?? curves.fsc;
  const resolution = resolutionAt(best, 0.143);
  const finest = 2 * Math.max(...map.voxelSizeAngstrom);
  const filter = asked ?? (resolution > 1.01 * finest ? resolution : null);
  writeMap(file, filter === null ? map : lowPass(map, filter));
  halves.forEach((half, i) => {
    writeMap(insertBeforeEnding(file, `_half${i + 1}`), half);
  });
  const table = `${file.slice(0, -extname(file).length)}.fsc.tsv`;
  writeFileAtomic(table, formatShellCorrelations(curves));
  return { file, fsc: table, halves: counts, resolutionAngstrom: resolution, resolutionAtHalfAngstrom: resolutionAt(best, 0.5) };
}

function insertBeforeEnding(file: string, text: string): string {
  const ending = extname(file);
  return file.slice(0, -ending.length) + text + ending;
}

function describe(results: Record<string, unknown>[]): string {
  return results
    .map(({ file, particles, resolutionAngstrom, resolutionAtHalfAngstrom }) => {
      const quality =
        resolutionAngstrom === undefined
          ? ''
          : `; half-maps agree to ${(resolutionAngstrom as number).toFixed(2)} Å (FSC 0.143), ${(resolutionAtHalfAngstrom as number).toFixed(2)} Å (0.5)`;
      return `wrote ${file} from ${particles} particles${quality}`;
    })
    .join('\n');
}
