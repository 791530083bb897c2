// How wrong orientations are expected to be, learned from the particles themselves (empirical Bayes), so that noise turns none further than the set is wrong.
//
// Refined freely, a particle ends at x̂ = x + noise, the noise having the covariance H⁻¹, H being the curvature of its log-likelihood there. With
// true errors x normally distributed about the stated orientations, one variance for turns and one for shifts, those variances follow by expectation
// maximisation (Dempster, Laird & Rubin 1977).

import { symmetricEigen } from '../../numerics/linear-algebra.js';
import { RIGID } from './pose-ascent.js';

/** One particle, refined freely. */
export interface FreeRefinement {
  /** 5: the turn away from its start (radians, a rotation vector) and the shift (box fractions). */
  change: Float64Array;
  /** 5 × 5: minus the second derivatives of its log-likelihood there, in these units. */
  curvature: Float64Array;
}

export interface ExpectedErrors {
  /** Standard deviation about each axis, radians. */
  angleRadians: number;
  /** Along x and along y, box fractions. */
  shift: number;
}

/**
 * RIGID × RIGID: what an image says of its pose where it is not known where its model lies in the latent space, but expected to be 0 ± 1 along every coordinate. `curvature`: of the
 * log-likelihood in both, the pose first. (The Schur complement: of a normal distribution the inverse covariance of some of its variables.)
 */
export function poseCurvature(curvature: Float64Array): Float64Array {
  const size = Math.sqrt(curvature.length);
  const coordinates = size - RIGID;
  const at = (p: number, q: number) => 0.5 * (curvature[p * size + q] + curvature[q * size + p]);
  const own = Float64Array.from({ length: coordinates ** 2 }, (_, i) => at(RIGID + Math.floor(i / coordinates), RIGID + (i % coordinates)));
  const { values, vectors } = symmetricEigen(own, coordinates);
  const result = Float64Array.from({ length: RIGID ** 2 }, (_, i) => at(Math.floor(i / RIGID), i % RIGID));
  for (let k = 0; k < coordinates; k++) {
    const shared = Float64Array.from({ length: RIGID }, (_, p) => {
      let along = 0;
      for (let j = 0; j < coordinates; j++) along += at(p, RIGID + j) * vectors[k * coordinates + j];
      return along;
    });
    // Where the log-likelihood does not bend down along the latent space, the cloud alone says where the particle is.
    const known = Math.max(values[k], 0) + 1;
    for (let p = 0; p < RIGID; p++) for (let q = 0; q < RIGID; q++) result[p * RIGID + q] -= (shared[p] * shared[q]) / known;
  }
  return result;
}

const MOST_ROUNDS = 300;
/** Relative change of both deviations that ends the rounds. */
const SETTLED = 1e-4;

/** `least`: errors below these are not told from none; also what comes out where no particle says anything. */
export function expectedErrors(particles: readonly FreeRefinement[], least: ExpectedErrors): ExpectedErrors {
  const turns = variance(particles, 0, 3);
  const shifts = variance(particles, 3, 5);
  let [angle2, shift2] = [Math.max(turns, least.angleRadians ** 2), Math.max(shifts, least.shift ** 2)];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const [angleBefore, shiftBefore] = [angle2, shift2];
    let [angleSum, shiftSum] = [0, 0];
    const deviations = [0, 1, 2, 3, 4].map(k => Math.sqrt(k < 3 ? angle2 : shift2));
    for (const particle of particles) {
      const { mean, variances } = posterior(particle, deviations);
      for (let k = 0; k < 5; k++) {
        const square = mean[k] ** 2 + variances[k];
        if (k < 3) angleSum += square / 3;
        else shiftSum += square / 2;
      }
    }
    angle2 = Math.max(angleSum / particles.length, least.angleRadians ** 2);
    shift2 = Math.max(shiftSum / particles.length, least.shift ** 2);
    if (Math.abs(angle2 / angleBefore - 1) + Math.abs(shift2 / shiftBefore - 1) < SETTLED) break;
  }
  return { angleRadians: Math.sqrt(angle2), shift: Math.sqrt(shift2) };
}

function variance(particles: readonly FreeRefinement[], from: number, to: number): number {
  return (
    particles.reduce((sum, { change }) => sum + change.slice(from, to).reduce((s, x) => s + x * x, 0), 0) / ((to - from) * particles.length)
  );
}

/** Mean and variances of the true error, given the free one. In units of the prior's deviations the prior is a unit sphere. */
function posterior({ change, curvature }: FreeRefinement, deviations: readonly number[]): { mean: Float64Array; variances: Float64Array } {
  const scaled = Float64Array.from({ length: 25 }, (_, i) => {
    const [p, q] = [Math.floor(i / 5), i % 5];
    return 0.5 * (curvature[5 * p + q] + curvature[5 * q + p]) * deviations[p] * deviations[q];
  });
  const { values, vectors } = symmetricEigen(scaled, 5);
  const mean = new Float64Array(5);
  const variances = new Float64Array(5);
  for (let k = 0; k < 5; k++) {
    const vector = vectors.subarray(5 * k, 5 * k + 5);
    // Where the log-likelihood does not bend down it says nothing.
    const known = Math.max(values[k], 0);
    const along = vector.reduce((sum, v, i) => sum + (v * change[i]) / deviations[i], 0) * (known / (known + 1));
    for (let i = 0; i < 5; i++) {
      mean[i] += along * vector[i] * deviations[i];
      variances[i] += (vector[i] * deviations[i]) ** 2 / (known + 1);
    }
  }
  return { mean, variances };
}
