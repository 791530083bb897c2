// The maps at the two ends of a learned slide: the domain must be where it is in the particles there.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { readMap } from '../../daemon/formats/mrc.js';
import { nearestParticles } from '../../daemon/latent/neighbours.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { reconstruct } from '../../daemon/maps/reconstruct.js';
import { openProjectParticles } from '../../daemon/training/neutral/project-neutral.js';
import { applyMove } from '../../demo-data/scatterers.js';
import { prepareScene, type Scene } from '../../demo-data/scene.js';
import { simulate } from '../../demo-data/simulate.js';
import { planSimulation } from '../../demo-data/simulation-options.js';
import { principalEnds } from './measures.js';
import type { Conditions } from './simulators.js';
import { type Figure, newProject, type Trial, type TrialContext, trainRun } from './trial.js';

const WITHIN_ANGSTROM = 1;
/** Particles of a map: those beyond about this share from either end of the cloud, with the point that stands for them in their middle. */
const SHARE = 0.04;
/** Å: the domain is 36 Å across, and noise has less to say. */
const FILTER_ANGSTROM = 15;

/**
 * `limber reconstruct --at` at the 2nd and 98th percentile of z, from the 4 % of the particles nearest to it. The domain's centroid in each map is compared with where the domain truly is, on average over the
 * particles of that map (judged), and with the end of its path, of which those particles fall short as far as their latents are uncertain (reported).
 */
export async function linearEndsTrial(title: string, conditions: Conditions, seed: number, context: TrialContext): Promise<Trial> {
  const options = { directory: join(context.folder, 'data'), kind: 'linear' as const, seed, ...conditions };
  mkdirSync(context.folder, { recursive: true });
  const data = await simulate(options, context.reporter);
  const scene = await prepareScene(planSimulation(options));
  const swept = readMap(data.masks.position);
  const project = await newProject({ particles: data.particles, map: data.map }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { latentDims: 1, seed }, context);
  const particles = openProjectParticles(project);
  const figures: Figure[] = [];
  try {
    const last = scene.molecule.motions[0].values.length - 1;
    for (const point of principalEnds(latents)) {
      const [{ rows }] = nearestParticles(latents, [point], Math.round(SHARE * latents.count));
      const chosen = Uint32Array.from(rows, row => latents.particle[row] - 1).sort();
      const { map } = await reconstruct(
        particles,
        chosen,
        { centreAngstrom: [0, 0, 0], contrast: project.settings.contrast, threads: context.threads ?? undefined },
        context.reporter,
      );
      const found = centroid(lowPass(map, FILTER_ANGSTROM), swept);
      const places = Array.from(chosen, row => domainPlace(scene, scene.truth[row].steps[0]));
      const mean = [0, 1, 2].map(axis => places.reduce((sum, place) => sum + place[axis] / places.length, 0));
      const end = [0, last].map(step => domainPlace(scene, step)).sort((a, b) => distance(a, mean) - distance(b, mean))[0];
      const name = end[0] < 0 ? 'lower' : 'upper';
      const figure = { oracle: 0, chance: null, better: 'lower' as const };
      figures.push(
        {
          ...figure,
          measure: `Å, domain in the map of the ${name} end, from its place in those particles`,
          value: distance(found, mean),
          threshold: WITHIN_ANGSTROM,
        },
        { ...figure, measure: `Å, the same from the ${name} end of the path`, value: distance(found, end), threshold: null },
      );
    }
  } finally {
    particles.close();
  }
  return { set: `${title}, seed ${seed}`, ...trained, mostSeconds: null, figures };
}

/** Centre of mass of the domain in a state, Å from the rotation centre. */
function domainPlace({ molecule }: Scene, step: number): number[] {
  const { scatterers, motions } = molecule;
  const move = motions[0].move(motions[0].values[step]);
  const place = [0, 0, 0];
  let weight = 0;
  scatterers.motion.forEach((motion, i) => {
    if (motion !== 0) return;
    const at = applyMove(move, [scatterers.x[i], scatterers.y[i], scatterers.z[i]]);
    for (let axis = 0; axis < 3; axis++) place[axis] += scatterers.weight[i] * at[axis];
    weight += scatterers.weight[i];
  });
  return place.map(value => value / weight);
}

/** Of what rises above half of the highest value where the domain can be at all; Å from the rotation centre, which the map has at its origin. */
function centroid(map: DensityMap, swept: DensityMap): number[] {
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
