// `limber cluster`: sorts a run's particles into clusters of the latent cloud, and says how many the particles suggest.
import { type Command, Option } from 'commander';
import { InputError } from '../formats/input-error.js';
import type { Clustering } from '../latent/analysis.js';
import { clusteringMethods } from '../latent/registry.js';
import { runClustering } from '../latent/run-analysis.js';
import { ProjectFolder } from '../project/project-folder.js';
import { writeClusters } from '../project/run-analyses.js';
import { parameters } from '../settings/settings.js';
import { addParameter, runLong } from './long-command.js';

interface ClusterOptions {
  run: string;
  method: string;
  count?: number;
  seed?: number;
  json?: boolean;
}

export function register(program: Command): void {
  const names = clusteringMethods.map(({ name }) => name);
  const described = clusteringMethods.map(({ name, description }) => `${name}: ${description}`).join('; ');
  const command = program
    .command('cluster')
    .description('Sort the particles into clusters of the latent cloud, the largest first: a column beside the latents.')
    .argument('<DIR>', 'project folder')
    .requiredOption('--run <NAME>', 'which run')
    .addOption(new Option('--method <name>', described).choices(names).makeOptionMandatory());
  for (const name of ['clusterCount', 'seed'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, options: ClusterOptions) =>
    runLong(options, async ({ reporter, signal }) => {
      const project = ProjectFolder.open(dir);
      const run = project.existingRun(options.run);
      const { particle, ...cloud } = run.latents();
      if (options.count !== undefined && options.count > cloud.count)
        throw new InputError(`--count ${options.count}: run "${run.name}" has ${cloud.count} particles; take no more clusters than that`);
      const lock = project.lock();
      try {
        const asked = { count: options.count ?? null, seed: options.seed ?? parameters.seed.default };
        const clustering = await runClustering(options.method, cloud, asked, { reporter, signal });
        const file = writeClusters(run, particle, clustering.labels);
        const { count, sizes, suggestion } = clustering;
        reporter.done(
          { run: run.name, method: options.method, particles: cloud.count, count, sizes, suggestion, file, seconds: reporter.seconds() },
          `${describe(clustering)}\n${file}. Next: limber export ${dir} --run ${run.name} --star FILE.star --cluster 1`,
        );
      } finally {
        lock.release();
      }
    }),
  );
}

function describe({ sizes, suggestion }: Clustering): string {
  const { criterion, scores, sampled } = suggestion;
  const listed = scores.map(({ count, score }) => `${count}: ${Number(score.toPrecision(4))}`).join(', ');
  return [
    ...sizes.map((size, k) => `cluster ${k + 1}  ${size} particles`),
    suggestion.count === 1
      ? `suggested  one cluster: on ${sampled} particles no valley of density parts the cloud${listed ? ` (${criterion}: ${listed})` : ''}; --count K cuts it all the same`
      : `suggested  ${suggestion.count} clusters (${criterion}, on ${sampled} particles: ${listed})`,
  ].join('\n');
}
