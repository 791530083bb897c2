// `limber motions`: latent directions along which regions of the molecule move by themselves, and how far everything goes between two latent points.
import { mkdirSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../formats/input-error.js';
import { formatDisplacements } from '../gaussians/displacement.js';
import { ProjectFolder } from '../project/project-folder.js';
import type { RunFolder } from '../project/run-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import { parameters } from '../settings/settings.js';
import { type MotionBetween, motionBetween, type RegionTurn } from '../training/motions/motion-between.js';
import { jointMotions, ownMotions, type StepMotion } from '../training/motions/own-motions.js';
import { type Region, readRegionMask, regionOfMask, regionOfResidues } from '../training/motions/region.js';
import { RunMolecule } from '../training/motions/run-molecule.js';
import { parseEnds, requireFolderOf } from './export.js';
import { addParameter, runLong } from './long-command.js';

interface MotionsOptions {
  run: string;
  region?: string[];
  residues?: string[];
  between?: string;
  displacements?: string;
  count?: number;
  json?: boolean;
}

/** A step with its name in the table and on the screen. */
interface NamedStep {
  name: string;
  motion: StepMotion;
}

export function register(program: Command): void {
  const collected = (value: string, before: string[] = []) => [...before, value];
  const command = program
    .command('motions')
    .description('Find the latent directions along which a region moves by itself, and say how far it turns and goes between two points.')
    .argument('<DIR>', 'project folder')
    .requiredOption('--run <NAME>', 'which run')
    .option(
      '--region <MRC>',
      'mask of a region: 1 inside, 0 outside; twice for two regions and their motions together and apart',
      collected,
    )
    .option('--residues <ranges>', 'a region of the fitted model instead, as A:331-527 or A:1-90,B; may be repeated', collected)
    .option('--between <zA…:zB…>', 'two latent points, as 0,0:1,0 [the ends of the first principal component]')
    .option('--displacements <FILE.tsv>', "every Gaussian's displacement between them, in Å");
  addParameter(command, 'motionCount');
  command.option('--json', 'one JSON object a line').action((dir: string, options: MotionsOptions) =>
    runLong(options, async ({ reporter }) => {
      const project = ProjectFolder.open(dir);
      const run = project.existingRun(options.run);
      if (options.displacements !== undefined) requireFolderOf(options.displacements);
      const molecule = new RunMolecule(run);
      const ends = options.between === undefined ? molecule.principalEnds : parseEnds(options.between, molecule.decoder.dims, '--between');
      const regions = await readRegions(project, options, molecule, line => reporter.note(line));
      const count = options.count ?? parameters.motionCount.default;
      const own = regions.map(region => ownMotions(molecule, region, count));
      const joint = regions.length === 2 ? jointMotions(molecule, [regions[0], regions[1]], [own[0][0], own[1][0]]) : null;
      const between = motionBetween(molecule, ends[0], ends[1], regions);
      const lock = project.lock();
      try {
        const files = regions.map((region, k) =>
          writeMotions(
            run,
            stemOf(region),
            own[k].map((motion, m) => ({ name: `${m + 1}`, motion })),
          ),
        );
        const jointSteps = joint && Object.entries(joint).map(([name, motion]) => ({ name, motion }));
        if (jointSteps) files.push(writeMotions(run, regions.map(stemOf).join('+'), jointSteps));
        if (options.displacements !== undefined) {
          const [from, to] = ends.map(end => molecule.decoder.decode(end));
          writeFileAtomic(options.displacements, formatDisplacements(from, to, between.gaussianErrors));
          files.push(options.displacements);
        }
        reporter.done(
          {
            run: run.name,
            ...(regions.length > 0 && { region: regions[0].name, motions: own[0].map(motion => oneRegion(motion)), file: files[0] }),
            regions: regions.map(({ name }, k) => ({ region: name, motions: own[k].map(motion => oneRegion(motion)), file: files[k] })),
            ...(jointSteps && Object.fromEntries(jointSteps.map(({ name, motion }) => [name, manyRegions(motion)]))),
            between: forProgram(between),
            files,
          },
          [
            ...regions.flatMap(({ name }, k) => [
              `${name}:`,
              ...own[k].map((motion, m) => describeStep({ name: `motion ${m + 1}`, motion })),
            ]),
            ...(jointSteps ?? []).map(describeStep),
            describeBetween(between, options.between === undefined),
            ...files,
          ].join('\n'),
        );
      } finally {
        lock.release();
      }
    }),
  );
}

/** Masks first, then residues, each in the order of the command line. Throws InputError where two would be written to one file. */
async function readRegions(
  project: ProjectFolder,
  { region: masks = [], residues = [] }: MotionsOptions,
  molecule: RunMolecule,
  note: (line: string) => void,
): Promise<Region[]> {
  const regions = masks.map(file => regionOfMask(file, readRegionMask(file, project.settings.pixelSizeAngstrom, note), molecule.neutral));
  if (residues.length > 0) {
    const { model } = project.settings;
    if (model === null)
      throw new InputError(
        `--residues ${residues[0]}: ${project.path} has no fitted model; give a mask with --region, or make the project with --model FILE`,
      );
    // Mol*'s parsers take a while to load.
    const { readModel } = await import('../models/read-model.js');
    const fitted = await readModel(project.resolve(model));
    regions.push(...residues.map(text => regionOfResidues(text, fitted, molecule)));
  }
  const twice = regions.find((region, k) => regions.slice(0, k).some(other => stemOf(other) === stemOf(region)));
  if (twice) throw new InputError(`${twice.name}: another region is called ${stemOf(twice)} as well; give it another name`);
  return regions;
}

/** Of the file that its motions are written to. */
function stemOf({ name }: Region): string {
  return basename(name, extname(name)).replace(/[^A-Za-z0-9._+-]+/g, '_');
}

/** One flat object a motion of one region: what --json tells, and a row of its table. */
function oneRegion({ step, insideAngstrom, outsideAngstrom, turns: [turn] }: StepMotion) {
  const { angleDegrees, axis, shiftAngstrom, residualAngstrom } = turn;
  return { step: [...step], insideAngstrom: insideAngstrom[0], outsideAngstrom, angleDegrees, axis, shiftAngstrom, residualAngstrom };
}

/** The same of several regions, each with figures of its own. */
function manyRegions({ step, insideAngstrom, outsideAngstrom, turns }: StepMotion) {
  const regions = turns.map(({ region, angleDegrees, axis, shiftAngstrom, residualAngstrom }, k) => {
    return { region, insideAngstrom: insideAngstrom[k], angleDegrees, axis, shiftAngstrom, residualAngstrom };
  });
  return { step: [...step], outsideAngstrom, regions };
}

function forProgram({ from, to, gaussianErrors: _, ...figures }: MotionBetween) {
  return { from: [...from], to: [...to], ...figures };
}

/** A table of steps of the same regions, in the run's folder; of several regions the columns of each have its number. */
function writeMotions(run: RunFolder, stem: string, steps: readonly NamedStep[]): string {
  const folder = join(run.path, 'motions');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${stem}.tsv`);
  const { step, turns } = steps[0].motion;
  const rigid = ['angleDegrees', 'axisX', 'axisY', 'axisZ', 'shiftXAngstrom', 'shiftYAngstrom', 'shiftZAngstrom', 'residualAngstrom'];
  const latent = Array.from(step, (_, d) => `z${d}`);
  const header =
    turns.length === 1
      ? ['motion', ...latent, 'insideAngstrom', 'outsideAngstrom', ...rigid]
      : ['motion', ...latent, 'outsideAngstrom', ...turns.flatMap((_, k) => ['insideAngstrom', ...rigid].map(name => `${name}${k + 1}`))];
  const rows = steps.map(({ name, motion }) =>
    [
      name,
      ...(turns.length === 1
        ? Object.values(oneRegion(motion))
        : [
            ...motion.step,
            motion.outsideAngstrom,
            ...manyRegions(motion).regions.flatMap(({ region: _, ...figures }) => Object.values(figures)),
          ]
      ).flat(),
    ].join('\t'),
  );
  writeFileAtomic(file, [header.join('\t'), ...rows].join('\n') + '\n');
  return file;
}

function describeStep({ name, motion: { step, insideAngstrom, outsideAngstrom, turns } }: NamedStep): string {
  const moved = turns.map(({ region }, k) => `${turns.length === 1 ? 'the region' : region} by ${insideAngstrom[k].toFixed(2)} Å`);
  return [
    `${name}  ±(${numbers(step, 4)})  moves ${moved.join(', ')} and the rest by ${outsideAngstrom.toFixed(2)} Å`,
    ...turns.map(turn => `          ${turns.length === 1 ? 'the region' : turn.region} ${describeTurn(turn)}`),
  ].join('\n');
}

function describeBetween({ from, to, rmsAngstrom, errorAngstrom, regions }: MotionBetween, isPrincipal: boolean): string {
  const ends = `from (${numbers(from, 4)}) to (${numbers(to, 4)})`;
  const what = isPrincipal ? ', the ends of the first principal component (2 % of the particles lie beyond either)' : '';
  return [
    `${ends}${what}:`,
    `          all of it moves by ${rmsAngstrom.toFixed(2)}${withError(errorAngstrom, 2)} Å`,
    ...regions.map(turn => `          ${turn.region} ${describeTurn(turn)}`),
    ...(errorAngstrom === null ? [] : ['          errors: half of the difference of the two half-set models']),
  ].join('\n');
}

function describeTurn({
  angleDegrees,
  axis,
  axisPoint,
  shiftAngstrom,
  residualAngstrom,
  errorAngstrom,
  angleErrorDegrees,
}: RegionTurn): string {
  const through = axisPoint ? ` through (${axisPoint.map(value => value.toFixed(1)).join(', ')}) Å` : '';
  const shift = Math.hypot(...shiftAngstrom).toFixed(2);
  return `turns by ${angleDegrees.toFixed(1)}${withError(angleErrorDegrees, 1)}° about (${numbers(axis, 3)})${through}, its centre goes ${shift}${withError(errorAngstrom, 2)} Å; ${residualAngstrom.toFixed(2)} Å are not rigid`;
}

function withError(error: number | null, decimals: number): string {
  return error === null ? '' : ` ± ${error.toFixed(decimals)}`;
}

function numbers(values: ArrayLike<number>, digits: number): string {
  return Array.from(values, value => String(Number(value.toPrecision(digits)))).join(',');
}
