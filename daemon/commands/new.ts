// `limber new`: makes a project of a particle file, a consensus map and a fitted model.
import type { Command } from 'commander';
import { addParameter, runLong } from './long-command.js';

interface NewOptions {
  particles: string;
  imagesDir?: string;
  map?: string;
  mask?: string;
  model?: string;
  symmetry: string;
  pixelSize?: number;
  json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('new')
    .description('Make a project of a refinement: particles, consensus map, fitted model. Files stay where they lie.')
    .argument('<DIR>', 'folder of the new project')
    .requiredOption('--particles <FILE>', 'particle file with orientations (RELION .star)')
    .option('--images-dir <DIR>', 'where the image stacks lie, when not where the particle file says')
    .option('--map <MRC>', "consensus map on the particles' grid")
    .option('--mask <MRC>', 'where Gaussians may lie: above one half, on the same grid')
    .option('--model <PDB|CIF>', 'atomic model fitted into the map')
    .option('--symmetry <symbol>', 'point group of the consensus refinement', 'C1');
  addParameter(command, 'pixelSize')
    .option('--json', 'one JSON object a line')
    .action((dir: string, options: NewOptions) =>
      runLong(options, async ({ reporter, signal }) => {
        const given = {
          particles: options.particles,
          imagesDir: options.imagesDir ?? null,
          map: options.map ?? null,
          mask: options.mask ?? null,
          model: options.model ?? null,
          symmetry: options.symmetry,
          pixelSizeAngstrom: options.pixelSize ?? null,
        };
        // Loaded only here: reading models takes half a second to load, which no other command has to wait for.
        const { createProject } = await import('../project/create-project.js');
        const project = await createProject(dir, given, reporter, signal);
        const { particleCount, boxSize, pixelSizeAngstrom, contrast, symmetry } = project.settings;
        reporter.done(
          { project: project.path, particles: particleCount, boxSize, pixelSizeAngstrom, contrast, symmetry, seconds: reporter.seconds() },
          `made ${dir}: ${particleCount} particles of ${boxSize} px, ${pixelSizeAngstrom} Å/px. Next: limber train ${dir}`,
        );
      }),
    );
}
