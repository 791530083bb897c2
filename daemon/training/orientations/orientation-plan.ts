// How a set of particles is to be refined, learned on a sample of it: which rings count before and after, and how wrong the set is expected to be.

import type { RingGeometry } from '../../compute/ring-geometry.js';
import { informationShares, ringPixels } from '../ring-shares.js';
import { type ExpectedErrors, expectedErrors, poseCurvature } from './orientation-spread.js';
import type { OrientationPlan, OrientationRefiner, OrientationRound } from './orientations.js';
import { changeOfPose, type Pose } from './pose-ascent.js';

/** Particles that the plan is made on: their error is then known to five per cent. */
export const PLAN_SAMPLE = 512;
/** A set is never taken to be better than this, or a particle could not be put right at all. */
const LEAST_DEGREES = 0.05;
const LEAST_PIXELS = 0.02;
/** Correlations are those with the particles' own models: what is missing to 1 is noise, or as bad as noise. */
const HIGHEST = 0.999;

export interface MadePlan extends OrientationPlan {
  /** Mean log-likelihood of a particle of the sample once it is refined: tells which of several models the particles are better refined against. */
  logLikelihood: number;
}

/**
 * Wrong orientations wash out the fine rings of the comparison, so the first round looks at those that count as the particles stand, mostly coarse ones; the
 * second at those that count once the sample has been refined. `batches`: starts of the sample, batch by batch, each loaded by `load`.
 */
export async function planOrientations(
  refiner: OrientationRefiner,
  rings: RingGeometry,
  batches: readonly (readonly Pose[])[],
  load: (batch: number) => Promise<void>,
): Promise<MadePlan> {
  const stands = batches.map(starts => [...starts] as Pose[]);
  const rounds: OrientationRound[] = [];
  const free: Parameters<typeof expectedErrors>[0][number][] = [];
  for (let round = 0; round < 2; round++) {
    const mean = await meanCorrelation(refiner, rings, stands, load);
    rounds.push(informationRound(rings, mean, stands.flat().length));
    const { ringShares, information } = rounds[round];
    for (const [b, starts] of stands.entries()) {
      await load(b);
      stands[b] = await refiner.refine(starts, { rounds: [rounds[round]], expected: null });
      if (round === 0) continue;
      (await refiner.curvatures(stands[b], ringShares)).forEach((curvature, i) => {
        free.push({
          change: changeOfPose(batches[b][i], stands[b][i]),
          curvature: poseCurvature(curvature.map(value => value * information)),
        });
      });
    }
  }
  const refined = await meanCorrelation(refiner, rings, stands, load);
  return { rounds, expected: expectedErrors(free, leastErrors(rings)), logLikelihood: logLikelihood(rings, refined) };
}

/** Of an image that correlates so with its model, ring by ring (ring-shares.ts). */
function logLikelihood(rings: RingGeometry, correlation: Float64Array): number {
  const pixels = ringPixels(rings);
  return correlation.reduce((sum, value, k) => {
    const c = Math.min(Math.max(value, 0), HIGHEST);
    return k === 0 ? sum : sum - 0.5 * pixels[k] * Math.log(1 - c * c);
  }, 0);
}

function leastErrors({ boxSize }: RingGeometry): ExpectedErrors {
  return { angleRadians: (LEAST_DEGREES * Math.PI) / 180, shift: LEAST_PIXELS / boxSize };
}

async function meanCorrelation(
  refiner: OrientationRefiner,
  { rings }: RingGeometry,
  stands: readonly (readonly Pose[])[],
  load: (batch: number) => Promise<void>,
): Promise<Float64Array> {
  const mean = new Float64Array(rings + 1);
  const count = stands.flat().length;
  for (const [b, poses] of stands.entries()) {
    await load(b);
    await refiner.settle(poses);
    (await refiner.ringCorrelations(poses)).forEach((value, i) => {
      mean[i % (rings + 1)] += value / count;
    });
  }
  return mean;
}

/** The rings that hold information at this mean correlation, and how much together. */
function informationRound(rings: RingGeometry, mean: Float64Array, samples: number): OrientationRound {
  const ringShares = informationShares(rings, mean, samples, HIGHEST);
  const pixels = ringPixels(rings);
  let information = 0;
  for (let k = 1; k <= rings.rings; k++) {
    const c = Math.min(mean[k], HIGHEST);
    if (ringShares[k] > 0) information += (pixels[k] * c) / (1 - c * c);
  }
  // Where no ring holds any, the shares are equal and the prior alone decides.
  return { ringShares, information: Math.max(information, 1e-6) };
}
