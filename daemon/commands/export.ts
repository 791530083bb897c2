// `limber export`: latents, particles, Gaussians, maps and motion arrows of a run, in files that other programs read.
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '../formats/input-error.js';
import { formatLatents } from '../formats/latents-table.js';
import { writeMap } from '../formats/mrc.js';
import { formatBild } from '../gaussians/displacement.js';
import { formatGaussians, type GaussianSet } from '../gaussians/gaussian-set.js';
import { formatGaussiansCif } from '../gaussians/gaussians-cif.js';
import { type DensityGrid, gaussiansToDensity } from '../gaussians/to-density.js';
import { nearestParticles } from '../latent/neighbours.js';
import { LatentDecoder } from '../networks/latent-decoder.js';
import { writeParticleSubset } from '../particles/read-particles.js';
import { ProjectFolder } from '../project/project-folder.js';
import { analysisColumns, rowsOfCluster } from '../project/run-analyses.js';
import type { RunFolder } from '../project/run-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import { parameters, parseNumber } from '../settings/settings.js';
import { addParameter, runLong } from './long-command.js';

interface ExportOptions {
  run: string;
  latents?: string;
  star?: string;
  cluster?: number;
  at?: string;
  particles?: number;
  gaussians?: string;
  map?: string;
  model?: string;
  vectors?: string;
  scale?: number;
  json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('export')
    .description('Write what a run has learned into files that other programs read.')
    .argument('<DIR>', 'project folder')
    .argument('[FILE.bild]', 'arrows of --vectors, for ChimeraX')
    .requiredOption('--run <NAME>', 'which run')
    .option('--latents <FILE.tsv>', "every particle's latent coordinates and ring correlation, and what embed and cluster have found")
    .option('--star <FILE.star>', "the run's particles, with the input's own columns")
    .addOption(new Option('--cluster <K>', 'only this cluster in the star file').argParser(parseCluster))
    .option('--at <z0,z1,…>', 'latent point of --gaussians, --map and --model, and of the particles in the star file, nearest first')
    .option('--gaussians <FILE.txt|.cif>', 'the Gaussians at that point')
    .option('--map <FILE.mrc>', "their density on the consensus map's grid")
    .option('--model <FILE.cif>', 'the fitted atomic model, moved with the Gaussians to that point')
    .option('--vectors <zA…:zB…>', 'an arrow for every Gaussian from its place at zA to its place at zB');
  for (const name of ['nearest', 'arrowScale'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, bild: string | undefined, options: ExportOptions) =>
    runLong(options, async ({ reporter }) => {
      const project = ProjectFolder.open(dir);
      const run = project.existingRun(options.run);
      const files = checkTogether(options, bild);
      for (const file of files) requireFolderOf(file);
      if (options.latents !== undefined)
        writeFileAtomic(
          options.latents,
          formatLatents(
            run.latents(),
            analysisColumns(run, line => reporter.note(line)),
          ),
        );
      if (options.star !== undefined)
        writeStar(
          project,
          run,
          options.star,
          starRows(run, options, line => reporter.note(line)),
        );
      if ((options.gaussians ?? options.map ?? options.model ?? options.vectors) !== undefined)
        await writeStates(project, run, options, bild);
      reporter.done({ run: run.name, files }, `wrote ${files.join(', ')}`);
    }),
  );
}

/** The files to write. Throws InputError where an option misses its partner. */
function checkTogether(
  { latents, star, cluster, at, particles, gaussians, map, model, vectors }: ExportOptions,
  bild: string | undefined,
): string[] {
  if (cluster !== undefined && star === undefined) throw new InputError(`--cluster ${cluster}: nothing to write; add --star FILE.star`);
  const there = gaussians ?? map ?? model;
  if (at === undefined && there !== undefined) throw new InputError(`${there}: at which latent point? add --at z0,z1,…`);
  if (at !== undefined && there === undefined && star === undefined)
    throw new InputError(`--at ${at}: nothing to write there; add --gaussians FILE, --map FILE, --model FILE or --star FILE`);
  if (particles !== undefined && (at === undefined || star === undefined))
    throw new InputError('--particles counts the nearest ones in the star file; it goes with --at and --star');
  if (cluster !== undefined && (particles !== undefined || (at !== undefined && there === undefined)))
    throw new InputError('--star takes a cluster or the particles nearest to --at, not both; leave out one');
  if ((vectors === undefined) !== (bild === undefined)) {
    throw new InputError(
      vectors === undefined
        ? `${bild}: between which points? add --vectors zA:zB`
        : `--vectors ${vectors}: no file; add FILE.bild at the end`,
    );
  }
  if (gaussians !== undefined && !['.txt', '.cif'].includes(extname(gaussians)))
    throw new InputError(`--gaussians ${gaussians}: the name must end in .txt or .cif`);
  const files = [latents, star, gaussians, map, model, bild].filter(file => file !== undefined);
  if (files.length === 0)
    throw new InputError(
      'nothing to export; give --latents, --star, --at with --gaussians, --map or --model, or --vectors (see limber export --help)',
    );
  return files;
}

/** Checked before any work, so that none is lost. */
export function requireFolderOf(file: string): void {
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw new InputError(`${file}: the folder ${folder} does not exist; make it first`);
  if (existsSync(file) && statSync(file).isDirectory()) throw new InputError(`${file} is a folder; give a file name`);
}

/** Rows of the run's latents, from 0, that go into the star file. */
function starRows(run: RunFolder, options: ExportOptions, note: (line: string) => void): number[] {
  const { cluster, at, particles } = options;
  if (cluster !== undefined) return rowsOfCluster(run, cluster, note);
  const latents = run.latents();
  // Where Gaussians or a map of the point are written as well, all particles go along unless a number says otherwise.
  const isNearest = particles !== undefined || (options.gaussians ?? options.map ?? options.model) === undefined;
  if (at === undefined || !isNearest) return [...latents.particle.keys()];
  const [{ rows }] = nearestParticles(latents, [parsePoint(at, latents.dims, '--at')], particles ?? parameters.nearest.default);
  return [...rows];
}

function writeStar(project: ProjectFolder, run: RunFolder, file: string, rows: readonly number[]): void {
  const { particle } = run.latents();
  writeParticleSubset(
    project.resolve(project.settings.particles),
    // Symmetric copies are one particle.
    new Set(rows.map(row => particle[row] - 1)),
    file,
  );
}

export function parseCluster(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError('Take the number of a cluster, from 1');
  return Number(text);
}

async function writeStates(project: ProjectFolder, run: RunFolder, options: ExportOptions, bild: string | undefined): Promise<void> {
  const decoder = new LatentDecoder(run.weights());
  if (options.at !== undefined) {
    const set = decoder.decode(parsePoint(options.at, decoder.dims, '--at'));
    if (options.gaussians !== undefined) writeGaussians(options.gaussians, set);
    if (options.map !== undefined) writeMap(options.map, gaussiansToDensity(set, gridOf(project, decoder)));
    if (options.model !== undefined) await writeModel(project, decoder, set, options.model);
  }
  if (options.vectors !== undefined && bild !== undefined) {
    const [from, to] = parseEnds(options.vectors, decoder.dims, '--vectors').map(end => decoder.decode(end));
    writeFileAtomic(bild, formatBild(from, to, { scale: options.scale ?? parameters.arrowScale.default }));
  }
}

/** `dims` numbers separated by commas. */
export function parsePoint(text: string, dims: number, flag: string): Float32Array {
  const z = Float32Array.from(text.split(','), parseNumber);
  if (z.length !== dims || !z.every(Number.isFinite))
    throw new InputError(`${flag} ${text}: the run has ${dims} latent coordinates; give ${dims} numbers separated by commas`);
  return z;
}

/** Two points of `dims` numbers with a colon between them. */
export function parseEnds(text: string, dims: number, flag: string): [Float32Array, Float32Array] {
  const ends = text.split(':');
  if (ends.length !== 2) throw new InputError(`${flag} ${text}: give two points, as 0,0:1,0`);
  return [parsePoint(ends[0], dims, flag), parsePoint(ends[1], dims, flag)];
}

function writeGaussians(file: string, set: GaussianSet): void {
  writeFileAtomic(file, extname(file) === '.cif' ? formatGaussiansCif(set, basename(file, '.cif')) : formatGaussians(set));
}

/** The model was fitted into the consensus, so its atoms follow the Gaussians from where they are at z = 0. */
async function writeModel(project: ProjectFolder, decoder: LatentDecoder, set: GaussianSet, file: string): Promise<void> {
  const { model } = project.settings;
  if (model === null) throw new InputError(`${project.path} has no fitted model to move; make the project with --model FILE`);
  // Mol*'s parsers take a while to load, and no other export needs them.
  const [{ readModel }, { AtomMotion }, { formatMovedModel }] = await Promise.all([
    import('../models/read-model.js'),
    import('../models/atom-motion.js'),
    import('../models/write-model.js'),
  ]);
  const fitted = await readModel(project.resolve(model));
  const neutral = decoder.decode(new Float32Array(decoder.dims));
  writeFileAtomic(file, formatMovedModel(fitted, new AtomMotion(fitted.positions, neutral, { movable: decoder.movable }).move(set), file));
}

/** The consensus map's own grid; without a map, the particles' box about the model's centre. */
function gridOf(project: ProjectFolder, { frame }: LatentDecoder): DensityGrid {
  const map = project.readMap();
  if (map) return { size: map.size, voxelSizeAngstrom: map.voxelSizeAngstrom, originAngstrom: map.originAngstrom };
  const { boxSize, pixelSizeAngstrom } = project.settings;
  const origin = frame.centreAngstrom.map(centre => centre - Math.floor(boxSize / 2) * pixelSizeAngstrom) as [number, number, number];
  return {
    size: [boxSize, boxSize, boxSize],
    voxelSizeAngstrom: [pixelSizeAngstrom, pixelSizeAngstrom, pixelSizeAngstrom],
    originAngstrom: origin,
  };
}
