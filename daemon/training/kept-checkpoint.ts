// Checkpoints on disk: what beside the tensors a sitting needs to go on to the bit, of a run, of the scout before its first epoch and of the placing after its last.

import { createHash } from 'node:crypto';
import type { Safetensors } from '../formats/safetensors.js';
import type { RunFolder, RunSettings } from '../project/run-folder.js';
import { trainingSettings } from '../settings/training.js';
import type { Checkpoint } from './heterogeneity.js';
import type { KeptPlacing } from './latents/placing.js';
import type { Candidates } from './latents/posteriors.js';
import type { KeptScout } from './latents/scout.js';

/** For the metadata of a weights file. A random number that was not drawn ahead is NaN, which JSON does not know. */
export function checkpointMetadata({ epoch, step, random }: Checkpoint): Record<'epoch' | 'step' | 'random', string> {
  return { epoch: String(epoch), step: String(step), random: JSON.stringify(random.map(value => (Number.isNaN(value) ? null : value))) };
}

/** The networks and the state of training that a weights file holds. */
export function checkpointOf({ tensors, metadata }: Safetensors): Checkpoint {
  const random = (JSON.parse(metadata.random) as (number | null)[]).map(value => value ?? Number.NaN);
  return { tensors, epoch: Number(metadata.epoch), step: Number(metadata.step), random };
}

/** Where the scout of a run is kept from epoch to epoch. One that was sent out with other settings, or from another neutral model (`neutral`: 5N logits), is as good as none. */
export function keptScout(run: RunFolder, settings: RunSettings, neutral: Float32Array): KeptScout {
  const { gaussians, particles, copies, resolutionAngstrom } = settings;
  const asked = JSON.stringify([trainingSettings(settings), gaussians, particles, copies, resolutionAngstrom]);
  const sentOutFor = createHash('sha256')
    .update(asked)
    .update(Buffer.from(neutral.buffer, neutral.byteOffset, neutral.byteLength))
    .digest('hex');
  return {
    read() {
      const kept = run.kept('scout');
      if (kept?.metadata.sentOutFor !== sentOutFor) return null;
      return {
        checkpoint: checkpointOf(kept),
        correlations: JSON.parse(kept.metadata.correlations) as number[],
        epochs: Number(kept.metadata.epochs),
      };
    },
    write({ checkpoint, correlations, epochs }) {
      const metadata = {
        ...checkpointMetadata(checkpoint),
        correlations: JSON.stringify(correlations),
        epochs: String(epochs),
        sentOutFor,
      };
      run.keep('scout', checkpoint.tensors, metadata);
    },
  };
}

/** Seconds of placing that are lost at most. */
const KEPT_EVERY_SECONDS = 20;

/** Where the placing of a run's particles is kept while it goes on. One among other candidates is as good as none. */
export function keptPlacing(run: RunFolder, everySeconds = KEPT_EVERY_SECONDS): KeptPlacing {
  let lastKept = performance.now();
  return {
    read(candidates) {
      const kept = run.kept('placing');
      if (kept?.metadata.among !== digestOf(candidates)) return null;
      const [z, frc, observability] = ['z', 'frc', 'observability'].map(name => kept.tensors.get(name)!.data);
      return {
        z,
        frc,
        observability,
        done: Number(kept.metadata.done),
        population: Float64Array.from(JSON.parse(kept.metadata.population)),
      };
    },
    write(candidates, { z, frc, observability, done, population }) {
      if (performance.now() - lastKept < everySeconds * 1000) return;
      lastKept = performance.now();
      const tensors = Object.entries({ z, frc, observability }).map(([name, data]) => [name, { shape: [data.length], data }] as const);
      run.keep('placing', tensors, { among: digestOf(candidates), done: String(done), population: JSON.stringify([...population]) });
    },
  };
}

/** Of the points and of what the decoder makes of them, and so of the decoder. */
function digestOf({ z, states, guesses }: Candidates): string {
  const hash = createHash('sha256');
  for (const part of [z, ...states.rows, ...(guesses ? [guesses] : [])])
    hash.update(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  return hash.digest('hex');
}
