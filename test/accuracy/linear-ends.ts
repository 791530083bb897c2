// The maps at the two ends of a learned slide: the domain must be where it is in the particles there.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { readMap } from '../../daemon/formats/mrc.js';
import { nearestParticles } from '../../daemon/latent/neighbours.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { reconstruct } from '../../daemon/maps/reconstruct.js';
import { openProjectParticles } from '../../daemon/training/neutral/project-neutral.js';
import { stateMap } from '../../demo-data/consensus.js';
import { prepareScene, type Scene } from '../../demo-data/scene.js';
import { simulate } from '../../demo-data/simulate.js';
import { planSimulation } from '../../demo-data/simulation-options.js';
import { principalEnds } from './measures.js';
import type { Conditions } from './simulators.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';

const WITHIN_ANGSTROM = 1;
/** In 160 images with noise as strong as their signal, as 4,000 particles would leave, noise alone moves the domain by 0.5 Å. */
const PARTICLES = 12_000;
/** Particles of a map: those beyond about this share from either end of the cloud, with the point that stands for them in their middle. */
const SHARE = 0.04;
/** Å: the domain is 36 Å across, and noise has less to say. */
const FILTER_ANGSTROM = 15;

/**
 * `limber reconstruct --at` at the 2nd and 98th percentile of z, from the 4 % of the particles nearest to it. The domain's centroid in each map is compared with the end of its path (judged), and with where the domain
 * truly is on average over the particles of that map (reported: of particles chosen by their own noise the map lies further out than their true states). The oracle takes the particles that are truly at that end.
 */
export async function linearEndsTrial(title: string, conditions: Conditions, seed: number, context: TrialContext): Promise<Trial> {
  const options = { directory: join(context.folder, 'data'), kind: 'linear' as const, particles: PARTICLES, seed, ...conditions };
  mkdirSync(context.folder, { recursive: true });
  const data = await simulate(options, context.reporter);
  const scene = await prepareScene(planSimulation(options));
  const swept = readMap(data.masks.position);
  const project = await newProject({ particles: data.particles, map: data.map }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { latentDims: 1, seed }, context);
  const particles = openProjectParticles(project);
  const figures: Figure[] = [];
  try {
    const domainIn = async (rows: Uint32Array) => {
      const settings = { centreAngstrom: [0, 0, 0] as const, contrast: project.settings.contrast, threads: context.threads ?? undefined };
      return centroid((await reconstruct(particles, rows, settings, context.reporter)).map, swept);
    };
    const last = scene.molecule.motions[0].values.length - 1;
    for (const point of principalEnds(latents)) {
      const [{ rows }] = nearestParticles(latents, [point], Math.round(SHARE * latents.count));
      const chosen = Uint32Array.from(rows, row => latents.particle[row] - 1).sort();
      const steps = Array.from(chosen, row => scene.truth[row].steps[0]);
      const there = centroid(trueMap(scene, steps), swept);
      const found = await domainIn(chosen);
      const [{ step, end }] = [0, last]
        .map(step => ({ step, end: centroid(trueMap(scene, [step]), swept) }))
        .sort((a, b) => distance(a.end, there) - distance(b.end, there));
      const name = step === 0 ? 'lower' : 'upper';
      const known = Uint32Array.from(scene.truth.flatMap(({ steps }, row) => (steps[0] === step ? [row] : [])));
      const figure = { oracle: distance(await domainIn(known), end), chance: null, better: 'lower' as const };
      figures.push(
        {
          ...figure,
          measure: `Å, domain in the map of the ${name} end, from where those particles truly have it`,
          value: distance(found, there),
          threshold: null,
        },
        {
          ...figure,
          measure: `Å, domain in the map of the ${name} end, from that end of its path`,
          value: distance(found, end),
          threshold: WITHIN_ANGSTROM,
        },
      );
    }
  } finally {
    particles.close();
  }
  return { set: `${title}, seed ${seed}`, ...trained, mostSeconds: null, figures };
}

/** The mean over states, one a particle. */
function trueMap({ molecule, geometry }: Scene, steps: readonly number[]): DensityMap {
  const counts = new Map<number, number>();
  for (const step of steps) counts.set(step, (counts.get(step) ?? 0) + 1);
  let sum: DensityMap | null = null;
  for (const [step, count] of counts) {
    const { data, ...grid } = stateMap(molecule, { steps: [step], present: [] }, geometry, { scale: count / steps.length });
    sum ??= { ...grid, data: new Float32Array(data.length) };
    for (let i = 0; i < data.length; i++) sum.data[i] += data[i];
  }
  // The rotation centre, not a corner, is at the reconstruction's origin.
  return { ...sum!, originAngstrom: sum!.size.map((n, axis) => -(n >> 1) * sum!.voxelSizeAngstrom[axis]) as DensityMap['originAngstrom'] };
}

/**
 * Of what rises above half of the highest value where the domain can be at all, after the filter; Å from the rotation centre, which the map has at its origin. The body reaches into that region a little, which draws the centroid
 * of a map by 2 to 3 Å: that of the true map is taken in the same way.
 */
function centroid(raw: DensityMap, swept: DensityMap): number[] {
  const map = lowPass(raw, FILTER_ANGSTROM);
  const inside = map.data.map((value, i) => value * swept.data[i]);
  const level = inside.reduce((a, b) => Math.max(a, b)) / 2;
  const [nx, ny] = map.size;
  const moment = [0, 0, 0];
  let total = 0;
  inside.forEach((value, i) => {
    if (value < level) return;
    const index = [i % nx, Math.floor(i / nx) % ny, Math.floor(i / (nx * ny))];
    for (let axis = 0; axis < 3; axis++)
      moment[axis] += (value - level) * (map.originAngstrom[axis] + index[axis] * map.voxelSizeAngstrom[axis]);
    total += value - level;
  });
  return moment.map(value => value / total);
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((value, axis) => value - b[axis]));
}
