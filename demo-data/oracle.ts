// The best that can be done with a simulated set: an oracle that knows every state's density gives each particle the state that correlates best.
//
// Of several independent motions it takes each in turn, the others being where they truly are: of one copy's motion nobody can know more.
//
// Run as a program: node dist/demo-data/oracle.js FOLDER [PARTICLES]

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openStack } from '../daemon/formats/mrc.js';
import { applyCtf } from './ctf.js';
import { type Conformation, drawProjection } from './projection.js';
import { isCarrierPresent, type MovingMolecule } from './scatterers.js';
import { prepareScene, type Scene } from './scene.js';
import { planSimulation, type SimulationOptions } from './simulation-options.js';
import { type ParticleTruth, poseOf } from './truth.js';

export interface OracleResult {
  kind: string;
  /** How many particles were looked at, evenly chosen. */
  particles: number;
  /** Spearman's rank correlation of the assigned with the true parameter, over all motions and all particles that have what moves. */
  rankCorrelation: number;
  /** Mean cosine of the difference of the assigned and true parameter, taken as degrees; only for a full turn. */
  meanCosine: number | null;
  /** Share of particles whose optional parts were all told right; null where there are none. */
  partAccuracy: number | null;
}

/** Spearman's rank correlation; ties share their mean rank. */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ranksA, ranksB] = [ranks(a), ranks(b)];
  const mean = (a.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (ranksA[i] - mean) * (ranksB[i] - mean);
    aa += (ranksA[i] - mean) ** 2;
    bb += (ranksB[i] - mean) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

function ranks(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i] - values[j]);
  const result = new Float64Array(values.length);
  for (let first = 0; first < order.length; ) {
    let end = first + 1;
    while (end < order.length && values[order[end]] === values[order[first]]) end++;
    for (let k = first; k < end; k++) result[order[k]] = (first + 1 + end) / 2;
    first = end;
  }
  return result;
}

/** What the oracle says, beside the truth. */
export interface OracleLook {
  scene: Scene;
  /** Row of each particle that was looked at, from 0. */
  particles: Uint32Array;
  /** The state of each of them that correlates best. */
  assigned: Conformation[];
}

/** Every combination of parts that a particle can have. */
function allPresences({ parts, compositions }: MovingMolecule): boolean[][] {
  if (compositions) return compositions.map(({ present }) => present);
  return Array.from({ length: 2 ** parts.length }, (_, bits) => parts.map((_, p) => ((bits >> p) & 1) === 1));
}

/** Every state of one motion and of the parts, the other motions as `steps` says. Of a motion that carries nothing there is one step only. */
function statesOf(molecule: MovingMolecule, motion: number, presences: readonly boolean[][], steps: readonly number[]): Conformation[] {
  return molecule.motions[motion].values.flatMap((_, step) =>
    presences
      .filter(present => step === 0 || isCarrierPresent(molecule, motion, present))
      .map(present => ({ steps: steps.map((other, m) => (m === motion ? step : other)), present })),
  );
}

/** Pearson correlation over all pixels. */
function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [sumA, sumB, ab, aa, bb] = [0, 0, 0, 0, 0];
  for (let p = 0; p < a.length; p++) {
    sumA += a[p];
    sumB += b[p];
    ab += a[p] * b[p];
    aa += a[p] * a[p];
    bb += b[p] * b[p];
  }
  const n = a.length;
  return (ab - (sumA * sumB) / n) / Math.sqrt((aa - (sumA * sumA) / n) * (bb - (sumB * sumB) / n));
}

/** Gives up to `limit` particles of the set that `options` made (its directory holds it), evenly chosen, the state that correlates best. */
export async function assignStates(options: SimulationOptions, limit = 4000): Promise<OracleLook> {
  const scene = await prepareScene(planSimulation(options));
  const { geometry, molecule, truth } = scene;
  const presences = allPresences(molecule);
  const stack = openStack(join(options.directory, 'particles.mrcs'));
  const count = Math.min(limit, truth.length);
  const particles = Uint32Array.from({ length: count }, (_, k) => Math.floor((k * truth.length) / count));
  const observed = new Float32Array(geometry.boxSize ** 2);
  const still = new Float64Array(observed.length);
  const expected = new Float64Array(observed.length);
  const bestOf = (particle: ParticleTruth, motion: number): Conformation => {
    const pose = poseOf(particle);
    drawProjection(molecule, particle, pose, geometry, still.fill(0), (m, part) => m !== motion && part < 0);
    let best: { score: number; state: Conformation } = { score: Number.NEGATIVE_INFINITY, state: particle };
    for (const state of statesOf(molecule, motion, presences, particle.steps)) {
      expected.set(still);
      drawProjection(molecule, state, pose, geometry, expected, (m, part) => m === motion || part >= 0);
      if (particle.ctf) applyCtf(expected, geometry.boxSize, geometry.pixelSizeAngstrom, particle.ctf);
      const score = correlation(expected, observed);
      if (score > best.score) best = { score, state };
    }
    return best.state;
  };
  try {
    const assigned = Array.from(particles, i => {
      stack.readImage(i, observed);
      const found = molecule.motions.map((_, motion) => bestOf(truth[i], motion));
      return { steps: found.map((state, m) => state.steps[m]), present: found[0].present };
    });
    return { scene, particles, assigned };
  } finally {
    stack.close();
  }
}

/** How right `assignStates` is. */
export async function measureOracle(options: SimulationOptions, limit?: number): Promise<OracleResult> {
  const { scene, particles, assigned } = await assignStates(options, limit);
  const { molecule, truth } = scene;
  const found: number[] = [];
  const wanted: number[] = [];
  let told = 0;
  assigned.forEach((state, k) => {
    const particle = truth[particles[k]];
    molecule.motions.forEach(({ values }, m) => {
      if (!isCarrierPresent(molecule, m, particle.present)) return;
      found.push(values[state.steps[m]]);
      wanted.push(values[particle.steps[m]]);
    });
    told += Number(state.present.every((there, p) => there === particle.present[p]));
  });
  const cosines = found.reduce((sum, value, k) => sum + Math.cos(((value - wanted[k]) * Math.PI) / 180), 0);
  return {
    kind: options.kind,
    particles: particles.length,
    rankCorrelation: rankCorrelation(found, wanted),
    meanCosine: options.kind === 'cyclic' ? cosines / found.length : null,
    partAccuracy: molecule.parts.length > 0 ? told / particles.length : null,
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, limit] = process.argv.slice(2);
  const { options } = JSON.parse(readFileSync(join(folder, 'simulation.json'), 'utf8')) as { options: SimulationOptions };
  console.log(JSON.stringify(await measureOracle({ ...options, directory: folder }, limit ? Number(limit) : undefined)));
}
