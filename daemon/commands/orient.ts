// `limber orient`: refines every particle's rotation and shift against its own decoded model, or the neutral one, and writes them as a star file.
import type { Command } from 'commander';
import { ProjectFolder } from '../project/project-folder.js';
import { parameters } from '../settings/settings.js';
import { Cancelled } from '../training/progress.js';
import { addParameter, runLong } from './long-command.js';

interface GivenOptions {
  run: string;
  cycles?: number;
  backend?: string;
  threads?: number;
  json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('orient')
    .description(
      "Refine the particles' orientations and shifts against their own decoded models. The same command again goes on where it was stopped.",
    )
    .argument('<DIR>', 'project folder')
    .requiredOption('--run <NAME>', 'which run');
  for (const name of ['orientCycles', 'backend', 'threads'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, given: GivenOptions) =>
    runLong(given, async ({ reporter, signal }) => {
      const project = ProjectFolder.open(dir);
      project.existingRun(given.run);
      const lock = project.lock();
      try {
        const options = {
          run: given.run,
          cycles: given.cycles ?? parameters.orientCycles.default,
          backend: given.backend ?? parameters.backend.default,
          threads: given.threads ?? parameters.threads.default,
        };
        const { chooseBackend } = await import('../compute/choose-backend.js');
        const { orientProjectRun } = await import('../training/orientations/orientation-cycles.js');
        const backend = await chooseBackend(options, reporter);
        const { reports, changes, stays, file, seconds } = await orientProjectRun(project, backend, options, reporter, signal)
          .catch(error => {
            throw error instanceof Cancelled
              ? new Cancelled(`${error.message}; what was found is kept, the same command goes on from there`)
              : error;
          })
          .finally(() => backend.dispose());
        const last = reports[reports.length - 1];
        reporter.done(
          { ...last, star: file, cycles: reports, changes, stays, seconds },
          `${file}: ${last.particles} particles turned by ${last.medianDegrees.toFixed(2)}° (95 %: ${last.degrees95.toFixed(2)}°) and shifted by ` +
            `${last.medianAngstrom.toFixed(2)} Å (95 %: ${last.angstrom95.toFixed(2)} Å), medians; ring correlation with ${last.against === 'own' ? 'their models' : 'the neutral model'} ` +
            `${last.frcBefore.toFixed(4)}, now ${last.frcAfter.toFixed(4)}. ${stays ? '' : 'They may still change: go on with a higher --cycles. '}Next: limber train ${dir} --run NAME --continue ${last.run}`,
        );
      } finally {
        lock.release();
      }
    }),
  );
}
