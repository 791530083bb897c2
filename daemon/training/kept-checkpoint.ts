// Checkpoints on disk: what beside the tensors a sitting needs to go on to the bit, of a run and of the scout before its first epoch.

import { createHash } from 'node:crypto';
import type { Safetensors } from '../formats/safetensors.js';
import type { RunFolder, RunSettings } from '../project/run-folder.js';
import { trainingSettings } from '../settings/training.js';
import type { Checkpoint } from './heterogeneity.js';
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
      const kept = run.scout();
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
      run.writeScout(checkpoint.tensors, metadata);
    },
  };
}
