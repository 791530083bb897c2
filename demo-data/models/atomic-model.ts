// An atomic model as the simulator needs it: atoms with their chain, residue and place, and which of them were chosen.

import { InputError } from '../../daemon/formats/input-error.js';

export interface ModelAtom {
  group: 'ATOM' | 'HETATM';
  name: string;
  element: string;
  residueName: string;
  /** The chain as authors name it. */
  chain: string;
  /** The residue number as authors count. */
  residueNumber: number;
  insertionCode: string;
  x: number;
  y: number;
  z: number;
}

export interface ModelHelix {
  chain: string;
  first: number;
  last: number;
}

export interface AtomicModel {
  atoms: ModelAtom[];
  helices: ModelHelix[];
}

/** Inclusive residue range of a chain; the whole chain when `first` is −Infinity. */
export interface ResidueRange {
  chain: string;
  first: number;
  last: number;
}

const NUMBER = '-?\\d+';
const RANGE = new RegExp(`^([^:,;]+)(?::(${NUMBER})(?:-(${NUMBER}))?)?$`);

/** "A:331-527,B" → ranges. Throws InputError on anything else. */
export function parseRanges(text: string): ResidueRange[] {
  return text.split(',').map(piece => {
    const match = RANGE.exec(piece.trim());
    if (!match)
      throw new InputError(`--moving: "${piece.trim()}" is no chain and residue range; write e.g. A:331-527, several with commas`);
    const first = match[2] === undefined ? Number.NEGATIVE_INFINITY : Number(match[2]);
    const last = match[3] === undefined ? (match[2] === undefined ? Number.POSITIVE_INFINITY : first) : Number(match[3]);
    if (last < first) throw new InputError(`--moving: "${piece.trim()}" ends before it begins; write the lower residue number first`);
    return { chain: match[1], first, last };
  });
}

export function isInRanges(atom: ModelAtom, ranges: readonly ResidueRange[]): boolean {
  return ranges.some(range => atom.chain === range.chain && atom.residueNumber >= range.first && atom.residueNumber <= range.last);
}

/** Mass of an element in dalton; unknown ones weigh as carbon. Density is taken as proportional to mass. */
export function elementMass(element: string): number {
  return (
    {
      H: 1.008,
      D: 2.014,
      C: 12.011,
      N: 14.007,
      O: 15.999,
      NA: 22.99,
      MG: 24.305,
      P: 30.974,
      S: 32.06,
      CL: 35.45,
      K: 39.098,
      CA: 40.078,
      MN: 54.938,
      FE: 55.845,
      ZN: 65.38,
      SE: 78.971,
    }[element.toUpperCase()] ?? 12.011
  );
}
