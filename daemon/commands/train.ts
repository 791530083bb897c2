// `limber train`: learns how the particles differ; the same command again goes on where it was stopped.

import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { ComputeError } from '../compute/compute-error.js';
import { InputError } from '../formats/input-error.js';
import { ProjectFolder, storedPath } from '../project/project-folder.js';
import { inheritedSettings, type TrainOptions, trainingParameters, trainOptions } from '../settings/training.js';
import { Cancelled } from '../training/progress.js';
import { checkResumable } from '../training/resume.js';
import { addParameter, runLong } from './long-command.js';

/** What was given on the command line; the rest is left to the run's own settings, the preset, or the defaults. */
type GivenOptions = Partial<Omit<TrainOptions, 'resolutionAngstrom' | 'continueFrom' | 'focus' | 'subset'>> & {
  resolution?: number;
  continue?: string;
  focus?: string;
  subset?: string;
  json?: boolean;
};

export function register(program: Command): void {
  const command = program
    .command('train')
    .description('Train a run: neutral model first where there is none, then encoder and decoder. The same command again resumes it.')
    .argument('<DIR>', 'project folder')
    .option('--run <NAME>', 'name of the run; without it the last unfinished run goes on, or a new one begins');
  for (const name of trainingParameters) addParameter(command, name);
  command
    .option('--focus <MRC>', 'mask: only the Gaussians inside vary, while all are seen in every projection')
    .option(
      '--continue <RUN>',
      'begin from that run: from its networks, or, where other things vary now, from what it found of each particle',
    )
    .option('--subset <FILE>', 'train on these particles only: a star file, a table with a column particle, or row numbers');
  for (const name of ['backend', 'threads'] as const) addParameter(command, name);
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
            const rest = `limber train ${dir} --run ${options.run} goes on from there`;
            if (error instanceof Cancelled) throw new Cancelled(`${error.message}; what was learned is kept, ${rest}`);
            if (error instanceof ComputeError) throw new ComputeError(`${error.message}. Every whole epoch is kept, ${rest}`);
            throw error;
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

/** The options of the run to begin or to resume. Throws InputError where they contradict what the run was begun with, and on files that are not there. */
export function chooseOptions(project: ProjectFolder, given: GivenOptions): TrainOptions {
  const run = given.run ?? nextRun(project);
  const folder = project.run(run);
  const begun = folder.exists() ? folder.settings() : null;
  const { resolution, continue: continueFrom, focus, subset, json: _, run: __, ...rest } = given;
  const options = trainOptions(
    run,
    {
      ...rest,
      resolutionAngstrom: resolution,
      continueFrom,
      focus: storedFile(project, focus, '--focus'),
      subset: storedFile(project, subset, '--subset'),
    },
    begun ??
      (continueFrom !== undefined && given.preset === undefined ? inheritedSettings(project.existingRun(continueFrom).settings()) : null),
  );
  if (options.continueFrom === run)
    throw new InputError(`--continue ${run}: a run cannot continue itself; the same command without it resumes the run`);
  if (begun) {
    checkResumable(begun, options);
    if (begun.state === 'done' && begun.epoch >= options.epochs)
      throw new InputError(`run "${run}" is done after ${begun.epoch} epochs; give more --epochs to go on, or another --run`);
  }
  return options;
}

/** The path as the run keeps it. */
function storedFile(project: ProjectFolder, file: string | undefined, flag: string): string | undefined {
  if (file === undefined) return undefined;
  if (!existsSync(file)) throw new InputError(`${flag} ${file} does not exist; check the path`);
  return storedPath(project.path, file);
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
