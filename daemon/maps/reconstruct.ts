// Direct Fourier reconstruction of chosen particles, on all cores: images in, map in the project's frame out (method.md section 5).
//
// Images are read here in batches, two at a time in memory; threads (reconstruct-worker.ts) turn them into samples and insert them.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { loadMapKernels } from '../compute/cpu/kernel-module.js';
import type { DensityMap } from '../formats/density-map.js';
import { InputError } from '../formats/input-error.js';
import { symmetryRotations } from '../numerics/symmetry.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { Cancelled, type Reporter } from '../training/progress.js';
import { closePlaneZero, equalSlabs, PADDING, STRIDE, samplePlane, transformGrid } from './insertion.js';
import { sharedArrays } from './insertion-kernel.js';
import { confine, conjugateGradients, InsertedSums, interpolationProfile } from './normal-equations.js';
import { allocateOperatorMemory } from './padded-operator.js';
import { type Application, type Batch, Word, type Work, type WorkerStart } from './reconstruct-batch.js';
import type { ImagePose } from './reconstruct-images.js';

export interface ReconstructionOptions {
  /** World position of the particles' rotation centre, Å: it comes to voxel outputBox//2. */
  centreAngstrom: readonly [number, number, number];
  /** −1: the images have inverted contrast. */
  contrast: 1 | -1;
  /** Schoenflies symbol in RELION's setting; C1 unless given. */
  symmetry?: string;
  /** Finest detail needed, Å: less work where it is coarse. Nyquist unless given. */
  resolutionAngstrom?: number;
  /** Voxels along each side of the map, of the same volume of space as the images' box; the box's pixels unless given. Half as many make a quick look. */
  outputBox?: number;
  /** Also one map of each half of the particles: rlnRandomSubset, or where a particle has none, odd and even rows of the file. */
  halves?: boolean;
  /** All of the machine unless given. */
  threads?: number;
}

export interface Reconstruction {
  /** From all chosen particles, in the units of the images: its sum along a line of sight is an image. */
  map: DensityMap;
  /** The half-maps, on the same grid, where asked for. */
  halves: [DensityMap, DensityMap] | null;
  /** Particles in each half, or in all. */
  counts: number[];
}

/** Megabytes of images in a batch, and at most and at least so many of them: long enough that threads seldom wait, short for memory. */
const BATCH_MEGABYTES = 8;
const LARGEST_BATCH = 128;
const SMALLEST_BATCH = 16;
/** Slabs of planes per thread, so that one that is quick takes another; and at least so many that one stays near the processor while a batch goes in. */
const SLABS_PER_THREAD = 3;
const FEWEST_SLABS = 12;
/** τ as a share of the mean weight of a ring: enough that a direction that hardly any sample has reached does not shout. */
const REGULARISATION = 0.01;
/**
 * Steps of the solver. Five bring noise-free images to an FSC above 0.99 almost up to Nyquist; later ones fit the noise of the outermost shells
 * (ring 30 of 32 of simulated data: FSC with the truth 0.415 after 3, 0.386 after 6, 0.382 after 12).
 */
export const ITERATIONS = 5;
const TOLERANCE = 1e-3;
/** Rings kept beyond the resolution asked for: a low-pass filter's soft edge ends there. */
const EDGE_RINGS = 3;

/**
 * Reconstructs the particles `chosen` (rows of the set, from 0). The result does not depend on the number of threads. Throws InputError on an
 * unreadable image or an unknown symmetry, Cancelled after an abort.
 */
export async function reconstruct(
  particles: ParticleSet,
  chosen: ArrayLike<number>,
  options: ReconstructionOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Reconstruction> {
  if (chosen.length === 0) throw new Error('there are no particles to reconstruct');
  const outputBox = options.outputBox ?? particles.boxSize;
  const rings = usedRings(particles, outputBox, options.resolutionAngstrom);
  const targets = Uint8Array.from({ length: chosen.length }, (_, i) => (options.halves ? halfOf(particles, chosen[i]) - 1 : 0));
  const crew = new Crew(describeWork(particles, rings, outputBox, Math.min(chosen.length, batchSize(particles)), options));
  try {
    await insertAll(crew, particles, chosen, targets, reporter, signal);
    const { accumulators } = crew.start;
    const grid = transformGrid(rings);
    for (const sums of accumulators) closePlaneZero(sums, grid);
    const voxel = (particles.boxSize * particles.pixelSizeAngstrom) / outputBox;
    const maps: DensityMap[] = [];
    const sets = options.halves ? [[0, 1], [0], [1]] : [[0]];
    for (const set of sets) {
      const progress = (step: number) => {
        if (signal?.aborted) throw new Cancelled('stopped while solving for the map');
        reporter.progress('solving for the map', maps.length * ITERATIONS + step, sets.length * ITERATIONS);
      };
      maps.push({
        size: [outputBox, outputBox, outputBox],
        voxelSizeAngstrom: [voxel, voxel, voxel],
        originAngstrom: options.centreAngstrom.map(centre => centre - (outputBox >> 1) * voxel) as [number, number, number],
        data: await solve(crew, set, particles.boxSize, progress),
      });
    }
    const inFirst = targets.filter(target => target === 0).length;
    return {
      map: maps[0],
      halves: options.halves ? [maps[1], maps[2]] : null,
      counts: options.halves ? [inFirst, chosen.length - inFirst] : [chosen.length],
    };
  } finally {
    await crew.dismiss();
  }
}

/** 1 or 2. */
export function halfOf(particles: ParticleSet, row: number): 1 | 2 {
  const half = particles.halfSet[row];
  return half === 1 || half === 2 ? half : row % 2 === 0 ? 1 : 2;
}

/** Up to `most` rows of `count`, evenly spread, an odd one always with the even one after it: half-sets go by odd and even rows where the file has none. */
export function spreadPairs(count: number, most: number): Uint32Array {
  if (count <= most) return Uint32Array.from({ length: count }, (_, row) => row);
  const pairs = Math.floor(most / 2);
  return Uint32Array.from({ length: 2 * pairs }, (_, i) => 2 * Math.floor((Math.floor(i / 2) * Math.floor(count / 2)) / pairs) + (i % 2));
}

/** Rings below both Nyquist frequencies, and not many beyond the resolution asked for. */
function usedRings(particles: ParticleSet, outputBox: number, resolutionAngstrom?: number): number {
  const below = Math.ceil(Math.min(particles.boxSize, outputBox) / 2) - 1;
  if (resolutionAngstrom === undefined) return below;
  return Math.min(below, Math.ceil((particles.boxSize * particles.pixelSizeAngstrom) / resolutionAngstrom) + EDGE_RINGS);
}

/** Images a batch: an even number of them. */
function batchSize({ boxSize }: ParticleSet): number {
  const fitting = Math.floor((BATCH_MEGABYTES * 2 ** 20) / (4 * boxSize ** 2));
  return 2 * Math.floor(Math.max(SMALLEST_BATCH, Math.min(LARGEST_BATCH, fitting)) / 2);
}

/** All the memory that the threads share, and what they need to know. */
function describeWork(
  particles: ParticleSet,
  rings: number,
  outputBox: number,
  batch: number,
  options: ReconstructionOptions,
): WorkerStart {
  const { boxSize, pixelSizeAngstrom, phaseFlipped, ctfPremultiplied } = particles;
  const threads = options.threads ?? availableParallelism();
  const grid = transformGrid(rings);
  const halves = options.halves ? 2 : 1;
  const sampleNumbers = STRIDE * samplePlane(rings).size * batch;
  const { memory, arrays } = sharedArrays([sampleNumbers, ...Array<number>(halves).fill(grid.length)]);
  const [samples, ...accumulators] = arrays;
  return {
    kernels: loadMapKernels().module,
    memory,
    optics: { boxSize, pixelSizeAngstrom, contrast: options.contrast, phaseFlipped, ctfPremultiplied },
    rings,
    outputBox,
    threads,
    images: [0, 1].map(() => new Float32Array(new SharedArrayBuffer(4 * boxSize ** 2 * batch))),
    samples,
    accumulators,
    operator: allocateOperatorMemory(PADDING * rings, outputBox),
    control: new Int32Array(new SharedArrayBuffer(4 * Word.Count)),
    slabs: equalSlabs(grid, Math.max(FEWEST_SLABS, SLABS_PER_THREAD * threads)),
    symmetry: knownSymmetry(options.symmetry ?? 'C1'),
  };
}

function knownSymmetry(symbol: string): Float64Array[] {
  try {
    return symmetryRotations(symbol);
  } catch (error) {
    throw new InputError((error as Error).message);
  }
}

async function insertAll(
  crew: Crew,
  particles: ParticleSet,
  chosen: ArrayLike<number>,
  targets: Uint8Array,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<void> {
  const { images } = crew.start;
  const pixels = particles.boxSize ** 2;
  const atOnce = images[0].length / pixels;
  const image = new Float32Array(pixels);
  const read = (first: number, buffer: number): Batch => {
    const count = Math.min(atOnce, chosen.length - first);
    const poses: ImagePose[] = [];
    for (let i = 0; i < count; i++) {
      const row = chosen[first + i];
      particles.readImage(row, image);
      images[buffer].set(image, i * pixels);
      poses.push({
        rotation: Float64Array.from(particles.rotations.subarray(9 * row, 9 * row + 9)),
        shiftXPixels: particles.shiftsPixels[2 * row],
        shiftYPixels: particles.shiftsPixels[2 * row + 1],
        ctf: particles.ctf?.[row] ?? null,
      });
    }
    return { kind: 'insert', buffer, poses, targets: targets.slice(first, first + count) };
  };
  let running: Promise<void> = Promise.resolve();
  for (let first = 0, buffer = 0; first < chosen.length; first += atOnce, buffer = 1 - buffer) {
    // Reading goes on while the threads work on the batch before.
    const batch = read(first, buffer);
    await running;
    if (signal?.aborted) throw new Cancelled('stopped while inserting particles');
    reporter.progress('inserting particles', first, chosen.length);
    running = crew.run(batch);
    // Should reading the next batch fail, the threads' own failure must not go unheard.
    running.catch(() => {});
  }
  await running;
  reporter.progress('inserting particles', chosen.length, chosen.length);
}

/** The map of the accumulators `set`, in the images' units; see normal-equations.ts. */
async function solve(crew: Crew, set: number[], inputBox: number, progress: (step: number) => void): Promise<Float32Array> {
  const { accumulators, rings, outputBox, operator } = crew.start;
  const sums = new InsertedSums(
    set.map(i => accumulators[i]),
    transformGrid(rings),
  );
  const ringSums = new Float64Array(rings + 1);
  const counts = new Float64Array(rings + 1);
  for (let uz = 0; uz <= sums.band; uz++) sums.addRingWeights(uz, ringSums, counts);
  const means = ringSums.map((sum, ring) => sum / counts[ring]);
  const tau = means.map(mean => REGULARISATION * mean);
  const multiplied = async (asked: Application['asked'], input: Float32Array | null) => {
    if (input) operator.input.set(input);
    await crew.run({ kind: 'apply', asked, set });
    confine(operator.output, outputBox);
    return operator.output;
  };
  const profile = interpolationProfile(outputBox);
  const rightHandSide = (await multiplied({ kind: 'numerator' }, null)).slice();
  confine(rightHandSide, outputBox, (x, y, z) => 1 / (profile[x] * profile[y] * profile[z]));
  const inverse = means.map((mean, ring) => (mean > 0 ? 1 / (mean + tau[ring]) : 0));
  const volume = await conjugateGradients(
    rightHandSide,
    v => multiplied({ kind: 'weights', tau }, v),
    v => multiplied({ kind: 'radial', rings: inverse }, v),
    ITERATIONS,
    TOLERANCE,
    progress,
  );
  progress(ITERATIONS);
  // The same density in larger voxels has fewer of them to sum over.
  const scale = (outputBox / inputBox) ** 3;
  return scale === 1 ? volume : volume.map(value => value * scale);
}

/** The threads of one reconstruction. */
class Crew {
  private readonly workers: Worker[];
  private failure: Error | null = null;
  private waiting = 0;
  private settle: { resolve: () => void; reject: (error: Error) => void } | null = null;

  constructor(readonly start: WorkerStart) {
    this.workers = Array.from(
      { length: start.threads },
      () => new Worker(new URL('./reconstruct-worker.js', import.meta.url), { workerData: start }),
    );
    for (const worker of this.workers) {
      worker.on('message', () => {
        if (--this.waiting === 0) this.settle?.resolve();
      });
      worker.on('error', error => this.fail(error));
      worker.on('exit', code => this.fail(new Error(`a thread of the reconstruction ended by itself (code ${code})`)));
    }
  }

  /** Resolves when all threads have done their share; to be awaited before the next call. */
  run(work: Work): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.failure) return reject(this.failure);
      this.settle = { resolve, reject };
      this.waiting = this.workers.length;
      this.start.control.fill(0);
      for (const worker of this.workers) worker.postMessage(work);
    });
  }

  async dismiss(): Promise<void> {
    for (const worker of this.workers) worker.removeAllListeners();
    await Promise.all(this.workers.map(worker => worker.terminate()));
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.settle?.reject(this.failure);
  }
}
