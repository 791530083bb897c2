// The paper's three simulated motions, plain and hard: how well latents tell each particle's state, by whichever program made the images.

import { spearmanCorrelation } from '../../daemon/numerics/rank-correlation.js';
import { type Latents, nearestNeighbours, neighbourAccuracy, neighbourCosine, neighbourMeans, ringShape } from './measures.js';
import type { Conditions, KnownParticles, SimulatedKind, Simulator } from './simulators.js';
import { type Figure, type TrainChoice, type Trial, type TrialContext, trainOn } from './trial.js';

/** Noise as strong as the signal, and nothing else. */
export const PLAIN: Conditions = { noise: 1, ctf: false, shiftPixels: 0 };
/** Tenfold noise power, a microscope, and particles off the centre. */
export const HARD: Conditions = { noise: 10, ctf: true, shiftPixels: 3 };
/** A plain set of few particles, binned by two (the noise of a mean of four pixels): small enough to be learned on every backend, software Vulkan among them. */
export const SMALL: Conditions = { ...PLAIN, noise: 0.25, particles: 1000, boxSize: 32, pixelSizeAngstrom: 8 };

/** What is asked of plain sets. Of hard and of small ones, and of the paper's own settings: WITHIN of the oracle. */
const ASKED = { rank: 0.98, cosine: 0.985, extra: 0.98 };
const WITHIN = 0.03;
/**
 * A ring: the polar angle tells the true one, and hardly a point lies in the hole (of a filled disc 0.875 lie off its middle). Where the ring is run through unevenly, as θ + a·sin θ,
 * the mean cosine is J0(a): 0.95 is a = 0.45, some of it nearly three times as fast as the rest, which is still a ring.
 */
const RING = { polar: 0.95, open: 0.98 };
/** Promised for the plain slide on all cores. */
const LINEAR_SECONDS = 360;

const DIMS: Record<SimulatedKind, number> = { linear: 1, cyclic: 2, mixture: 2 };

/** `chosen`: what differs from the program's own defaults. */
export async function simulatedTrial(
  title: string,
  kind: SimulatedKind,
  simulator: Simulator,
  conditions: Conditions,
  seed: number,
  context: TrialContext,
  chosen: TrainChoice = {},
): Promise<Trial> {
  const known = await simulator(kind, conditions, seed, context);
  const choice = { latentDims: DIMS[kind], seed, ...chosen };
  const { latents, ...trained } = await trainOn({ particles: known.particles, map: known.map }, choice, context);
  const isPlain = conditions === PLAIN && chosen.preset !== 'paper';
  const threshold = (asked: number, oracle: number | null) => (isPlain || oracle === null ? asked : oracle - WITHIN);
  return {
    set: `${title}, seed ${seed}`,
    ...trained,
    mostSeconds: kind === 'linear' && choice.latentDims === 1 && isPlain && context.threads === null ? LINEAR_SECONDS : null,
    figures: figuresOf(kind, known, { count: latents.count, dims: choice.latentDims, z: latents.z }, threshold),
  };
}

/** `threshold` says what is asked of a figure that plain sets must bring to `asked`. */
function figuresOf(
  kind: SimulatedKind,
  { truth, oracle }: KnownParticles,
  cloud: Latents,
  threshold: (asked: number, oracle: number | null) => number,
): Figure[] {
  const { position = new Float64Array(), angle = new Float64Array(), extra = new Float64Array() } = truth;
  const rank = (measure: string, value: number): Figure => ({
    measure,
    value,
    oracle: oracle.rankCorrelation,
    chance: 0,
    threshold: threshold(ASKED.rank, oracle.rankCorrelation),
  });
  if (cloud.dims === 1) return [rank('rank correlation of z0 with the position', Math.abs(spearmanCorrelation(cloud.z, position)))];
  const neighbours = nearestNeighbours(cloud);
  const toldPosition = () =>
    rank('rank correlation of the position from 15 neighbours', spearmanCorrelation(neighbourMeans(neighbours, position), position));
  if (kind === 'linear') return [toldPosition()];
  if (kind === 'mixture')
    return [
      toldPosition(),
      {
        measure: 'extra density told by 15 neighbours',
        value: neighbourAccuracy(neighbours, extra),
        oracle: oracle.partAccuracy,
        chance: 0.5,
        threshold: threshold(ASKED.extra, oracle.partAccuracy),
      },
    ];
  const radians = angle.map(degrees => (degrees * Math.PI) / 180);
  const told: Figure = {
    measure: 'mean cosine of the angle from 15 neighbours',
    value: neighbourCosine(neighbours, radians),
    oracle: oracle.meanCosine,
    chance: 0,
    threshold: threshold(ASKED.cosine, oracle.meanCosine),
  };
  // In more dimensions there is no polar angle.
  if (cloud.dims > 2) return [told];
  const ring = ringShape(cloud, radians);
  return [
    told,
    {
      measure: 'ring: mean cosine of the polar angle',
      value: ring.polarCosine,
      oracle: oracle.meanCosine,
      chance: 0,
      threshold: RING.polar,
    },
    { measure: 'ring: share of points off the middle of the hole', value: ring.open, oracle: 1, chance: 0.875, threshold: RING.open },
  ];
}
