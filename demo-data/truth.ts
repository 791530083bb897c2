// Draws, for every particle, its state, orientation, shift and defocus; the noise has a stream of its own, so that a change of noise changes nothing else.

import type { Random } from '../daemon/numerics/random.js';
import type { MicroscopeSettings } from './ctf.js';
import type { Conformation, Pose } from './projection.js';
import { viewFromEuler } from './quaternion.js';
import type { Composition, MovingMolecule } from './scatterers.js';

export interface ParticleTruth extends Conformation {
  /** RELION's angles of the molecule itself, degrees. */
  rot: number;
  tilt: number;
  psi: number;
  originXPixels: number;
  originYPixels: number;
  /** Index of its composition; null where parts come independently. */
  composition: number | null;
  /** Which symmetry copy the star file's rot speaks of: its rot is this one's plus copy · 360/n. */
  copy: number;
  ctf: MicroscopeSettings | null;
  halfSet: 1 | 2;
}

/** Four decimals, as the star file says, so that file and images agree exactly. */
const rounded = (value: number) => Math.round(value * 1e4) / 1e4;

/** As many of each as goes, in random order. */
function balanced(count: number, choices: number, random: Random): Uint16Array {
  return random.shuffle(Uint16Array.from({ length: count }, (_, i) => i % choices));
}

/** Presence of every part in every particle, [part][particle]. */
type Presence = ArrayLike<number>[];

/** Each part in its own share of the particles, whatever else is there. */
function independentParts(molecule: MovingMolecule, count: number, random: Random): Presence {
  return molecule.parts.map(part => {
    const ranks = random.shuffle(Uint32Array.from({ length: count }, (_, i) => i));
    return Uint8Array.from(ranks, rank => (rank < Math.round(count * part.occupancy) ? 1 : 0));
  });
}

/** Index of each particle's composition, every one in its share of the particles. */
function drawCompositions(compositions: readonly Composition[], count: number, random: Random): Uint16Array {
  const ends: number[] = [];
  for (const { share } of compositions) ends.push((ends.at(-1) ?? 0) + share * count);
  const ranks = Uint16Array.from({ length: count }, (_, rank) => {
    const state = ends.findIndex(end => rank + 0.5 < end);
    return state < 0 ? compositions.length - 1 : state;
  });
  return random.shuffle(ranks);
}

/** Orientations are uniform over all turns; steps and the two half-sets are equally many, compositions as their shares say. */
export function drawTruth(
  molecule: MovingMolecule,
  count: number,
  settings: { ctf: boolean; shiftPixels: number; copies: number },
  random: Random,
): ParticleTruth[] {
  const steps = molecule.motions.map(motion => balanced(count, motion.values.length, random));
  const { compositions } = molecule;
  const drawn = compositions ? drawCompositions(compositions, count, random) : null;
  const present: Presence = drawn
    ? molecule.parts.map((_, p) => Uint8Array.from(drawn, state => Number(compositions![state].present[p])))
    : independentParts(molecule, count, random);
  const halves = balanced(count, 2, random);
  return Array.from({ length: count }, (_, i) => ({
    steps: steps.map(list => list[i]),
    present: present.map(list => list[i] === 1),
    composition: drawn ? drawn[i] : null,
    rot: rounded(360 * random.uniform() - 180),
    tilt: rounded((Math.acos(1 - 2 * random.uniform()) * 180) / Math.PI),
    psi: rounded(360 * random.uniform() - 180),
    originXPixels: rounded(settings.shiftPixels * (2 * random.uniform() - 1)),
    originYPixels: rounded(settings.shiftPixels * (2 * random.uniform() - 1)),
    copy: settings.copies > 1 ? random.integer(settings.copies) : 0,
    ctf: settings.ctf ? drawMicroscope(random) : null,
    halfSet: halves[i] === 0 ? 1 : 2,
  }));
}

/** Defocus 1 to 2.5 µm with up to 300 Å of astigmatism either way. */
function drawMicroscope(random: Random): MicroscopeSettings {
  const mean = 10000 + 15000 * random.uniform();
  const half = 150 * random.uniform();
  return {
    defocusUAngstrom: rounded(mean + half),
    defocusVAngstrom: rounded(mean - half),
    defocusAngleDegrees: rounded(180 * random.uniform()),
  };
}

export function poseOf(truth: ParticleTruth): Pose {
  return { view: viewFromEuler(truth.rot, truth.tilt, truth.psi), originXPixels: truth.originXPixels, originYPixels: truth.originYPixels };
}
