// How far the two halves of a run agree: latents on particles that the map between them has not seen, clusters, the maps of matched states, displacements.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { formatParticleColumns, type ParticleColumn } from '../../formats/particle-columns.js';
import type { LatentCloud } from '../../latent/analysis.js';
import { adjustedRandIndex, nearestCentres } from '../../latent/cluster-agreement.js';
import { alignLatents, type LatentAlignment } from '../../latent/latent-alignment.js';
import { runClustering } from '../../latent/run-analysis.js';
import { formatShellCorrelations, resolutionAt } from '../../maps/fsc.js';
import { compareMatchedStates, type MatchedStates, type StateRows } from '../../maps/matched-states.js';
import { Random } from '../../numerics/random.js';
import { computingRings } from '../../particles/computing-box.js';
import type { ParticleSet } from '../../particles/particle-set.js';
import { turnedParticles } from '../../particles/turned-particles.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import type { RunFolder, RunSettings } from '../../project/run-folder.js';
import { writeFileAtomic } from '../../project/write-file-atomic.js';
import { readProjectNeutral } from '../neutral/project-neutral.js';
import { Cancelled, type Reporter } from '../progress.js';
import { expansion } from '../project-run.js';
import { runEntries } from '../run-entries.js';
import type { HalfProject } from './half-project.js';
import { halfDecoders, moveByBoth } from './halves-displacement.js';
import type { DisplacementAgreement, HalvesReport, LatentAgreement, StateAgreement } from './halves-report.js';

export interface HalvesOptions {
  /** Clusters to compare; null: as many as half 1 suggests. */
  clusters: number | null;
  threads: number | null;
}

/** Latents of the same entries by both models. */
export interface TwoLatents {
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

/** Latents, clusters, the maps of matched states and displacements, into `folder`. */
export async function compareHalves(
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
