// `limber info`: what a project is made of and how far its runs are.
import type { Command } from 'commander';
import { ProjectFolder } from '../project/project-folder.js';
import { describeAgreement, type NeutralReport } from '../training/neutral/neutral-report.js';
import { readProjectNeutral } from '../training/neutral/project-neutral.js';
import { runLong } from './long-command.js';

export function register(program: Command): void {
  program
    .command('info')
    .description('Show what a project is made of, and its runs.')
    .argument('<DIR>', 'project folder')
    .option('--json', 'one JSON object')
    .action((dir: string, options: { json?: boolean }) =>
      runLong(options, async ({ reporter }) => {
        const project = ProjectFolder.open(dir);
        const runs = project.runs().map(run => run.settings());
        const neutral = readProjectNeutral(project)?.report ?? null;
        const writer = project.writer();
        reporter.done(
          { project: project.path, settings: project.settings, neutral, runs, writer },
          describe(project, neutral, runs, writer),
        );
      }),
    );
}

function describe(
  project: ProjectFolder,
  neutral: NeutralReport | null,
  runs: ReturnType<ReturnType<ProjectFolder['run']>['settings']>[],
  writer: number | null,
): string {
  const { settings } = project;
  const correlation =
    settings.contrastCorrelation === null
      ? 'no map to correlate with'
      : `mean correlation with the map ${settings.contrastCorrelation.toFixed(3)}`;
  const lines = [
    `project    ${project.name} (${project.path})`,
    `particles  ${settings.particleCount} of ${settings.boxSize} px, ${settings.pixelSizeAngstrom} Å/px, symmetry ${settings.symmetry}, from ${settings.particles}`,
    `contrast   ${settings.contrast > 0 ? 'as RELION has it' : 'inverted'} (${correlation})`,
    `map        ${settings.map ?? 'none'}${settings.contour === null ? '' : `, contour ${Number(settings.contour.toPrecision(4))}`}`,
    `model      ${settings.model ?? 'none'}`,
    `neutral    ${neutral ? `${neutral.gaussians} Gaussians at ${neutral.resolutionAngstrom} Å, ${describeAgreement(neutral)}` : 'none yet: limber neutral'}`,
  ];
  for (const run of runs) {
    const quality = run.frc === null ? '' : `, ring correlation ${run.frc.toFixed(4)}`;
    lines.push(
      `run        ${run.run}: ${run.state}, epoch ${run.epoch} of ${run.epochs}, ${run.latentDims} latent dimensions, ${run.gaussians} Gaussians at ${run.resolutionAngstrom} Å${quality}`,
    );
  }
  if (runs.length === 0) lines.push('run        none yet: limber train');
  if (writer !== null) lines.push(`writing    process ${writer} writes this project now`);
  return lines.join('\n');
}
