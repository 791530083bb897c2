// What `limber bench` measures, on made particles: training steps and particle gradients by the code that trains, maps, and the daemon's decode.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Backend, ProjectionGeometry } from '../compute/backend.js';
import { type BackendCounts, countOperations } from '../compute/counting-backend.js';
import { ringGeometry } from '../compute/ring-geometry.js';
import type { NamedTensor } from '../formats/safetensors.js';
import { emptySet } from '../gaussians/gaussian-set.js';
import type { ModelFrame } from '../gaussians/model-frame.js';
import { reconstruct } from '../maps/reconstruct.js';
import { reconstructionOperations } from '../maps/reconstruction-arithmetic.js';
import { LatentDecoder } from '../networks/latent-decoder.js';
import { median } from '../numerics/quantile.js';
import { Random } from '../numerics/random.js';
import { eulerToMatrix } from '../numerics/rotations.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { RowStore } from '../particles/row-store.js';
import { defaultTrainingSettings } from '../settings/training.js';
import { Departure } from '../training/departure.js';
import { Heterogeneity, HIDDEN } from '../training/heterogeneity.js';
import { computeParticleGradients } from '../training/particle-gradients.js';
import type { Reporter } from '../training/progress.js';
import { projectionGeometry } from '../training/projection-scale.js';
import { storedBatches } from '../training/stored-batches.js';

export interface BenchSize {
  gaussians: number;
  /** Pixels along each side, even; all rings are compared. */
  box: number;
  batch: number;
  /** Whole batches. */
  particles: number;
  latentDims: number;
}

export interface Measurement {
  operation: 'training-step' | 'gradients' | 'decode' | 'reconstruct';
  /** Median; a decode is one particle. */
  millisecondsPerParticle: number;
  /** A particle, as the median: of a hundred samples five took longer (nearest rank). */
  p95Milliseconds: number;
  /** Thousand million floating-point operations a second (compute/counting-backend.ts), at the median. */
  gflops: number;
  /** Of tensors held on the device; of a decode its weights, of a reconstruction the arrays it makes. */
  megabytes: number;
  /** Resident memory of this process with its threads at the end, all that was measured before included. */
  residentMegabytes: number;
  /** Steps, decodes or maps that the median is of. */
  samples: number;
}

/** σ of relative width 1 in pixels of a box of 128: that of the yardstick, so that both draw the same molecule. */
const SIGMA_PIXELS_AT_128 = 1.5;
const DECODES = 100;
const MAPS = 5;
/** Not measured: the first calls compile. */
const WARM_UP = 3;

/** Training steps after the first epoch, in which the encoder is still led, and particle gradients. */
export async function measureTraining(plain: Backend, size: BenchSize, reporter: Reporter, signal: AbortSignal): Promise<Measurement[]> {
  const { backend, counts } = countOperations(plain);
  const gradients = new StepClock(reporter, counts);
  const steps = new StepClock(reporter, counts);
  await runTraining(backend, size, { gradients, steps }, signal);
  return [steps.measurement('training-step', size.batch), gradients.measurement('gradients', size.batch)];
}

/** Gaussians as wide as the yardstick's, all rings compared. */
export function benchGeometry({ gaussians, box }: BenchSize): ProjectionGeometry {
  return projectionGeometry(gaussians, ringGeometry(box, box / 2 - 1), frameOf(box));
}

/** Particle gradients and two epochs of training by the code that trains, each watched by a reporter of its own. */
export async function runTraining(
  backend: Backend,
  size: BenchSize,
  watch: { gradients: Reporter; steps: Reporter },
  signal: AbortSignal,
): Promise<void> {
  const { gaussians, batch, particles, latentDims } = size;
  const geometry = benchGeometry(size);
  const random = new Random(1);
  const neutral = Float32Array.from({ length: 5 * gaussians }, () => random.normal());
  const scratch = mkdtempSync(join(tmpdir(), 'limber-bench-'));
  const images = madeImages(join(scratch, 'images.rows'), geometry, size, random);
  const source = storedBatches(backend, images, madeRotations(particles, random), batch);
  const departure = await Departure.create(backend, { neutral, bases: [] }, batch);
  try {
    const input = { geometry, departure, seen: null, source };
    const gradients = await computeParticleGradients(backend, input, batch, join(scratch, 'gradients.rows'), watch.gradients, signal);
    const vary = new Float32Array(neutral.length).fill(1);
    const start = Float32Array.from({ length: particles * latentDims }, () => random.normal());
    const settings = { ...defaultTrainingSettings, run: 'bench', latentDims, epochs: 2, batch };
    const model = new Heterogeneity(backend, { geometry, departure, vary, source, gradients, start }, settings, null);
    await model
      .train(watch.steps, async () => {}, signal)
      .finally(() => {
        model.free();
        gradients.store.close();
      });
  } finally {
    departure.free();
    images.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The daemon's decode: one latent point at a time, on one thread of the processor. */
export function measureDecode({ gaussians, box, latentDims }: BenchSize): Measurement {
  const random = new Random(1);
  const tensors = madeDecoder([latentDims, ...HIDDEN, 5 * gaussians], random);
  const decoder = new LatentDecoder({ tensors, metadata: { epoch: '0', frame: JSON.stringify(frameOf(box)) } });
  const set = emptySet(gaussians);
  const times: number[] = [];
  for (let decode = 0; decode < WARM_UP + DECODES; decode++) {
    const z = Array.from({ length: latentDims }, () => random.normal());
    const started = performance.now();
    decoder.decode(z, set);
    if (decode >= WARM_UP) times.push(performance.now() - started);
  }
  const numbers = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  // A product and a sum per weight; the rest is a thousandth of that.
  return measurement('decode', times, 1, 2 * numbers, 4 * numbers);
}

/** Whole reconstructions of `particles` images with CTF, insertion and solver together, on `threads` threads of the processor. */
export async function measureReconstruction(
  box: number,
  particles: number,
  threads: number,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<Measurement> {
  const set = madeParticles(box, particles, new Random(1));
  const chosen = Uint32Array.from({ length: particles }, (_, i) => i);
  const times: number[] = [];
  let most = 0;
  for (let map = 0; map < MAPS; map++) {
    const before = process.memoryUsage().arrayBuffers;
    const watched: Reporter = {
      progress: (stage, done, total) => {
        // What earlier maps left may be collected meanwhile: of all maps the largest growth is nearest to the truth.
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        reporter.progress(`bench: ${stage}`, done, total);
      },
      epoch: () => {},
      note: () => {},
    };
    const started = performance.now();
    await reconstruct(set, chosen, { centreAngstrom: [0, 0, 0], contrast: 1, threads }, watched, signal);
    times.push(performance.now() - started);
  }
  return measurement('reconstruct', times, particles, reconstructionOperations(particles, box), most);
}

/** Tells time and arithmetic from one step of training to the next, by the progress that it reports after each. */
class StepClock implements Reporter {
  private stage = '';
  private last = { time: 0, operations: 0 };
  private steps: { milliseconds: number; operations: number }[] = [];
  private bytes = 0;

  constructor(
    private readonly reporter: Reporter,
    private readonly counts: BackendCounts,
  ) {}

  progress(stage: string, done: number, total: number): void {
    const now = { time: performance.now(), operations: this.counts.operations };
    // A stage begins with work that is no step; of several epochs the last one counts.
    if (stage !== this.stage) this.steps = [];
    else this.steps.push({ milliseconds: now.time - this.last.time, operations: now.operations - this.last.operations });
    this.stage = stage;
    this.bytes = this.counts.bytes;
    this.last = now;
    this.reporter.progress(`bench: ${stage}`, done, total);
  }

  epoch(): void {}

  note(): void {}

  measurement(operation: Measurement['operation'], batch: number): Measurement {
    const times = this.steps.map(step => step.milliseconds);
    return measurement(operation, times, batch, median(this.steps.map(step => step.operations)), this.bytes);
  }
}

function measurement(
  operation: Measurement['operation'],
  times: number[],
  particles: number,
  operations: number,
  bytes: number,
): Measurement {
  const milliseconds = median(times);
  return {
    operation,
    millisecondsPerParticle: milliseconds / particles,
    p95Milliseconds: nearestRank(times, 0.95) / particles,
    gflops: operations / milliseconds / 1e6,
    megabytes: bytes / 1e6,
    residentMegabytes: process.memoryUsage().rss / 1e6,
    samples: times.length,
  };
}

/** The smallest value that at least this share of all do not exceed. */
function nearestRank(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1];
}

/** Pixels of 1 Å. */
function frameOf(box: number): ModelFrame {
  return { boxAngstrom: box, centreAngstrom: [0, 0, 0], referenceSigmaAngstrom: (SIGMA_PIXELS_AT_128 * box) / 128 };
}

/** Transforms of white noise; every batch is the same, since no time depends on the values. */
function madeImages(path: string, geometry: ProjectionGeometry, { batch, particles }: BenchSize, random: Random): RowStore {
  const width = 2 * geometry.ringGeometry.planeSize;
  const store = RowStore.create(path, particles, width);
  const noise = Float32Array.from({ length: batch * width }, () => random.normal());
  for (let first = 0; first < particles; first += batch) store.write(first, noise);
  return store;
}

/** Images of one noise, seen from everywhere, at 1 Å a pixel. */
function madeParticles(box: number, count: number, random: Random): ParticleSet {
  const noise = Float32Array.from({ length: box ** 2 }, () => random.normal());
  const ctf = {
    defocusUAngstrom: 15_000,
    defocusVAngstrom: 14_500,
    defocusAngleDegrees: 30,
    voltageKv: 300,
    sphericalAberrationMm: 2.7,
    amplitudeContrast: 0.1,
    phaseShiftDegrees: 0,
  };
  return {
    file: 'made',
    count,
    boxSize: box,
    pixelSizeAngstrom: 1,
    rotations: madeRotations(count, random),
    shiftsPixels: new Float32Array(2 * count),
    ctf: Array.from({ length: count }, () => ctf),
    phaseFlipped: false,
    ctfPremultiplied: false,
    halfSet: new Uint8Array(count),
    notes: [],
    readImage: (_i, out) => out.set(noise),
    close: () => {},
  };
}

function madeRotations(count: number, random: Random): Float32Array {
  const rotations = new Float32Array(9 * count);
  for (let i = 0; i < count; i++) {
    const tilt = (Math.acos(2 * random.uniform() - 1) * 180) / Math.PI;
    rotations.set(eulerToMatrix(360 * random.uniform(), tilt, 360 * random.uniform()), 9 * i);
  }
  return rotations;
}

/** A decoder as a run leaves it, of normal weights that keep the layers' outputs of order one. */
function madeDecoder(sizes: readonly number[], random: Random): Map<string, NamedTensor> {
  const tensors = new Map<string, NamedTensor>();
  const put = (name: string, shape: number[], deviation: number) => {
    const length = shape.reduce((product, n) => product * n, 1);
    tensors.set(name, { shape, data: Float32Array.from({ length }, () => deviation * random.normal()) });
  };
  for (let l = 0; l + 1 < sizes.length; l++) {
    put(`decoder.${l}.weight`, [sizes[l], sizes[l + 1]], Math.sqrt(2 / sizes[l]));
    put(`decoder.${l}.bias`, [sizes[l + 1]], 0.1);
  }
  const gaussians = sizes[sizes.length - 1] / 5;
  put('neutral.logits', [5, gaussians], 1);
  put('vary', [5, gaussians], 1);
  return tensors;
}
