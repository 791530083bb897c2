// `limber bench`: how fast training, particle gradients, a map and a decode are on this machine, for each backend that works.
import type { Command } from 'commander';
import { InputError } from '../formats/input-error.js';
import { parameters } from '../settings/settings.js';
import type { Measurement } from './bench-operations.js';
import { addParameter, runLong } from './long-command.js';

interface GivenOptions {
  gaussians?: number;
  box?: number;
  batch?: number;
  particles?: number;
  threads?: number;
  backend?: string;
  json?: boolean;
}

/** So that the medians are of at least five steps. */
const FEWEST_BATCHES = 8;
const DEFAULT_BATCHES = 16;

export function register(program: Command): void {
  const command = program
    .command('bench')
    .description(
      'Measure training, particle gradients, a reconstruction and a decode on made data, for each backend that works here; medians.',
    );
  for (const name of ['benchGaussians', 'benchBox', 'batch', 'benchParticles', 'threads', 'backend'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((given: GivenOptions) =>
    runLong(given, async ({ reporter, signal }) => {
      const batch = given.batch ?? parameters.batch.default;
      const size = {
        gaussians: given.gaussians ?? parameters.benchGaussians.default,
        box: evenBox(given.box ?? parameters.benchBox.default),
        batch,
        particles: wholeBatches(given.particles ?? DEFAULT_BATCHES * batch, batch),
        latentDims: parameters.latentDims.default,
      };
      const { measureDecode, measureReconstruction, measureTraining } = await import('./bench-operations.js');
      const { chooseBackend } = await import('../compute/choose-backend.js');
      const { defaultThreads } = await import('../compute/cpu/cpu-backend.js');
      const show = (backend: string, threads: number, rows: number, measured: Measurement) => {
        const { gaussians, box } = size;
        reporter.bench({ backend, gaussians, box, batch: rows, threads, ...measured }, sentence(backend, threads, rows, measured));
      };
      if (!given.json) reporter.note(`${size.gaussians} Gaussians, box ${size.box}, batch ${batch}; medians`);
      const cores = given.threads ?? defaultThreads();
      // A decode and a map are made on the processor whatever trains.
      show('cpu', 1, 1, measureDecode(size));
      for (const name of backendNames(given.backend)) {
        const threads = name === 'cpu' ? cores : 1;
        const backend = await chooseBackend({ backend: name, threads, isAsked: isNamed(given.backend) }, reporter).catch(error => {
          if (!(error instanceof InputError) || isNamed(given.backend)) throw error;
          reporter.note(error.message);
          return null;
        });
        if (!backend) continue;
        try {
          for (const measured of await measureTraining(backend, size, reporter, signal)) show(backend.name, threads, batch, measured);
        } finally {
          await backend.dispose();
        }
      }
      const mapParticles = given.particles ?? parameters.nearest.default;
      show('cpu', cores, mapParticles, await measureReconstruction(size.box, mapParticles, cores, reporter, signal));
      reporter.done({ seconds: reporter.seconds() }, `measured in ${reporter.seconds().toFixed(0)} s`);
    }),
  );
}

const isNamed = (backend: string | undefined) => backend !== undefined && backend !== 'auto';

/** The one that was asked for, or all there are. */
function backendNames(asked: string | undefined): readonly string[] {
  return isNamed(asked) ? [asked as string] : parameters.backend.choices.filter(name => name !== 'auto');
}

function evenBox(box: number): number {
  if (box % 2 !== 0) throw new InputError(`--box ${box} is odd; give an even number of pixels`);
  return box;
}

function wholeBatches(particles: number, batch: number): number {
  if (particles < FEWEST_BATCHES * batch)
    throw new InputError(
      `--particles ${particles} is less than ${FEWEST_BATCHES} batches of ${batch}; give at least ${FEWEST_BATCHES * batch}`,
    );
  return Math.ceil(particles / batch) * batch;
}

function sentence(backend: string, threads: number, rows: number, measured: Measurement): string {
  const { operation, millisecondsPerParticle, gflops, megabytes, residentMegabytes, samples } = measured;
  const where = backend === 'cpu' ? `cpu, ${threads} ${threads === 1 ? 'thread' : 'threads'}` : backend;
  return (
    `${operation.padEnd(14)} ${millisecondsPerParticle.toFixed(3).padStart(9)} ms a particle  ${gflops.toFixed(1).padStart(7)} GFLOP/s  ` +
    `${megabytes.toFixed(0).padStart(5)} MB held, process ${residentMegabytes.toFixed(0)} MB  (${where}, ${samples} samples of ${rows})`
  );
}
