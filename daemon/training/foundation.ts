// What a run is built on: the project's neutral model, its own checkpoint, or another run that it continues (method.md section 4.4).

import { InputError } from '../formats/input-error.js';
import type { LatentsTable } from '../formats/latents-table.js';
import type { NamedTensor } from '../formats/safetensors.js';
import type { ModelFrame } from '../gaussians/model-frame.js';
import { decoderWeights } from '../networks/latent-decoder.js';
import type { RunFolder } from '../project/run-folder.js';
import type { TrainingSettings } from '../settings/training.js';
import { type Base, readBases } from './departure.js';
import type { ProjectNeutral } from './neutral/project-neutral.js';
import { entryNames, type RunEntries } from './run-entries.js';

export interface Foundation {
  frame: ModelFrame;
  /** 5N logits. */
  neutral: Float32Array;
  /** What earlier runs add for each entry; none for a run that stands on the neutral model alone. */
  bases: Base[];
  /** Networks to begin from; null for new ones. */
  networks: ReadonlyMap<string, NamedTensor> | null;
  resolutionAngstrom: number;
}

/** A new run on the project's neutral model. */
export function neutralFoundation({ frame, logits, report }: ProjectNeutral): Foundation {
  return { frame, neutral: logits, bases: [], networks: null, resolutionAngstrom: report.resolutionAngstrom };
}

/** The run as its weights left it: they hold all that it stands on, whatever became of the neutral model or of an earlier run. */
export function keptFoundation(run: RunFolder): Foundation {
  const { tensors, metadata } = run.weights();
  const kept = readBases(tensors);
  const neutral = kept?.neutral ?? tensors.get('neutral.logits')?.data;
  if (!neutral) throw new InputError(`${run.weightsPath} holds no neutral model; restore it from a copy or delete the run's folder`);
  return {
    frame: JSON.parse(metadata.frame) as ModelFrame,
    neutral,
    bases: kept?.bases ?? [],
    networks: tensors,
    resolutionAngstrom: run.settings().resolutionAngstrom,
  };
}

/**
 * A new run that continues `parent`, of which `kept` is the foundation. Where its networks are of the same shape, and at least what varied there may vary (`vary`: 5N weights), the networks go on
 * learning. Otherwise what the earlier run found stays: every entry departs from its own model there, and the new latent space tells what that leaves over.
 * Throws InputError where the parent does not know an entry.
 */
export function continuedFoundation(
  parent: RunFolder,
  kept: Foundation,
  entries: RunEntries,
  options: Pick<TrainingSettings, 'latentDims' | 'batchNormalisation'>,
  vary: Float32Array,
): Foundation {
  const latents = parent.latents();
  const rows = rowsOf(parent, latents, entries);
  const pick = (z: Float32Array, dims: number) => {
    const picked = new Float32Array(rows.length * dims);
    rows.forEach((row, i) => {
      picked.set(z.subarray(row * dims, (row + 1) * dims), i * dims);
    });
    return picked;
  };
  const bases = kept.bases.map(base => ({ ...base, z: pick(base.z, base.dims) }));
  const weights = decoderWeights(kept.networks as ReadonlyMap<string, NamedTensor>);
  const isSameShape = latents.dims === options.latentDims && parent.settings().batchNormalisation === options.batchNormalisation;
  const goesOn = isSameShape && weights.vary.every((before, i) => vary[i] >= before);
  return goesOn
    ? { ...kept, bases }
    : { ...kept, bases: [...bases, { weights, dims: latents.dims, z: pick(latents.z, latents.dims) }], networks: null };
}

/** Row of the parent's latents for each entry. */
function rowsOf(parent: RunFolder, latents: LatentsTable, entries: RunEntries): Uint32Array {
  const key = (particle: number, copy: number) => particle * 256 + copy;
  const rowOf = new Map(Array.from(latents.particle, (particle, row) => [key(particle, latents.copy?.[row] ?? 0), row]));
  const { particle, copy } = entryNames(entries);
  if ((latents.copy === undefined) !== (copy === undefined))
    throw new InputError(
      `--continue ${parent.name}: that run and this one differ in their symmetry expansion; give the same --symmetry-expansion`,
    );
  return particle.map((number, i) => {
    const row = rowOf.get(key(number, copy?.[i] ?? 0));
    if (row === undefined)
      throw new InputError(`--continue ${parent.name}: that run has not seen particle ${number}; give a --subset of its particles`);
    return row;
  });
}
