// Orientations disturbed by a known amount, refined against each particle's own model in cycles with training: how far they come back, and what the latents gain.

import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import type { LatentCloud } from '../../daemon/latent/analysis.js';
import { adjustedRandIndex } from '../../daemon/latent/cluster-agreement.js';
import { spearmanCorrelation } from '../../daemon/numerics/rank-correlation.js';
import { parameters } from '../../daemon/settings/settings.js';
import { orientProjectRun } from '../../daemon/training/orientations/orientation-cycles.js';
import { EPOCHS as ASSEMBLY_EPOCHS, clustersOf } from './assembly.js';
import {
  deviationsOf,
  disturbOrientations,
  errorsBetween,
  imagePixelSize,
  type PoseErrors,
  statedPoses,
} from './disturbed-orientations.js';
import { oraclePoseErrors } from './pose-oracle.js';
import { PLAIN } from './simulated.js';
import { ownSimulator, runIndependent } from './simulators.js';
import { type Figure, newProject, type TrainChoice, type Trial, type TrialContext, trainRun } from './trial.js';

/** Median lengths of the turns and of the shifts. */
const DISTURBED = { degrees: 3, pixels: 2 };
/** What must be left of the median errors at most. */
const LEFT = 0.5;
/** Particles that an oracle looks at: its medians are then good to about 3 %. */
const ORACLE_PARTICLES = 500;

/** Medians, by the words of PoseErrors. */
type MedianErrors = Record<keyof PoseErrors, number>;

/** Particles of a program, with noise as strong as their signal. */
interface KnownSet {
  particles: string;
  map: string;
  /** How it is trained, where not by the program's own defaults. */
  choice: TrainChoice;
  /** What its latents are to tell, and how well they do. */
  told: { measure: string; of: (cloud: LatentCloud) => number };
  /** What is left of the errors at best, for poses that are wrong as the star file `disturbed` has them. */
  atBest: (disturbed: string) => Promise<MedianErrors>;
}

export type KnownSource = (seed: number, context: TrialContext) => Promise<KnownSet>;

/** A plain slide. At best: who knows every particle's density has the likeliest pose. */
export const ownSlide: KnownSource = async (seed, context) => {
  const { particles, map, truth } = await ownSimulator('linear', PLAIN, seed, context);
  const options = { directory: join(context.folder, 'data'), kind: 'linear', seed, ...PLAIN } as const;
  const deviations = deviationsOf(DISTURBED.degrees, DISTURBED.pixels);
  return {
    particles,
    map,
    ...slide(truth.position!),
    atBest: async disturbed => {
      const stated = statedPoses({ pixelSizeAngstrom: imagePixelSize(particles) }, disturbed);
      return medians(await oraclePoseErrors(options, stated, deviations, ORACLE_PARTICLES));
    },
  };
};

/** At best: who knows the molecule has to find its place on the slide too. */
export const independentSlide: KnownSource = async (seed, context) => {
  const { truth, ...set } = await independentSet<{ position: number[] }>('linear', seed, context);
  return { ...set, ...slide(truth.position) };
};

function slide(position: ArrayLike<number>): Pick<KnownSet, 'choice' | 'told'> {
  return {
    choice: { latentDims: 1 },
    told: { measure: 'rank correlation of z0 with the position', of: ({ z }) => Math.abs(spearmanCorrelation(z, position)) },
  };
}

/** Blocks that come and go, looked for by amplitudes alone. At best: who knows which are there has to find how far the one leans. */
export const independentBlocks: KnownSource = async (seed, context) => {
  const { truth, ...set } = await independentSet<{ state: number[] }>('assembly', seed, context);
  const states = Math.max(...truth.state) + 1;
  return {
    ...set,
    choice: { latentDims: 2, vary: ['amplitude'], epochs: ASSEMBLY_EPOCHS },
    told: {
      measure: `adjusted Rand index of ${states} clusters`,
      of: cloud => adjustedRandIndex(clustersOf(cloud, states, seed).labels, truth.state),
    },
  };
};

async function independentSet<Truth>(
  kind: string,
  seed: number,
  context: TrialContext,
): Promise<Pick<KnownSet, 'particles' | 'map' | 'atBest'> & { truth: Truth }> {
  const flags = {
    seed,
    noise: PLAIN.noise,
    shifts: PLAIN.shiftPixels,
    oracle: ORACLE_PARTICLES,
    turned: DISTURBED.degrees,
    moved: DISTURBED.pixels,
  };
  const { particles, map, truth, oracle } = await runIndependent<Truth, { poses: MedianErrors }>(kind, flags, PLAIN.ctf, context);
  return { particles, map, truth, atBest: async () => oracle.poses };
}

/**
 * A set, its star file disturbed, its map the consensus, as a user would have it from a refinement; then `limber train`, and `limber orient` with its defaults. A figure's `chance` is
 * what it was before.
 */
export async function orientationTrial(name: string, source: KnownSource, seed: number, context: TrialContext): Promise<Trial> {
  const { particles, map, choice, told, atBest: best } = await source(seed, context);
  const data = { particles, pixelSizeAngstrom: imagePixelSize(particles) };
  const disturbed = join(context.folder, 'data', 'disturbed.star');
  disturbOrientations(data, disturbed, DISTURBED.degrees, DISTURBED.pixels, seed);
  const truth = statedPoses(data, particles);
  const errorsOf = (starFile: string) => medians(errorsBetween(statedPoses(data, starFile), truth));
  const atBest = await best(disturbed);
  const project = await newProject({ particles: disturbed, map }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { seed, ...choice }, context);

  const { threads, reporter } = context;
  const options = { run: 'run1', cycles: parameters.orientCycles.default, backend: context.backend ?? parameters.backend.default, threads };
  const lock = project.lock();
  const backend = await chooseBackend(options, reporter);
  try {
    const { reports, file, seconds } = await orientProjectRun(project, backend, options, reporter);
    const [before, after] = [errorsOf(disturbed), errorsOf(file)];
    const refined = project.run(reports[reports.length - 1].run).latents();
    const [toldBefore, toldAfter] = [told.of(latents), told.of(refined)];
    return {
      set: `${name}, seed ${seed}`,
      ...trained,
      settings: `${trained.settings}, ${reports.length} cycles`,
      seconds: trained.seconds + seconds,
      mostSeconds: null,
      figures: [
        error('median error of orientations, degrees', 'degrees', { before, after, atBest }),
        error('median error of shifts, pixels', 'pixels', { before, after, atBest }),
        { measure: `${told.measure}, after`, value: toldAfter, oracle: null, chance: toldBefore, threshold: toldBefore },
      ],
    };
  } finally {
    await backend.dispose();
    lock.release();
  }
}

function error(measure: string, what: keyof PoseErrors, errors: Record<'before' | 'after' | 'atBest', MedianErrors>): Figure {
  const was = errors.before[what];
  return { measure, value: errors.after[what], oracle: errors.atBest[what], chance: was, threshold: LEFT * was, better: 'lower' };
}

function medians({ degrees, pixels }: PoseErrors): MedianErrors {
  const [medianDegrees, medianPixels] = [degrees, pixels].map(values => values.slice().sort()[values.length >> 1]);
  return { degrees: medianDegrees, pixels: medianPixels };
}
