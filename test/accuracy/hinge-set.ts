// A made-up molecule with two hinges: a body that carries two domains, each of which tilts by itself whatever the other does.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../daemon/numerics/random.js';
import type { SimulationOptions } from '../../demo-data/simulation-options.js';

interface Piece {
  chain: string;
  residues: number;
  /** Å. */
  centre: readonly [number, number, number];
  semiAxes: readonly [number, number, number];
}

export interface HingedDomain extends Piece {
  /** As `limber motions --residues` takes it. */
  range: string;
  hinge: readonly [number, number, number];
  /** Both turn about y, so that tops go along x: both to one side is together. */
  fromDegrees: number;
  toDegrees: number;
}

const BODY: Piece = { chain: 'A', residues: 260, centre: [0, 0, 0], semiAxes: [66, 34, 34] };
/** About 36 × 32 × 60 Å each, 40 Å between them at rest: at their utmost they do not touch. */
const domain = (chain: string, x: number, degrees: number): HingedDomain => ({
  chain,
  residues: 80,
  centre: [x, 0, 62],
  semiAxes: [18, 16, 30],
  range: `${chain}:1-80`,
  hinge: [x, 0, 34],
  fromDegrees: -degrees,
  toDegrees: degrees,
});
export const HINGED_DOMAINS: readonly [HingedDomain, HingedDomain] = [domain('B', -38, 11), domain('C', 38, 11)];
/** Of both hinges; tops go along x. */
export const HINGE_AXIS = [0, 1, 0] as const;

/** One CA a residue at a random place of its ellipsoid: PDB text. */
function modelText(random: Random): string {
  let serial = 0;
  const lines = [BODY, ...HINGED_DOMAINS].flatMap(({ chain, residues, centre, semiAxes }) =>
    Array.from({ length: residues }, (_, r) => {
      let u = [1, 1, 1];
      while (Math.hypot(...u) > 1) u = u.map(() => 2 * random.uniform() - 1);
      const place = u.map((value, axis) => (centre[axis] + value * semiAxes[axis]).toFixed(3).padStart(8)).join('');
      return `ATOM  ${String(++serial).padStart(5)}  CA  ALA ${chain}${String(r + 1).padStart(4)}    ${place}  1.00 30.00           C`;
    }),
  );
  return `${lines.join('\n')}\nEND\n`;
}

/** Images with a CTF and shifts, noise as strong as the signal. The seed makes the molecule as well. Writes the model beside the images' folder. */
export function hingeOptions(folder: string, seed: number, particles = 3000): SimulationOptions {
  const source = join(folder, 'hinge.pdb');
  writeFileSync(source, modelText(new Random(seed)));
  const each = (text: (domain: HingedDomain) => string) => HINGED_DOMAINS.map(text).join(';');
  return {
    directory: join(folder, 'data'),
    kind: 'model',
    model: {
      source,
      moving: each(({ range }) => range),
      hinge: each(({ hinge }) => hinge.join(',')),
      axis: HINGE_AXIS.join(','),
      angles: each(({ fromDegrees, toDegrees }) => `${fromDegrees}:${toDegrees}`),
    },
    particles,
    boxSize: 64,
    seed,
  };
}
