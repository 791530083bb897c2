// Makes a data set with known truth: particle images, star file, consensus map, atomic model and truth table in one folder.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createStackWriter, writeMap } from '../daemon/formats/mrc.js';
import { Cancelled, type Reporter } from '../daemon/training/progress.js';
import { consensusMap, worldCentre } from './consensus.js';
import { motionMask } from './motion-mask.js';
import { cleanImage, momentsOf, noiseStream, prepareScene, type Scene } from './scene.js';
import { planSimulation, type SimulationKind, type SimulationOptions } from './simulation-options.js';
import { formatStar, formatTruth } from './tables.js';

export type { SimulationKind, SimulationOptions } from './simulation-options.js';
export { SIMULATION_KINDS } from './simulation-options.js';

/** What was written, as paths that begin with the options' directory. */
export interface SimulatedData {
  kind: SimulationKind;
  particles: string;
  stack: string;
  map: string;
  /** null for the kinds without atoms. */
  model: string | null;
  /** A focus mask a motion, by the motion's name. */
  masks: Record<string, string>;
  truth: string;
  count: number;
  boxSize: number;
  pixelSizeAngstrom: number;
  /** C1 unless asked otherwise. */
  symmetry: string;
}

/** The variance of the signal is taken over at most this many particles, evenly chosen: its standard error is then below one per cent. */
const VARIANCE_SAMPLE = 512;
/** Particles between two looks at the abort signal. */
const SLICE = 32;

/** Gives others the processor; throws Cancelled after an abort. */
async function breathe(signal: AbortSignal | undefined): Promise<void> {
  await new Promise(resolve => setImmediate(resolve));
  if (signal?.aborted) throw new Cancelled('the simulation was stopped');
}

/** The factor that makes the variance of the noise-free images 1 on average. */
async function signalScale(scene: Scene, signal: AbortSignal | undefined): Promise<number> {
  const image = new Float64Array(scene.geometry.boxSize ** 2);
  const count = Math.min(VARIANCE_SAMPLE, scene.truth.length);
  let variance = 0;
  for (let k = 0; k < count; k++) {
    if (k % SLICE === 0) await breathe(signal);
    cleanImage(scene, Math.floor((k * scene.truth.length) / count), image);
    variance += momentsOf(image).variance / count;
  }
  return 1 / Math.sqrt(variance);
}

/**
 * Writes particles.mrcs, consensus.mrc, mask_NAME.mrc (where the motion NAME takes place), model.cif or model.pdb, truth.tsv, simulation.json (the options), and last particles.star, so that a star file is the sign of a complete set.
 * Images are scaled to a mean signal variance of 1 and have white noise of variance `noise` on top. Throws InputError on options that make no
 * data, Cancelled after an abort.
 */
export async function simulate(options: SimulationOptions, reporter: Reporter, signal?: AbortSignal): Promise<SimulatedData> {
  const plan = planSimulation(options);
  const scene = await prepareScene(plan, signal);
  const { geometry, molecule, truth } = scene;
  mkdirSync(plan.directory, { recursive: true });
  const path = (name: string) => join(plan.directory, name);
  rmSync(path('particles.star'), { force: true });
  const scale = await signalScale(scene, signal);
  await writeImages(scene, scale, path('particles.mrcs'), reporter, signal);
  writeMap(path('consensus.mrc'), consensusMap(molecule, geometry, { scale, supersampling: plan.supersampling }, plan.copies));
  const masks = Object.fromEntries(molecule.motions.map(({ name }) => [name, path(`mask_${name}.mrc`)]));
  molecule.motions.forEach(({ name }, m) => {
    writeMap(masks[name], motionMask(molecule, m, geometry));
  });
  const model = molecule.modelText ? path(scene.modelFile?.format === 'pdb' ? 'model.pdb' : 'model.cif') : null;
  if (model) writeFileSync(model, molecule.modelText!(worldCentre(molecule, geometry)));
  writeFileSync(path('truth.tsv'), formatTruth(truth, molecule, geometry));
  const { directory: _, ...made } = options;
  writeFileSync(path('simulation.json'), `${JSON.stringify({ format: 'limber-simulation', version: 1, options: made }, null, 2)}\n`);
  writeFileSync(path('particles.star'), formatStar(truth, 'particles.mrcs', geometry, plan.copies));
  return {
    kind: plan.kind,
    particles: path('particles.star'),
    stack: path('particles.mrcs'),
    map: path('consensus.mrc'),
    model,
    masks,
    truth: path('truth.tsv'),
    count: truth.length,
    ...geometry,
    symmetry: `C${plan.copies}`,
  };
}

async function writeImages(scene: Scene, scale: number, path: string, reporter: Reporter, signal: AbortSignal | undefined): Promise<void> {
  const { boxSize, pixelSizeAngstrom } = scene.geometry;
  const total = scene.truth.length;
  const noise = noiseStream(scene.plan);
  const deviation = Math.sqrt(scene.plan.noise);
  const clean = new Float64Array(boxSize * boxSize);
  const image = new Float32Array(boxSize * boxSize);
  const writer = createStackWriter(path, boxSize, boxSize, pixelSizeAngstrom);
  try {
    for (let i = 0; i < total; i++) {
      if (i % SLICE === 0) {
        reporter.progress('simulating particles', i, total);
        await breathe(signal);
      }
      cleanImage(scene, i, clean);
      for (let p = 0; p < image.length; p++) image[p] = scale * clean[p] + deviation * noise.normal();
      writer.write(image);
    }
  } finally {
    writer.close();
  }
  reporter.progress('simulating particles', total, total);
}
