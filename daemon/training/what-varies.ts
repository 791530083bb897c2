// What may differ between the entries of a run: which kinds of parameters, of which Gaussians (paper, Methods; method.md section 4.4).

import { InputError } from '../formats/input-error.js';
import { readMap, readMapHeader } from '../formats/mrc.js';
import { asymmetricUnit } from '../gaussians/asymmetric-unit.js';
import { logitsToRow, type ModelFrame, toWorld } from '../gaussians/model-frame.js';
import { regionMembership } from '../gaussians/region.js';
import type { ProjectFolder } from '../project/project-folder.js';
import type { VaryKind } from '../settings/settings.js';

const KINDS: readonly VaryKind[] = ['position', 'position', 'position', 'amplitude', 'width'];

/**
 * N weights in [0, 1]: how much each Gaussian of the neutral model (5N logits) belongs to what varies. With a focus mask its value there; without one every Gaussian, or
 * those of one asymmetric unit where `group` holds more than one rotation. Throws InputError on a mask that holds none.
 */
export function varyingGaussians(
  project: ProjectFolder,
  neutral: Float32Array,
  frame: ModelFrame,
  focus: string | null,
  group: readonly Float64Array[],
): Float32Array {
  const model = toWorld(logitsToRow(neutral), frame);
  if (focus === null) return group.length > 1 ? asymmetricUnit(model, group, frame.centreAngstrom) : new Float32Array(model.count).fill(1);
  const { boxSize, pixelSizeAngstrom } = project.settings;
  const path = project.resolve(focus);
  // On the particles' grid their pixel size wins over the header, as for the consensus map.
  const isOnGrid = readMapHeader(path).size.every(side => side === boxSize);
  const membership = regionMembership(model, readMap(path, isOnGrid ? { pixelSizeAngstrom } : {})).map(value =>
    Math.min(Math.max(value, 0), 1),
  );
  if (!membership.some(value => value >= 0.5))
    throw new InputError(
      `--focus ${focus}: none of the ${model.count} Gaussians lies inside; give a mask in the frame of the consensus map`,
    );
  return membership;
}

/** 5N weights: those of the Gaussians for the kinds that vary, 0 for the others. */
export function varyWeights(gaussians: Float32Array, vary: readonly VaryKind[]): Float32Array {
  const n = gaussians.length;
  return Float32Array.from({ length: 5 * n }, (_, i) => (vary.includes(KINDS[Math.floor(i / n)]) ? gaussians[i % n] : 0));
}
