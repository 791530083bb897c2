// `limber demo`: makes a data set with known truth, and a project of it.
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { SimulatedData } from '../../demo-data/simulate.js';
import { SIMULATION_KINDS, type SimulationKind, type SimulationOptions } from '../../demo-data/simulation-options.js';
import { InputError } from '../formats/input-error.js';
import { ProjectFolder } from '../project/project-folder.js';
import { parameters } from '../settings/settings.js';
import { addParameter, type CommandContext, runLong } from './long-command.js';

interface DemoOptions {
  kind?: SimulationKind;
  model?: string;
  moving?: string;
  hinge?: string;
  axis?: string;
  angles?: string;
  particles?: number;
  noise?: number;
  seed?: number;
  json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('demo')
    .description('Make demo data with a known motion, and a project of it.')
    .argument('[DIR]', 'folder of the new project', 'demo')
    .addOption(new Option('--kind <kind>', 'what moves [trimer]').choices(SIMULATION_KINDS.filter(kind => kind !== 'model')))
    .option('--model <FILE|PDB-ID>', 'a molecule of your own instead, PDB or mmCIF; needs --moving')
    .option(
      '--moving <residues>',
      'what moves in --model, as A:331-527; bodies that move independently have a semicolon between them, as A:1-90;B',
    )
    .option('--hinge <place>', 'x,y,z in Å or a residue as A:331 [where the moving part is tied to the rest]')
    .option('--axis <x,y,z>', 'axis to turn about [at right angles to z and the line from hinge to moving part]')
    .option('--angles <from:to>', 'degrees [-11:11]; hinge, axis and angles may be one a body, with semicolons');
  for (const name of ['demoParticles', 'noise', 'seed'] as const) addParameter(command, name);
  command.option('--json', 'one JSON object a line').action((dir: string, options: DemoOptions) =>
    runLong(options, async context => {
      const { project, data } = await makeDemo(dir, options, context);
      const { reporter } = context;
      reporter.done(
        { project: project.path, kind: data.kind, particles: data.count, truth: data.truth, seconds: reporter.seconds() },
        `made ${dir}: ${data.count} images, simulated (${data.kind}); the truth is in ${data.truth}. Next: limber train ${dir}, then limber serve ${dir}`,
      );
    }),
  );
}

/** Simulates into DIR/data, so that the project can be moved as a whole, and makes the project around it. */
export async function makeDemo(
  dir: string,
  options: DemoOptions,
  { reporter, signal }: CommandContext,
): Promise<{ project: ProjectFolder; data: SimulatedData }> {
  const folder = resolve(dir);
  ProjectFolder.refuseExisting(folder);
  // Loaded only here: reading models takes half a second to load, which no other command has to wait for.
  const { simulate } = await import('../../demo-data/simulate.js');
  const { createProject } = await import('../project/create-project.js');
  const data = await simulate(
    {
      directory: join(folder, 'data'),
      ...chooseMolecule(options),
      particles: options.particles,
      noise: options.noise ?? parameters.noise.default,
      seed: options.seed ?? parameters.seed.default,
    },
    reporter,
    signal,
  );
  const project = await createProject(
    folder,
    {
      particles: data.particles,
      imagesDir: null,
      map: data.map,
      mask: null,
      model: data.model,
      symmetry: data.symmetry,
      pixelSizeAngstrom: null,
    },
    reporter,
    signal,
  );
  return { project, data };
}

/** A built-in molecule, or the user's own with the motion that was asked for. Throws InputError where the options do not go together. */
function chooseMolecule({ kind, model, moving, hinge, axis, angles }: DemoOptions): Pick<SimulationOptions, 'kind' | 'model'> {
  if (model !== undefined) {
    if (kind !== undefined) throw new InputError(`--kind ${kind} and --model ${model} are two molecules; give one of them`);
    if (moving === undefined) throw new InputError(`--model ${model} needs --moving: say which residues move, as --moving A:331-527`);
    return { kind: 'model', model: { source: model, moving, hinge, axis, angles } };
  }
  const stray = Object.entries({ moving, hinge, axis, angles }).find(([, value]) => value !== undefined);
  if (stray) throw new InputError(`--${stray[0]} ${stray[1]} belongs to --model; give a model as well, or leave it out`);
  return { kind: kind ?? 'trimer' };
}
