// Orientations disturbed by a known amount, refined against each particle's own model in cycles with training: how far they come back, and what the latents gain.

import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import type { LatentsTable } from '../../daemon/formats/latents-table.js';
import { spearmanCorrelation } from '../../daemon/numerics/rank-correlation.js';
import type { NewProject } from '../../daemon/project/create-project.js';
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
import { principalCoordinates } from './measures.js';
import { oraclePoseErrors } from './pose-oracle.js';
import { PLAIN } from './simulated.js';
import { ownSimulator, runIndependent } from './simulators.js';
import { independentTrimerWith, type KnownTrimer, rankWithTilt, trimerChoice } from './spike.js';
import { type Figure, newProject, type TrainChoice, type Trial, type TrialContext, trainRun } from './trial.js';

/** Median lengths of the turns and of the shifts. */
const DISTURBED = { degrees: 3, pixels: 2 };
/** What must be left of the median errors at most. */
const LEFT = 0.5;
/** Particles that an oracle looks at: its medians are then good to about 3 %. */
const ORACLE_PARTICLES = 500;

/** Medians, by the words of PoseErrors. */
type MedianErrors = Record<keyof PoseErrors, number>;

/** Particles of a program, with noise as strong as its signal. */
interface KnownPoses {
  files: Pick<NewProject, 'particles' | 'map'> & Partial<NewProject>;
  /** What a user would choose for such a molecule. */
  choice: TrainChoice;
  /** How well latents tell the molecule's state. */
  told: { measure: string; rank: (latents: LatentsTable) => number };
  /** What is left of the errors at best, for poses that are wrong as the star file `disturbed` has them. */
  atBest: (disturbed: string) => Promise<MedianErrors>;
}

export type PoseSource = (seed: number, context: TrialContext) => Promise<KnownPoses>;

function slide(particles: string, map: string, position: Float64Array): Omit<KnownPoses, 'atBest'> {
  const rank = ({ z }: LatentsTable) => Math.abs(spearmanCorrelation(z, position));
  return {
    files: { particles, map },
    choice: { latentDims: 1 },
    told: { measure: 'rank correlation of z0 with the position, after', rank },
  };
}

/** At best: who knows every particle's density has the likeliest pose. */
export const ownSlide: PoseSource = async (seed, context) => {
  const { particles, map, truth } = await ownSimulator('linear', PLAIN, seed, context);
  const options = { directory: join(context.folder, 'data'), kind: 'linear', seed, ...PLAIN } as const;
  const deviations = deviationsOf(DISTURBED.degrees, DISTURBED.pixels);
  return {
    ...slide(particles, map, truth.position!),
    atBest: async disturbed => {
      const stated = statedPoses({ pixelSizeAngstrom: imagePixelSize(particles) }, disturbed);
      return medians(await oraclePoseErrors(options, stated, deviations, ORACLE_PARTICLES));
    },
  };
};

/** Of the other program: how wrong poses will be, for its oracle of them. */
const ASKED_OF_ORACLE = { oracle: ORACLE_PARTICLES, turned: DISTURBED.degrees, moved: DISTURBED.pixels };
interface PoseOracle {
  poses: MedianErrors;
}

/** At best: who knows the molecule has to find its place on the slide too. */
export const independentSlide: PoseSource = async (seed, context) => {
  const flags = { seed, noise: PLAIN.noise, shifts: PLAIN.shiftPixels, ...ASKED_OF_ORACLE };
  const known = await runIndependent<{ position: number[] }, PoseOracle>('linear', flags, PLAIN.ctf, context);
  return { ...slide(known.particles, known.map, Float64Array.from(known.truth.position)), atBest: async () => known.oracle.poses };
};

/** Under C3, with a focus on one of three domains that tilt by themselves. At best: who knows the molecule has to find the three tilts too. */
export const independentTrimerPoses: PoseSource = async (seed, context) => {
  const trimer = await independentTrimerWith<KnownTrimer['oracle'] & PoseOracle>(seed, ASKED_OF_ORACLE, context);
  const { particles, map, focus, oracle } = trimer;
  return {
    files: { particles, map, symmetry: 'C3' },
    choice: trimerChoice(focus),
    told: {
      measure: "rank correlation of a copy's z with its own domain's tilt, after",
      rank: latents => rankWithTilt(latents, principalCoordinates(latents), trimer),
    },
    atBest: async () => oracle.poses,
  };
};

/**
 * Particles, their star file disturbed, their map the consensus, as a user would have it from a refinement; then `limber train` and `limber orient` with their defaults but for what the molecule
 * asks for. A figure's `chance` is what it was before.
 */
export async function orientationTrial(name: string, source: PoseSource, seed: number, context: TrialContext): Promise<Trial> {
  const { files, choice, told, ...known } = await source(seed, context);
  const data = { particles: files.particles, pixelSizeAngstrom: imagePixelSize(files.particles) };
  const disturbed = join(context.folder, 'data', 'disturbed.star');
  disturbOrientations(data, disturbed, DISTURBED.degrees, DISTURBED.pixels, seed);
  const truth = statedPoses(data, data.particles);
  const errorsOf = (starFile: string) => medians(errorsBetween(statedPoses(data, starFile), truth));
  const atBest = await known.atBest(disturbed);
  const project = await newProject({ ...files, particles: disturbed }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { ...choice, seed }, context);

  const { threads, reporter } = context;
  const options = { run: 'run1', cycles: parameters.orientCycles.default, backend: context.backend ?? parameters.backend.default, threads };
  const lock = project.lock();
  const backend = await chooseBackend(options, reporter);
  try {
    const { reports, file, seconds } = await orientProjectRun(project, backend, options, reporter);
    const [before, after] = [errorsOf(disturbed), errorsOf(file)];
    const refined = project.run(reports[reports.length - 1].run).latents();
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
          measure: told.measure,
          value: told.rank(refined),
          oracle: null,
          chance: told.rank(latents),
          threshold: told.rank(latents),
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
