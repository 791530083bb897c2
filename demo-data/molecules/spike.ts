// The demo's own molecule: a C3 spike of ideal helices, made up and resembling a viral fusion protein, whose head tilts and may carry a ligand.
//
// From below: a coiled coil of three long helices, three bundles packed round it, three outer domains, and three heads on top. The axis is z.

import type { AtomicModel, ModelAtom } from '../models/atomic-model.js';
import { formatMmcif } from '../models/write-mmcif.js';
import { aboutAxis, rotate, type Vector } from '../quaternion.js';
import { type Motion, type MovingMolecule, packScatterers } from '../scatterers.js';
import { atomsToScatterers } from './atoms-to-scatterers.js';
import { helixAlong, helixBetween, joinHelices, perpendicular, type Residue } from './polypeptide.js';

export const SPIKE_CHAINS = ['A', 'B', 'C'] as const;
export const LIGAND_CHAIN = 'L';
/** Tilt of a head in whole degrees from −11 to 11, as in the paper's third case. */
const TILT_DEGREES = Array.from({ length: 23 }, (_, i) => i - 11);
/** Height of the rotation centre above the foot. */
const MIDDLE_ANGSTROM = 86;
const HINGE: Vector = [21, 0, 113];

const DEGREE = Math.PI / 180;

/** Cylinder coordinates: radius Å, degrees, height above the foot Å. */
function at(radius: number, degrees: number, height: number): [number, number, number] {
  return [radius * Math.cos(degrees * DEGREE), radius * Math.sin(degrees * DEGREE), height];
}

/** Helices side by side round the line from `bottom` to `top`, alternately up and down, and a last one in the middle when `core`. */
function bundle(
  bottom: Vector,
  top: Vector,
  count: number,
  radius: number,
  startDegrees: number,
  firstUp: boolean,
  core = false,
): Residue[][] {
  const along: Vector = [top[0] - bottom[0], top[1] - bottom[1], top[2] - bottom[2]];
  const side = perpendicular(along);
  const places: Vector[] = Array.from({ length: count }, (_, k) =>
    rotate(aboutAxis(along, startDegrees + (360 * k) / count), [side[0] * radius, side[1] * radius, side[2] * radius]),
  );
  if (core) places.push([0, 0, 0]);
  return places.map((offset, k) => {
    const ends: Vector[] = [bottom, top].map(end => [end[0] + offset[0], end[1] + offset[1], end[2] + offset[2]]);
    const up = firstUp === (k % 2 === 0);
    // The hydrophobic side would face inward; each helix starts turned by its own place.
    return helixBetween(up ? ends[0] : ends[1], up ? ends[1] : ends[0], 40 * k);
  });
}

/** One protomer about the axis, foot at height 0; the helices of the head are the last. */
function protomerHelices(): { helices: Residue[][]; headFrom: number } {
  const coil = { radius: 6.2, pitch: 150, height: 100, topDegrees: 0 };
  // A left-handed coil, as coiled coils of right-handed helices are.
  const climb = coil.pitch / Math.hypot(coil.pitch, 2 * Math.PI * coil.radius);
  const stalk = helixAlong(s => at(coil.radius, coil.topDegrees + (360 * (coil.height - s * climb)) / coil.pitch, s * climb), 66);
  const around = [
    helixBetween(at(16.5, -22, 96), at(17, -40, 52)),
    helixBetween(at(17, -4, 48), at(17.5, 18, 92), 60),
    helixBetween(at(27, 2, 94), at(26, -24, 56), 120),
    helixBetween(at(27.5, 14, 54), at(29, 32, 85), 180),
  ];
  const outer = bundle(at(46, 38, 95), at(53, 38, 127), 5, 8.6, 150, true);
  const head = bundle(at(21, 0, 113), at(27, 0, 152), 6, 10, 0, true, true);
  const before = [stalk, ...around, ...outer];
  return { helices: [...before, ...head], headFrom: before.length };
}

/** The whole model in a frame whose origin is the rotation centre: chains A, B, C, and the ligand L on A's head. */
function spikeModel(): { model: AtomicModel; headFirst: number } {
  const { helices, headFrom } = protomerHelices();
  const protomer = joinHelices(helices);
  const ligand = joinHelices(bundle(at(30, 0, 162), at(34, 0, 176), 4, 7.2, 0, true));
  const model: AtomicModel = { atoms: [], helices: [] };
  const addChain = (
    chain: string,
    residues: readonly Residue[],
    ranges: readonly { first: number; last: number }[],
    turnDegrees: number,
  ) => {
    const turn = aboutAxis([0, 0, 1], turnDegrees);
    residues.forEach((residue, i) => {
      for (const { name, position } of residue.atoms) {
        const [x, y, z] = rotate(turn, [position[0], position[1], position[2] - MIDDLE_ANGSTROM]);
        model.atoms.push({
          group: 'ATOM',
          name,
          element: name[0],
          residueName: 'ALA',
          chain,
          residueNumber: i + 1,
          insertionCode: '',
          x,
          y,
          z,
        });
      }
    });
    model.helices.push(...ranges.map(range => ({ chain, ...range })));
  };
  SPIKE_CHAINS.forEach((chain, k) => {
    addChain(chain, protomer.residues, protomer.helices, 120 * k);
  });
  addChain(LIGAND_CHAIN, ligand.residues, ligand.helices, 0);
  return { model, headFirst: protomer.helices[headFrom].first };
}

/** The spike. The head of chain A tilts (outward positive) and half of the particles have the ligand; with `independentCopies` every head tilts by itself. */
export function spikeMolecule(pixelSizeAngstrom: number, independentCopies: boolean): MovingMolecule {
  const { model, headFirst } = spikeModel();
  const tilting = independentCopies ? SPIKE_CHAINS : SPIKE_CHAINS.slice(0, 1);
  const motions: Motion[] = tilting.map((chain, k) => {
    const turn = aboutAxis([0, 0, 1], 120 * k);
    const pivot = rotate(turn, [HINGE[0], HINGE[1], HINGE[2] - MIDDLE_ANGSTROM]);
    const axis = rotate(turn, [0, 1, 0]);
    return {
      name: independentCopies ? `tilt_${chain}` : 'tilt',
      values: TILT_DEGREES,
      move: value => ({ turn: aboutAxis(axis, value), pivot, shift: [0, 0, 0] }),
    };
  });
  const motionOf = (atom: ModelAtom) => {
    if (atom.chain === LIGAND_CHAIN) return 0;
    return atom.residueNumber >= headFirst ? (tilting as readonly string[]).indexOf(atom.chain) : -1;
  };
  return {
    scatterers: packScatterers(
      atomsToScatterers(model.atoms, [0, 0, 0], pixelSizeAngstrom, atom => ({
        motion: motionOf(atom),
        part: atom.chain === LIGAND_CHAIN ? 0 : -1,
      })),
    ),
    motions,
    parts: [{ name: 'ligand', occupancy: 0.5 }],
    centreAngstrom: null,
    modelText: centre =>
      formatMmcif('LIMBER_DEMO', 'Made-up C3 spike of ideal helices', {
        helices: model.helices,
        atoms: model.atoms.map(atom => ({ ...atom, x: atom.x + centre[0], y: atom.y + centre[1], z: atom.z + centre[2] })),
      }),
  };
}
