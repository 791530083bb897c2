// `limber neutral`: fits the neutral model, the Gaussians that every particle departs from.
import type { Command } from 'commander';
import { ProjectFolder } from '../project/project-folder.js';
import { type NeutralOptions, parameters } from '../settings/settings.js';
import { describeAgreement, lowestShell } from '../training/neutral/neutral-report.js';
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
        const options: NeutralOptions = {
          resolutionAngstrom: given.resolution ?? null,
          gaussians: given.gaussians ?? null,
          seed: given.seed ?? parameters.seed.default,
          backend: given.backend ?? parameters.backend.default,
          threads: given.threads ?? null,
        };
        const { chooseBackend } = await import('../compute/choose-backend.js');
        const { fitProjectNeutral } = await import('../training/neutral/project-neutral.js');
        const backend = await chooseBackend(options, reporter);
        const { report } = await fitProjectNeutral(project, backend, options, reporter, signal).finally(() => backend.dispose());
        const runs = project.runs().map(run => run.name);
        if (runs.length > 0)
          reporter.note(
            `${runs.join(', ')} ${runs.length > 1 ? 'keep' : 'keeps'} the former neutral model; runs begun from now on take the new one`,
          );
        const { gaussians, resolutionAngstrom, ringFrc } = report;
        const frc = ringFrc.reduce((sum, value) => sum + value, 0) / ringFrc.length;
        const lowest = lowestShell(report);
        reporter.done(
          {
            gaussians,
            resolutionAngstrom,
            frc,
            fsc: lowest?.fsc ?? null,
            fscAtAngstrom: lowest?.angstrom ?? null,
            seconds: reporter.seconds(),
            backend: backend.name,
          },
          `neutral model of ${gaussians} Gaussians at ${resolutionAngstrom} Å: ${describeAgreement(report)}. Next: limber train ${dir}`,
        );
      } finally {
        lock.release();
      }
    }),
  );
}
