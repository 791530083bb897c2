// `limber path`: a path between two latent points, through dense regions or straight, with the populations and −ln density along it.
import { type Command, Option } from 'commander';
import { InputError } from '../formats/input-error.js';
import { formatPath } from '../formats/path-table.js';
import type { LatentPath, PathOptions } from '../latent/latent-path.js';
import { medoid } from '../latent/medoid.js';
import { LEAST_SUPPORT } from '../latent/path-profile.js';
import { runPath } from '../latent/run-analysis.js';
import { ProjectFolder } from '../project/project-folder.js';
import { rowsOfCluster, writePath } from '../project/run-analyses.js';
import type { RunFolder } from '../project/run-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import { parameters } from '../settings/settings.js';
import { parseCluster, parseEnds, parsePoint, requireFolderOf } from './export.js';
import { addParameter, runLong } from './long-command.js';

interface PathCommandOptions {
  run: string;
  from?: string;
  to?: string;
  fromCluster?: number;
  toCluster?: number;
  line?: string;
  points?: number;
  reach?: number;
  bandwidth?: number;
  output?: string;
  json?: boolean;
}

/** Characters of the longest bar. */
const BAR_WIDTH = 24;

export function register(program: Command): void {
  const command = program
    .command('path')
    .description(
      'Find a path through dense regions of the latent cloud, or take a straight one, and say how the particles are spread along it.',
    )
    .argument('<DIR>', 'project folder')
    .requiredOption('--run <NAME>', 'which run')
    .option('--from <z0,z1,…>', 'begin at the particle nearest to this latent point')
    .addOption(new Option('--from-cluster <K>', 'begin in the middle of this cluster').argParser(parseCluster))
    .option('--to <z0,z1,…>', 'end at the particle nearest to this latent point')
    .addOption(new Option('--to-cluster <K>', 'end in the middle of this cluster').argParser(parseCluster))
    .option('--line <zA…:zB…>', 'the straight line between two latent points instead');
  for (const name of ['pathPoints', 'pathReach', 'pathBandwidth'] as const) addParameter(command, name);
  command
    .option('-o, --output <FILE.tsv>', "the points and what lies at them; in the run's folder paths/ otherwise")
    .option('--json', 'one JSON object a line')
    .action((dir: string, options: PathCommandOptions) =>
      runLong(options, async ({ reporter, signal }) => {
        const project = ProjectFolder.open(dir);
        const run = project.existingRun(options.run);
        if (options.output !== undefined) requireFolderOf(options.output);
        const { count, dims, z } = run.latents();
        const asked = askedPath(run, options, line => reporter.note(line));
        // A file elsewhere disturbs nobody who writes the project.
        const lock = options.output === undefined ? project.lock() : null;
        try {
          const path = await runPath({ count, dims, z }, asked, { reporter, signal });
          if (!path) throw new InputError(NOT_JOINED);
          if (!(path.track.lengths[path.track.lengths.length - 1] > 0))
            throw new InputError('both ends are nearest to the same particle; take points farther apart');
          const table = formatPath(path, LEAST_SUPPORT);
          const file = options.output ?? writePath(run, nameOf(options), table);
          if (options.output !== undefined) writeFileAtomic(file, table);
          reporter.done({ run: run.name, ...forProgram(path), file, seconds: reporter.seconds() }, `${describe(path)}\n${file}`);
        } finally {
          lock?.release();
        }
      }),
    );
}

const NOT_JOINED =
  'no chain of neighbouring particles joins the two ends: what lies between is empty; take ends in one connected part of the cloud, or --line for the straight way';

/** Throws InputError unless there are two ends, each given once. */
function askedPath(run: RunFolder, options: PathCommandOptions, note: (line: string) => void): PathOptions {
  const { line, from, to, fromCluster, toCluster, points = parameters.pathPoints.default, reach, bandwidth } = options;
  const latents = run.latents();
  const rest = { points, reach, bandwidth };
  if (line !== undefined) {
    if ((from ?? to ?? fromCluster ?? toCluster) !== undefined)
      throw new InputError(`--line ${line} has both ends; leave out --from, --to and the clusters`);
    const [a, b] = parseEnds(line, latents.dims, '--line').map(end => [...end]);
    if (a.every((value, d) => value === b[d])) throw new InputError(`--line ${line}: both ends are the same point`);
    return { shape: 'line', from: a, to: b, ...rest };
  }
  const end = (point: string | undefined, cluster: number | undefined, flag: string): number[] => {
    if ((point === undefined) === (cluster === undefined))
      throw new InputError(
        `${point === undefined ? 'no end' : 'two ends'} given; take one of ${flag} z0,z1,… and ${flag}-cluster K, or --line for a straight way`,
      );
    if (point !== undefined) return [...parsePoint(point, latents.dims, flag)];
    const row = medoid(latents, rowsOfCluster(run, cluster!, note, `${flag}-cluster`));
    return [...latents.z.subarray(row * latents.dims, (row + 1) * latents.dims)];
  };
  return { shape: 'dense', from: end(from, fromCluster, '--from'), to: end(to, toCluster, '--to'), ...rest };
}

/** A name for the file that says what the path joins. */
function nameOf({ line, fromCluster, toCluster }: PathCommandOptions): string {
  if (line !== undefined) return 'line';
  if (fromCluster === undefined && toCluster === undefined) return 'path';
  const end = (cluster: number | undefined) => (cluster === undefined ? 'point' : `cluster${cluster}`);
  return `${end(fromCluster)}-${end(toCluster)}`;
}

/** What --json tells: arrays of one entry a point; null where too few particles say anything. */
function forProgram(path: LatentPath): Record<string, unknown> {
  const { shape, dims, points, lengths, populations, support, bandwidth, reach, counted, beyond, farther, ceiling, links } = path;
  const known = (values: Float64Array) => Array.from(values, (value, i) => (support[i] >= LEAST_SUPPORT ? value : null));
  return {
    shape,
    points: Array.from(lengths, (_, i) => [...points.subarray(i * dims, (i + 1) * dims)]),
    lengths: [...lengths],
    populations,
    freeEnergy: known(path.freeEnergy),
    standardError: known(path.standardError),
    support: [...support],
    ceiling,
    bandwidth,
    reach: Number.isFinite(reach) ? reach : null,
    counted,
    beyond,
    farther,
    longestLink: links?.longest ?? null,
    medianLink: links?.median ?? null,
  };
}

function describe(path: LatentPath): string {
  const { shape, dims, points, lengths, populations, freeEnergy, standardError, support, track, ceiling, bandwidth, reach, links } = path;
  const total = track.lengths[track.lengths.length - 1];
  const last = lengths.length - 1;
  const straight = Math.hypot(...Array.from({ length: dims }, (_, d) => points[last * dims + d] - points[d]));
  const short = (value: number) => String(Number(value.toPrecision(3)));
  const most = Math.max(...populations, 1);
  const rows = Array.from(lengths, (_, i) => {
    const z = Array.from(points.subarray(i * dims, (i + 1) * dims), value => value.toFixed(3).padStart(8)).join('');
    const known = support[i] >= LEAST_SUPPORT;
    const energy = known ? `${freeEnergy[i].toFixed(2)} ± ${standardError[i].toFixed(2)}` : `above ${ceiling.toFixed(1)}`;
    const bar = '█'.repeat(Math.round((BAR_WIDTH * populations[i]) / most));
    return `${String(i + 1).padStart(5)}${z}  ${String(populations[i]).padStart(9)}  ${energy.padEnd(12)}  ${bar}`.trimEnd();
  });
  const way =
    shape === 'dense' ? `through dense regions, ${short(total)} long (${short(straight)} straight)` : `straight, ${short(total)} long`;
  const within = Number.isFinite(reach) ? `within ${short(reach)} of the path` : 'on the path';
  return [
    way,
    `point${Array.from({ length: dims }, (_, d) => `z${d}`.padStart(8)).join('')}  particles  −ln density`,
    ...rows,
    `${path.counted} particles ${within}, ${path.beyond} beyond its ends, ${path.farther} elsewhere`,
    `−ln density is blurred by ${short(bandwidth)} (${((100 * bandwidth) / total).toFixed(1)} % of the path): nothing narrower is told; ± is counting alone. It is a free energy in kT only as far as equal latent lengths mean equally much`,
    ...(path.support.some(value => value < LEAST_SUPPORT)
      ? [`where it says "above", fewer than ${LEAST_SUPPORT} particles speak: the path leaves the data there`]
      : []),
    ...(links && links.longest > 5 * links.median
      ? [`its longest link from particle to particle is ${(links.longest / links.median).toFixed(1)} times the usual: a thin place`]
      : []),
  ].join('\n');
}
