// Where each particle lies, asked of its image itself: the mean of the latent points, weighted by how likely each makes the image; and how well the image tells.
//
// The encoder guesses z in one shot from the gradient at the neutral model, which is its weak place (method.md section 4.3). The decoder is better.
//
// Such means are spread less than the particles are: what an image leaves open draws its particle to the middle. Along a line they are drawn apart until they are spread as the images together say
// (Louis 1984), so that the ends of z are the ends of the motion: between them an outer piece of a simulated trimer turns by 9.5° of 11°, before by 8.4°. Taking the quantiles of what the images together say went too far (an 8° tilt
// of 8.3° came out as 9.4°, drawn apart as 8.8°).

import type { Reporter } from '../progress.js';
import { type Candidates, type ComparedImages, eachPosterior } from './posteriors.js';

/**
 * How far from the likeliest place, over the size of the cloud, others count in the mean. An image may fit two places that lie apart, as the near and the far side of a ring: the mean of both would lie
 * where no particle is. Along a line there are particles between, and the mean of all tells more: of the tilts of two simulated trimers with rank correlations of 0.874 and 0.882, by a reach of 0.7 with 0.871 and 0.880.
 */
const REACH = (dims: number) => (dims === 1 ? 1.5 : 0.7);
/** Where images leave open more than half of the variance, more would draw apart what they do not tell. */
const MOST_APART = Math.SQRT2;

export interface Placement {
  /** n × dims: posterior means about the likeliest places; along a line drawn apart. */
  z: Float32Array;
  /** n: ring correlations at the likeliest candidate. */
  frc: Float32Array;
  /**
   * n: how well the motion can be seen in each image, 1 − trace of the posterior covariance over that of the cloud: near 1 where the image says where the
   * particle lies, 0 where it leaves the cloud as it is, and z then says no more than the cloud's middle (the paper's bias to neutral).
   */
  observability: Float32Array;
}

/** How far it is, z not drawn apart yet. */
interface Placing extends Placement {
  /** So many particles are placed, the first. */
  done: number;
  /** Of these together, how likely they lie at each candidate, times the share that they are of all. */
  population: Float64Array;
}

/** Where it is kept while it goes on, among candidates that are drawn anew: one that was stopped goes on from there, with the same outcome. */
export interface KeptPlacing {
  /** null where there is none among these. */
  read(candidates: Candidates): Placing | null;
  /** After every batch; what is lost between two that it keeps is done again. */
  write(candidates: Candidates, placing: Placing): void;
}

/** Throws Cancelled when the signal asks. */
export async function posteriorLatents(
  images: ComparedImages,
  candidates: Candidates,
  reporter: Reporter,
  signal?: AbortSignal,
  kept?: KeptPlacing,
): Promise<Placement> {
  const { dims, states } = candidates;
  const { count } = images.source;
  const earlier = kept?.read(candidates);
  const z = earlier?.z ?? new Float32Array(count * dims);
  const frc = earlier?.frc ?? new Float32Array(count);
  const observability = earlier?.observability ?? new Float32Array(count);
  const population = earlier?.population ?? new Float64Array(states.rows.length);
  const onBatch = (done: number) => kept?.write(candidates, { z, frc, observability, done, population });
  const spread = weightedVariance(candidates, new Float64Array(states.rows.length).fill(1 / states.rows.length));
  await eachPosterior(
    images,
    candidates,
    'placing particles by their likelihood',
    (particle, { weights, likeliest, correlation }) => {
      z.set(localMean(candidates, weights, REACH(dims) * Math.sqrt(spread)), particle * dims);
      weights.forEach((weight, c) => {
        population[c] += weight / count;
      });
      frc[particle] = correlation[likeliest];
      observability[particle] = spread > 0 ? Math.max(0, 1 - weightedVariance(candidates, weights) / spread) : 0;
    },
    reporter,
    signal,
    { from: earlier?.done ?? 0, onBatch },
  );
  return { z: dims === 1 ? drawnApart(z, Math.sqrt(weightedVariance(candidates, population))) : z, frc, observability };
}

/** n: z[n] about its mean, its standard deviation made `deviation`, but at most MOST_APART times what it is; never less. */
export function drawnApart(z: Float32Array, deviation: number): Float32Array {
  const mean = z.reduce((sum, value) => sum + value / z.length, 0);
  const own = Math.sqrt(z.reduce((sum, value) => sum + (value - mean) ** 2 / z.length, 0));
  const factor = own > 0 ? Math.min(MOST_APART, Math.max(1, deviation / own)) : 1;
  return z.map(value => mean + factor * (value - mean));
}

/** Trace of the covariance of the candidates under `weights` (sum 1). */
function weightedVariance({ z, dims }: Candidates, weights: Float64Array): number {
  let variance = 0;
  for (let d = 0; d < dims; d++) {
    const mean = weights.reduce((sum, weight, c) => sum + weight * z[c * dims + d], 0);
    variance += weights.reduce((sum, weight, c) => sum + weight * (z[c * dims + d] - mean) ** 2, 0);
  }
  return variance;
}

/**
 * Mean of the candidates under `weights` (sum 1) about the one from which the others are nearest on average: those at distance r count exp(−r²/2·reach²). With one heap of weights narrower than the
 * reach this is their mean; of two heaps apart it is the mean of the heavier.
 */
export function localMean({ z, dims }: Pick<Candidates, 'z' | 'dims'>, weights: Float64Array, reach: number): Float32Array {
  const likely = [...weights.keys()].filter(c => weights[c] > 1e-6);
  const closeness = (a: number, b: number) => {
    let square = 0;
    for (let d = 0; d < dims; d++) square += (z[a * dims + d] - z[b * dims + d]) ** 2;
    return reach > 0 ? Math.exp(-square / (2 * reach * reach)) : 1;
  };
  let middle = likely[0];
  let most = -1;
  for (const a of likely) {
    const near = likely.reduce((sum, b) => sum + weights[b] * closeness(a, b), 0);
    if (near > most) [middle, most] = [a, near];
  }
  const mean = new Float32Array(dims);
  for (let d = 0; d < dims; d++) mean[d] = likely.reduce((sum, c) => sum + weights[c] * closeness(middle, c) * z[c * dims + d], 0) / most;
  return mean;
}
