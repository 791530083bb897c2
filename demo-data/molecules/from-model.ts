// Any atomic model with a stretch that turns about a hinge: `--model FILE --moving A:331-527 --hinge … --axis … --angles -11:11`.

import { InputError } from '../../daemon/formats/input-error.js';
import { elementMass, isInRanges, type ModelAtom, parseRanges, type ResidueRange } from '../models/atomic-model.js';
import type { ModelFile } from '../models/read-model.js';
import { aboutAxis, type Vector } from '../quaternion.js';
import { type Motion, type MovingMolecule, packScatterers } from '../scatterers.js';
import { atomsToScatterers } from './atoms-to-scatterers.js';
import { perpendicular } from './polypeptide.js';

/** As written on the command line. Where several bodies move, hinge, axis and angles are one for all, or one a body with semicolons between them. */
export interface ModelMotionOptions {
  /** "A:331-527,L" moves as one body; a semicolon separates bodies that move independently. */
  moving: string;
  /** "x,y,z" in Å of the model's frame, or a residue "A:331"; default: where the moving stretch is tied to the rest. */
  hinge?: string;
  /** "x,y,z"; default: at right angles to z and to the line from the hinge to the domain's centre.  */
  axis?: string;
  /** "from:to" in degrees; default −11:11. */
  angles?: string;
  /** How many angles, both ends among them; default 23. */
  steps?: number;
  /** σ of an atom's density; default 0.75 of the pixels that images are drawn in. */
  atomSigmaAngstrom?: number;
}

const STEPS = 23;

function centroid(atoms: readonly ModelAtom[]): [number, number, number] {
  const sum: [number, number, number] = [0, 0, 0];
  let total = 0;
  for (const atom of atoms) {
    const mass = elementMass(atom.element);
    total += mass;
    sum[0] += mass * atom.x;
    sum[1] += mass * atom.y;
    sum[2] += mass * atom.z;
  }
  return [sum[0] / total, sum[1] / total, sum[2] / total];
}

/** Centre of mass and the largest distance of an atom from it, Å. */
export function modelExtent(atoms: readonly ModelAtom[]): { centre: [number, number, number]; radiusAngstrom: number } {
  const centre = centroid(atoms);
  let square = 0;
  for (const atom of atoms) square = Math.max(square, (atom.x - centre[0]) ** 2 + (atom.y - centre[1]) ** 2 + (atom.z - centre[2]) ** 2);
  return { centre, radiusAngstrom: Math.sqrt(square) };
}

function parseVector(text: string): Vector | null {
  const numbers = text.split(',').map(Number);
  return numbers.length === 3 && numbers.every(Number.isFinite) ? [numbers[0], numbers[1], numbers[2]] : null;
}

function parseAngles(text: string, steps: number): number[] {
  const [from, to, ...rest] = text.split(':').map(Number);
  if (rest.length > 0 || !Number.isFinite(from) || !Number.isFinite(to) || from >= to || to - from > 360)
    throw new InputError(`--angles: "${text}" is no range of degrees; write from:to, e.g. -11:11`);
  if (!Number.isInteger(steps) || steps < 2) throw new InputError(`steps: ${steps} angles make no motion; give a whole number from 2`);
  return Array.from({ length: steps }, (_, i) => from + ((to - from) * i) / (steps - 1));
}

/** Ties of the moving stretch to the rest: residues whose chain goes on outside it; where there are none, the moving atoms closest to the rest. */
function defaultHinge(moving: readonly ModelAtom[], rest: readonly ModelAtom[]): Vector {
  const key = (chain: string, number: number) => `${chain} ${number}`;
  const outside = new Set(rest.filter(atom => atom.group === 'ATOM').map(atom => key(atom.chain, atom.residueNumber)));
  const ties = moving.filter(
    atom =>
      atom.group === 'ATOM' &&
      (outside.has(key(atom.chain, atom.residueNumber - 1)) || outside.has(key(atom.chain, atom.residueNumber + 1))),
  );
  if (ties.length > 0) return centroid(ties);
  if (rest.length === 0) return centroid(moving);
  const distances = moving.map(atom =>
    rest.reduce(
      (least, other) => Math.min(least, (atom.x - other.x) ** 2 + (atom.y - other.y) ** 2 + (atom.z - other.z) ** 2),
      Number.POSITIVE_INFINITY,
    ),
  );
  const closest = distances.reduce((least, d) => Math.min(least, d), Number.POSITIVE_INFINITY);
  // Everything within 3 Å more than the closest contact belongs to the interface.
  const reach = (Math.sqrt(closest) + 3) ** 2;
  return centroid(moving.filter((_, i) => distances[i] <= reach));
}

function parseHinge(text: string, atoms: readonly ModelAtom[]): Vector {
  const place = parseVector(text);
  if (place) return place;
  const ranges = text.includes(':') ? parseRanges(text) : [];
  const chosen = atoms.filter(atom => isInRanges(atom, ranges));
  if (chosen.length === 0)
    throw new InputError(`--hinge: "${text}" is neither x,y,z in Å nor a residue of the model; write e.g. 210,190,230 or A:331`);
  return centroid(chosen);
}

function hingeMotion(
  name: string,
  file: string,
  atoms: readonly ModelAtom[],
  ranges: ResidueRange[],
  text: string,
  centre: Vector,
  options: Omit<ModelMotionOptions, 'moving'>,
): Motion {
  const moving = atoms.filter(atom => isInRanges(atom, ranges));
  if (moving.length === 0) {
    const chains = [...new Set(atoms.map(atom => atom.chain))].join(', ');
    throw new InputError(`${file}: --moving "${text}" chooses no atom; the chains are ${chains}`);
  }
  const rest = atoms.filter(atom => !isInRanges(atom, ranges));
  const hinge = options.hinge ? parseHinge(options.hinge, atoms) : defaultHinge(moving, rest);
  const middle = centroid(moving);
  const arm: Vector = [middle[0] - hinge[0], middle[1] - hinge[1], middle[2] - hinge[2]];
  // z × arm: a positive turn about it lowers an arm that points away from the axis of symmetry, and so opens the molecule.
  const level: Vector = [-arm[1], arm[0], 0];
  const chosen = options.axis
    ? parseVector(options.axis)
    : Math.hypot(...level) > 0.01 * Math.hypot(...arm)
      ? level
      : perpendicular([0, 0, 1]);
  if (!chosen || Math.hypot(...chosen) === 0) throw new InputError(`--axis: "${options.axis}" is no direction; write x,y,z, e.g. 0,1,0`);
  const axis = chosen;
  const pivot: Vector = [hinge[0] - centre[0], hinge[1] - centre[1], hinge[2] - centre[2]];
  return {
    name,
    values: parseAngles(options.angles ?? '-11:11', options.steps ?? STEPS),
    move: value => ({ turn: aboutAxis(axis, value), pivot, shift: [0, 0, 0] }),
  };
}

/** What is written for each of `bodies`; once for all, or once each. */
function oneEach(text: string | undefined, bodies: number, flag: string): (string | undefined)[] {
  const parts = text?.split(';').map(part => part.trim()) ?? [undefined];
  if (parts.length !== 1 && parts.length !== bodies)
    throw new InputError(
      `${flag}: "${text}" is for ${parts.length} bodies where --moving names ${bodies}; give one for all, or one for each`,
    );
  return Array.from({ length: bodies }, (_, i) => parts[parts.length === 1 ? 0 : i]);
}

/**
 * The molecule of a file, its rotation centre at the centre of mass; the model's own frame is the map's. `file` names it in errors, `pixelSizeAngstrom` is that of
 * the pixels that images are drawn in.
 */
export function moleculeFromModel(model: ModelFile, file: string, options: ModelMotionOptions, pixelSizeAngstrom: number): MovingMolecule {
  const { centre } = modelExtent(model.atoms);
  const bodies = options.moving.split(';').map(text => ({ text: text.trim(), ranges: parseRanges(text) }));
  const [hinges, axes, angles] = (['hinge', 'axis', 'angles'] as const).map(name => oneEach(options[name], bodies.length, `--${name}`));
  const motions = bodies.map(({ text, ranges }, i) =>
    hingeMotion(bodies.length > 1 ? `angle_${i + 1}` : 'angle', file, model.atoms, ranges, text, centre, {
      ...options,
      hinge: hinges[i],
      axis: axes[i],
      angles: angles[i],
    }),
  );
  const motionOf = (atom: ModelAtom) => bodies.findIndex(body => isInRanges(atom, body.ranges));
  return {
    scatterers: packScatterers(
      atomsToScatterers(model.atoms, centre, pixelSizeAngstrom, atom => ({ motion: motionOf(atom), part: -1 }), options.atomSigmaAngstrom),
    ),
    motions,
    parts: [],
    centreAngstrom: centre,
    modelText: () => model.text,
  };
}
