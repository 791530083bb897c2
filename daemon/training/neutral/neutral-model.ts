// The neutral model: Gaussians whose projections agree with those of the consensus map, coarse to fine (paper, Methods; method.md section 4.1).

import type { Backend, ProjectionGeometry, Tensor } from '../../compute/backend.js';
import type { RingGeometry } from '../../compute/ring-geometry.js';
import { logitsToRow, type ModelFrame, positionsOf, rowToLogits } from '../../gaussians/model-frame.js';
import { NearestNeighbours } from '../../numerics/nearest-neighbours.js';
import { Random } from '../../numerics/random.js';
import { computingRings } from '../../particles/computing-box.js';
import { Cancelled, type Reporter } from '../progress.js';
import { projectionGeometry, referenceSigma } from '../projection-scale.js';
import { sharesOfSignal } from '../ring-shares.js';

/** What the neutral model is compared with: pictures of the molecule in known orientations. */
export interface ProjectionSource {
  /** Fills `images` (rows of 2·planeSize) and `rotations` (rows of 9) with `rows` pictures, chosen by `random`. */
  draw(rows: number, geometry: RingGeometry, random: Random, images: Float32Array, rotations: Float32Array): void;
  /** A place to start a Gaussian at, box fractions about the rotation centre, drawn evenly from where the molecule is. */
  seed(random: Random): [number, number, number];
  /** How dense the molecule is at a place, from 0 to 1 where all particles have it. */
  density(x: number, y: number, z: number): number;
  /** False for a Gaussian outside the mask, box fractions. */
  inside(x: number, y: number, z: number): boolean;
  /** Correlation that the noise in the pictures leaves to a perfect model, by ring from 0; null: they have none. */
  ceiling: ArrayLike<number> | null;
  /** Of a model (5N logits) with the map that the pictures are of, by shell from 0; shells are as fine as rings. Null where no map is known. */
  shellCorrelation: ((logits: Float32Array, referenceSigmaAngstrom: number) => ArrayLike<number>) | null;
}

export interface NeutralFit {
  boxSize: number;
  pixelSizeAngstrom: number;
  resolutionAngstrom: number;
  /** null: as many as it takes for every ring to reach the goal, doubling. */
  gaussians: number | null;
  /** No more than these are chosen by doubling. */
  mostGaussians?: number;
  seed: number;
}

export interface NeutralModel {
  count: number;
  /** 5N logits, planar; `logitsToRow` gives box fractions, amplitude, relative width. */
  logits: Float32Array;
  referenceSigmaAngstrom: number;
  resolutionAngstrom: number;
  /** Ring correlation with unseen projections, rings 1 …; ring k is at box / k Å. */
  ringFrc: number[];
  /** Fourier shell correlation with the map, shells 1 … like the rings; null where no map is known. */
  fsc: number[] | null;
}

/** The paper: "above 0.95" at every ring below the target resolution; of a noisy map, this share of what its noise allows. Asked of the shells of the map as well, which are what is reported. */
export const GOAL = 0.95;
/** Rings whose noise leaves less than this (half-maps' FSC below 0.143) hold too little of the molecule to be judged by. */
export const LEAST_CEILING = 0.5;
const COARSEST_ANGSTROM = 50;
const FIRST_COUNT = 256;
const MOST = 8192;
/** Twice as many Gaussians are worth their time only if the worst ring gains this much. */
const LEAST_GAIN = 0.005;
/** Eight Gaussians are the fewest that can show a shape. */
const FEWEST = 8;
const STEPS_ON_THE_WAY = 150;
const STEPS_AT_TARGET = 400;
const BATCH = 32;
/** Pictures a stage learns from, and is judged on. */
const BANK = 480;
const JUDGED = 64;

/** One resolution and number of Gaussians. */
interface Stage {
  rings: RingGeometry;
  resolutionAngstrom: number;
  isAtTarget: boolean;
  start: Float32Array;
}

/**
 * From 256 Gaussians at 50 Å (fewer levels in a small box) to the target, in levels of resolution, doubling the number wherever a ring is
 * below the goal; a given number is reached by doubling at every level instead, so that it ends there. Throws Cancelled when the signal asks.
 */
export async function fitNeutralModel(
  backend: Backend,
  source: ProjectionSource,
  options: NeutralFit,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<NeutralModel> {
  const random = new Random(options.seed);
  const boxAngstrom = options.boxSize * options.pixelSizeAngstrom;
  const resolutions = resolutionLevels(boxAngstrom, options.resolutionAngstrom);
  const most = Math.min(MOST, options.mostGaussians ?? MOST);
  let model: NeutralModel | null = null;
  for (const [level, resolutionAngstrom] of resolutions.entries()) {
    const levelsLeft = resolutions.length - 1 - level;
    const rings = computingRings(options.boxSize, options.pixelSizeAngstrom, resolutionAngstrom);
    const referenceSigmaAngstrom = referenceSigma(resolutionAngstrom);
    const frame: ModelFrame = { boxAngstrom, centreAngstrom: [0, 0, 0], referenceSigmaAngstrom };
    let count = countAtLevel(options.gaussians, levelsLeft, model?.count ?? Math.min(FIRST_COUNT, most));
    let before = Number.NEGATIVE_INFINITY;
    for (;;) {
      const start: Float32Array = model ? refine(model, frame, count, source, random) : seeded(count, source, random);
      const stage: Stage = { rings, resolutionAngstrom, isAtTarget: levelsLeft === 0, start };
      const fitted = await fitStage(backend, source, frame, stage, random, reporter, signal);
      const logits = removeOutside(fitted.logits, source);
      const shells = levelsLeft === 0 ? source.shellCorrelation?.(logits, referenceSigmaAngstrom) : null;
      const fsc = shells ? Array.from(shells).slice(1, rings.rings + 1) : null;
      const fewer: NeutralModel | null = model;
      model = { count: logits.length / 5, logits, referenceSigmaAngstrom, resolutionAngstrom, ringFrc: fitted.ringFrc, fsc };
      const above = Math.min(aboveGoal(model.ringFrc, source.ceiling), aboveGoal(fsc ?? [], source.ceiling));
      // Where twice as many hardly help, the fewer are kept.
      if (above - before < LEAST_GAIN) model = fewer ?? model;
      if (options.gaussians !== null || above >= 0 || 2 * count > most || above - before < LEAST_GAIN) break;
      before = above;
      count *= 2;
    }
  }
  if (!model) throw new Error('a neutral model has at least one level');
  return model;
}

/** From 50 Å or a quarter of the box to the target, in equal ratios of at most two. */
function resolutionLevels(boxAngstrom: number, target: number): number[] {
  const coarsest = Math.max(target, Math.min(COARSEST_ANGSTROM, boxAngstrom / 4));
  const steps = Math.ceil(Math.log2(coarsest / target));
  return Array.from({ length: steps + 1 }, (_, level) => (level === steps ? target : coarsest * (target / coarsest) ** (level / steps)));
}

function countAtLevel(given: number | null, levelsLeft: number, present: number): number {
  return given === null ? present : Math.max(Math.min(FEWEST, given), Math.ceil(given / 2 ** levelsLeft));
}

/** How far the worst ring (rings 1 …) that counts is above the goal; negative below it. `ceiling`: by ring from 0. */
function aboveGoal(correlation: readonly number[], ceiling: ArrayLike<number> | null): number {
  const above = correlation.map((value, i) => {
    const highest = ceiling?.[i + 1] ?? 1;
    return highest < LEAST_CEILING ? Number.POSITIVE_INFINITY : value - GOAL * highest;
  });
  return Math.min(...above);
}

/** Amplitude where the molecule is whole: the rest of the way to 1, and all of it where few particles have a part, is left for what varies. */
const WHOLE_AMPLITUDE = 0.5;
const LEAST_AMPLITUDE = 0.02;
/** Places asked for a Gaussian that show how much of the molecule is nearest to it. */
const PLACES_EACH = 24;

function seeded(count: number, source: ProjectionSource, random: Random): Float32Array {
  const row = new Float32Array(5 * count);
  for (let i = 0; i < count; i++) {
    const place = source.seed(random);
    for (let axis = 0; axis < 3; axis++) row[axis * count + i] = place[axis];
    row[3 * count + i] = Math.max(WHOLE_AMPLITUDE * source.density(...place), LEAST_AMPLITUDE);
    row[4 * count + i] = 1;
  }
  return rowToLogits(row);
}

/**
 * The same picture by `count` Gaussians, spread evenly over the molecule: an old one that has more than its share of the volume nearest to it is split, the new ones beginning there and
 * sharing its amplitude; one that has next to none goes, and leaves its amplitude to its neighbour. Widths in Å are kept.
 */
function refine(
  { logits, referenceSigmaAngstrom: oldSigma }: NeutralModel,
  { referenceSigmaAngstrom: newSigma }: ModelFrame,
  count: number,
  source: ProjectionSource,
  random: Random,
): Float32Array {
  const old = logitsToRow(logits);
  const n = old.length / 5;
  const places = Array.from({ length: PLACES_EACH * count }, () => source.seed(random));
  const cells = nearestTo(old, places);
  const parts = apportion(
    cells.map(cell => cell.length),
    count,
  );
  const amplitudes = amplitudesOfKept(old, parts);
  const row = new Float32Array(5 * count);
  let at = 0;
  for (let i = 0; i < n; i++) {
    for (let part = 0; part < parts[i]; part++, at++) {
      const place = part === 0 ? [0, 1, 2].map(axis => old[axis * n + i]) : places[cells[i][part]];
      for (let axis = 0; axis < 3; axis++) row[axis * count + at] = place[axis];
      row[3 * count + at] = amplitudes[i] / parts[i];
      row[4 * count + at] = parts[i] > 1 ? 1 : Math.min(Math.max((old[4 * n + i] * oldSigma) / newSigma, 0.6), 1.4);
    }
  }
  // Halving must not run amplitudes into the flat end of the sigmoid: only ratios matter.
  const dense = row.slice(3 * count, 4 * count).sort()[Math.floor(0.9 * count)];
  for (let i = 3 * count; i < 4 * count; i++) row[i] = Math.min(Math.max((WHOLE_AMPLITUDE * row[i]) / dense, LEAST_AMPLITUDE), 0.95);
  return rowToLogits(row);
}

/** For each Gaussian of a planar row the places that no other is nearer to, by their numbers. */
function nearestTo(row: Float32Array, places: readonly [number, number, number][]): number[][] {
  const n = row.length / 5;
  const search = new NearestNeighbours(Float32Array.from(positionsOf(row)));
  const [index, distance] = [new Int32Array(1), new Float64Array(1)];
  const cells: number[][] = Array.from({ length: n }, () => []);
  places.forEach((place, p) => {
    search.nearest(...place, 1, index, distance);
    cells[index[0]].push(p);
  });
  return cells;
}

/** `count` parts in proportion to `sizes`, by largest remainders; no more parts than a size has. */
function apportion(sizes: readonly number[], count: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map(size => (count * size) / total);
  const parts = exact.map(Math.floor);
  const byRemainder = [...sizes.keys()].sort((a, b) => exact[b] - parts[b] - (exact[a] - parts[a]));
  let left = count - parts.reduce((sum, part) => sum + part, 0);
  for (const i of byRemainder) if (left > 0 && parts[i] < sizes[i]) [parts[i], left] = [parts[i] + 1, left - 1];
  return parts;
}

/** N: amplitudes of the old Gaussians, those without a part left having given theirs to the nearest that has one. */
function amplitudesOfKept(row: Float32Array, parts: readonly number[]): Float64Array {
  const n = parts.length;
  const kept = [...parts.keys()].filter(i => parts[i] > 0);
  const amplitudes = Float64Array.from(row.subarray(3 * n, 4 * n));
  const search = new NearestNeighbours(Float32Array.from(kept.flatMap(i => [row[i], row[n + i], row[2 * n + i]])));
  const [index, distance] = [new Int32Array(1), new Float64Array(1)];
  parts.forEach((part, i) => {
    if (part > 0) return;
    search.nearest(row[i], row[n + i], row[2 * n + i], 1, index, distance);
    amplitudes[kept[index[0]]] += amplitudes[i];
    amplitudes[i] = 0;
  });
  return amplitudes;
}

/** Without the Gaussians that lie outside the mask; all of them where none lies inside. */
export function removeOutside(logits: Float32Array, source: Pick<ProjectionSource, 'inside'>): Float32Array {
  const row = logitsToRow(logits);
  const n = row.length / 5;
  const kept = Array.from({ length: n }, (_, i) => i).filter(i => source.inside(row[i], row[n + i], row[2 * n + i]));
  if (kept.length === n || kept.length === 0) return logits;
  const out = new Float32Array(5 * kept.length);
  for (let kind = 0; kind < 5; kind++)
    out.set(
      kept.map(i => logits[kind * n + i]),
      kind * kept.length,
    );
  return out;
}

async function fitStage(
  backend: Backend,
  source: ProjectionSource,
  frame: ModelFrame,
  { rings, resolutionAngstrom, isAtTarget, start }: Stage,
  random: Random,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Pick<NeutralModel, 'logits' | 'ringFrc'>> {
  const n = start.length / 5;
  const label = `neutral model, ${n} Gaussians at ${resolutionAngstrom.toFixed(0)} Å`;
  const steps = isAtTarget ? STEPS_AT_TARGET : STEPS_ON_THE_WAY;
  const ringShares = sharesOfSignal(rings.rings, source.ceiling);
  const geometry: ProjectionGeometry = { ...projectionGeometry(n, rings, frame), ringShares };
  const imageSize = 2 * rings.planeSize;
  const images = new Float32Array(BANK * imageSize);
  const rotations = new Float32Array(BANK * 9);
  source.draw(BANK, rings, random, images, rotations);

  const made: Tensor[] = [];
  const tensor = (shape: number[], data?: Float32Array) => {
    const t = backend.tensor(shape, data);
    made.push(t);
    return t;
  };
  const logits = tensor([1, 5 * n], start);
  const zero = tensor([5 * n]);
  const ones = tensor([5 * n], new Float32Array(5 * n).fill(1));
  const step = { m: tensor([1, 5 * n]), v: tensor([1, 5 * n]), gradient: tensor([1, 5 * n]) };
  const row = tensor([1, 5 * n]);
  const dRow = tensor([1, 5 * n]);
  const perImage = tensor([BATCH, 5 * n]);
  const batchImages = tensor([BATCH, imageSize]);
  const batchRotations = tensor([BATCH, 9]);
  const frc = tensor([BATCH]);
  const ringFrc = tensor([BATCH, rings.rings + 1]);
  const load = (first: number) => {
    backend.write(batchImages, images.subarray(first * imageSize, (first + BATCH) * imageSize));
    backend.write(batchRotations, rotations.subarray(first * 9, (first + BATCH) * 9));
  };
  const judge = async () => {
    const sums = new Float64Array(rings.rings + 1);
    backend.gaussians(1, logits, false, zero, ones, row);
    for (let first = BANK - JUDGED; first < BANK; first += BATCH) {
      load(first);
      backend.projectAndCorrelate(BATCH, geometry, row, true, batchRotations, batchImages, 1, frc, null, ringFrc);
      (await backend.read(ringFrc)).forEach((value, i) => {
        sums[i % (rings.rings + 1)] += value / JUDGED;
      });
    }
    return [...sums].slice(1);
  };

  try {
    for (let t = 1; t <= steps; t++) {
      if (signal?.aborted) throw new Cancelled('stopped while fitting the neutral model');
      load(BATCH * random.integer((BANK - JUDGED) / BATCH));
      backend.gaussians(1, logits, false, zero, ones, row);
      backend.projectAndCorrelate(BATCH, geometry, row, true, batchRotations, batchImages, -1 / BATCH, frc, perImage, null);
      backend.sumRows(BATCH, perImage, dRow);
      backend.gaussiansBackward(1, row, dRow, false, ones, step.gradient);
      // A cosine to nothing: large steps place the Gaussians, small ones settle them.
      const learningRate = 0.05 * 0.5 * (1 + Math.cos((Math.PI * t) / (steps + 1)));
      backend.adam(logits, step.gradient, step.m, step.v, {
        learningRate,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-10,
        weightDecay: 0,
        step: t,
      });
      if (t % 10 === 0) {
        // Reading waits for what is queued, so that progress is true and a stop is quick.
        await backend.read(frc);
        reporter.progress(label, t, steps);
      }
    }
    return { logits: await backend.read(logits), ringFrc: await judge() };
  } finally {
    for (const t of made) backend.free(t);
  }
}
