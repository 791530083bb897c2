// Which atoms of a fitted model are meant by "A:331-527": chains and residue numbers as authors count.
import { InputError } from '../formats/input-error.js';
import type { AtomicModel } from './read-model.js';

/** Inclusive; a whole chain reaches from −Infinity to Infinity. */
export interface ResidueRange {
  chain: string;
  first: number;
  last: number;
}

const RANGE = /^([^:,;\s]+)(?::(-?\d+)(?:-(-?\d+))?)?$/;

/** "A:331-527,B:12,C": several with commas, one residue, or a whole chain. `flag` names the option in errors. Throws InputError on anything else. */
export function parseResidueRanges(text: string, flag: string): ResidueRange[] {
  return text.split(',').map(piece => {
    const match = RANGE.exec(piece.trim());
    if (!match)
      throw new InputError(`${flag} ${text}: "${piece.trim()}" is no chain and residue range; write e.g. A:331-527, several with commas`);
    const [, chain, from, to] = match;
    if (from === undefined) return { chain, first: Number.NEGATIVE_INFINITY, last: Number.POSITIVE_INFINITY };
    const range = { chain, first: Number(from), last: Number(to ?? from) };
    if (range.last < range.first)
      throw new InputError(`${flag} ${text}: "${piece.trim()}" ends before it begins; write the lower residue number first`);
    return range;
  });
}

/** atoms: whether each lies in any of the ranges. */
export function atomsInRanges({ atoms, authChains, residueNumbers }: AtomicModel, ranges: readonly ResidueRange[]): boolean[] {
  return Array.from({ length: atoms }, (_, i) =>
    ranges.some(({ chain, first, last }) => authChains[i] === chain && residueNumbers[i] >= first && residueNumbers[i] <= last),
  );
}
