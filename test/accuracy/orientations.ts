// Orientations disturbed by a known amount, refined against each particle's own model in cycles with training: how far they come back, and what the latents gain.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import { spearmanCorrelation } from '../../daemon/numerics/rank-correlation.js';
import { parameters } from '../../daemon/settings/settings.js';
import { orientProjectRun } from '../../daemon/training/orientations/orientation-cycles.js';
import { type SimulatedData, simulate } from '../../demo-data/simulate.js';
import { deviationsOf, disturbOrientations, type PoseErrors, poseErrors, statedPoses } from './disturbed-orientations.js';
import { oraclePoseErrors } from './pose-oracle.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';

/** Median lengths of the turns and of the shifts. */
const DISTURBED = { degrees: 3, pixels: 2 };
/** What must be left of the median errors at most. */
const LEFT = 0.5;
/** Particles that an oracle looks at: its medians are then good to about 3 %. */
const ORACLE_PARTICLES = 500;

/**
 * The simulated slide with noise as strong as its signal, its star file disturbed, its map the simulator's consensus, as a user would have it from a refinement;
 * then `limber train` and `limber orient` with their defaults. A figure's `chance` is what it was before.
 */
export async function orientationTrial(seed: number, context: TrialContext): Promise<Trial> {
  const simulation = { directory: join(context.folder, 'data'), kind: 'linear', seed } as const;
  const data = await simulate(simulation, context.reporter);
  const disturbed = join(context.folder, 'data', 'disturbed.star');
  disturbOrientations(data, disturbed, DISTURBED.degrees, DISTURBED.pixels, seed);
  const oracle = await oraclePoseErrors(
    simulation,
    statedPoses(data, disturbed),
    deviationsOf(DISTURBED.degrees, DISTURBED.pixels),
    ORACLE_PARTICLES,
  );
  const project = await newProject({ particles: disturbed, map: data.map }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { latentDims: 1, seed }, context);

  const { threads, reporter } = context;
  const options = { run: 'run1', cycles: parameters.orientCycles.default, backend: context.backend ?? parameters.backend.default, threads };
  const lock = project.lock();
  const backend = await chooseBackend(options, reporter);
  try {
    const { reports, file, seconds } = await orientProjectRun(project, backend, options, reporter);
    const [before, after] = [poseErrors(data, disturbed), poseErrors(data, file)];
    const refined = project.run(reports[reports.length - 1].run).latents();
    const position = positions(data);
    const rank = (z: Float32Array) => Math.abs(spearmanCorrelation(z, position));
    return {
      set: `linear disturbed by 3° and 2 px, seed ${seed}`,
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

function error(measure: string, what: keyof PoseErrors, errors: Record<'before' | 'after' | 'oracle', PoseErrors>): Figure {
  const median = (values: Float64Array) => values.slice().sort()[values.length >> 1];
  const was = median(errors.before[what]);
  return {
    measure,
    value: median(errors.after[what]),
    oracle: median(errors.oracle[what]),
    chance: was,
    threshold: LEFT * was,
    better: 'lower',
  };
}

function positions({ truth }: SimulatedData): Float64Array {
  const [header, ...rows] = readFileSync(truth, 'utf8').trimEnd().split('\n');
  const at = header.split('\t').indexOf('position');
  return Float64Array.from(rows, row => Number(row.split('\t')[at]));
}
