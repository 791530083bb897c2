// Reproducibility by halves: everything twice, independently, on the two half-sets, and how far latents, clusters and the maps of matched states agree (method.md section 4.7).
//
// Each half has a project of its own (half-project.ts), with other random numbers. Both models then encode all particles, so that every particle has two
// latents; these are equal only up to a smooth map, which is fitted and judged on particles left out (latent/latent-alignment.ts). States are the clusters of
// half 1's own particles, carried over to half 2's by that map; the maps of a state share neither particles nor models.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Backend } from '../../compute/backend.js';
import { InputError } from '../../formats/input-error.js';
import type { LatentsTable } from '../../formats/latents-table.js';
import { formatParticleColumns, type ParticleColumn } from '../../formats/particle-columns.js';
import type { CountSuggestion, LatentCloud } from '../../latent/analysis.js';
import { adjustedRandIndex, nearestCentres } from '../../latent/cluster-agreement.js';
import { alignLatents, type CoordinateAgreement, type LatentAlignment } from '../../latent/latent-alignment.js';
import { runClustering } from '../../latent/run-analysis.js';
import { formatShellCorrelations, resolutionAt } from '../../maps/fsc.js';
import { compareMatchedStates, type MatchedStates, type StateRows } from '../../maps/matched-states.js';
import { Random } from '../../numerics/random.js';
import { computingRings } from '../../particles/computing-box.js';
import type { ParticleSet } from '../../particles/particle-set.js';
import { readParticleSubset } from '../../particles/particle-subset.js';
import { turnedParticles } from '../../particles/turned-particles.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import { orientationsPath, withRunOrientations } from '../../project/refined-orientations.js';
import type { RunFolder, RunSettings } from '../../project/run-folder.js';
import { writeFileAtomic } from '../../project/write-file-atomic.js';
import { flagOf, type TrainingSettings, type TrainOptions, trainingSettings } from '../../settings/training.js';
import { fitProjectNeutral, openProjectParticles, readProjectNeutral } from '../neutral/project-neutral.js';
import { Cancelled, type Reporter } from '../progress.js';
import { expansion, trainProjectRun } from '../project-run.js';
import { runEntries } from '../run-entries.js';
import { carriedPath, type HalfProject, openHalfProjects } from './half-project.js';
import { halfDecoders, moveByBoth } from './halves-displacement.js';
import { encodeUnseen } from './unseen-particles.js';

export interface HalvesOptions {
  /** Clusters to compare; null: as many as half 1 suggests. */
  clusters: number | null;
  threads: number | null;
}

/** How well one model's latents are told by the other's. */
export interface LatentAgreement {
  /** Share of the variance over all coordinates, on particles that the map has not seen. */
  explained: number;
  /** z0, z1, … of the model that is told. */
  coordinates: CoordinateAgreement[];
}

/** One state: a cluster of half 1's latents, and what lies there of half 2's. */
export interface StateAgreement {
  state: number;
  /** Entries of either half: particles, or particles in one of their symmetric orientations. */
  entries: [number, number];
  /** Share of its half. */
  share: [number, number];
  /** Å where the FSC of the two maps falls below 0.143 and 0.5, in the mask where there is one; null where a half has none. */
  resolutionAngstrom: number | null;
  resolutionAtHalfAngstrom: number | null;
  /** Correlation of what sets the state apart from the mean of all, between the halves; and the highest such with another state. Null with one state. */
  difference: number | null;
  differenceToOthers: number | null;
}

/** report.json of a run's halves. */
export interface HalvesReport {
  format: 'limber-halves';
  version: 1;
  run: string;
  epochs: number;
  particles: [number, number];
  /** Symmetric orientations that each particle is used in. */
  copies: number;
  gaussians: [number, number];
  /** Mean ring correlation of either half's last epoch. */
  frc: [number | null, number | null];
  seeds: [number, number];
  latents: {
    /** What half 2's model tells of half 1's latents, and the other way. */
    half1FromHalf2: LatentAgreement;
    half2FromHalf1: LatentAgreement;
    /** The share explained where particles are paired at random: what is chance. */
    shuffledExplained: number;
  };
  clusters: {
    count: number;
    suggestion: CountSuggestion;
    /** Adjusted Rand index of the clusters that the two models put the same particles in. */
    adjustedRandIndex: number;
    /** The same, where half 2's particles are clustered anew instead of being carried over. */
    adjustedRandIndexAnew: number;
  };
  states: StateAgreement[];
  /** Å: what sets the states apart was compared up to here. */
  differenceResolutionAngstrom: number;
  /** Null where positions were not to vary. */
  displacements: DisplacementAgreement | null;
}

/** How the two models move the molecule between pairs of particles, at the Gaussians of half 1's neutral model, weighted by their amplitudes. */
export interface DisplacementAgreement {
  pairs: number;
  /** Of all components of all displacements. */
  correlation: number;
  /** Root mean square displacement by either model, and of their difference, Å. */
  rmsAngstrom: [number, number];
  disagreementAngstrom: number;
}

/** Latents of the same entries by both models. */
interface TwoLatents {
  count: number;
  /** Row of the whole particle file, from 0; rising. */
  row: Uint32Array;
  copy: Uint8Array | null;
  /** 1 or 2. */
  half: Uint8Array;
  /** By half 1's model and by half 2's. */
  clouds: [LatentCloud, LatentCloud];
}

/** Pairs of entries that displacements are compared between. */
const PAIRS = 100;
/** Particles that the chance level is measured on. */
const SHUFFLED = 2000;

/**
 * Repeats `run` on both halves of the particles and compares; everything goes to runs/NAME/halves. What an earlier, interrupted call has finished is taken
 * up. The caller holds the project's lock. Throws InputError where the halves that lie there are of other settings, Cancelled with all whole epochs saved.
 */
export async function repeatByHalves(
  whole: ProjectFolder,
  run: RunFolder,
  backend: Backend,
  { clusters, threads }: HalvesOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<HalvesReport> {
  const settings = run.settings();
  const folder = join(run.path, 'halves');
  const particles = withRunOrientations(openProjectParticles(whole), run);
  try {
    const star = existsSync(orientationsPath(run)) ? orientationsPath(run) : particles.file;
    const halves = await openHalfProjects(whole, folder, particles, star, threads, reporter, signal);
    const locks = halves.map(({ project }) => project.lock());
    try {
      for (const half of halves) await trainHalf(whole, half, settings, backend, threads, folder, reporter, signal);
      const latents = await latentsByBoth(whole, run, halves, backend, reporter, signal);
      return await compare(whole, run, particles, halves, latents, { clusters, threads }, folder, reporter, signal);
    } finally {
      for (const lock of locks) lock.release();
    }
  } finally {
    particles.close();
  }
}

/** The same work, told as that of one half. */
function of(half: HalfProject, reporter: Reporter): Reporter {
  return {
    progress: (stage, done, total) => reporter.progress(`half ${half.half}: ${stage}`, done, total),
    epoch: report => reporter.epoch({ ...report, run: `${report.run}, half ${half.half}` }),
    note: line => reporter.note(`half ${half.half}: ${line}`),
  };
}

/** Neutral model, the runs that this one continues, and the run, each where it is not there yet. */
async function trainHalf(
  whole: ProjectFolder,
  half: HalfProject,
  settings: RunSettings,
  backend: Backend,
  threads: number | null,
  folder: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<void> {
  const { project } = half;
  const told = of(half, reporter);
  if (settings.continueFrom !== null)
    await trainHalf(whole, half, whole.existingRun(settings.continueFrom).settings(), backend, threads, folder, reporter, signal);
  const options = halfOptions(whole, half, settings, threads);
  if (readProjectNeutral(project) === null) {
    const report = readProjectNeutral(whole)?.report;
    const asked = { ...options, gaussians: report?.gaussians ?? null, resolutionAngstrom: report?.resolutionAngstrom ?? null };
    await fitProjectNeutral(project, backend, asked, told, signal);
  }
  const begun = project.run(settings.run);
  if (begun.exists()) {
    const before = begun.settings();
    for (const name of Object.keys(trainingSettings(options)) as (keyof TrainingSettings)[]) {
      if (name === 'epochs' || String(before[name]) === String(options[name])) continue;
      throw new InputError(
        `${begun.path} was made with ${flagOf(name)} ${before[name]}, run "${settings.run}" has ${options[name]}; delete ${folder} and run limber halves again`,
      );
    }
    if (before.state === 'done' && before.epoch >= options.epochs) return;
  }
  await trainProjectRun(project, backend, options, told, signal);
}

/** The run's own settings, with paths as the half sees them and random numbers of its own: equal first weights would make equal latents of nothing. */
function halfOptions(
  whole: ProjectFolder,
  { half, project, rows }: HalfProject,
  settings: RunSettings,
  threads: number | null,
): TrainOptions {
  let subset: string | null = null;
  if (settings.subset !== null) {
    const run = whole.run(settings.run);
    // The run knows its own particles even where the file that named them is gone.
    const wanted = new Set(
      run.hasLatents
        ? run.latents().particle.map(number => number - 1)
        : readParticleSubset(whole.resolve(settings.subset), whole.resolve(whole.settings.particles), whole.settings.particleCount),
    );
    const own = Array.from(rows.keys()).filter(row => wanted.has(rows[row]));
    if (own.length === 0)
      throw new InputError(`${settings.subset}: none of its particles is in half ${half}; halves need particles in both`);
    subset = `${settings.run}.subset.txt`;
    writeFileSync(join(project.path, subset), own.map(row => `${row + 1}\n`).join(''));
  }
  return {
    ...(trainingSettings(settings) as TrainingSettings),
    run: settings.run,
    seed: (settings.seed + half) >>> 0,
    focus: settings.focus && carriedPath(whole, settings.focus, project.path),
    subset,
    backend: settings.backend,
    threads,
  };
}

/** Every entry of either half by both models: by one that has learned from it, and by one that has not. */
async function latentsByBoth(
  whole: ProjectFolder,
  run: RunFolder,
  halves: readonly [HalfProject, HalfProject],
  backend: Backend,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<TwoLatents> {
  const own = halves.map(({ project }) => project.run(run.name).latents());
  const dims = own[0].dims;
  const copies = expansion(whole, run.settings()).length;
  const parts: { half: 0 | 1; table: LatentsTable; other: Float32Array }[] = [];
  for (const half of [0, 1] as const) {
    const table = own[half];
    const rows = Uint32Array.from(new Set(table.particle), number => number - 1);
    const particles = openProjectParticles(halves[half].project);
    const model = halves[1 - half];
    const told = of(model, {
      ...reporter,
      progress: (stage, done, total) => reporter.progress(`${stage} (particles of half ${half + 1})`, done, total),
    });
    try {
      const other = await encodeUnseen(model.project, model.project.run(run.name), { particles, rows }, backend, told, signal);
      parts.push({ half, table, other });
    } finally {
      particles.close();
    }
  }
  const order = parts
    .flatMap(({ half, table }) => Array.from(table.particle, (particle, at) => ({ half, at, row: halves[half].rows[particle - 1] })))
    .sort((a, b) => a.row - b.row || a.at - b.at);
  const cloud = (model: 0 | 1): LatentCloud => {
    const z = new Float32Array(order.length * dims);
    order.forEach(({ half, at }, i) => {
      const { table, other } = parts[half];
      z.set((half === model ? table.z : other).subarray(at * dims, (at + 1) * dims), i * dims);
    });
    return { count: order.length, dims, z };
  };
  return {
    count: order.length,
    row: Uint32Array.from(order, ({ row }) => row),
    copy: copies > 1 ? Uint8Array.from(order, ({ half, at }) => parts[half].table.copy?.[at] ?? 0) : null,
    half: Uint8Array.from(order, ({ half }) => half + 1),
    clouds: [cloud(0), cloud(1)],
  };
}

async function compare(
  whole: ProjectFolder,
  run: RunFolder,
  particles: ParticleSet,
  halves: readonly [HalfProject, HalfProject],
  latents: TwoLatents,
  { clusters, threads }: HalvesOptions,
  folder: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<HalvesReport> {
  const settings = run.settings();
  const { count, clouds, half, row } = latents;
  const breathe = async (stage: string, done: number) => {
    reporter.progress(stage, done, 3);
    await setImmediate();
    if (signal?.aborted) throw new Cancelled('stopped while comparing the halves');
  };
  const random = new Random(settings.seed);
  await breathe('aligning latents', 0);
  const toFirst = alignLatents(clouds[1], clouds[0], row, random);
  await breathe('aligning latents', 1);
  const toSecond = alignLatents(clouds[0], clouds[1], row, random);
  await breathe('aligning latents', 2);
  const shuffledExplained = chanceLevel(clouds, random);
  await breathe('aligning latents', 3);

  const rowsOfHalf = [1, 2].map(which => Uint32Array.from(half.keys()).filter(i => half[i] === which));
  const clouds1 = part(clouds[0], rowsOfHalf[0]);
  const caller = { reporter, signal: signal ?? new AbortController().signal };
  const clustering = await runClustering('kmeans', clouds1, { count: clusters, seed: settings.seed }, caller);
  const anew = await runClustering('kmeans', part(clouds[1], rowsOfHalf[1]), { count: clustering.count, seed: settings.seed }, caller);
  const { dims } = clouds[0];
  const labels = [
    nearestCentres(clouds[0].z, clustering.centres, dims),
    nearestCentres(toFirst.predicted, clustering.centres, dims),
  ] as const;
  const labelsAnew = nearestCentres(clouds[1].z, anew.centres, dims);

  const states: StateRows[] = Array.from({ length: clustering.count }, (_, k) => {
    const members = (h: 0 | 1) => rowsOfHalf[h].filter(i => labels[h][i] === k + 1);
    return [members(0), members(1)];
  });
  const matched = await compareStates(whole, halves, particles, latents, states, settings, threads, folder, reporter, signal);
  const runs = halves.map(({ project }) => project.run(run.name).settings());
  const both = <T>(pick: (settings: RunSettings) => T): [T, T] => [pick(runs[0]), pick(runs[1])];
  const report: HalvesReport = {
    format: 'limber-halves',
    version: 1,
    run: run.name,
    epochs: settings.epochs,
    particles: both(({ particles }) => particles),
    copies: settings.copies,
    gaussians: both(({ gaussians }) => gaussians),
    frc: both(({ frc }) => frc),
    seeds: both(({ seed }) => seed),
    latents: { half1FromHalf2: told(toFirst), half2FromHalf1: told(toSecond), shuffledExplained },
    clusters: {
      count: clustering.count,
      suggestion: clustering.suggestion,
      adjustedRandIndex: adjustedRandIndex(labels[0], labels[1]),
      adjustedRandIndexAnew: adjustedRandIndex(labels[0], labelsAnew),
    },
    states: states.map((rows, k) => stateAgreement(k, rows, rowsOfHalf, matched)),
    differenceResolutionAngstrom: matched.differenceResolutionAngstrom,
    displacements: settings.vary.includes('position') ? compareDisplacements(folder, run.name, clouds, random) : null,
  };
  writeTables(folder, latents, toFirst, labels, matched);
  // Last: the halves have been compared when it is there.
  writeFileAtomic(join(folder, 'report.json'), JSON.stringify(report, null, 2) + '\n');
  reporter.progress('comparing halves', count, count);
  return report;
}

function told({ explained, coordinates }: LatentAlignment): LatentAgreement {
  return { explained, coordinates };
}

function part({ dims, z }: LatentCloud, rows: ArrayLike<number>): LatentCloud {
  const chosen = new Float32Array(rows.length * dims);
  for (let i = 0; i < rows.length; i++) chosen.set(z.subarray(rows[i] * dims, (rows[i] + 1) * dims), i * dims);
  return { count: rows.length, dims, z: chosen };
}

/** What is explained where every particle is paired with another's latents. */
function chanceLevel([first, second]: TwoLatents['clouds'], random: Random): number {
  const draw = () => random.shuffle(Uint32Array.from({ length: first.count }, (_, i) => i)).subarray(0, SHUFFLED);
  return alignLatents(part(second, draw()), part(first, draw()), null, random).explained;
}

function compareDisplacements(folder: string, name: string, clouds: TwoLatents['clouds'], random: Random): DisplacementAgreement {
  const decoders = halfDecoders(folder, name);
  const { positions, amplitudes } = decoders[0].decode(new Float32Array(clouds[0].dims));
  const point = ({ dims, z }: LatentCloud, row: number) => z.subarray(row * dims, (row + 1) * dims);
  const total = amplitudes.reduce((sum, amplitude) => sum + amplitude, 0) * PAIRS;
  const squares = [0, 0];
  let [product, difference] = [0, 0];
  for (let pair = 0; pair < PAIRS; pair++) {
    const [a, b] = [random.integer(clouds[0].count), random.integer(clouds[0].count)];
    const at = (row: number) => [point(clouds[0], row), point(clouds[1], row)] as const;
    const { displacements, disagreementAngstrom } = moveByBoth(decoders, at(a), at(b), positions);
    amplitudes.forEach((amplitude, g) => {
      const weight = amplitude / total;
      difference += weight * disagreementAngstrom[g] ** 2;
      for (let i = 3 * g; i < 3 * g + 3; i++) {
        const [first, second] = [displacements[0][i], displacements[1][i]];
        squares[0] += weight * first * first;
        squares[1] += weight * second * second;
        product += weight * first * second;
      }
    });
  }
  const norm = Math.sqrt(squares[0] * squares[1]);
  return {
    pairs: PAIRS,
    correlation: norm > 0 ? product / norm : 0,
    rmsAngstrom: [Math.sqrt(squares[0]), Math.sqrt(squares[1])],
    disagreementAngstrom: Math.sqrt(difference),
  };
}

async function compareStates(
  whole: ProjectFolder,
  [{ project }]: readonly [HalfProject, HalfProject],
  particles: ParticleSet,
  { row, copy }: TwoLatents,
  states: readonly StateRows[],
  settings: RunSettings,
  threads: number | null,
  folder: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<MatchedStates> {
  const { contrast, symmetry } = whole.settings;
  const group = expansion(whole, settings);
  const all = runEntries(
    particles.rotations,
    Uint32Array.from({ length: particles.count }, (_, i) => i),
    group,
  );
  const rotations = Float32Array.from({ length: 9 * row.length }, (_, i) => {
    const entry = Math.floor(i / 9);
    return all.rotations[9 * (row[entry] * group.length + (copy?.[entry] ?? 0)) + (i % 9)];
  });
  const mask = whole.readMask();
  mkdirSync(folder, { recursive: true });
  return compareMatchedStates(
    turnedParticles(particles, row, rotations),
    states,
    {
      centreAngstrom: readProjectNeutral(project)!.frame.centreAngstrom,
      contrast,
      // Copies are particles of their own: their symmetry is broken.
      symmetry: group.length > 1 ? 'C1' : symmetry,
      threads: threads ?? undefined,
    },
    {
      mask: mask?.size.every(n => n === particles.boxSize) ? mask : null,
      resolutionAngstrom: settings.resolutionAngstrom,
      comparisonBox: computingRings(particles.boxSize, particles.pixelSizeAngstrom, settings.resolutionAngstrom).boxSize,
      file: (state, half) => join(folder, `state_${state + 1}_half${half}.mrc`),
    },
    reporter,
    signal,
  );
}

function stateAgreement(
  k: number,
  rows: StateRows,
  ofHalf: readonly Uint32Array[],
  { curves, differences }: MatchedStates,
): StateAgreement {
  const curve = curves[k]?.fsc_masked ?? curves[k]?.fsc ?? null;
  const others = differences.flatMap((line, i) => line.filter((_, j) => (i === k) !== (j === k))).filter(value => !Number.isNaN(value));
  const own = differences.length > 1 ? differences[k][k] : Number.NaN;
  return {
    state: k + 1,
    entries: [rows[0].length, rows[1].length],
    share: [rows[0].length / ofHalf[0].length, rows[1].length / ofHalf[1].length],
    resolutionAngstrom: curve && resolutionAt(curve, 0.143),
    resolutionAtHalfAngstrom: curve && resolutionAt(curve, 0.5),
    difference: Number.isNaN(own) ? null : own,
    differenceToOthers: others.length > 0 ? Math.max(...others) : null,
  };
}

/** latents.tsv and clusters.tsv, a row an entry, and state_K.fsc.tsv. */
function writeTables(
  folder: string,
  { row, copy, half, clouds }: TwoLatents,
  toFirst: LatentAlignment,
  labels: readonly [Uint32Array, Uint32Array],
  { curves }: MatchedStates,
): void {
  const particle = row.map(index => index + 1);
  const columnsOf = (name: string, z: Float32Array): ParticleColumn[] => {
    const { dims, count } = clouds[0];
    return Array.from({ length: dims }, (_, d) => ({
      name: `${name}_z${d}`,
      values: Float32Array.from({ length: count }, (_, i) => z[i * dims + d]),
    }));
  };
  const entry = [...(copy ? [{ name: 'copy', values: copy.map(index => index + 1) }] : []), { name: 'half', values: half }];
  const write = (name: string, columns: ParticleColumn[]) =>
    writeFileAtomic(join(folder, name), formatParticleColumns({ particle, columns: [...entry, ...columns] }));
  write('latents.tsv', [...columnsOf('half1', clouds[0].z), ...columnsOf('half2', clouds[1].z), ...columnsOf('mapped', toFirst.predicted)]);
  write(
    'clusters.tsv',
    labels.map((values, i) => ({ name: `cluster${i + 1}`, values })),
  );
  curves.forEach((curve, k) => {
    if (curve) writeFileAtomic(join(folder, `state_${k + 1}.fsc.tsv`), formatShellCorrelations(curve));
  });
}
