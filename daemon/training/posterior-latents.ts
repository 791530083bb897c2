// Where each particle lies, asked of its image itself: the mean of the latent points, weighted by how likely each makes the image.
//
// The encoder guesses z in one shot from the gradient at the neutral model, which is its weak place (method.md section 4.3). The decoder is better: of
// some hundred points of the latent cloud, drawn as their own prior, each explains the image with correlation c_k in ring k, and with white noise
// inside a ring of n_k pixels and unknown scale its log-likelihood is −Σ (n_k/2)·log(1 − c_k²).

import type { Backend, ProjectionGeometry, Tensor } from '../compute/backend.js';
import type { Random } from '../numerics/random.js';
import type { BatchSource } from './particle-gradients.js';
import { Cancelled, type Reporter } from './progress.js';
import { ringPixels } from './ring-shares.js';

const CANDIDATES = 128;
/**
 * In more dimensions so few candidates lie far apart and particles gather at them, with nothing gained: neighbours told the tilt of the simulated spike with a
 * rank correlation of 0.958 by either in d = 4.
 */
export const PLACED_DIMS = 2;

export interface Candidates {
  /** count × dims. */
  z: Float32Array;
  dims: number;
  /** One row of 5N a candidate. */
  rows: Float32Array[];
}

/** Latents of particles drawn at random, so that dense places have more candidates: the cloud is the prior. `z`: n × dims. */
export function drawCandidates(z: Float32Array, dims: number, random: Random): Float32Array {
  const n = z.length / dims;
  const order = random.shuffle(Uint32Array.from({ length: n }, (_, i) => i));
  const count = Math.min(CANDIDATES, n);
  const drawn = new Float32Array(count * dims);
  for (let c = 0; c < count; c++) drawn.set(z.subarray(order[c] * dims, (order[c] + 1) * dims), c * dims);
  return drawn;
}

/** n × dims posterior means, and n ring correlations at the likeliest candidate. Throws Cancelled when the signal asks. */
export async function posteriorLatents(
  backend: Backend,
  geometry: ProjectionGeometry,
  candidates: Candidates,
  source: BatchSource,
  batch: number,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<{ z: Float32Array; frc: Float32Array }> {
  const { rings, planeSize } = geometry.ringGeometry;
  const pixels = ringPixels(geometry.ringGeometry);
  const { dims } = candidates;
  const width = 5 * geometry.gaussians;
  const models: Tensor[] = candidates.rows.map(row => backend.tensor([1, width], row));
  const rotations = backend.tensor([batch, 9]);
  const images = backend.tensor([batch, 2 * planeSize]);
  const frc = backend.tensor([batch]);
  const ringFrc = backend.tensor([batch, rings + 1]);
  const z = new Float32Array(source.count * dims);
  const best = new Float32Array(source.count);
  const logLikelihood = new Float64Array(batch * models.length);
  try {
    for (let first = 0; first < source.count; first += batch) {
      if (signal?.aborted) throw new Cancelled('stopped while placing particles');
      const rows = Math.min(batch, source.count - first);
      source.load(
        Array.from({ length: rows }, (_, i) => first + i),
        rotations,
        images,
      );
      const highest = new Float64Array(rows).fill(Number.NEGATIVE_INFINITY);
      for (let m = 0; m < models.length; m++) {
        backend.projectAndCorrelate(rows, geometry, models[m], true, rotations, images, 1, frc, null, ringFrc);
        const correlations = await backend.read(ringFrc);
        const means = await backend.read(frc);
        for (let r = 0; r < rows; r++) {
          let sum = 0;
          for (let k = 1; k <= rings; k++) {
            if (geometry.ringShares?.[k] === 0) continue;
            const c = Math.min(Math.max(correlations[r * (rings + 1) + k], 0), 0.999999);
            sum -= 0.5 * pixels[k] * Math.log(1 - c * c);
          }
          logLikelihood[r * models.length + m] = sum;
          if (sum > highest[r]) {
            highest[r] = sum;
            best[first + r] = means[r];
          }
        }
      }
      for (let r = 0; r < rows; r++) {
        let total = 0;
        for (let m = 0; m < models.length; m++) {
          const weight = Math.exp(logLikelihood[r * models.length + m] - highest[r]);
          total += weight;
          for (let d = 0; d < dims; d++) z[(first + r) * dims + d] += weight * candidates.z[m * dims + d];
        }
        for (let d = 0; d < dims; d++) z[(first + r) * dims + d] /= total;
      }
      reporter.progress('placing particles by their likelihood', first + rows, source.count);
    }
  } finally {
    for (const tensor of [...models, rotations, images, frc, ringFrc]) backend.free(tensor);
  }
  return { z, frc: best };
}
