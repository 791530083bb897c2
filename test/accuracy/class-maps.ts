// Maps of the classes that the program finds in the six-state assembly: each must be the map of one true state, and half-maps must tell how good it is.

import { join } from 'node:path';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { fourierShellCorrelation, resolutionAt } from '../../daemon/maps/fsc.js';
import { type Reconstruction, reconstruct } from '../../daemon/maps/reconstruct.js';
import { openProjectParticles } from '../../daemon/training/neutral/project-neutral.js';
import { stateMap } from '../../demo-data/consensus.js';
import { prepareScene, type Scene } from '../../demo-data/scene.js';
import { simulate } from '../../demo-data/simulate.js';
import { planSimulation } from '../../demo-data/simulation-options.js';
import { clustersOf, EPOCHS } from './assembly.js';
import { softMask } from './soft-mask.js';
import { newProject, type Trial, type TrialContext, trainRun } from './trial.js';

/** Of the half-maps' FSC f, √(2f/(1+f)) is what the whole map should have with the truth (Rosenthal & Henderson, J. Mol. Biol. 333, 721, 2003); on average over shells it may be so far from what it has. */
const WITHIN = 0.03;

/** Composition alone (`--vary amplitude`), six clusters of the latents, a map of each with half-maps: as `limber cluster` and `limber reconstruct --cluster K --halves` make them. */
export async function classMapsTrial(seed: number, context: TrialContext): Promise<Trial> {
  const options = { directory: join(context.folder, 'data'), kind: 'assembly', seed } as const;
  const data = await simulate(options, context.reporter);
  const scene = await prepareScene(planSimulation(options));
  const project = await newProject({ particles: data.particles, map: data.map }, context);
  const { latents, ...trained } = await trainRun(project, 'blocks', { latentDims: 2, vary: ['amplitude'], epochs: EPOCHS, seed }, context);
  const truths = trueStates(scene);
  const mean = meanOf(truths);
  const clusters = clustersOf(latents, truths.length, seed);
  const particles = openProjectParticles(project);
  const matched: number[] = [];
  const [own, other, resolutions, deviations]: number[][] = [[], [], [], []];
  try {
    const made: Reconstruction[] = [];
    for (let k = 1; k <= clusters.count; k++) {
      const rows = [...clusters.labels.keys()].filter(i => clusters.labels[i] === k).map(i => latents.particle[i] - 1);
      const options = {
        centreAngstrom: [0, 0, 0] as const,
        contrast: project.settings.contrast,
        halves: true,
        threads: context.threads ?? undefined,
      };
      made.push(await reconstruct(particles, rows, options, context.reporter));
    }
    // As the command writes them: without what the half-maps do not share, here that of the worst class, since maps are subtracted.
    const resolution = Math.max(...made.map(({ halves }) => resolutionAt(fourierShellCorrelation(halves![0], halves![1]), 0.143)));
    const filtered = made.map(({ map }) => lowPass(map, resolution));
    // What sets a class apart is compared, since all have the core in common; from the classes' own mean, so that the scales of maps and truth need not agree.
    const classMean = meanOf(filtered);
    const truthsApart = truths.map(truth => difference(lowPass(truth, resolution), lowPass(mean, resolution)));
    for (const [k, { map, halves }] of made.entries()) {
      const scores = truthsApart.map(truth => correlation(difference(filtered[k], classMean), truth));
      const best = scores.indexOf(Math.max(...scores));
      matched.push(best);
      own.push(scores[best]);
      other.push(Math.max(...scores.filter((_, state) => state !== best)));
      const mask = softMask(truths[best]);
      const withTruth = fourierShellCorrelation(map, truths[best], mask);
      resolutions.push(resolutionAt(withTruth, 0.5));
      deviations.push(meanDeviation(fourierShellCorrelation(halves![0], halves![1], mask).correlation, withTruth.correlation));
    }
  } finally {
    particles.close();
  }
  const figure = { oracle: null, chance: null, threshold: null };
  return {
    set: `class-maps, seed ${seed}`,
    ...trained,
    mostSeconds: null,
    figures: [
      { ...figure, measure: 'true states that a class map matches best', value: new Set(matched).size, oracle: 6, chance: 1, threshold: 6 },
      {
        ...figure,
        measure: 'least correlation of what sets a class apart with its state',
        value: Math.min(...own),
        oracle: 1,
        chance: 0,
        threshold: 0.9,
      },
      { ...figure, measure: 'greatest with any other state', value: Math.max(...other), better: 'lower', threshold: Math.min(...own) },
      { ...figure, measure: 'Å, FSC of 0.5 with the true state, the worst class', value: Math.max(...resolutions), better: 'lower' },
      {
        ...figure,
        measure: 'FSC with the truth told by half-maps, mean error over shells, the worst class',
        value: Math.max(...deviations),
        oracle: 0,
        better: 'lower',
        threshold: WITHIN,
      },
    ],
  };
}

/** Of each composition, the mean over all tilts of what tilts. */
function trueStates({ molecule, geometry }: Scene): DensityMap[] {
  return molecule.compositions!.map(({ present }) =>
    meanOf(molecule.motions[0].values.map((_, step) => stateMap(molecule, { steps: [step], present }, geometry, { scale: 1 }))),
  );
}

function meanOf(maps: readonly DensityMap[]): DensityMap {
  const data = new Float32Array(maps[0].data.length);
  for (const map of maps) for (let i = 0; i < data.length; i++) data[i] += map.data[i] / maps.length;
  return { ...maps[0], data };
}

function difference(a: DensityMap, b: DensityMap): Float32Array {
  return a.data.map((value, i) => value - b.data[i]);
}

function correlation(a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

/** Over the shells below the half-maps' FSC of 0.143: beyond it neither says anything. */
function meanDeviation(half: Float64Array, truth: Float64Array): number {
  let last = 1;
  while (last + 1 < half.length && half[last + 1] >= 0.143) last++;
  let sum = 0;
  for (let shell = 1; shell <= last; shell++) sum += Math.abs(Math.sqrt((2 * half[shell]) / (1 + half[shell])) - truth[shell]);
  return sum / last;
}
