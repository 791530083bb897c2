// Writes a selection of particles as a star file that RELION takes: the input's own columns, unchanged and in order (contract.md).
import { readStar, writeStarRows } from '../formats/star.js';
import { particleTable } from './star-records.js';

/** `rows`: rows of the input file from 0, in the order wanted. Optics groups, comments and every value's own text stay as they are. Throws InputError where `input` is no particle star file. */
export function writeParticleSubset(input: string, rows: Iterable<number>, output: string): void {
  const star = readStar(input);
  writeStarRows(output, star, particleTable(star).name, rows);
}
