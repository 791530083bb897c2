// One Fab of an antibody going all the way round, at CryoBench's noise: how close each particle's decoded volume comes to its true one, by CryoBench's own measure.

import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { readMap, writeMap } from '../../daemon/formats/mrc.js';
import { logitsToRow, toWorld } from '../../daemon/gaussians/model-frame.js';
import { consensusContour } from '../../daemon/maps/contour.js';
import { createProject } from '../../daemon/project/create-project.js';
import type { ProjectFolder } from '../../daemon/project/project-folder.js';
import { parameters } from '../../daemon/settings/settings.js';
import { mapProjections, rotationCentre } from '../../daemon/training/neutral/map-projections.js';
import { fitNeutralModel } from '../../daemon/training/neutral/neutral-model.js';
import { fitProjectNeutral, readProjectNeutral } from '../../daemon/training/neutral/project-neutral.js';
import { simulate } from '../../demo-data/simulate.js';
import { writeTrueVolumes } from '../../demo-data/true-volumes.js';
import { iggSet, type NoisePlace } from './igg-set.js';
import { nearestNeighbours, neighbourCosine } from './measures.js';
import { decodedVolumes, densityAbout, nearestVolumes, neutralVolume } from './own-volumes.js';
import { everyNth, perfectArea, perImageScore } from './per-image-fsc.js';
import { softMask } from './soft-mask.js';
import { type Figure, type Trial, type TrialContext, trainRun } from './trial.js';
import { readStates, TrueStates } from './true-states.js';

export interface IggChoice {
  particles: number;
  noisePlace: NoisePlace;
  gaussians: number;
  /** Of the neutral model; Nyquist is 6 Å. */
  neutralAngstrom: number;
  /** Of training. */
  trainAngstrom: number;
  latentDims: number;
  epochs: number;
  /** Whether only what lies where the Fab passes may vary, within a mask as a user would draw it; the rest keeps what the consensus knows of it. */
  isFocused: boolean;
}

/** A tenth of CryoBench's images. */
const CHOICE: IggChoice = {
  particles: 10_000,
  noisePlace: 'before cropping',
  gaussians: 2048,
  neutralAngstrom: 6,
  trainAngstrom: 6,
  latentDims: 2,
  epochs: 5,
  isFocused: true,
};

/** Volumes of the measure; CryoBench's own number. */
const LOOKED_AT = 100;
/** Reconstructions take a while: every so many-th of those particles has one, of so many particles. */
const RECONSTRUCTED_EVERY = 10;
const NEAREST = 1000;
/** CryoBench's best published figure on its own set (IgG-1D, by conformation: CryoSPIRE .402; by image: RECOVAR .386), which is another set with ten times as many images. */
const AHEAD_OF = 0.402;

export async function iggTrial(name: string, choice: Partial<IggChoice>, seed: number, context: TrialContext): Promise<Trial> {
  const chosen: IggChoice = { ...CHOICE, ...choice };
  const { folder, reporter, threads } = context;
  const options = iggSet(join(folder, 'data'), seed, chosen.particles, chosen.noisePlace);
  const data = await simulate(options, reporter);
  await writeTrueVolumes(options, join(folder, 'truth'), reporter);
  const truth = new TrueStates(join(folder, 'truth'));
  const states = readStates(data.truth, 'state', truth.count);
  const mask = maskOfAll(truth);
  writeMap(join(folder, 'mask.mrc'), mask);

  const started = performance.now();
  const project = await trainableProject(data.particles, chosen, seed, context);
  const neutralSeconds = (performance.now() - started) / 1000;
  const { latents, seconds, gaussians, settings } = await trainRun(
    project,
    'run1',
    {
      latentDims: chosen.latentDims,
      resolutionAngstrom: chosen.trainAngstrom,
      epochs: chosen.epochs,
      focus: chosen.isFocused ? focusMask(data.masks.angle, project, folder) : null,
      // The encoder's latents are right already, and to find 10,000 of them again takes longer than to train.
      latentRefinement: 'off',
      seed,
    },
    context,
  );
  const run = project.run('run1');

  const particles = everyNth(chosen.particles, LOOKED_AT);
  const few = particles.filter((_, i) => i % RECONSTRUCTED_EVERY === 0);
  const truthOf = (particle: number) => truth.map(states[particle]);
  const grid = truth.map(0);
  const score = async (of: Uint32Array, volumeOf: (particle: number) => DensityMap | Promise<DensityMap>) =>
    (await perImageScore(of, volumeOf, truthOf, mask)).mean;
  const neutral = neutralVolume(run, grid);
  const mean = meanOf(truth);
  const angles = Float64Array.from(states, state => (2 * Math.PI * state) / truth.count);
  const best = await bestGaussians(truth.map(0), chosen, seed, context);
  const figure = (
    measure: string,
    value: number,
    oracle: number | null,
    chance: number | null,
    threshold: number | null = null,
  ): Figure => ({
    measure,
    value,
    oracle,
    chance,
    threshold,
  });
  const consensus = await score(particles, () => neutral);
  return {
    set: `${name}, seed ${seed}`,
    settings: `${settings}, ${chosen.neutralAngstrom} Å, trained to ${chosen.trainAngstrom} Å${chosen.isFocused ? ' in a focus' : ''}, noise ${options.noise}`,
    particles: chosen.particles,
    gaussians,
    seconds: neutralSeconds + seconds,
    mostSeconds: null,
    figures: [
      // Oracle: the best that so many Gaussians do for a true volume without noise. Chance: no heterogeneity, the neutral model for all.
      figure(
        'area under the per-image FSC, decoded',
        await score(particles, decodedVolumes(run, grid)),
        await score(Uint32Array.of(states.indexOf(0)), () => best),
        consensus,
        AHEAD_OF,
      ),
      // Oracle: equal volumes. Chance: the mean of all true volumes, a consensus without noise.
      figure('the same of the neutral model', consensus, perfectArea(grid.size[0]), await score(particles, () => mean)),
      figure(
        `the same of the ${NEAREST} nearest, reconstructed, for ${few.length} particles`,
        await score(few, nearestVolumes(project, run, NEAREST, threads ?? undefined)),
        null,
        await score(few, () => neutral),
      ),
      figure('mean cosine of the angle from 15 neighbours', neighbourCosine(nearestNeighbours(latents), angles), null, 0),
    ],
  };
}

/** A project without a map, as for CryoBench's methods of fixed poses: its consensus is a reconstruction of the noisy particles. */
async function trainableProject(
  particles: string,
  chosen: IggChoice,
  seed: number,
  { folder, threads, reporter }: TrialContext,
): Promise<ProjectFolder> {
  const none = { imagesDir: null, map: null, mask: null, model: null, symmetry: 'C1', pixelSizeAngstrom: null };
  const project = await createProject(join(folder, 'project'), { particles, ...none }, reporter, new AbortController().signal);
  const lock = project.lock();
  const options = {
    resolutionAngstrom: chosen.neutralAngstrom,
    gaussians: chosen.gaussians,
    seed,
    backend: parameters.backend.default,
    threads,
  };
  const backend = await chooseBackend(options, reporter);
  try {
    await fitProjectNeutral(project, backend, options, reporter);
  } finally {
    await backend.dispose();
    lock.release();
  }
  return project;
}

/** The simulator's mask of the motion, with a margin for what the consensus blurs, in the frame of a project that has no map. */
function focusMask(file: string, project: ProjectFolder, folder: string): string {
  const mask = softMask(readMap(file), 0.5);
  const { boxSize, pixelSizeAngstrom } = project.settings;
  const centre = readProjectNeutral(project)!.frame.centreAngstrom;
  const originAngstrom = centre.map(c => c - (boxSize >> 1) * pixelSizeAngstrom) as [number, number, number];
  const path = join(folder, 'focus.mrc');
  writeMap(path, { ...mask, originAngstrom });
  return path;
}

/** Round every place that is filled in any state: CryoBench's masks are as wide, and what is in them counts alike for all particles. */
function maskOfAll(truth: TrueStates): DensityMap {
  const all = { ...truth.map(0), data: truth.map(0).data.slice() };
  for (let state = 1; state < truth.count; state++) {
    const { data } = truth.map(state);
    for (let i = 0; i < data.length; i++) if (data[i] > all.data[i]) all.data[i] = data[i];
  }
  return softMask(all);
}

function meanOf(truth: TrueStates): DensityMap {
  const mean = { ...truth.map(0), data: new Float32Array(truth.map(0).data.length) };
  for (let state = 0; state < truth.count; state++) {
    const { data } = truth.map(state);
    for (let i = 0; i < data.length; i++) mean.data[i] += data[i] / truth.count;
  }
  return mean;
}

/** A true volume by as many Gaussians as the run has, fitted as neutral models are. */
async function bestGaussians(
  map: DensityMap,
  chosen: IggChoice,
  seed: number,
  { threads, backend: asked, reporter }: TrialContext,
): Promise<DensityMap> {
  const boxSize = map.size[0];
  const pixelSizeAngstrom = map.voxelSizeAngstrom[0];
  const centreAngstrom = rotationCentre(map);
  const ceiling = new Float64Array(boxSize / 2 + 1).fill(1);
  const source = mapProjections(
    { name: 'a true volume', map, mask: null, contour: consensusContour(map), ceiling, centreAngstrom },
    boxSize * pixelSizeAngstrom,
  );
  const backend = await chooseBackend({ backend: asked ?? parameters.backend.default, threads }, reporter);
  try {
    const { logits, referenceSigmaAngstrom } = await fitNeutralModel(
      backend,
      source,
      { boxSize, pixelSizeAngstrom, resolutionAngstrom: chosen.neutralAngstrom, gaussians: chosen.gaussians, seed },
      reporter,
    );
    const frame = { boxAngstrom: boxSize * pixelSizeAngstrom, centreAngstrom, referenceSigmaAngstrom };
    return densityAbout(toWorld(logitsToRow(logits), frame), map, centreAngstrom);
  } finally {
    await backend.dispose();
  }
}
