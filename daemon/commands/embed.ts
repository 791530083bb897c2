// `limber embed`: coordinates of every particle in a picture of the latent cloud.
import { type Command, Option } from 'commander';
import { InputError } from '../formats/input-error.js';
import { embeddingMethods } from '../latent/registry.js';
import { runEmbedding } from '../latent/run-analysis.js';
import { ProjectFolder } from '../project/project-folder.js';
import { writeEmbedding } from '../project/run-analyses.js';
import { parameters } from '../settings/settings.js';
import { addParameter, runLong } from './long-command.js';

interface EmbedOptions {
  run: string;
  method: string;
  dims?: number;
  seed?: number;
  json?: boolean;
}

export function register(program: Command): void {
  const names = embeddingMethods.map(({ name }) => name);
  const described = embeddingMethods.map(({ name, description }) => `${name}: ${description}`).join('; ');
  const command = program
    .command('embed')
    .description('Lay the latent cloud out for looking: columns pca0, … or umap0, … beside the latents.')
    .argument('<DIR>', 'project folder')
    .requiredOption('--run <NAME>', 'which run')
    .addOption(new Option('--method <name>', described).choices(names).makeOptionMandatory());
  for (const name of ['embeddingDims', 'seed'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, options: EmbedOptions) =>
    runLong(options, async ({ reporter, signal }) => {
      const project = ProjectFolder.open(dir);
      const run = project.existingRun(options.run);
      const { particle, ...cloud } = run.latents();
      const dims =
        options.dims ?? Math.min(parameters.embeddingDims.default, options.method === 'pca' ? cloud.dims : Number.POSITIVE_INFINITY);
      if (options.method === 'pca' && dims > cloud.dims)
        throw new InputError(`--dims ${dims}: run "${run.name}" has ${cloud.dims} latent dimensions, and as many principal components`);
      const least = embeddingMethods.find(({ name }) => name === options.method)?.leastCount ?? 1;
      if (cloud.count < least)
        throw new InputError(`run "${run.name}" has ${cloud.count} particles; ${options.method} needs ${least}: train on more`);
      const lock = project.lock();
      try {
        const seed = options.seed ?? parameters.seed.default;
        const { coordinates } = await runEmbedding(options.method, cloud, { dims, seed }, { reporter, signal });
        const file = writeEmbedding(run, options.method, particle, coordinates, dims);
        reporter.done(
          { run: run.name, method: options.method, particles: cloud.count, dims, file, seconds: reporter.seconds() },
          `${options.method} of ${cloud.count} particles in ${reporter.seconds().toFixed(1)} s: ${file}. Next: limber export ${dir} --run ${run.name} --latents FILE.tsv`,
        );
      } finally {
        lock.release();
      }
    }),
  );
}
