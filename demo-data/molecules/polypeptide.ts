// Ideal backbone: α-helices along straight or coiled axes, joined by loops of exact peptide geometry, so that a viewer draws a cartoon.

import type { Vector } from '../quaternion.js';

export interface BackboneAtom {
  name: 'N' | 'CA' | 'C' | 'O' | 'CB';
  position: Vector;
}

export interface Residue {
  atoms: BackboneAtom[];
}

/**
 * The α-helix in cylinder coordinates about its axis: radius Å, angle degrees, height Å, with 1.5 Å and 100° a residue. Solved from bonds
 * N–CA 1.458, CA–C 1.525, C–N 1.329, C–O 1.231 Å and angles N–CA–C 110.6°, CA–C–N 117.1°, C–N–CA 121.7° (Engh & Huber within 1°); φ −61.8°, ψ −42.8°, ω 178.3°.
 */
const HELIX: readonly [BackboneAtom['name'], number, number, number][] = [
  ['N', 1.5494, -26.773, -0.906],
  ['CA', 2.2876, 0, 0],
  ['C', 1.7011, 28.105, 1.0315],
  ['O', 2.0098, 23.569, 2.2141],
  ['CB', 3.3595, 15.934, -0.7854],
];
export const HELIX_RISE_ANGSTROM = 1.5;
export const HELIX_TURN_DEGREES = 100;

/** A trans peptide between CA at (0,0) and CA at (3.812,0): the atoms between, in its own plane. */
const PEPTIDE = { C: [1.434, 0.52], O: [1.66, 1.729], N: [2.406, -0.385] } as const;
const PEPTIDE_SPAN_ANGSTROM = 3.812;

const add = (a: Vector, b: Vector, s = 1): [number, number, number] => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
const subtract = (a: Vector, b: Vector) => add(a, b, -1);
const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Vector, b: Vector): [number, number, number] => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const scale = (a: Vector, s: number): [number, number, number] => [a[0] * s, a[1] * s, a[2] * s];
const unit = (a: Vector) => scale(a, 1 / Math.hypot(...a));

/** Any unit vector at a right angle to `direction`. */
export function perpendicular(direction: Vector): [number, number, number] {
  const other: Vector = Math.abs(direction[2]) < 0.8 * Math.hypot(...direction) ? [0, 0, 1] : [1, 0, 0];
  return unit(cross(direction, other));
}

/**
 * A helix of `residues` along `axis`, a curve given by its arc length in Å; on a straight line the geometry is ideal, on a coil it is strained by curvature
 * times radius. `phaseDegrees` turns it about its axis.
 */
export function helixAlong(axis: (arcLength: number) => Vector, residues: number, phaseDegrees = 0): Residue[] {
  const step = 0.01;
  const tangentAt = (s: number) => unit(subtract(axis(s + step), axis(s - step)));
  let reference = perpendicular(tangentAt(0));
  const chain: Residue[] = [];
  for (let i = 0; i < residues; i++) {
    const middle = i * HELIX_RISE_ANGSTROM;
    // The reference direction is carried along the curve without twist.
    const along = tangentAt(middle);
    reference = unit(add(reference, along, -dot(reference, along)));
    const side = cross(along, reference);
    const atoms = HELIX.map(([name, radius, angleDegrees, height]) => {
      const angle = ((i * HELIX_TURN_DEGREES + phaseDegrees + angleDegrees) * Math.PI) / 180;
      const outward = add(scale(reference, Math.cos(angle)), side, Math.sin(angle));
      return { name, position: add(add(axis(middle), along, height), outward, radius) };
    });
    chain.push({ atoms });
  }
  return chain;
}

/** A straight helix between two points: as many residues as fit. */
export function helixBetween(start: Vector, end: Vector, phaseDegrees = 0): Residue[] {
  const span = subtract(end, start);
  const direction = unit(span);
  return helixAlong(s => add(start, direction, s), 1 + Math.floor(Math.hypot(...span) / HELIX_RISE_ANGSTROM), phaseDegrees);
}

export function atomOf(residue: Residue, name: BackboneAtom['name']): Vector {
  return residue.atoms.find(atom => atom.name === name)!.position;
}

function placeAtom(residue: Residue, name: BackboneAtom['name'], position: Vector): void {
  residue.atoms.find(atom => atom.name === name)!.position = position;
}

/**
 * Residues that join two helices, neither included: CA atoms 3.812 Å apart on a smooth arc, every peptide planar and trans. The last residue before and the
 * first after get the atoms of the peptides that they share with the loop.
 */
export function loopBetween(before: Residue, after: Residue, leaving: Vector, arriving: Vector): Residue[] {
  const start = atomOf(before, 'CA');
  const end = atomOf(after, 'CA');
  const distance = Math.hypot(...subtract(end, start));
  const count = Math.max(3, Math.ceil((distance * 1.25) / PEPTIDE_SPAN_ANGSTROM) - 1);
  const trace = relaxTrace(start, end, leaving, arriving, count);
  const residues: Residue[] = Array.from({ length: count }, (_, i) => ({
    atoms: (['N', 'CA', 'C', 'O', 'CB'] as const).map(name => ({ name, position: trace[i + 1] })),
  }));
  const whole = [before, ...residues, after];
  let plane = perpendicular(subtract(trace[1], trace[0]));
  for (let i = 0; i + 1 < whole.length; i++) {
    const along = unit(subtract(trace[i + 1], trace[i]));
    // Carbonyls alternate along an extended chain, as they do in nature.
    plane = scale(unit(add(plane, along, -dot(plane, along))), -1);
    const at = ([forward, aside]: readonly [number, number]) => add(add(trace[i], along, forward), plane, aside);
    placeAtom(whole[i], 'C', at(PEPTIDE.C));
    placeAtom(whole[i], 'O', at(PEPTIDE.O));
    placeAtom(whole[i + 1], 'N', at(PEPTIDE.N));
  }
  for (const residue of residues) placeAtom(residue, 'CB', idealCBeta(residue));
  return residues;
}

/** CB of an L residue from N, CA, C: 1.53 Å from CA, in tetrahedral geometry. */
function idealCBeta(residue: Residue): Vector {
  const alpha = atomOf(residue, 'CA');
  const toN = unit(subtract(atomOf(residue, 'N'), alpha));
  const toC = unit(subtract(atomOf(residue, 'C'), alpha));
  const between = unit(add(toN, toC));
  const normal = unit(cross(toN, toC));
  return add(add(alpha, between, -1.53 * 0.577), normal, 1.53 * 0.816);
}

/** CA positions from start to end (both kept): an arc relaxed until neighbours are one peptide apart and next neighbours between 5.4 and 7.2 Å. */
function relaxTrace(start: Vector, end: Vector, leaving: Vector, arriving: Vector, count: number): [number, number, number][] {
  const n = count + 2;
  const handle = (count + 1) * PEPTIDE_SPAN_ANGSTROM * 0.45;
  const control = [start, add(start, unit(leaving), handle), add(end, unit(arriving), -handle), end];
  const points = Array.from({ length: n }, (_, i) => {
    const t = i / (n - 1);
    const u = 1 - t;
    const shares = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
    return control.reduce<[number, number, number]>((sum, c, k) => add(sum, c, shares[k]), [0, 0, 0]);
  });
  const pull = (i: number, j: number, low: number, high: number) => {
    const apart = subtract(points[j], points[i]);
    const distance = Math.hypot(...apart);
    const wanted = Math.min(high, Math.max(low, distance));
    const [moveI, moveJ] = [i > 0, j < n - 1];
    const push = (wanted - distance) / distance / (Number(moveI) + Number(moveJ) || 1);
    if (moveI) points[i] = add(points[i], apart, -push);
    if (moveJ) points[j] = add(points[j], apart, push);
  };
  for (let round = 0; round < 4000; round++) {
    if (round < 2000) for (let i = 0; i + 2 < n; i++) pull(i, i + 2, 5.4, 7.2);
    for (let i = 0; i + 1 < n; i++) pull(i, i + 1, PEPTIDE_SPAN_ANGSTROM, PEPTIDE_SPAN_ANGSTROM);
  }
  return points;
}

/** One stretch of a chain: a helix with its residues. */
export interface HelixRange {
  /** 1-based residue numbers, both included. */
  first: number;
  last: number;
}

/** Joins helices into one chain by loops, and says where the helices are. */
export function joinHelices(helices: readonly Residue[][]): { residues: Residue[]; helices: HelixRange[] } {
  const residues: Residue[] = [];
  const ranges: HelixRange[] = [];
  helices.forEach((helix, h) => {
    if (h > 0) residues.push(...loopBetween(helices[h - 1].at(-1)!, helix[0], directionOf(helices[h - 1]), directionOf(helix)));
    ranges.push({ first: residues.length + 1, last: residues.length + helix.length });
    residues.push(...helix);
  });
  return { residues, helices: ranges };
}

function directionOf(helix: readonly Residue[]): Vector {
  return subtract(atomOf(helix.at(-1)!, 'CA'), atomOf(helix[0], 'CA'));
}
