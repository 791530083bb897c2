// What the simulator draws: a molecule as Gaussians, of which some move as rigid bodies and some may be absent.

import { type Quaternion, rotate, type Vector } from './quaternion.js';

/** n Gaussians, in Å about the rotation centre of the box; the weight is the integral of the density. */
export interface Scatterers {
  x: Float64Array;
  y: Float64Array;
  z: Float64Array;
  weight: Float64Array;
  sigmaAngstrom: Float64Array;
  /** Which motion carries it; −1: none. */
  motion: Int16Array;
  /** Which optional part it belongs to; −1: always there. */
  part: Int16Array;
}

/** r ↦ turn(r − pivot) + pivot + shift. */
export interface RigidMove {
  turn: Quaternion;
  pivot: Vector;
  shift: Vector;
}

/** One way of moving, in steps. */
export interface Motion {
  /** Column name of the truth table. */
  name: string;
  /** The parameter of every step: Å along a line, or degrees. */
  values: number[];
  move(value: number): RigidMove;
}

/** A piece that is there in a share of the particles, e.g. a ligand. */
export interface OptionalPart {
  name: string;
  /** Share of the particles that have it, 0 to 1. */
  occupancy: number;
}

/** One of the states of a molecule whose parts do not come independently: which of them are there together. */
export interface Composition {
  name: string;
  /** Whether each part is there, in the order of the molecule's parts. */
  present: boolean[];
  /** Share of the particles in this state; the shares of all states add up to 1. */
  share: number;
}

/** Everything about the molecule that does not depend on the images. */
export interface MovingMolecule {
  scatterers: Scatterers;
  motions: Motion[];
  parts: OptionalPart[];
  /** Which parts occur together; left out where each part is there or not by itself. A part's occupancy is then the sum of the shares that have it. */
  compositions?: Composition[];
  /** World position of the rotation centre, Å; null: the map's origin is zero and the centre is voxel b//2. */
  centreAngstrom: Vector | null;
  /** The atomic model as mmCIF text in the map's frame; null where the molecule is no atomic one. */
  modelText: ((centreAngstrom: Vector) => string) | null;
}

/** One Gaussian before the arrays are packed. */
export interface Scatterer {
  position: Vector;
  weight: number;
  sigmaAngstrom: number;
  motion?: number;
  part?: number;
}

export function packScatterers(list: readonly Scatterer[]): Scatterers {
  return {
    x: Float64Array.from(list, s => s.position[0]),
    y: Float64Array.from(list, s => s.position[1]),
    z: Float64Array.from(list, s => s.position[2]),
    weight: Float64Array.from(list, s => s.weight),
    sigmaAngstrom: Float64Array.from(list, s => s.sigmaAngstrom),
    motion: Int16Array.from(list, s => s.motion ?? -1),
    part: Int16Array.from(list, s => s.part ?? -1),
  };
}

/** Whether anything that the motion carries is there: the tilt of an absent part has no meaning. */
export function isCarrierPresent({ scatterers }: MovingMolecule, motion: number, present: readonly boolean[]): boolean {
  return scatterers.motion.some((carried, i) => carried === motion && (scatterers.part[i] < 0 || present[scatterers.part[i]]));
}

export function applyMove(move: RigidMove, r: Vector): [number, number, number] {
  const turned = rotate(move.turn, [r[0] - move.pivot[0], r[1] - move.pivot[1], r[2] - move.pivot[2]]);
  return [turned[0] + move.pivot[0] + move.shift[0], turned[1] + move.pivot[1] + move.shift[1], turned[2] + move.pivot[2] + move.shift[2]];
}
