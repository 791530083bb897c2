// What a run trains on: particles, each in one orientation, or in every one that the symmetry of the molecule makes as good (paper, SARS-CoV-2 spike; method.md section 4.5).

import { multiply } from '../numerics/symmetry.js';

/** One row for each particle and copy; the copies of a particle follow one another. */
export interface RunEntries {
  count: number;
  /** Rows of the particle set, from 0, rising. */
  particles: Uint32Array;
  copies: number;
  /** count × 9: A·g of the particle's A and the copy's g. */
  rotations: Float32Array;
}

/** `rotations`: n × 9 of all particles of the set. `group`: the rotations of the symmetry, the identity first; it alone for one entry a particle. */
export function runEntries(rotations: Float32Array, particles: Uint32Array, group: readonly Float64Array[]): RunEntries {
  const copies = group.length;
  const turned = new Float32Array(9 * copies * particles.length);
  particles.forEach((particle, i) => {
    group.forEach((rotation, copy) => {
      turned.set(multiply(rotations, rotation, 9 * particle), 9 * (i * copies + copy));
    });
  });
  return { count: copies * particles.length, particles, copies, rotations: turned };
}

/** The columns that name each entry in a table of latents. */
export function entryNames({ count, particles, copies }: RunEntries): { count: number; particle: Uint32Array; copy?: Uint8Array } {
  return {
    count,
    particle: Uint32Array.from({ length: count }, (_, i) => particles[Math.floor(i / copies)] + 1),
    ...(copies > 1 && { copy: Uint8Array.from({ length: count }, (_, i) => i % copies) }),
  };
}
