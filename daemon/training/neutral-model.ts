// The neutral model: Gaussians whose projections agree with those of the consensus map, coarse to fine (paper, Methods; method.md section 4.1).

import type { Backend, Tensor } from '../compute/backend.js';
import type { RingGeometry } from '../compute/ring-geometry.js';
import { logitsToRow, type ModelFrame, rowToLogits } from '../gaussians/model-frame.js';
import { Random } from '../numerics/random.js';
import { computingRings } from '../particles/computing-box.js';
import { Cancelled, type Reporter } from './progress.js';
import { projectionGeometry, referenceSigma } from './projection-scale.js';

/** What the neutral model is compared with: pictures of the molecule in known orientations. */
export interface ProjectionSource {
  /** Fills `images` (rows of 2·planeSize) and `rotations` (rows of 9) with `rows` pictures, chosen by `random`. */
  draw(rows: number, geometry: RingGeometry, random: Random, images: Float32Array, rotations: Float32Array): void;
  /** A place to start a Gaussian at, box fractions about the rotation centre, drawn from where the mass is. */
  seed(random: Random): [number, number, number];
  /** False for a Gaussian outside the mask, box fractions. */
  inside(x: number, y: number, z: number): boolean;
}

export interface NeutralOptions {
  boxSize: number;
  pixelSizeAngstrom: number;
  resolutionAngstrom: number;
  /** null: as many as it takes for every ring to reach the goal, doubling. */
  gaussians: number | null;
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
}

/** The paper: "above 0.95" at every ring below the target resolution. */
const GOAL = 0.95;
const COARSEST_ANGSTROM = 50;
const FIRST_COUNT = 256;
const MOST = 8192;
const BATCH = 32;
/** Pictures a stage learns from, and is judged on. */
const BANK = 480;
const JUDGED = 64;

interface Stage {
  count: number;
  resolutionAngstrom: number;
  /** Steps at most. */
  steps: number;
}

/** Throws Cancelled when the signal asks. */
export async function fitNeutralModel(
  backend: Backend,
  source: ProjectionSource,
  options: NeutralOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<NeutralModel> {
  const random = new Random(options.seed);
  const stages = plan(options);
  let model: { logits: Float32Array; referenceSigmaAngstrom: number } | null = null;
  let ringFrc: number[] = [];
  for (let s = 0; s < stages.length; s++) {
    const stage = stages[s];
    const isLast = s === stages.length - 1;
    const sigma = referenceSigma(stage.resolutionAngstrom);
    const started: Float32Array = model
      ? refine(model.logits, model.referenceSigmaAngstrom, sigma, stage.count, options, random)
      : seeded(stage.count, source, random);
    const label = `neutral model, ${stage.count} Gaussians at ${stage.resolutionAngstrom.toFixed(0)} Å`;
    const fitted = await fitStage(backend, source, started, sigma, stage, isLast, options, random, reporter, label, signal);
    model = { logits: removeOutside(fitted.logits, source), referenceSigmaAngstrom: sigma };
    const worst = Math.min(...fitted.ringFrc);
    const gained = worst - Math.min(...ringFrc);
    ringFrc = fitted.ringFrc;
    const more = options.gaussians === null && isLast && worst < GOAL && stage.count < MOST && !(gained < 0.005);
    if (more) stages.push({ ...stage, count: 2 * stage.count });
  }
  if (!model) throw new Error('a neutral model has at least one stage');
  return { count: model.logits.length / 5, ...model, resolutionAngstrom: options.resolutionAngstrom, ringFrc };
}

/** Resolutions from 50 Å down to the target; with a given number of Gaussians the count doubles up to it. */
function plan(options: NeutralOptions): Stage[] {
  const target = options.resolutionAngstrom;
  const coarsest = Math.max(target, Math.min(COARSEST_ANGSTROM, (options.boxSize * options.pixelSizeAngstrom) / 4));
  const levels = Math.max(0, Math.ceil(Math.log(coarsest / target) / Math.log(2)));
  const stages: Stage[] = [];
  for (let l = 0; l <= levels; l++) {
    const left = levels - l;
    // Eight Gaussians are the fewest that can show a shape.
    const count =
      options.gaussians === null
        ? Math.max(8, FIRST_COUNT >> left)
        : Math.max(Math.min(8, options.gaussians), Math.ceil(options.gaussians / 2 ** left));
    stages.push({ count, resolutionAngstrom: left === 0 ? target : coarsest / 2 ** l, steps: left === 0 ? 400 : 150 });
  }
  return stages;
}

function seeded(count: number, source: ProjectionSource, random: Random): Float32Array {
  const row = new Float32Array(5 * count);
  for (let i = 0; i < count; i++) {
    const place = source.seed(random);
    for (let axis = 0; axis < 3; axis++) row[axis * count + i] = place[axis];
    row[3 * count + i] = 0.5;
    row[4 * count + i] = 1;
  }
  return rowToLogits(row);
}

/** The same picture by more Gaussians: each new one starts near an old one and takes half of its amplitude (heaviest first); widths in Å are kept. */
function refine(
  logits: Float32Array,
  oldSigma: number,
  newSigma: number,
  count: number,
  options: NeutralOptions,
  random: Random,
): Float32Array {
  const old = logitsToRow(logits);
  const n = old.length / 5;
  const row = new Float32Array(5 * count);
  const byAmplitude = Array.from({ length: n }, (_, i) => i).sort((a, b) => old[3 * n + b] - old[3 * n + a]);
  const children = count - n;
  const splits = new Int32Array(n);
  for (let c = 0; c < children; c++) splits[byAmplitude[c % n]]++;
  const spread = newSigma / (options.boxSize * options.pixelSizeAngstrom);
  let at = 0;
  for (let i = 0; i < n && at < count; i++) {
    for (let part = 0; part <= splits[i] && at < count; part++, at++) {
      for (let axis = 0; axis < 3; axis++) row[axis * count + at] = old[axis * n + i] + (splits[i] > 0 ? spread * random.normal() : 0);
      row[3 * count + at] = old[3 * n + i] / (splits[i] + 1);
      row[4 * count + at] = splits[i] > 0 ? 1 : Math.min(Math.max((old[4 * n + i] * oldSigma) / newSigma, 0.6), 1.4);
    }
  }
  // Halving must not run amplitudes into the flat end of the sigmoid: only ratios matter, so the mean is put back to a half.
  const mean = row.subarray(3 * count, 4 * count).reduce((sum, a) => sum + a, 0) / count;
  for (let i = 3 * count; i < 4 * count; i++) row[i] = Math.min((0.5 * row[i]) / mean, 0.95);
  return rowToLogits(row);
}

function removeOutside(logits: Float32Array, source: ProjectionSource): Float32Array {
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
  start: Float32Array,
  sigma: number,
  stage: Stage,
  isLast: boolean,
  options: NeutralOptions,
  random: Random,
  reporter: Reporter,
  label: string,
  signal?: AbortSignal,
): Promise<{ logits: Float32Array; ringFrc: number[] }> {
  const rings = computingRings(options.boxSize, options.pixelSizeAngstrom, stage.resolutionAngstrom);
  const frame: ModelFrame = {
    boxAngstrom: options.boxSize * options.pixelSizeAngstrom,
    centreAngstrom: [0, 0, 0],
    referenceSigmaAngstrom: sigma,
  };
  const n = start.length / 5;
  const geometry = projectionGeometry(n, rings, frame);
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
    for (let t = 1; t <= stage.steps; t++) {
      if (signal?.aborted) throw new Cancelled('stopped while fitting the neutral model');
      load(BATCH * random.integer((BANK - JUDGED) / BATCH));
      backend.gaussians(1, logits, false, zero, ones, row);
      backend.projectAndCorrelate(BATCH, geometry, row, true, batchRotations, batchImages, -1 / BATCH, frc, perImage, null);
      backend.sumRows(BATCH, perImage, dRow);
      backend.gaussiansBackward(1, row, dRow, false, ones, step.gradient);
      // A cosine to nothing: large steps place the Gaussians, small ones settle them.
      const learningRate = 0.05 * 0.5 * (1 + Math.cos((Math.PI * t) / (stage.steps + 1)));
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
        reporter.progress(label, t, stage.steps);
      }
    }
    return { logits: await backend.read(logits), ringFrc: isLast ? await judge() : [0] };
  } finally {
    for (const t of made) backend.free(t);
  }
}
