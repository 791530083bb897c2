// What the encoder sees of a particle: the gradient of its ring correlation at the neutral model, in the model's own frame (paper, Methods; method.md section 4.2).

import type { Backend, ProjectionGeometry, Tensor } from '../compute/backend.js';
import { RowStore } from '../particles/row-store.js';
import type { Departure } from './departure.js';
import { Cancelled, type Reporter } from './progress.js';

/** Fills tensors with a batch of particles. */
export interface BatchSource {
  readonly count: number;
  /** rotations[B,9] and images[B,2·planeSize] of the particles `indices`. */
  load(indices: ArrayLike<number>, rotations: Tensor, images: Tensor): void;
}

export interface ParticleGradients {
  /** One row of 5N a particle, as stored; multiply by `scales` per kind. */
  store: RowStore;
  /** Five factors that bring each kind of parameter to unit root mean square over the set. */
  scales: number[];
}

export interface GradientsInput {
  geometry: ProjectionGeometry;
  departure: Departure;
  /** N weights: how much of each Gaussian's gradient the encoder is to see; null: all of it. */
  seen: Float32Array | null;
  source: BatchSource;
}

/**
 * Gradients of every particle, written to `path`. A gradient belongs to one particle alone, so a short last batch does not scale it
 * (EMAN2's does). Each kind (x, y, z share one factor, amplitude, width) is brought to the same mean power.
 */
export async function computeParticleGradients(
  backend: Backend,
  { geometry, departure, seen, source }: GradientsInput,
  batch: number,
  path: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<ParticleGradients> {
  const width = 5 * geometry.gaussians;
  const store = RowStore.create(path, source.count, width);
  const rotations = backend.tensor([batch, 9]);
  const images = backend.tensor([batch, 2 * geometry.ringGeometry.planeSize]);
  const frc = backend.tensor([batch]);
  const gradients = backend.tensor([batch, width]);
  const models = backend.tensor([departure.isShared ? 1 : batch, width]);
  const nothing = backend.tensor([departure.isShared ? 1 : batch, width]);
  const all = backend.tensor([width], new Float32Array(width).fill(1));
  const power = new Float64Array(3);
  try {
    for (let first = 0; first < source.count; first += batch) {
      if (signal?.aborted) throw new Cancelled('stopped while computing particle gradients');
      const rows = Math.min(batch, source.count - first);
      const chosen = Array.from({ length: rows }, (_, i) => first + i);
      source.load(chosen, rotations, images);
      if (first === 0 || !departure.isShared)
        backend.gaussians(departure.isShared ? 1 : rows, nothing, false, departure.logits(chosen), all, models);
      backend.projectAndCorrelate(rows, geometry, models, departure.isShared, rotations, images, 1, frc, gradients, null);
      const values = (await backend.read(gradients)).subarray(0, rows * width);
      if (seen) for (let i = 0; i < values.length; i++) values[i] *= seen[i % geometry.gaussians];
      store.write(first, values);
      for (let i = 0; i < values.length; i++) power[kindGroup(i % width, width)] += values[i] ** 2;
      reporter.progress('gradients at the neutral model', first + rows, source.count);
    }
  } finally {
    for (const t of [rotations, images, frc, gradients, models, nothing, all]) backend.free(t);
  }
  const n = source.count * (seen ? seen.reduce((sum, weight) => sum + weight * weight, 0) : geometry.gaussians);
  const [position, amplitude, relativeWidth] = [power[0] / (3 * n), power[1] / n, power[2] / n].map(mean =>
    mean > 0 ? 1 / Math.sqrt(mean) : 0,
  );
  return { store, scales: [position, position, position, amplitude, relativeWidth] };
}

/** 0 position, 1 amplitude, 2 width. */
function kindGroup(i: number, width: number): number {
  return Math.max(Math.floor((5 * i) / width) - 2, 0);
}
