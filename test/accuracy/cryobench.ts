// `npm run cryobench`: CryoBench's per-image measure of a run of ours, or of any program's volumes, against true volumes.

import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { InputError } from '../../daemon/formats/input-error.js';
import { readMap } from '../../daemon/formats/mrc.js';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import { writeFileAtomic } from '../../daemon/project/write-file-atomic.js';
import { decodedVolumes, nearestVolumes } from './own-volumes.js';
import { everyNth, type PerImageScore, perfectArea, perImageScore } from './per-image-fsc.js';
import { readStates, TrueStates } from './true-states.js';

const HELP = `npm run cryobench -- --truth FOLDER --states FILE (--project DIR --run NAME | --volumes FOLDER) [options]
  --truth      folder of true maps, one a state, sorted by the numbers in their names
  --states     which state (from 0) each particle is in: a table with that column, or one number a line
  --column     of that table [state]
  --project, --run   each particle's volume is decoded from a run of ours at the particle's own latent point
  --nearest N  instead of decoding, reconstruct the N particles nearest to that point
  --volumes    instead: a folder of maps by any program, one for each particle looked at, in their order
  --mask       a map that multiplies both volumes; without one the whole box counts
  --particles  how many are looked at, every so many-th [100]
  --output     a table of the particles' areas
  --threads    processor threads of reconstructions [all]
  --json       one JSON object instead of text
Shell i = 1 … D/2 − 1 holds i − 1 ≤ |k| < i; the area under |FSC| over i/D, from a leading 1; equal volumes give (D/2 − 1)/D.`;

try {
  await main();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(error.message);
  process.exit(2);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) {
    console.log(HELP);
    return;
  }
  if (!options.truth || !options.states) throw new InputError('--truth FOLDER and --states FILE are needed; --help shows what there is');
  const truth = new TrueStates(options.truth);
  const stateOf = readStates(options.states, options.column, truth.count);
  const particles = everyNth(stateOf.length, wholeNumber('--particles', options.particles));
  const mask = options.mask === undefined ? null : readMap(options.mask);
  const volumeOf = chooseVolumes(options, particles, stateOf.length, truth.map(0));
  const score = await perImageScore(particles, volumeOf, particle => truth.map(stateOf[particle]), mask);
  if (options.output) writeFileAtomic(options.output, table(particles, stateOf, score));
  const { mean, deviation, median } = score;
  const perfect = perfectArea(truth.map(0).size[0]);
  if (options.json) console.log(JSON.stringify({ particles: particles.length, mean, deviation, median, perfect, curve: [...score.curve] }));
  else
    console.log(
      `area under the per-image FSC of ${particles.length} particles: ${mean.toFixed(4)} ± ${deviation.toFixed(4)}, median ${median.toFixed(4)} (equal volumes: ${perfect.toFixed(4)})`,
    );
}

function readOptions() {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      options: {
        truth: text,
        states: text,
        column: { ...text, default: 'state' },
        project: text,
        run: text,
        nearest: text,
        volumes: text,
        mask: text,
        particles: { ...text, default: '100' },
        output: text,
        threads: text,
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new InputError(`${(error as Error).message.split('. ')[0]}; --help shows what there is`);
  }
}

function chooseVolumes(
  options: ReturnType<typeof readOptions>,
  particles: Uint32Array,
  count: number,
  grid: DensityMap,
): (particle: number) => DensityMap | Promise<DensityMap> {
  if ((options.volumes === undefined) === (options.project === undefined))
    throw new InputError('whose volumes? give either --project DIR --run NAME or --volumes FOLDER');
  if (options.volumes !== undefined) return volumesOf(options.volumes, particles);
  if (options.run === undefined) throw new InputError(`--project ${options.project}: which run? add --run NAME`);
  const run = ProjectFolder.open(options.project!).existingRun(options.run);
  const latents = run.latents();
  if (latents.count !== count || latents.particle.some((particle, row) => particle !== row + 1))
    throw new InputError(`run ${options.run} has ${latents.count} latent points; it must have one for each of the ${count} particles`);
  if (options.nearest === undefined) return decodedVolumes(run, grid);
  const threads = options.threads === undefined ? undefined : wholeNumber('--threads', options.threads);
  return nearestVolumes(ProjectFolder.open(options.project!), run, wholeNumber('--nearest', options.nearest), threads);
}

function volumesOf(folder: string, particles: Uint32Array): (particle: number) => DensityMap {
  const volumes = new TrueStates(folder);
  if (volumes.count !== particles.length)
    throw new InputError(
      `${folder} holds ${volumes.count} maps (${readdirSync(folder).length} files) for ${particles.length} particles; give one for each`,
    );
  return particle => volumes.map(particles.indexOf(particle));
}

function table(particles: Uint32Array, stateOf: Uint32Array, { areas }: PerImageScore): string {
  const rows = Array.from(particles, (particle, i) => [particle + 1, stateOf[particle], areas[i].toFixed(6)].join('\t'));
  return ['particle\tstate\tarea', ...rows, ''].join('\n');
}

function wholeNumber(flag: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InputError(`${flag} ${text}: give a whole number from 1`);
  return Number(text);
}
