// `limber reconstruct`: maps from the particles themselves, of all, of those nearest to latent points, or of a chosen few, as they are or with their motion undone; with half-maps and their FSC.
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { InputError } from '../formats/input-error.js';
import { readLatentPoints } from '../formats/latent-points.js';
import type { LatentsTable } from '../formats/latents-table.js';
import { nearestParticles, pointsAlongLine } from '../latent/neighbours.js';
import { type Reconstruction, type ReconstructionOptions, reconstruct, spreadPairs } from '../maps/reconstruct.js';
import { symmetricCopies } from '../maps/symmetric-copies.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { readParticleSubset } from '../particles/particle-subset.js';
import { ProjectFolder } from '../project/project-folder.js';
import { readRefinedOrientations } from '../project/refined-orientations.js';
import { rowsOfCluster } from '../project/run-analyses.js';
import type { RunFolder } from '../project/run-folder.js';
import { parameters } from '../settings/settings.js';
import { rotationCentre } from '../training/neutral/map-projections.js';
import { openProjectParticles, readProjectNeutral } from '../training/neutral/project-neutral.js';
import type { Reporter } from '../training/progress.js';
import { reconstructUndone } from '../training/undone-motion.js';
import { parseCluster, parseEnds, parsePoint, requireFolderOf } from './export.js';
import { addParameter, runLong } from './long-command.js';
import { finishSeries, numberedFile, type WrittenMap, type WrittenSeries, writeReconstruction } from './written-maps.js';

interface ReconstructOptions {
  run?: string;
  all?: boolean;
  at?: string;
  line?: string;
  path?: string;
  quick?: boolean;
  cluster?: number;
  points?: number;
  subset?: string;
  particles?: number;
  resolution?: number;
  halves?: boolean;
  undoMotion?: boolean;
  bodies?: number;
  threads?: number;
  output: string;
  json?: boolean;
}

/** A quick map's: 128 px take some ten seconds of one core. */
const QUICK_PARTICLES = 10_000;

type Result = WrittenMap & { particles: number; bodies?: number };

/** The particles of one map (rows from 0), and its file. */
interface State {
  rows: Uint32Array;
  /** Which symmetric orientation of each is meant, for a run that tells them apart: such a map has no symmetry left. */
  copies: Uint8Array | null;
  /** Rows of the run's latents, where a motion is undone, and the latent point whose conformation is made. */
  entries: Uint32Array | null;
  point: Float32Array | null;
  file: string;
}

export function register(program: Command): void {
  const command = program
    .command('reconstruct')
    .description('Reconstruct maps from particles: all of them, those nearest to points of the latent space, or a subset.')
    .argument('<DIR>', 'project folder')
    .requiredOption(
      '-o, --output <FILE.mrc>',
      'the map; of a line or path FILE_001.mrc, FILE_002.mrc, … and FILE.cxc, which plays them in ChimeraX',
    )
    .option('--all', 'all particles')
    .option('--run <NAME>', 'the run whose clusters and latent space are meant')
    .addOption(new Option('--cluster <K>', 'the particles of a cluster').argParser(parseCluster))
    .option('--at <z0,z1,…>', 'the particles nearest to a latent point')
    .option('--line <zA…:zB…>', 'those nearest to points on a line, one map each, of one grey scale and contour')
    .option('--path <FILE.tsv>', 'the same at the points of a table with columns z0, z1, …, as limber path writes')
    .option('--subset <FILE>', 'those that FILE names: a star file, a table with a column particle, or row numbers');
  for (const name of ['linePoints', 'nearest', 'resolution', 'threads'] as const) addParameter(command, name);
  command.option(
    '--undo-motion',
    'carry every particle of --run to one conformation by undoing its own motion: with --at, --line or --path to that of the point, from all particles unless --particles says how many; otherwise to the neutral model',
  );
  addParameter(command, 'bodies');
  command
    .option('--quick', `for a look within seconds: half as many voxels a side, from ${QUICK_PARTICLES} particles at most`)
    .option('--halves', 'also FILE_half1.mrc and FILE_half2.mrc, and their FSC in FILE.fsc.tsv')
    .option('--json', 'one JSON object a line')
    .action((dir: string, options: ReconstructOptions) =>
      runLong(options, async ({ reporter, signal }) => {
        const project = ProjectFolder.open(dir);
        const { settings } = project;
        checkTogether(options);
        const states = chooseStates(project, options, line => reporter.note(line)).map(state => (options.quick ? thinned(state) : state));
        const particles = particlesOf(project, options.run, line => reporter.note(line));
        const mask = options.halves ? project.readMask() : null;
        const results: Result[] = [];
        try {
          for (const state of states) {
            const { rows, file } = state;
            const reporting = states.length === 1 ? reporter : counting(reporter, results.length, states.length);
            const chosen = {
              contrast: settings.contrast,
              symmetry: settings.symmetry,
              // Half-maps are compared at all frequencies: nobody knows beforehand where they part.
              resolutionAngstrom: options.halves ? undefined : options.resolution,
              halves: options.halves,
              threads: options.threads,
              outputBox: options.quick ? quickBox(particles.boxSize) : undefined,
            };
            const { bodies, ...made } = await (options.undoMotion
              ? undone(project, particles, state, options, chosen, reporting, signal)
              : asTheyAre(project, particles, state, chosen, reporting, signal));
            results.push({
              particles: rows.length,
              ...(bodies && { bodies }),
              ...writeReconstruction(file, made, mask, options.resolution ?? null),
            });
          }
        } finally {
          particles.close();
        }
        const series = isSeries(options) ? finishSeries(options.output, results, line => reporter.note(line)) : null;
        reporter.done(
          { maps: results, ...(series && { series }), symmetry: settings.symmetry, seconds: reporter.seconds() },
          describe(results, series),
        );
      }),
    );
}

/** Throws InputError unless exactly one choice of particles was made, with what belongs to it. */
function checkTogether(options: ReconstructOptions): void {
  const { all, cluster, at, line, path, subset, run, points, particles, undoMotion, bodies, output } = options;
  const choices = [all, cluster, at, line, path, subset].filter(choice => choice !== undefined);
  if (choices.length !== 1)
    throw new InputError(
      `${choices.length === 0 ? 'of which particles' : 'too many choices of particles'}? give one of --all, --cluster, --at, --line, --path, --subset`,
    );
  const ofRun = Object.entries({ '--cluster': cluster, '--at': at, '--line': line, '--path': path }).find(
    ([, choice]) => choice !== undefined,
  );
  if (ofRun && run === undefined) throw new InputError(`${ofRun[0]} ${ofRun[1]}: of which run? add --run NAME`);
  if ((at ?? line ?? path) === undefined && particles !== undefined)
    throw new InputError('--particles counts the nearest ones; it goes with --at, --line or --path');
  if (line === undefined && points !== undefined) throw new InputError('--points goes with --line');
  if (undoMotion && run === undefined) throw new InputError('--undo-motion: of which run? add --run NAME');
  if (!undoMotion && bodies !== undefined) throw new InputError('--bodies goes with --undo-motion');
  if (!['.mrc', '.map'].includes(extname(output))) throw new InputError(`-o ${output}: the name must end in .mrc or .map`);
  requireFolderOf(output);
}

type Chosen = Omit<ReconstructionOptions, 'centreAngstrom'> & { symmetry: string };

/** The particles of a state as their images show them. */
function asTheyAre(
  project: ProjectFolder,
  particles: ParticleSet,
  { rows, copies }: State,
  chosen: Chosen,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Reconstruction & { bodies?: number }> {
  return reconstruct(
    copies ? symmetricCopies(particles, rows, copies, chosen.symmetry) : particles,
    copies ? Uint32Array.from(rows, (_, i) => i) : rows,
    { ...chosen, centreAngstrom: worldCentre(project), symmetry: copies ? 'C1' : chosen.symmetry },
    reporter,
    signal,
  );
}

/** The particles of a state, each with its own motion undone. */
function undone(
  project: ProjectFolder,
  particles: ParticleSet,
  { entries, point }: State,
  { run, bodies }: ReconstructOptions,
  chosen: Chosen,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Reconstruction & { bodies?: number }> {
  const mostBodies = bodies ?? parameters.bodies.default;
  return reconstructUndone(project.existingRun(run!), particles, entries!, point!, { ...chosen, mostBodies }, reporter, signal);
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
  const { output, subset, cluster, at, line, path, undoMotion } = options;
  const { particleCount } = project.settings;
  const named = subset === undefined ? null : readParticleSubset(subset, project.resolve(project.settings.particles), particleCount);
  const plain = { copies: null, entries: null, point: null, file: output };
  if (options.run === undefined || (named && !undoMotion))
    return [{ ...plain, rows: named ?? Uint32Array.from({ length: particleCount }, (_, row) => row) }];
  const run = project.existingRun(options.run);
  const latents = run.latents();
  const { particle, copy } = latents;
  const neutral = undoMotion ? new Float32Array(latents.dims) : null;
  const ofRun = (chosen: ArrayLike<number>, point: Float32Array | null = neutral) => {
    const entries = Uint32Array.from(chosen).sort();
    return {
      rows: entries.map(row => particle[row] - 1),
      copies: copy ? Uint8Array.from(entries, row => copy[row]) : null,
      entries,
      point,
    };
  };
  if (named) return [{ ...ofRun(entriesOf(run, latents, named)), file: output }];
  if (cluster !== undefined) return [{ ...ofRun(rowsOfCluster(run, cluster, note)), file: output }];
  if ((at ?? line ?? path) === undefined) {
    if (undoMotion) return [{ ...ofRun(Array.from(particle, (_, row) => row)), file: output }];
    return [{ ...plain, rows: Uint32Array.from(new Set(particle), number => number - 1).sort() }];
  }
  const points = pointsOf(options, latents.dims);
  const most = options.particles ?? (undoMotion ? latents.count : parameters.nearest.default);
  return nearestParticles(latents, points, most).map(({ rows, point }, i) => ({
    ...ofRun(rows, point),
    file: isSeries(options) ? numberedFile(output, i + 1) : output,
  }));
}

/** Rows of the run's latents that belong to `rows` of the particle set. Throws InputError where the run has not seen one. */
function entriesOf(run: RunFolder, { particle }: LatentsTable, rows: Uint32Array): number[] {
  const wanted = new Set(rows);
  const seen = new Set(particle);
  const unseen = rows.find(row => !seen.has(row + 1));
  if (unseen !== undefined)
    throw new InputError(`--subset: run "${run.name}" has not seen particle ${unseen + 1}, so its motion is not known; leave it out`);
  return [...particle.keys()].filter(entry => wanted.has(particle[entry] - 1));
}

/** The latent points that maps are made at. */
function pointsOf({ at, line, path, points }: ReconstructOptions, dims: number): Float32Array[] {
  if (at !== undefined) return [parsePoint(at, dims, '--at')];
  if (path !== undefined) return readLatentPoints(path, dims);
  const [from, to] = parseEnds(line!, dims, '--line');
  return pointsAlongLine(from, to, points ?? parameters.linePoints.default);
}

function isSeries({ line, path }: ReconstructOptions): boolean {
  return (line ?? path) !== undefined;
}

/** Half of the box, even, so that the centre voxel stays b//2. */
function quickBox(boxSize: number): number {
  return 2 * Math.round(boxSize / 4);
}

/** At most QUICK_PARTICLES of a state, evenly over them. */
function thinned(state: State): State {
  if (state.rows.length <= QUICK_PARTICLES) return state;
  const kept = spreadPairs(state.rows.length, QUICK_PARTICLES);
  return {
    ...state,
    rows: kept.map(i => state.rows[i]),
    copies: state.copies && Uint8Array.from(kept, i => state.copies![i]),
    entries: state.entries && kept.map(i => state.entries![i]),
  };
}

/** Says which map of a series is being made. */
function counting(reporter: Reporter, map: number, maps: number): Reporter {
  return {
    progress: (stage, done, total) => reporter.progress(`map ${map + 1} of ${maps}: ${stage}`, done, total),
    epoch: report => reporter.epoch(report),
    note: line => reporter.note(line),
  };
}

/** Where the particles' rotation centre lies in the world: by the consensus map, else by the neutral model, else at voxel b//2 of a map at the origin. */
function worldCentre(project: ProjectFolder): readonly [number, number, number] {
  const map = project.readMap();
  if (map) return rotationCentre(map);
  const centre = Math.floor(project.settings.boxSize / 2) * project.settings.pixelSizeAngstrom;
  return readProjectNeutral(project)?.frame.centreAngstrom ?? [centre, centre, centre];
}

function describe(results: Result[], series: WrittenSeries | null): string {
  const lines = results.map(({ file, particles, bodies, resolutionAngstrom, resolutionAtHalfAngstrom }) => {
    const quality =
      resolutionAngstrom === undefined
        ? ''
        : `; half-maps agree to ${resolutionAngstrom.toFixed(2)} Å (FSC 0.143), ${resolutionAtHalfAngstrom!.toFixed(2)} Å (0.5)`;
    const motion = bodies === undefined ? '' : `, each with the motion of its ${bodies === 1 ? 'one body' : `${bodies} bodies`} undone`;
    return `wrote ${file} from ${particles} particles${motion}${quality}`;
  });
  if (series)
    lines.push(
      `one grey scale, contour ${series.contour.toPrecision(4)}. In ChimeraX: open ${series.script}`,
      ...series.commands.map(command => `  ${command}`),
    );
  return lines.join('\n');
}
