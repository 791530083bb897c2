// How much each ring counts: by the information it holds, not all alike.
//
// With white noise inside a ring of n pixels and unknown scale, the log-likelihood of a model that correlates by c with the image is
// −(n/2)·log(1 − c²); its derivative with respect to c, n·c/(1 − c²), is what the ring deserves. The paper's plain mean gives rings beyond
// the signal the same voice as the others, and a flexible model then learns their noise.

import type { Backend, ProjectionGeometry, Tensor } from '../compute/backend.js';
import { equalShares, type RingGeometry } from '../compute/ring-geometry.js';
import type { BatchSource } from './particle-gradients.js';

/** Particles that the mean correlation is measured on. */
const SAMPLE = 2048;
/** A correlation is not taken for better than this: what is missing to 1 is then motion and the model's own error rather than noise. */
const HIGHEST = 0.9;

/** Mean ring correlation (rings + 1 numbers, ring 0 being 0) between the neutral model and up to SAMPLE particles, spread evenly. */
export async function meanRingCorrelation(
  backend: Backend,
  geometry: ProjectionGeometry,
  neutralRow: Tensor,
  source: BatchSource,
  batch: number,
): Promise<Float64Array> {
  const { rings, planeSize } = geometry.ringGeometry;
  const rotations = backend.tensor([batch, 9]);
  const images = backend.tensor([batch, 2 * planeSize]);
  const frc = backend.tensor([batch]);
  const ringFrc = backend.tensor([batch, rings + 1]);
  const mean = new Float64Array(rings + 1);
  const count = Math.min(SAMPLE, source.count);
  for (let first = 0; first < count; first += batch) {
    const rows = Math.min(batch, count - first);
    source.load(
      Array.from({ length: rows }, (_, i) => Math.floor(((first + i) * source.count) / count)),
      rotations,
      images,
    );
    backend.projectAndCorrelate(rows, geometry, neutralRow, true, rotations, images, 1, frc, null, ringFrc);
    (await backend.read(ringFrc)).subarray(0, rows * (rings + 1)).forEach((value, i) => {
      mean[i % (rings + 1)] += value / count;
    });
  }
  for (const t of [rotations, images, frc, ringFrc]) backend.free(t);
  return mean;
}

/** Pixels of each ring of the whole plane (rings + 1 numbers): as many independent real numbers lie in it. */
export function ringPixels(geometry: RingGeometry): Float64Array {
  const pixels = new Float64Array(geometry.rings + 1);
  for (let i = 0; i < geometry.planeSize; i++) pixels[geometry.ring[i]] += geometry.weights[i];
  return pixels;
}

/**
 * Shares by information; rings whose mean correlation is not above three times its error have none. `samples`: particles the mean was taken over; `highest`: no correlation is
 * taken for better.
 */
export function informationShares(
  geometry: RingGeometry,
  meanCorrelation: ArrayLike<number>,
  samples: number,
  highest = HIGHEST,
): Float32Array {
  const pixels = ringPixels(geometry);
  const shares = new Float32Array(geometry.rings + 1);
  let sum = 0;
  for (let k = 1; k <= geometry.rings; k++) {
    const c = Math.min(meanCorrelation[k], highest);
    // A correlation of noise has variance 2/n over the n pixels of a ring, since half of them are mirror images of the others.
    if (c < 3 * Math.sqrt(2 / (pixels[k] * Math.min(samples, SAMPLE)))) continue;
    shares[k] = (pixels[k] * c) / (1 - c * c);
    sum += shares[k];
  }
  if (sum === 0) return equalShares(geometry.rings);
  return shares.map(share => share / sum);
}

/**
 * Measured with the preset `paper` on simulated slides: rank correlations of 0.970, 0.973, 0.963, 0.947 and 0.654 where rings went on until single images correlated by 0.70, 0.53, 0.22,
 * 0.06 and nothing; with ten times the noise power 0.609, 0.692, 0.669 and 0.356 by 0.55, 0.36, 0.19 and 0.07.
 */
const LEAST_SEEN = 1 / 3;

/**
 * Shares of rings that count alike, as in the paper, out to the finest in which single images correlate with the neutral model by LEAST_SEEN on average. The paper leaves
 * that limit, the target resolution, to the user; with rings of hardly more than noise in an equal mean, networks learn the noise.
 */
export function seenShares(rings: number, meanCorrelation: ArrayLike<number>): Float32Array {
  let finest = rings;
  while (finest > 0 && !(meanCorrelation[finest] >= LEAST_SEEN)) finest--;
  return finest === 0 ? equalShares(rings) : new Float32Array(rings + 1).fill(1 / finest, 1, finest + 1);
}

/** Less of a ring than this being signal, fitting it would fit its noise. */
const LEAST_SIGNAL = 0.05;
/** The outermost ring has a neighbour on one side only to be held by, and is the first to miss the goal. */
const OUTERMOST = 4;

/**
 * Shares for fitting a model to a map: by how much of each ring of its projections is signal, the square of its highest correlation
 * (`ceiling`, by ring from 0; null or beyond it: all), the outermost ring counting more.
 */
export function sharesOfSignal(rings: number, ceiling: ArrayLike<number> | null): Float32Array {
  const shares = Float32Array.from({ length: rings + 1 }, (_, k) => {
    const signal = k === 0 ? 0 : (ceiling?.[k] ?? 1) ** 2;
    return signal < LEAST_SIGNAL ? 0 : k === rings ? OUTERMOST * signal : signal;
  });
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum === 0 ? equalShares(rings) : shares.map(share => share / sum);
}
