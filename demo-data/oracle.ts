// The best that can be done with a simulated set: an oracle that knows every state's density gives each particle the state that correlates best.
//
// Run as a program: node dist/demo-data/oracle.js FOLDER [PARTICLES]

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InputError } from '../daemon/formats/input-error.js';
import { openStack } from '../daemon/formats/mrc.js';
import { applyCtf } from './ctf.js';
import { type Conformation, drawProjection } from './projection.js';
import { prepareScene, type Scene } from './scene.js';
import { planSimulation, type SimulationOptions } from './simulation-options.js';
import { poseOf } from './truth.js';

export interface OracleResult {
  kind: string;
  /** How many particles were looked at, evenly chosen. */
  particles: number;
  /** Spearman's rank correlation of the assigned with the true parameter. */
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

/** Every state a particle can be in: steps × presence of the parts. */
function allStates(scene: Scene): Conformation[] {
  const { motions, parts } = scene.molecule;
  if (motions.length !== 1) throw new InputError(`the oracle tries every state of one motion; this molecule has ${motions.length}`);
  return motions[0].values.flatMap((_, step) =>
    Array.from({ length: 2 ** parts.length }, (_, bits) => ({ steps: [step], present: parts.map((_, p) => ((bits >> p) & 1) === 1) })),
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

/** Looks at up to `limit` particles of the set that `options` made (its directory holds it). Throws InputError for several independent motions. */
export async function measureOracle(options: SimulationOptions, limit = 4000): Promise<OracleResult> {
  const scene = await prepareScene(planSimulation(options));
  const { geometry, molecule, truth } = scene;
  const pixels = geometry.boxSize ** 2;
  const states = allStates(scene);
  const stack = openStack(join(options.directory, 'particles.mrcs'));
  const count = Math.min(limit, truth.length);
  const assigned = new Float64Array(count);
  const wanted = new Float64Array(count);
  let cosines = 0;
  let told = 0;
  const observed = new Float32Array(pixels);
  const still = new Float64Array(pixels);
  const expected = new Float64Array(pixels);
  const values = molecule.motions[0].values;
  try {
    for (let k = 0; k < count; k++) {
      const i = Math.floor((k * truth.length) / count);
      const particle = truth[i];
      const pose = poseOf(particle);
      stack.readImage(i, observed);
      drawProjection(molecule, particle, pose, geometry, still.fill(0), (motion, part) => motion < 0 && part < 0);
      let best = { score: Number.NEGATIVE_INFINITY, state: states[0] };
      for (const state of states) {
        expected.set(still);
        drawProjection(molecule, state, pose, geometry, expected, (motion, part) => motion >= 0 || part >= 0);
        if (particle.ctf) applyCtf(expected, geometry.boxSize, geometry.pixelSizeAngstrom, particle.ctf);
        const score = correlation(expected, observed);
        if (score > best.score) best = { score, state };
      }
      assigned[k] = values[best.state.steps[0]];
      wanted[k] = values[particle.steps[0]];
      cosines += Math.cos(((assigned[k] - wanted[k]) * Math.PI) / 180);
      told += Number(best.state.present.every((there, p) => there === particle.present[p]));
    }
  } finally {
    stack.close();
  }
  return {
    kind: options.kind,
    particles: count,
    rankCorrelation: rankCorrelation(assigned, wanted),
    meanCosine: options.kind === 'cyclic' ? cosines / count : null,
    partAccuracy: molecule.parts.length > 0 ? told / count : null,
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [folder, limit] = process.argv.slice(2);
  const { options } = JSON.parse(readFileSync(join(folder, 'simulation.json'), 'utf8')) as { options: SimulationOptions };
  console.log(JSON.stringify(await measureOracle({ ...options, directory: folder }, limit ? Number(limit) : undefined)));
}
