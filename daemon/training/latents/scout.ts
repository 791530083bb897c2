// A short training in more dimensions than asked for, laid out flat: where the latents of the run itself begin.
//
// In few dimensions particles cannot pass one another, so a slide that starts folded stays folded: with d = 1 the two halves of a long slide
// stood behind one another in half of the trials, from random weights and from principal components alike; with d = 2 a ring crosses itself.
// With two dimensions to spare nothing is in the way, and the nearest-neighbour graph of that cloud then gives its order (d = 1: rank correlation 0.99
// where the folded run had 0.7). Where noise is strong, neighbours of that cloud are not yet those of the molecule: the scout goes on as long as it learns ever faster, and
// is then laid out by which of its states the images take for one another.

import type { Backend } from '../../compute/backend.js';
import { KdTree } from '../../numerics/k-d-tree.js';
import { Random } from '../../numerics/random.js';
import { spectralEmbedding } from '../../numerics/spectral-embedding.js';
import { type Checkpoint, Heterogeneity, type HeterogeneityInput, type HeterogeneitySettings } from '../heterogeneity.js';
import type { Reporter } from '../progress.js';
import { LATENT_SPREAD } from './principal-start.js';
import { relaidLatents } from './relaying.js';

/** From this many dimensions on there is room to unfold, and the principal components do. */
export const ROOMY_DIMS = 3;
const SPARE_DIMS = 2;
/** Particles met at first, and never in less than one epoch; and at most. */
const MEETINGS = { first: 16_384, most: 131_072 };
/** Particles that the graph is made of; the others take the mean of their nearest ones. */
const SAMPLE = 4096;
const NEAREST = 8;

/** How far a scout is. */
interface ScoutState {
  checkpoint: Checkpoint;
  /** Mean ring correlation of every epoch so far. */
  correlations: readonly number[];
  /** Epochs that it is out for. */
  epochs: number;
}

/** Where it is kept from epoch to epoch: one that was stopped goes on from there, with the same outcome. */
export interface KeptScout {
  /** null where there is none. */
  read(): ScoutState | null;
  write(state: ScoutState): void;
}

/** n × latentDims. `input.start` holds n × (latentDims + SPARE_DIMS). Throws Cancelled when the signal asks. */
export async function scoutLatents(
  backend: Backend,
  input: HeterogeneityInput,
  settings: HeterogeneitySettings,
  kept: KeptScout,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { latentDims, seed, epochs: most } = settings;
  const { geometry, source } = input;
  const dims = scoutDims(latentDims);
  const first = firstEpochs(source.count);
  const earlier = kept.read();
  const correlations = [...(earlier?.correlations ?? [])];
  let checkpoint = earlier?.checkpoint ?? null;
  for (let epochs = earlier?.epochs ?? first; ; epochs *= 2) {
    const scout = new Heterogeneity(backend, input, { ...settings, latentDims: dims, epochs }, checkpoint);
    const quiet: Reporter = {
      progress: (_stage, done, total) => reporter.progress('scouting the latent space', correlations.length * total + done, epochs * total),
      epoch: ({ frc }) => correlations.push(frc),
      note: line => reporter.note(line),
    };
    try {
      await scout.train(
        quiet,
        async result => {
          checkpoint = await result.checkpoint();
          kept.write({ checkpoint, correlations, epochs });
        },
        signal,
      );
      const canGoOn = 2 * epochs <= most && 2 * epochs * source.count <= MEETINGS.most;
      if (canGoOn && learnsFaster(correlations)) {
        if (epochs > 2)
          reporter.note(
            `the scout of the latent space learns ever faster, as under strong noise: it goes on, for ${2 * epochs} epochs in all`,
          );
        continue;
      }
      const z = await scout.encodeAll();
      if (epochs === first) return layOut(z, source.count, dims, latentDims, seed);
      const places = (await relaidLatents(backend, geometry, source, scout, { z, dims }, settings, reporter, signal)) as Float32Array;
      return places.map(place => LATENT_SPREAD * place);
    } finally {
      scout.free();
    }
  }
}

function firstEpochs(particles: number): number {
  return Math.max(1, Math.min(4, Math.round(MEETINGS.first / particles)));
}

/** Whether the later half of the epochs brought at least as much correlation as the earlier half, counted from the first: most of what there is to learn is then still to come. One epoch never says no, two only where it fell. */
export function learnsFaster(correlations: readonly number[]): boolean {
  const last = correlations.length - 1;
  const [first, middle] = [correlations[0], correlations[Math.floor(last / 2)]];
  return correlations[last] - middle >= middle - first;
}

export function scoutDims(latentDims: number): number {
  return latentDims + SPARE_DIMS;
}

function layOut(cloud: Float32Array, count: number, from: number, to: number, seed: number): Float32Array {
  const sampled = Math.min(count, SAMPLE);
  const sample = new Float32Array(sampled * from);
  for (let s = 0; s < sampled; s++) {
    const particle = Math.floor((s * count) / sampled);
    sample.set(cloud.subarray(particle * from, (particle + 1) * from), s * from);
  }
  const flat = spectralEmbedding(sample, sampled, from, to, new Random(seed));
  const start = new Float32Array(count * to);
  const tree = new KdTree(sample, sampled, from);
  const nearest = new Int32Array(NEAREST);
  const distances = new Float64Array(NEAREST);
  for (let p = 0; p < count; p++) {
    const found = tree.nearest(cloud.subarray(p * from, (p + 1) * from), NEAREST, nearest, distances);
    for (const s of nearest.subarray(0, found))
      for (let k = 0; k < to; k++) start[p * to + k] += (LATENT_SPREAD * flat[s * to + k]) / found;
  }
  return start;
}
