// The latents that a trained run gives to particles it was not trained on: their gradients at its neutral model, in the units it learned in, through its encoder; then placed as its own were.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../compute/backend.js';
import { InputError } from '../../formats/input-error.js';
import { computingRings } from '../../particles/computing-box.js';
import type { ParticleSet } from '../../particles/particle-set.js';
import { prepareImages } from '../../particles/prepare-images.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import type { RunFolder } from '../../project/run-folder.js';
import { type Base, Departure } from '../departure.js';
import { keptFoundation } from '../foundation.js';
import { Heterogeneity } from '../heterogeneity.js';
import { checkpointOf } from '../kept-checkpoint.js';
import { placedLatents } from '../latents/course.js';
import { computeParticleGradients } from '../particle-gradients.js';
import type { Reporter } from '../progress.js';
import { expansion, whatVaries } from '../project-run.js';
import { projectionGeometry } from '../projection-scale.js';
import { runEntries } from '../run-entries.js';
import { storedBatches } from '../stored-batches.js';

export interface UnseenParticles {
  particles: ParticleSet;
  /** Rows of the set, from 0. */
  rows: Uint32Array;
}

/**
 * Latents (entries × dims; the symmetric copies of a particle follow one another) of `unseen` in the latent space of `run`, a run of `project` that has
 * weights. A run that continues another sends its particles through that one first. Throws InputError on weights that do not know in which units
 * their encoder learned, Cancelled after an abort.
 */
export async function encodeUnseen(
  project: ProjectFolder,
  run: RunFolder,
  unseen: UnseenParticles,
  backend: Backend,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const scratch = join(run.path, 'scratch');
  mkdirSync(scratch, { recursive: true });
  try {
    return (await encode(project, run, unseen, backend, scratch, reporter, signal)).z;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function encode(
  project: ProjectFolder,
  run: RunFolder,
  unseen: UnseenParticles,
  backend: Backend,
  scratch: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<{ z: Float32Array; bases: Base[] }> {
  const { particles, rows } = unseen;
  const settings = run.settings();
  const { batch } = settings;
  const { tensors, metadata } = run.weights();
  if (metadata.gradientScales === undefined)
    throw new InputError(`${run.weightsPath} is of an earlier version, which did not keep the units of its encoder; train the run again`);
  const kept = keptFoundation(run);
  const bases: Base[] = [];
  if (kept.bases.length > 0) {
    // What the earlier runs add was known for the run's own particles only.
    const parent = await encode(project, project.existingRun(settings.continueFrom!), unseen, backend, scratch, reporter, signal);
    bases.push(...parent.bases);
    if (!settings.goesOn) bases.push({ ...kept.bases[kept.bases.length - 1], z: parent.z });
  }
  const entries = runEntries(particles.rotations, rows, expansion(project, settings));
  const varying = whatVaries(project, kept, settings);
  const rings = computingRings(particles.boxSize, particles.pixelSizeAngstrom, settings.resolutionAngstrom);
  const images = await prepareImages(particles, rows, rings, project.settings.contrast, join(scratch, 'unseen.rows'), reporter, signal);
  const source = storedBatches(backend, images, entries.rotations, batch, entries.copies);
  const departure = await Departure.create(backend, { neutral: kept.neutral, bases }, batch);
  const shares = JSON.parse(metadata.ringShares) as number[] | null;
  const geometry = {
    ...projectionGeometry(settings.gaussians, rings, kept.frame),
    ringShares: shares ? Float32Array.from(shares) : undefined,
  };
  const seen = varying.gaussians.every(weight => weight === 1) ? null : varying.gaussians;
  const { store } = await computeParticleGradients(
    backend,
    { geometry, departure, seen, source },
    batch,
    join(scratch, 'unseen-gradients.rows'),
    reporter,
    signal,
  );
  const input = { geometry, departure, vary: varying.parameters, source, start: null };
  const gradients = { store, scales: JSON.parse(metadata.gradientScales) as number[] };
  const model = new Heterogeneity(backend, { ...input, gradients }, settings, checkpointOf({ tensors, metadata }));
  try {
    const placed = await placedLatents(backend, model, input, settings, reporter, signal);
    return { z: placed?.z ?? (await model.encodeAll()), bases };
  } finally {
    model.free();
    departure.free();
    images.close();
    store.close();
  }
}
