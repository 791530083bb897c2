// The map of one conformation from particles in all of them: how fine the moving domain comes out when each particle's own motion is undone, beside what else can be made of the same images.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { nearestParticles } from '../../daemon/latent/neighbours.js';
import { fourierShellCorrelation, resolutionAt } from '../../daemon/maps/fsc.js';
import { type BodyPoses, emptyPoses, reconstructBodies, unmovedPoses } from '../../daemon/maps/multi-body.js';
import { reconstruct } from '../../daemon/maps/reconstruct.js';
import { inverseRotation } from '../../daemon/numerics/rotations.js';
import { multiply } from '../../daemon/numerics/symmetry.js';
import { parameters } from '../../daemon/settings/settings.js';
import { openProjectParticles } from '../../daemon/training/neutral/project-neutral.js';
import { reconstructUndone } from '../../daemon/training/undone-motion.js';
import { stateMap } from '../../demo-data/consensus.js';
import { applyMove } from '../../demo-data/scatterers.js';
import { prepareScene, type Scene } from '../../demo-data/scene.js';
import { simulate } from '../../demo-data/simulate.js';
import { planSimulation } from '../../demo-data/simulation-options.js';
import type { Conditions } from './simulators.js';
import { softMask } from './soft-mask.js';
import { newProject, type Trial, type TrialContext, trainRun } from './trial.js';

/** The mask is drawn where the domain's density is above this share of its highest. */
const DOMAIN_LEVEL = 0.1;
/** Shares of the particles that nearest ones are taken of; the best counts. */
const NEAREST_SHARES = [1 / 20, 1 / 8, 1 / 4];

/** The slide: its domain at the middle of its path, of which one particle in twenty is. The figures are Å at which the FSC with the true map of that state falls to 0.5 within the domain. */
export async function undoneMotionTrial(title: string, conditions: Conditions, seed: number, context: TrialContext): Promise<Trial> {
  const options = { directory: join(context.folder, 'data'), kind: 'linear' as const, seed, ...conditions };
  mkdirSync(context.folder, { recursive: true });
  const data = await simulate(options, context.reporter);
  const scene = await prepareScene(planSimulation(options));
  const project = await newProject({ particles: data.particles, map: data.map }, context);
  const { latents, ...trained } = await trainRun(project, 'run1', { latentDims: 1, seed }, context);
  const run = project.run('run1');
  const step = scene.molecule.motions[0].values.length >> 1;
  const truth = trueState(scene, step);
  const finest = (map: DensityMap) => resolutionAt(fourierShellCorrelation(map, truth.whole, truth.mask), 0.5);
  const particles = openProjectParticles(project);
  try {
    const threads = context.threads ?? undefined;
    const direct = { centreAngstrom: [0, 0, 0] as const, contrast: project.settings.contrast, threads };
    const all = Uint32Array.from(latents.particle, number => number - 1);
    const consensus = finest((await reconstruct(particles, all, direct, context.reporter)).map);
    const inState = all.filter(row => scene.truth[row].steps[0] === step);
    const point = Float32Array.of(inState.reduce((sum, row) => sum + latents.z[row], 0) / inState.length);
    let nearest = Number.POSITIVE_INFINITY;
    for (const share of NEAREST_SHARES) {
      const [{ rows }] = nearestParticles(latents, [point], Math.round(share * all.length));
      nearest = Math.min(nearest, finest((await reconstruct(particles, Uint32Array.from(rows).sort(), direct, context.reporter)).map));
    }
    const known = [unmovedPoses(all.length), truePoses(scene, step)];
    const oracle = finest((await reconstructBodies(particles, known, () => truth.shares, direct, context.reporter)).map);
    const { map, bodies } = await reconstructUndone(
      run,
      particles,
      all.map((_, entry) => entry),
      point,
      { contrast: project.settings.contrast, symmetry: 'C1', mostBodies: parameters.bodies.default, threads },
      context.reporter,
    );
    const figure = { oracle, chance: consensus, better: 'lower' as const };
    return {
      set: `${title}, seed ${seed}`,
      ...trained,
      settings: `${trained.settings}, ${bodies} bodies`,
      mostSeconds: null,
      figures: [
        { ...figure, measure: 'Å, domain of the map of all particles', value: consensus, threshold: null },
        { ...figure, measure: 'Å, domain of the map of the nearest particles', value: nearest, threshold: null },
        { ...figure, measure: 'Å, domain of the map with the motion undone', value: finest(map), threshold: Math.min(consensus, nearest) },
      ],
    };
  } finally {
    particles.close();
  }
}

/** The true map of a state, a mask round its domain, and the shares of body and domain. */
function trueState({ molecule, geometry }: Scene, step: number): { whole: DensityMap; mask: DensityMap; shares: Float32Array[] } {
  const state = { steps: [step], present: [] };
  const body = stateMap(molecule, state, geometry, { scale: 1 }, motion => motion < 0);
  const domain = stateMap(molecule, state, geometry, { scale: 1 }, motion => motion >= 0);
  const whole = { ...body, data: body.data.map((value, i) => value + domain.data[i]) };
  const highest = domain.data.reduce((a, b) => Math.max(a, b), 0);
  const share = domain.data.map((value, i) => (value > body.data[i] ? 1 : 0));
  return { whole, mask: softMask(domain, DOMAIN_LEVEL * highest), shares: [share.map(value => 1 - value), share] };
}

/** Where the domain of every particle truly stands, from where it is in state `step`. */
function truePoses({ molecule, truth }: Scene, step: number): BodyPoses {
  const [motion] = molecule.motions;
  const placeOf = (value: number) => {
    const shift = applyMove(motion.move(value), [0, 0, 0]);
    const columns = [0, 1, 2].map(k => applyMove(motion.move(value), [Number(k === 0), Number(k === 1), Number(k === 2)]));
    return { shift, rotation: Float64Array.from({ length: 9 }, (_, i) => columns[i % 3][Math.floor(i / 3)] - shift[Math.floor(i / 3)]) };
  };
  const home = placeOf(motion.values[step]);
  const poses = emptyPoses(truth.length);
  truth.forEach(({ steps }, i) => {
    const { shift, rotation } = placeOf(motion.values[steps[0]]);
    const turn = multiply(rotation, inverseRotation(home.rotation));
    poses.rotations.set(turn, 9 * i);
    for (let k = 0; k < 3; k++) {
      const carried = turn[3 * k] * home.shift[0] + turn[3 * k + 1] * home.shift[1] + turn[3 * k + 2] * home.shift[2];
      poses.shifts[3 * i + k] = shift[k] - carried;
    }
  });
  return poses;
}
