// `limber halves`: repeats a run on both halves of the particles, independently, and says how far they agree; the same command again goes on where it was stopped.
import type { Command } from 'commander';
import { ProjectFolder } from '../project/project-folder.js';
import { parameters } from '../settings/settings.js';
import type { DisplacementAgreement, HalvesReport, LatentAgreement, StateAgreement } from '../training/halves/halves-report.js';
import { Cancelled } from '../training/progress.js';
import { addParameter, runLong } from './long-command.js';

interface HalvesCommandOptions {
  run: string;
  count?: number;
  backend?: string;
  threads?: number;
  json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('halves')
    .description('Train a run again on each half of the particles, and compare latents, clusters and the maps of matched states.')
    .argument('<DIR>', 'project folder')
    .requiredOption('--run <NAME>', 'which run');
  for (const name of ['clusterCount', 'backend', 'threads'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, options: HalvesCommandOptions) =>
    runLong(options, async ({ reporter, signal }) => {
      const project = ProjectFolder.open(dir);
      const run = project.existingRun(options.run);
      const lock = project.lock();
      try {
        const { chooseBackend } = await import('../compute/choose-backend.js');
        const { repeatByHalves } = await import('../training/halves/halves.js');
        const threads = options.threads ?? null;
        const backend = await chooseBackend({ backend: options.backend ?? parameters.backend.default, threads }, reporter);
        const report = await repeatByHalves(project, run, backend, { clusters: options.count ?? null, threads }, reporter, signal)
          .catch(error => {
            throw error instanceof Cancelled
              ? new Cancelled(`${error.message}; what was learned is kept, limber halves ${dir} --run ${run.name} goes on from there`)
              : error;
          })
          .finally(() => backend.dispose());
        const { format, version, ...figures } = report;
        reporter.done(
          { ...figures, folder: `${run.path}/halves`, seconds: reporter.seconds() },
          `${describe(report)}\n${run.path}/halves: report.json, latents.tsv, clusters.tsv, maps and FSC of each state`,
        );
      } finally {
        lock.release();
      }
    }),
  );
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

function describe({ run, particles, copies, epochs, latents, clusters, states, displacements }: HalvesReport): string {
  const { half1FromHalf2, half2FromHalf1, shuffledExplained } = latents;
  const each = copies > 1 ? ` in ${copies} symmetric orientations` : '';
  return [
    `halves    run "${run}" again on ${particles[0]} and ${particles[1]} particles${each}, ${epochs} epochs each`,
    `latents   half 2 tells ${percent(half1FromHalf2.explained)} of the variance of half 1's, half 1 ${percent(half2FromHalf1.explained)} of half 2's; particles paired at random ${percent(shuffledExplained)}`,
    ...coordinates(half1FromHalf2, 1),
    ...coordinates(half2FromHalf1, 2),
    `clusters  ${clusters.count}; both models put the same particles together with an adjusted Rand index of ${clusters.adjustedRandIndex.toFixed(3)}, clustered anew in half 2 ${clusters.adjustedRandIndexAnew.toFixed(3)}`,
    ...states.map(describeState),
    ...(displacements ? [describeDisplacements(displacements)] : []),
  ].join('\n');
}

function coordinates({ coordinates }: LatentAgreement, half: number): string[] {
  return coordinates.map(
    ({ varianceShare, explained, rankCorrelation }, d) =>
      `          half ${half} z${d}: ${percent(varianceShare)} of the variance, ${percent(explained)} of it told, rank correlation ${rankCorrelation.toFixed(3)}`,
  );
}

function describeDisplacements({ correlation, rmsAngstrom, disagreementAngstrom, pairs }: DisplacementAgreement): string {
  const [first, second] = rmsAngstrom.map(value => value.toFixed(2));
  return `motion    between ${pairs} pairs of particles by ${first} and ${second} Å (rms), correlated by ${correlation.toFixed(3)}; the models disagree by ${disagreementAngstrom.toFixed(2)} Å`;
}

function describeState({
  state,
  entries,
  share,
  resolutionAngstrom,
  resolutionAtHalfAngstrom,
  difference,
  differenceToOthers,
}: StateAgreement): string {
  const sizes = `state ${state}   ${entries[0]} (${percent(share[0])}) and ${entries[1]} (${percent(share[1])})`;
  if (resolutionAngstrom === null) return `${sizes}; no map of an empty half`;
  const maps = `FSC 0.143 at ${resolutionAngstrom.toFixed(2)} Å, 0.5 at ${resolutionAtHalfAngstrom?.toFixed(2)} Å`;
  if (difference === null) return `${sizes}; ${maps}`;
  const others = differenceToOthers === null ? '' : `, with other states at most ${differenceToOthers.toFixed(2)}`;
  return `${sizes}; ${maps}; what sets it apart correlates by ${difference.toFixed(2)}${others}`;
}
