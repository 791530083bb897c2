// The paper's first case in kind (EMPIAR-10076): which blocks are there, by amplitudes alone; then, in the particles that have it, how one block tilts.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMap } from '../../daemon/formats/mrc.js';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import type { Clustering, LatentCloud } from '../../daemon/latent/analysis.js';
import { adjustedRandIndex } from '../../daemon/latent/cluster-agreement.js';
import { clusteringMethods } from '../../daemon/latent/registry.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { spearmanCorrelation } from '../../daemon/numerics/rank-correlation.js';
import { assignStates, measureOracle } from '../../demo-data/oracle.js';
import { isCarrierPresent } from '../../demo-data/scatterers.js';
import { simulate } from '../../demo-data/simulate.js';
import { principalEnds } from './measures.js';
import { runIndependent } from './simulators.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';
import { amplitudeInside, signedAngle, turnInside } from './turns.js';

const ASKED = { randIndex: 0.9, tiltErrorDegrees: 1 };
/** The oracle's figures are then good to about 0.02. */
const ORACLE_PARTICLES = 600;
const METHOD = 'kmeans';
/** Blocks and tilt are learned by then. */
export const EPOCHS = 8;

/** Particles of six states of four blocks, of which one tilts. */
export interface KnownAssembly {
  particles: string;
  map: string;
  /** Where the block is that tilts, in all of its places. */
  mask: string;
  /** Of each particle, from 0. */
  states: readonly number[];
  /** Degrees of each particle's block; NaN for one that lacks it. */
  tilts: readonly number[];
  oracle: { randIndex: number; rankCorrelation: number | null };
}

export type AssemblySource = (seed: number, context: TrialContext) => Promise<KnownAssembly>;

export const ownAssembly: AssemblySource = async (seed, { folder, reporter }) => {
  const options = { directory: join(folder, 'data'), kind: 'assembly', seed } as const;
  const { particles, map, masks } = await simulate(options, reporter);
  const { scene, particles: looked, assigned } = await assignStates(options, ORACLE_PARTICLES);
  const { molecule, truth } = scene;
  const states = truth.map(({ composition }) => composition!);
  const names = molecule.compositions!.map(({ present }) => present.join());
  const tilts = truth.map(({ present, steps }) =>
    isCarrierPresent(molecule, 0, present) ? molecule.motions[0].values[steps[0]] : Number.NaN,
  );
  const randIndex = adjustedRandIndex(
    assigned.map(({ present }) => names.indexOf(present.join())),
    Array.from(looked, i => states[i]),
  );
  const { rankCorrelation } = await measureOracle(options, ORACLE_PARTICLES);
  return { particles, map, mask: masks.tilt, states, tilts, oracle: { randIndex, rankCorrelation } };
};

/** States without the block that tilts. */
const WITHOUT_BLOCK = [0, 1, 3];

export const independentAssembly: AssemblySource = async (seed, context) => {
  type Truth = { state: number[]; tilt: number[] };
  type Oracle = { looked: number[]; labels: number[]; rankCorrelation: number };
  const { particles, map, focus, truth, oracle } = await runIndependent<Truth, Oracle>(
    'assembly',
    { seed, oracle: ORACLE_PARTICLES },
    false,
    context,
  );
  const tilts = truth.tilt.map((tilt, i) => (WITHOUT_BLOCK.includes(truth.state[i]) ? Number.NaN : tilt));
  const looked = oracle.looked.map(i => truth.state[i]);
  return {
    particles,
    map,
    mask: focus,
    states: truth.state,
    tilts,
    oracle: { randIndex: adjustedRandIndex(oracle.labels, looked), rankCorrelation: oracle.rankCorrelation },
  };
};

/**
 * Two runs, as a user would do them who knows how many states to expect and which block to look at:
 *
 * 1. `--vary amplitude` on all particles; the program's own clusters of the latent cloud against the six states.
 * 2. `--continue` on the particles of those clusters whose decoded centre has the block (its amplitude above half of the largest among the centres),
 *    `--vary position`, focused on where the block moves, d = 1. The recovered tilt is the rotation of the block's Gaussians between the decoder at the 2nd and
 *    at the 98th percentile of z: what a user sees who goes from end to end, nothing of the truth in it. A latent that noise draws to the middle makes it
 *    too small, one that noise spreads too large. Beside it the same for particles of known tilt: the mean decoded tilt of those truly at one end less
 *    that of those truly at the other, which any doubt about the single particle makes smaller.
 */
export async function assemblyTrial(name: string, source: AssemblySource, seed: number, context: TrialContext): Promise<Trial> {
  const { particles, map, mask, states, tilts, oracle } = await source(seed, context);
  const stateCount = Math.max(...states) + 1;

  const project = await newProject({ particles, map }, context);
  const first = await trainRun(project, 'blocks', { latentDims: 2, vary: ['amplitude'], epochs: EPOCHS, seed }, context);
  const clusters = clustersOf(first.latents, stateCount, seed);
  const suggested = clustersOf(first.latents, null, seed);
  const block = readMap(mask);
  const chosen = particlesWithBlock(clusters, new LatentDecoder(project.run('blocks').weights()), (neutral, state) =>
    amplitudeInside(block, neutral, state),
  );
  const subset = join(context.folder, 'with-block.txt');
  writeFileSync(subset, `${chosen.map(i => first.latents.particle[i]).join('\n')}\n`);

  const second = await trainRun(
    project,
    'tilt',
    { latentDims: 1, vary: ['position'], epochs: EPOCHS, seed, continueFrom: 'blocks', focus: mask, subset },
    context,
  );
  const decoder = new LatentDecoder(project.run('tilt').weights());
  const neutral = decoder.decode([0]);
  const [low, high] = principalEnds(second.latents).map(z => decoder.decode(z));
  const whole = turnInside(block, neutral, low, high);
  const tiltOf = (z: number) => signedAngle(turnInside(block, neutral, low, decoder.decode([z])), whole.axis);
  const truth = Array.from(second.latents.particle, particle => tilts[particle - 1]);
  const known = [...truth.keys()].filter(k => Number.isFinite(truth[k]));
  const [lowest, highest] = [Math.min, Math.max].map(extreme => extreme(...known.map(k => truth[k])));
  const span = highest - lowest;
  const meanTilt = (tilt: number) => {
    const there = truth.flatMap((value, k) => (value === tilt ? [second.latents.z[k]] : []));
    return there.reduce((sum, z) => sum + tiltOf(z) / there.length, 0);
  };
  return {
    set: `${name}, seed ${seed}`,
    settings: `${first.settings}; ${second.settings}`,
    particles: first.particles,
    gaussians: first.gaussians,
    seconds: first.seconds + second.seconds,
    mostSeconds: null,
    figures: [
      {
        measure: `adjusted Rand index of ${stateCount} clusters (${METHOD})`,
        value: adjustedRandIndex(clusters.labels, states),
        oracle: oracle.randIndex,
        chance: 0,
        threshold: ASKED.randIndex,
      },
      {
        measure: `adjusted Rand index of the suggested ${suggested.count} clusters (${METHOD})`,
        value: adjustedRandIndex(suggested.labels, states),
        oracle: oracle.randIndex,
        chance: 0,
        threshold: null,
      },
      unjudged('share of the chosen particles that have the block', known.length / truth.length, 1),
      {
        measure: `error of the tilt between the ends of z, truly ${span}°`,
        value: Math.abs(whole.angleDegrees - span),
        oracle: null,
        chance: span,
        threshold: ASKED.tiltErrorDegrees,
        better: 'lower',
      },
      unjudged('tilt between the ends of z', whole.angleDegrees, span),
      unjudged('tilt between particles truly at either end', Math.abs(meanTilt(highest) - meanTilt(lowest)), null),
      {
        measure: 'rank correlation of z with the tilt',
        value: Math.abs(
          spearmanCorrelation(
            known.map(k => second.latents.z[k]),
            known.map(k => truth[k]),
          ),
        ),
        oracle: oracle.rankCorrelation,
        chance: 0,
        threshold: null,
      },
    ],
  };
}

/** Clusters of the latents by k-means; null: as many as the particles suggest. */
export function clustersOf(cloud: LatentCloud, count: number | null, seed: number): Clustering {
  return clusteringMethods.find(({ name }) => name === METHOD)!.cluster(cloud, { count, seed }, () => {});
}

/** Rows of the latents in clusters whose centre, decoded, has at least half as much of the block as the one that has most. */
function particlesWithBlock(
  { labels, centres, count }: Clustering,
  decoder: LatentDecoder,
  amountOf: (neutral: GaussianSet, state: GaussianSet) => number,
): number[] {
  const neutral = decoder.decode(new Float32Array(decoder.dims));
  const amounts = Array.from({ length: count }, (_, k) =>
    amountOf(neutral, decoder.decode(centres.subarray(k * decoder.dims, (k + 1) * decoder.dims))),
  );
  const half = Math.max(...amounts) / 2;
  return [...labels.keys()].filter(i => amounts[labels[i] - 1] > half);
}

function unjudged(measure: string, value: number, oracle: number | null): Figure {
  return { measure, value, oracle, chance: null, threshold: null };
}
