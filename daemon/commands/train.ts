// `limber train`: learns how the particles differ; the same command again goes on where it was stopped.
import type { Command } from 'commander';
import { InputError } from '../formats/input-error.js';
import { ProjectFolder } from '../project/project-folder.js';
import type { RunSettings } from '../project/run-folder.js';
import { parameters, type TrainOptions } from '../settings/settings.js';
import { Cancelled } from '../training/progress.js';
import { addParameter, runLong } from './long-command.js';

/** What was given on the command line; the rest is left to the run's own settings, or to the defaults. */
type GivenOptions = Partial<Omit<TrainOptions, 'resolutionAngstrom'>> & { resolution?: number; json?: boolean };

export function register(program: Command): void {
  const command = program
    .command('train')
    .description('Train a run: neutral model first where there is none, then encoder and decoder. The same command again resumes it.')
    .argument('<DIR>', 'project folder')
    .option('--run <NAME>', 'name of the run; without it the last unfinished run goes on, or a new one begins');
  for (const name of ['latentDims', 'vary', 'resolution', 'epochs', 'batch', 'learningRate', 'seed', 'backend', 'threads'] as const)
    addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, given: GivenOptions) =>
    runLong(given, async ({ reporter, signal }) => {
      const project = ProjectFolder.open(dir);
      const lock = project.lock();
      try {
        const options = chooseOptions(project, given);
        const { chooseBackend } = await import('../compute/choose-backend.js');
        const { trainProjectRun } = await import('../training/project-run.js');
        const backend = await chooseBackend(options, reporter);
        const result = await trainProjectRun(project, backend, options, reporter, signal)
          .catch(error => {
            throw error instanceof Cancelled
              ? new Cancelled(`${error.message}; what was learned is kept, limber train ${dir} --run ${options.run} goes on from there`)
              : error;
          })
          .finally(() => backend.dispose());
        reporter.done(
          { ...result },
          `run ${result.run} is done: ${result.particles} particles, ${result.gaussians} Gaussians, ring correlation ${result.frc.toFixed(4)}, ` +
            `${result.seconds.toFixed(0)} s on ${result.backend}. Next: limber serve ${dir}, or limber export ${dir} --run ${result.run} --latents FILE.tsv`,
        );
      } finally {
        lock.release();
      }
    }),
  );
}

/** The options of the run to begin or to resume. Throws InputError where they contradict what the run was begun with. */
export function chooseOptions(project: ProjectFolder, given: GivenOptions): TrainOptions {
  const run = given.run ?? nextRun(project);
  const folder = project.run(run);
  const begun = folder.exists() ? folder.settings() : null;
  const { latentDims, vary, epochs, batch, learningRate, seed, backend, threads } = parameters;
  const options: TrainOptions = {
    run,
    latentDims: given.latentDims ?? begun?.latentDims ?? latentDims.default,
    vary: given.vary ?? (begun?.vary as TrainOptions['vary']) ?? vary.default,
    resolutionAngstrom: given.resolution ?? begun?.resolutionAngstrom ?? null,
    epochs: given.epochs ?? begun?.epochs ?? epochs.default,
    batch: given.batch ?? begun?.batch ?? batch.default,
    learningRate: given.learningRate ?? begun?.learningRate ?? learningRate.default,
    seed: given.seed ?? begun?.seed ?? seed.default,
    backend: given.backend ?? backend.default,
    threads: given.threads ?? threads.default,
  };
  if (begun) checkResumable(begun, options);
  return options;
}

/** The last run that is not done, so that the same command resumes; else the first free name of run1, run2, … */
function nextRun(project: ProjectFolder): string {
  const settings = project.runs().map(run => run.settings());
  const unfinished = settings.filter(run => run.state !== 'done').at(-1);
  if (unfinished) return unfinished.run;
  let number = 1;
  while (settings.some(run => run.run === `run${number}`)) number++;
  return `run${number}`;
}

function checkResumable(begun: RunSettings, options: TrainOptions): void {
  for (const [field, parameter] of [
    ['latentDims', 'latentDims'],
    ['vary', 'vary'],
    ['resolutionAngstrom', 'resolution'],
    ['batch', 'batch'],
    ['learningRate', 'learningRate'],
    ['seed', 'seed'],
  ] as const) {
    const [was, asked] = [String(begun[field]), String(options[field])];
    if (was === asked) continue;
    const flag = parameters[parameter].flag.split(' ')[0];
    throw new InputError(
      `run "${begun.run}" was begun with ${flag} ${was}, not ${asked}; leave the option out to resume it, or give another --run`,
    );
  }
  if (begun.state === 'done' && begun.epoch >= options.epochs) {
    throw new InputError(`run "${begun.run}" is done after ${begun.epoch} epochs; give more --epochs to go on, or another --run`);
  }
}
