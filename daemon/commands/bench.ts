// `limber bench`: how fast training, particle gradients, a map and a decode are on this machine, for each backend that works.
import type { Command } from 'commander';
import { InputError } from '../formats/input-error.js';
import { parameters } from '../settings/settings.js';
import type { BenchSize, Measurement } from './bench-operations.js';
import type { KernelBound } from './bench-roofline.js';
import { addParameter, runLong } from './long-command.js';
import type { TerminalReporter } from './terminal-reporter.js';

interface GivenOptions {
  gaussians?: number;
  box?: number;
  batch?: number;
  particles?: number;
  threads?: number;
  backend?: string;
  roofline?: boolean;
  json?: boolean;
}

/** So that the medians are of at least five steps. */
const FEWEST_BATCHES = 8;
const DEFAULT_BATCHES = 16;
/** Of the paper's largest set, the ribosomal 50S subunits, by which epochs are compared. */
const PAPER_PARTICLES = 124_900;

export function register(program: Command): void {
  const command = program
    .command('bench')
    .description(
      'Measure training, particle gradients, a reconstruction and a decode on made data, for each backend that works here; medians and 95th percentiles.',
    );
  for (const name of ['benchGaussians', 'benchBox', 'batch', 'benchParticles', 'threads', 'backend'] as const) addParameter(command, name);
  command.option(
    '--roofline',
    'measure nothing: tell the operations and bytes of each kernel of a training step on webgpu, and the time they imply on a graphics processor',
  );
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
      if (given.roofline) return showRoofline(size, reporter, signal);
      const { measureDecode, measureReconstruction, measureTraining } = await import('./bench-operations.js');
      const { chooseBackend } = await import('../compute/choose-backend.js');
      const { defaultThreads } = await import('../compute/cpu/cpu-backend.js');
      const show = (backend: string, threads: number, rows: number, measured: Measurement) => {
        const { gaussians, box } = size;
        reporter.bench({ backend, gaussians, box, batch: rows, threads, ...measured }, sentence(backend, threads, rows, measured));
      };
      if (!given.json) reporter.note(`${size.gaussians} Gaussians, box ${size.box}, batch ${batch}; medians and 95th percentiles`);
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

/** Kernel by kernel, the slowest first, and all together. */
async function showRoofline(size: BenchSize, reporter: TerminalReporter, signal: AbortSignal): Promise<void> {
  const { gaussians, box, batch } = size;
  const { RATES, trainingRoofline } = await import('./bench-roofline.js');
  const bounds = await trainingRoofline(size, signal);
  const [teraflops, terabytes] = [RATES.operations / 1e12, RATES.bytes / 1e12];
  reporter.note(
    `a training step of ${gaussians} Gaussians, box ${box}, batch ${batch}, a particle; counted, not measured: ` +
      `the least time at ${teraflops} TFLOP/s and ${terabytes} TB/s, launches and waits left out`,
  );
  const row = ({ kernel, dispatches, megaflops, kilobytes, microseconds }: KernelBound) =>
    `${kernel.padEnd(24)} ${String(dispatches).padStart(4)} ×  ${megaflops.toFixed(3).padStart(9)} MFLOP  ` +
    `${kilobytes.toFixed(1).padStart(8)} kB  ${microseconds.toFixed(3).padStart(7)} µs`;
  for (const bound of bounds) reporter.bench({ backend: 'webgpu', operation: 'roofline', gaussians, box, batch, ...bound }, row(bound));
  const total = bounds.reduce((sum, { microseconds }) => sum + microseconds, 0);
  reporter.done(
    { microsecondsPerParticle: total },
    `together ${total.toFixed(2)} µs a particle, ${((total * PAPER_PARTICLES) / 1e6).toFixed(2)} s for an epoch of ${PAPER_PARTICLES} particles`,
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
  const { operation, millisecondsPerParticle, p95Milliseconds, gflops, megabytes, residentMegabytes, samples } = measured;
  const where = backend === 'cpu' ? `cpu, ${threads} ${threads === 1 ? 'thread' : 'threads'}` : backend;
  return (
    `${operation.padEnd(14)} ${millisecondsPerParticle.toFixed(3).padStart(9)} ms a particle (95 %: ${p95Milliseconds.toFixed(3)})  ${gflops.toFixed(1).padStart(7)} GFLOP/s  ` +
    `${megabytes.toFixed(0).padStart(5)} MB held, process ${residentMegabytes.toFixed(0)} MB  (${where}, ${samples} samples of ${rows})`
  );
}
