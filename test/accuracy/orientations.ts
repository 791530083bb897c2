// Orientations disturbed by a known amount, refined against each particle's own model in cycles with training: how far they come back, and what the latents gain.

import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import { spearmanCorrelation } from '../../daemon/numerics/rank-correlation.js';
import { parameters } from '../../daemon/settings/settings.js';
import { orientProjectRun } from '../../daemon/training/orientations/orientation-cycles.js';
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
import { type KnownParticles, ownSimulator, runIndependent } from './simulators.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';

/** Median lengths of the turns and of the shifts. */
const DISTURBED = { degrees: 3, pixels: 2 };
/** What must be left of the median errors at most. */
const LEFT = 0.5;
/** Particles that an oracle looks at: its medians are then good to about 3 %. */
const ORACLE_PARTICLES = 500;

/** Medians, by the words of PoseErrors. */
type MedianErrors = Record<keyof PoseErrors, number>;

/** The plain slide of a program, with noise as strong as its signal. */
interface Slide {
  particles: string;
  map: string;
  position: Float64Array;
  /** What is left of the errors at best, for poses that are wrong as the star file `disturbed` has them. */
  atBest: (disturbed: string) => Promise<MedianErrors>;
}

export type SlideSource = (seed: number, context: TrialContext) => Promise<Slide>;

/** At best: who knows every particle's density has the likeliest pose. */
export const ownSlide: SlideSource = async (seed, context) => {
  const { particles, map, truth } = await ownSimulator('linear', PLAIN, seed, context);
  const options = { directory: join(context.folder, 'data'), kind: 'linear', seed, ...PLAIN } as const;
  const deviations = deviationsOf(DISTURBED.degrees, DISTURBED.pixels);
  return {
    particles,
    map,
    position: truth.position!,
    atBest: async disturbed => {
      const stated = statedPoses({ pixelSizeAngstrom: imagePixelSize(particles) }, disturbed);
      return medians(await oraclePoseErrors(options, stated, deviations, ORACLE_PARTICLES));
    },
  };
};

/** At best: who knows the molecule has to find its place on the slide too. */
export const independentSlide: SlideSource = async (seed, context) => {
  const flags = {
    seed,
    noise: PLAIN.noise,
    shifts: PLAIN.shiftPixels,
    oracle: ORACLE_PARTICLES,
    turned: DISTURBED.degrees,
    moved: DISTURBED.pixels,
  };
  type Oracle = KnownParticles['oracle'] & { poses: MedianErrors };
  const { particles, map, truth, oracle } = await runIndependent<{ position: number[] }, Oracle>('linear', flags, PLAIN.ctf, context);
  return { particles, map, position: Float64Array.from(truth.position), atBest: async () => oracle.poses };
};

/**
 * A slide, its star file disturbed, its map the consensus, as a user would have it from a refinement; then `limber train` and `limber orient` with their defaults. A figure's `chance` is
 * what it was before.
 */
export async function orientationTrial(name: string, source: SlideSource, seed: number, context: TrialContext): Promise<Trial> {
  const slide = await source(seed, context);
  const data = { particles: slide.particles, pixelSizeAngstrom: imagePixelSize(slide.particles) };
  const disturbed = join(context.folder, 'data', 'disturbed.star');
  disturbOrientations(data, disturbed, DISTURBED.degrees, DISTURBED.pixels, seed);
  const truth = statedPoses(data, data.particles);
  const errorsOf = (starFile: string) => medians(errorsBetween(statedPoses(data, starFile), truth));
  const atBest = await slide.atBest(disturbed);
  const project = await newProject({ particles: disturbed, map: slide.map }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { latentDims: 1, seed }, context);

  const { threads, reporter } = context;
  const options = { run: 'run1', cycles: parameters.orientCycles.default, backend: context.backend ?? parameters.backend.default, threads };
  const lock = project.lock();
  const backend = await chooseBackend(options, reporter);
  try {
    const { reports, file, seconds } = await orientProjectRun(project, backend, options, reporter);
    const [before, after] = [errorsOf(disturbed), errorsOf(file)];
    const refined = project.run(reports[reports.length - 1].run).latents();
    const rank = (z: Float32Array) => Math.abs(spearmanCorrelation(z, slide.position));
    return {
      set: `${name}, seed ${seed}`,
      ...trained,
      settings: `${trained.settings}, ${reports.length} cycles`,
      seconds: trained.seconds + seconds,
      mostSeconds: null,
      figures: [
        error('median error of orientations, degrees', 'degrees', { before, after, atBest }),
        error('median error of shifts, pixels', 'pixels', { before, after, atBest }),
        {
          measure: 'rank correlation of z0 with the position, after',
          value: rank(refined.z),
          oracle: null,
          chance: rank(latents.z),
          threshold: rank(latents.z),
        },
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
