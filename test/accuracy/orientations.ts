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
import { ownSimulator, type Simulator } from './simulators.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';

/** Median lengths of the turns and of the shifts. */
const DISTURBED = { degrees: 3, pixels: 2 };
/** What must be left of the median errors at most. */
const LEFT = 0.5;
/** Particles that an oracle looks at: its medians are then good to about 3 %. */
const ORACLE_PARTICLES = 500;

/**
 * The slide of either program with noise as strong as its signal, its star file disturbed, its map the consensus, as a user would have it from a refinement;
 * then `limber train` and `limber orient` with their defaults. A figure's `chance` is what it was before. The oracle knows our own simulator's molecules only.
 */
export async function orientationTrial(name: string, simulator: Simulator, seed: number, context: TrialContext): Promise<Trial> {
  const known = await simulator('linear', PLAIN, seed, context);
  const data = { particles: known.particles, pixelSizeAngstrom: imagePixelSize(known.particles) };
  const disturbed = join(context.folder, 'data', 'disturbed.star');
  disturbOrientations(data, disturbed, DISTURBED.degrees, DISTURBED.pixels, seed);
  const truth = statedPoses(data, data.particles);
  const errorsOf = (starFile: string) => errorsBetween(statedPoses(data, starFile), truth);
  const deviations = deviationsOf(DISTURBED.degrees, DISTURBED.pixels);
  const simulation = { directory: join(context.folder, 'data'), kind: 'linear', seed, ...PLAIN } as const;
  const oracle =
    simulator === ownSimulator ? await oraclePoseErrors(simulation, statedPoses(data, disturbed), deviations, ORACLE_PARTICLES) : null;
  const project = await newProject({ particles: disturbed, map: known.map }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { latentDims: 1, seed }, context);

  const { threads, reporter } = context;
  const options = { run: 'run1', cycles: parameters.orientCycles.default, backend: context.backend ?? parameters.backend.default, threads };
  const lock = project.lock();
  const backend = await chooseBackend(options, reporter);
  try {
    const { reports, file, seconds } = await orientProjectRun(project, backend, options, reporter);
    const [before, after] = [errorsOf(disturbed), errorsOf(file)];
    const refined = project.run(reports[reports.length - 1].run).latents();
    const rank = (z: Float32Array) => Math.abs(spearmanCorrelation(z, known.truth.position!));
    return {
      set: `${name}, seed ${seed}`,
      ...trained,
      settings: `${trained.settings}, ${options.cycles} cycles`,
      seconds: trained.seconds + seconds,
      mostSeconds: null,
      figures: [
        error('median error of orientations, degrees', 'degrees', { before, after, oracle }),
        error('median error of shifts, pixels', 'pixels', { before, after, oracle }),
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

function error(
  measure: string,
  what: keyof PoseErrors,
  errors: Record<'before' | 'after', PoseErrors> & { oracle: PoseErrors | null },
): Figure {
  const median = (values: Float64Array) => values.slice().sort()[values.length >> 1];
  const was = median(errors.before[what]);
  return {
    measure,
    value: median(errors.after[what]),
    oracle: errors.oracle && median(errors.oracle[what]),
    chance: was,
    threshold: LEFT * was,
    better: 'lower',
  };
}
