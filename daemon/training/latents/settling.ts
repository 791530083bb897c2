// Where the decoder learns in the last epochs: at places that are drawn for each particle by how likely they make its image, not where the encoder puts it.
//
// The encoder reads z from the image that the decoder is then compared with, noise and all: a particle whose noise looks like more of the motion is put further out, and the decoder that meets it there
// learns that noise for motion. So it overshoots where images are noisy (of a tilt of 8° it made 8.8°), and the ends of the cloud lie beyond those of the motion. A place that is drawn with the
// probability that the image gives it is free of this: what the decoder learns at z is then the mean of all images by how likely they lie there, of which the true states are a fixed point
// (stochastic EM: Celeux & Diebolt 1985). The places together are also a better prior for placing the particles in the end than the encoder's are, which noise has spread.

import { Random } from '../../numerics/random.js';
import type { Reporter } from '../progress.js';
import { type Candidates, type ComparedImages, eachPosterior } from './posteriors.js';

/**
 * Share of the epochs after which the encoder has said its part. What is learned from drawn places is little beside what the encoder's teach before, which each image chooses for itself: from 0.6 on a slide with tenfold noise was told
 * less well (rank correlation 0.9918, before 0.993), and a tilt of 8° that the encoder's places made 9.2° was 7.6° from 0.6 on, 7.9° from 0.8 on.
 */
export const SETTLING_AT = 0.8;
/** In two dimensions places fit less surely and the decoder stays what it was: of a simulated ring neighbours told the angle less well (mean cosine 0.988, before 0.995; with tenfold noise 0.943, before 0.977). */
export const SETTLED_DIMS = 1;
/** Steps that are left then: in fewer the decoder does not learn the new places. */
export const FEWEST_SETTLING_STEPS = 100;

/** epochs × n × dims: for each of so many epochs a candidate's place for every particle, drawn by how likely it makes the image. Throws Cancelled when the signal asks. */
export async function drawnPlaces(
  images: ComparedImages,
  candidates: Candidates,
  epochs: number,
  seed: number,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { z, dims } = candidates;
  const { count } = images.source;
  const random = new Random(seed);
  const places = new Float32Array(epochs * count * dims);
  await eachPosterior(
    images,
    candidates,
    'drawing places by their likelihood',
    (particle, { weights }) => {
      for (let epoch = 0; epoch < epochs; epoch++) {
        const drawn = drawnOf(weights, random.uniform());
        places.set(z.subarray(drawn * dims, (drawn + 1) * dims), (epoch * count + particle) * dims);
      }
    },
    reporter,
    signal,
  );
  return places;
}

/** The index at which the running sum of `weights`, which are 1 together, first exceeds `share`. */
function drawnOf(weights: Float64Array, share: number): number {
  let sum = 0;
  const found = weights.findIndex(weight => {
    sum += weight;
    return sum > share;
  });
  // Rounding may leave the sum below 1.
  return found < 0 ? weights.findLastIndex(weight => weight > 0) : found;
}
