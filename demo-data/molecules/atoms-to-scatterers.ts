// Turns atoms into Gaussians: one an atom, or one a residue where the pixels are too coarse to tell its atoms apart.

import { elementMass, type ModelAtom } from '../models/atomic-model.js';
import type { Vector } from '../quaternion.js';
import type { Scatterer } from '../scatterers.js';

/** Pixels of this size or coarser cannot tell the atoms of a residue (about 1.5 Å about its centre) apart. */
const RESIDUE_GRAIN_PIXEL_ANGSTROM = 2.5;

/** σ of an atom in pixels: 9 % of the amplitude is left at Nyquist, so that sampling at pixel centres hardly aliases. */
const ATOM_SIGMA_PIXELS = 0.75;

/**
 * Gaussians about `centre`, an atom's σ being `atomSigmaAngstrom` or 0.75 pixels. A residue's Gaussian sits at its centre of mass and is wider by the spread of its atoms, so that the second moment of
 * the density is kept. `tag` says how an atom moves; the atoms of a residue that differ in it stay apart.
 */
export function atomsToScatterers(
  atoms: readonly ModelAtom[],
  centre: Vector,
  pixelSizeAngstrom: number,
  tag: (atom: ModelAtom) => { motion: number; part: number },
  atomSigmaAngstrom = ATOM_SIGMA_PIXELS * pixelSizeAngstrom,
): Scatterer[] {
  const groups = new Map<string, { atoms: ModelAtom[]; motion: number; part: number }>();
  atoms.forEach((atom, i) => {
    const { motion, part } = tag(atom);
    const key =
      pixelSizeAngstrom < RESIDUE_GRAIN_PIXEL_ANGSTROM
        ? `${i}`
        : [atom.chain, atom.residueNumber, atom.insertionCode, atom.residueName, motion, part].join(' ');
    const group = groups.get(key);
    if (group) group.atoms.push(atom);
    else groups.set(key, { atoms: [atom], motion, part });
  });
  return Array.from(groups.values(), group => {
    let weight = 0;
    const sum = [0, 0, 0];
    let square = 0;
    for (const atom of group.atoms) {
      const mass = elementMass(atom.element);
      const place = [atom.x - centre[0], atom.y - centre[1], atom.z - centre[2]];
      weight += mass;
      for (let axis = 0; axis < 3; axis++) {
        sum[axis] += mass * place[axis];
        square += mass * place[axis] ** 2;
      }
    }
    const position: Vector = [sum[0] / weight, sum[1] / weight, sum[2] / weight];
    const spread = Math.max(0, square / weight - position[0] ** 2 - position[1] ** 2 - position[2] ** 2) / 3;
    return { position, weight, sigmaAngstrom: Math.sqrt(atomSigmaAngstrom ** 2 + spread), motion: group.motion, part: group.part };
  });
}
