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
import type { Scene } from '../../demo-data/scene.js';
import { simulate } from '../../demo-data/simulate.js';
import { principalEnds } from './measures.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';
import { amplitudeInside, signedAngle, turnInside } from './turns.js';

const ASKED = { randIndex: 0.9, tiltErrorDegrees: 1 };
/** The oracle's figures are then good to about 0.02. */
const ORACLE_PARTICLES = 600;
const METHOD = 'kmeans';
/** Blocks and tilt are learned by then. */
export const EPOCHS = 8;

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
export async function assemblyTrial(seed: number, context: TrialContext): Promise<Trial> {
  const options = { directory: join(context.folder, 'data'), kind: 'assembly', seed } as const;
  const data = await simulate(options, context.reporter);
  const { scene, particles: looked, assigned } = await assignStates(options, ORACLE_PARTICLES);
  const oracle = await measureOracle(options, ORACLE_PARTICLES);
  const states = scene.truth.map(({ composition }) => composition!);
  const names = scene.molecule.compositions!.map(({ present }) => present.join());
  const oracleRandIndex = adjustedRandIndex(
    assigned.map(({ present }) => names.indexOf(present.join())),
    Array.from(looked, i => states[i]),
  );

  const project = await newProject({ particles: data.particles, map: data.map }, context);
  const first = await trainRun(project, 'blocks', { latentDims: 2, vary: ['amplitude'], epochs: EPOCHS, seed }, context);
  const clusters = clustersOf(first.latents, names.length, seed);
  const suggested = clustersOf(first.latents, null, seed);
  const block = readMap(data.masks.tilt);
  const chosen = particlesWithBlock(clusters, new LatentDecoder(project.run('blocks').weights()), (neutral, state) =>
    amplitudeInside(block, neutral, state),
  );
  const subset = join(context.folder, 'with-block.txt');
  writeFileSync(subset, `${chosen.map(i => first.latents.particle[i]).join('\n')}\n`);

  const second = await trainRun(
    project,
    'tilt',
    { latentDims: 1, vary: ['position'], epochs: EPOCHS, seed, continueFrom: 'blocks', focus: data.masks.tilt, subset },
    context,
  );
  const decoder = new LatentDecoder(project.run('tilt').weights());
  const neutral = decoder.decode([0]);
  const [low, high] = principalEnds(second.latents).map(z => decoder.decode(z));
  const whole = turnInside(block, neutral, low, high);
  const tiltOf = (z: number) => signedAngle(turnInside(block, neutral, low, decoder.decode([z])), whole.axis);
  const truth = knownTilts(
    scene,
    Array.from(second.latents.particle, particle => particle - 1),
  );
  const span = truth.high - truth.low;
  const meanTilt = (tilt: number) => {
    const there = truth.tilts.flatMap((value, k) => (value === tilt ? [second.latents.z[k]] : []));
    return there.reduce((sum, z) => sum + tiltOf(z) / there.length, 0);
  };
  const known = [...truth.tilts.keys()].filter(k => Number.isFinite(truth.tilts[k]));
  return {
    set: `assembly, seed ${seed}`,
    settings: `${first.settings}; ${second.settings}`,
    particles: first.particles,
    gaussians: first.gaussians,
    seconds: first.seconds + second.seconds,
    mostSeconds: null,
    figures: [
      {
        measure: `adjusted Rand index of ${names.length} clusters (${METHOD})`,
        value: adjustedRandIndex(clusters.labels, states),
        oracle: oracleRandIndex,
        chance: 0,
        threshold: ASKED.randIndex,
      },
      {
        measure: `adjusted Rand index of the suggested ${suggested.count} clusters (${METHOD})`,
        value: adjustedRandIndex(suggested.labels, states),
        oracle: oracleRandIndex,
        chance: 0,
        threshold: null,
      },
      unjudged('share of the chosen particles that have the block', known.length / truth.tilts.length, 1),
      {
        measure: `error of the tilt between the ends of z, truly ${span}°`,
        value: Math.abs(whole.angleDegrees - span),
        oracle: null,
        chance: span,
        threshold: ASKED.tiltErrorDegrees,
        better: 'lower',
      },
      unjudged('tilt between the ends of z', whole.angleDegrees, span),
      unjudged('tilt between particles truly at either end', Math.abs(meanTilt(truth.high) - meanTilt(truth.low)), null),
      {
        measure: 'rank correlation of z with the tilt',
        value: Math.abs(
          spearmanCorrelation(
            known.map(k => second.latents.z[k]),
            known.map(k => truth.tilts[k]),
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

/** Degrees of each of the particles (rows from 0), NaN for one that lacks the block; and the ends. */
function knownTilts({ molecule, truth }: Scene, rows: readonly number[]): { tilts: number[]; low: number; high: number } {
  const { values } = molecule.motions[0];
  return {
    tilts: rows.map(i => (isCarrierPresent(molecule, 0, truth[i].present) ? values[truth[i].steps[0]] : Number.NaN)),
    low: values[0],
    high: values.at(-1)!,
  };
}

function unjudged(measure: string, value: number, oracle: number | null): Figure {
  return { measure, value, oracle, chance: null, threshold: null };
}
