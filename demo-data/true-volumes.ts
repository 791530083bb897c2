// The true density of every state of a simulated set, one map a state: what a decoded volume is measured against.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeMap } from '../daemon/formats/mrc.js';
import { Cancelled, type Reporter } from '../daemon/training/progress.js';
import { type MapDrawing, stateMap } from './consensus.js';
import { prepareScene } from './scene.js';
import { planSimulation, type SimulationOptions } from './simulation-options.js';

/**
 * Writes FOLDER/state_000.mrc, … : the states of the set that `options` makes, in the order of the column `state` of its truth table, in the frame of its
 * consensus map, band-limited to the pixels of its images, in mass units (the images' grey scale is another). Only for one motion without optional parts.
 * Returns the number of states. Throws Cancelled after an abort.
 */
export async function writeTrueVolumes(
  options: SimulationOptions,
  folder: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<number> {
  const { molecule, geometry, plan } = await prepareScene(planSimulation(options), signal);
  if (molecule.motions.length !== 1 || molecule.parts.length > 0)
    throw new Error('true volumes are numbered by the states of one motion; this molecule has others');
  const drawing: MapDrawing = { scale: 1, supersampling: plan.supersampling };
  const count = molecule.motions[0].values.length;
  // What does not move is drawn once.
  const still = stateMap(molecule, { steps: [0], present: [] }, geometry, drawing, motion => motion < 0);
  mkdirSync(folder, { recursive: true });
  for (let step = 0; step < count; step++) {
    reporter.progress('drawing true volumes', step, count);
    await new Promise(resolve => setImmediate(resolve));
    if (signal?.aborted) throw new Cancelled('stopped while drawing true volumes');
    const map = stateMap(molecule, { steps: [step], present: [] }, geometry, drawing, motion => motion >= 0);
    for (let i = 0; i < map.data.length; i++) map.data[i] += still.data[i];
    writeMap(join(folder, `state_${String(step).padStart(3, '0')}.mrc`), map);
  }
  reporter.progress('drawing true volumes', count, count);
  return count;
}
