// A region of a run's molecule, by a mask or by residues of the fitted model: which Gaussians belong to it, and whose motion is measured as its own.
import type { DensityMap } from '../../formats/density-map.js';
import { InputError } from '../../formats/input-error.js';
import { readMap, readMapHeader } from '../../formats/mrc.js';
import type { GaussianSet } from '../../gaussians/gaussian-set.js';
import { atomShares, regionMembership } from '../../gaussians/region.js';
import { AtomMotion } from '../../models/atom-motion.js';
import type { AtomicModel } from '../../models/read-model.js';
import { atomsInRanges, parseResidueRanges } from '../../models/residue-ranges.js';

/** Of the field that atoms read their motion from: ten times less than where every atom has to look well, as it takes its share off every turn (1.3 % of an arm's turn at 0.01, 0.2 % here). */
const RIDGE = 1e-3;

export interface Region {
  /** As people named it: the mask's file or the residues. */
  name: string;
  /** N, in [0, 1]: how far each Gaussian belongs to it. */
  membership: Float32Array;
  /** n: how much each of its places counts; not all zero. */
  weights: Float32Array;
  /** 3n, Å: where the places whose motion is the region's are when the Gaussians are in `state`. Gaussians of a mask; of residues their atoms, which follow the Gaussians. */
  placesIn: (state: GaussianSet) => Float32Array;
}

/** Throws InputError where the file holds no mask. Without a plausible voxel size of its own it has the particles'. */
export function readRegionMask(file: string, pixelSizeAngstrom: number, note: (line: string) => void): DensityMap {
  const mask = readMap(file, readMapHeader(file).voxelSizeIsSuspect ? { pixelSizeAngstrom } : {});
  mask.notes.forEach(note);
  const [low, high] = mask.data.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [0, 0]);
  // Programs that soften an edge by filtering overshoot a little.
  if (low < -0.05 || high > 1.05 || high < 0.5)
    throw new InputError(
      `${file}: its values reach from ${low.toPrecision(3)} to ${high.toPrecision(3)}; a mask is 1 in the region, 0 outside`,
    );
  mask.data.forEach((value, i) => {
    mask.data[i] = Math.min(1, Math.max(0, value));
  });
  return mask;
}

/** `neutral`: the run's molecule at z = 0. Throws InputError where the mask holds none or all of its Gaussians. */
export function regionOfMask(name: string, mask: DensityMap, neutral: GaussianSet): Region {
  const membership = regionMembership(neutral, mask);
  const cure = 'give one of a part of the molecule, in the frame of the map';
  refuseNoneOrAll(membership, inside => `${name}: ${inside} of the model's ${neutral.count} Gaussians lie in this mask; ${cure}`);
  const weights = membership.map((share, i) => share * neutral.amplitudes[i]);
  return { name, membership, weights, placesIn: state => state.positions };
}

/**
 * `residues` as A:331-527, several with commas. A Gaussian belongs to them as far as the atoms about it do; the motion is that of the atoms, all alike, so that it is defined for pieces smaller than a
 * few Gaussians. `neutral`: the run's molecule at z = 0. Throws InputError where the model has no such atoms, or none or all of the Gaussians stand for them.
 */
export function regionOfResidues(
  residues: string,
  model: AtomicModel,
  { neutral, decoder: { movable } }: { neutral: GaussianSet; decoder: { movable: ArrayLike<number> } },
  flag = '--residues',
): Region {
  const chosen = atomsInRanges(model, parseResidueRanges(residues, flag));
  const rows = [...chosen.keys()].filter(i => chosen[i]);
  if (rows.length < 3) {
    const chains = [...new Set(model.authChains)].join(', ');
    throw new InputError(
      `${flag} ${residues}: ${rows.length === 0 ? 'no atom' : `${rows.length} atoms`} of ${model.file}; its chains are ${chains}, and a turn needs three atoms`,
    );
  }
  const membership = atomShares(neutral, model.positions, chosen);
  const cure = 'give residues of a part of the molecule that the map shows, in a model fitted into it';
  refuseNoneOrAll(
    membership,
    inside => `${flag} ${residues}: ${inside} of the model's ${neutral.count} Gaussians stand for these atoms; ${cure}`,
  );
  const places = Float32Array.from(rows.flatMap(i => [...model.positions.subarray(3 * i, 3 * i + 3)]));
  const motion = new AtomMotion(places, neutral, { ridge: RIDGE, movable });
  return { name: residues, membership, weights: new Float32Array(rows.length).fill(1), placesIn: state => motion.move(state) };
}

function refuseNoneOrAll(membership: Float32Array, message: (inside: string) => string): void {
  const inside = membership.reduce((sum, share) => sum + share, 0);
  if (inside < 1 || inside > membership.length - 1) throw new InputError(message(inside.toFixed(1)));
}
