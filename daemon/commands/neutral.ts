// `limber neutral`: fits the neutral model, the Gaussians that every particle departs from.
import type { Command } from 'commander';
import { ProjectFolder } from '../project/project-folder.js';
import { type NeutralOptions, parameters } from '../settings/settings.js';
import { addParameter, runLong } from './long-command.js';

type GivenOptions = Partial<Omit<NeutralOptions, 'resolutionAngstrom'>> & { resolution?: number; json?: boolean };

export function register(program: Command): void {
  const command = program
    .command('neutral')
    .description('Fit the neutral model: Gaussians whose projections agree with the consensus map, coarse to fine.')
    .argument('<DIR>', 'project folder');
  for (const name of ['resolution', 'gaussians', 'seed', 'backend', 'threads'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, given: GivenOptions) =>
    runLong(given, async ({ reporter, signal }) => {
      const project = ProjectFolder.open(dir);
      const lock = project.lock();
      try {
        const { fitProjectNeutralModel } = await import('../training/project-neutral-model.js');
        const model = await fitProjectNeutralModel(
          project,
          {
            resolutionAngstrom: given.resolution ?? null,
            gaussians: given.gaussians ?? null,
            seed: given.seed ?? parameters.seed.default,
            backend: given.backend ?? parameters.backend.default,
            threads: given.threads ?? null,
          },
          reporter,
          signal,
        );
        reporter.done(
          {
            gaussians: model.gaussians,
            resolutionAngstrom: model.resolutionAngstrom,
            frc: model.frc,
            seconds: reporter.seconds(),
            backend: model.backend,
          },
          `neutral model of ${model.gaussians} Gaussians at ${model.resolutionAngstrom} Å, ring correlation ${model.frc.toFixed(4)}. Next: limber train ${dir}`,
        );
      } finally {
        lock.release();
      }
    }),
  );
}
