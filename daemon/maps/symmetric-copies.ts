// Particles of a run that tells symmetric orientations apart, each in the one that is meant, and all orientations of a particle in one half.
import { multiply, symmetryRotations } from '../numerics/symmetry.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { turnedParticles } from '../particles/turned-particles.js';
import { halfOf } from './reconstruct.js';

/**
 * Row i of the result is particle `rows[i]` (rows of the set, from 0) in its orientation `copies[i]` of the group `symmetry`; null: as the set has them. Halves are those of the particles: by odd and
 * even rows of the selection, the copies of one particle would stand on both sides.
 */
export function symmetricCopies(
  particles: ParticleSet,
  rows: ArrayLike<number>,
  copies: ArrayLike<number> | null,
  symmetry: string,
): ParticleSet {
  const group = copies ? symmetryRotations(symmetry) : null;
  const rotations = new Float32Array(9 * rows.length);
  for (let i = 0; i < rows.length; i++) {
    const own = particles.rotations.subarray(9 * rows[i], 9 * rows[i] + 9);
    rotations.set(group ? multiply(own, group[copies![i]]) : own, 9 * i);
  }
  return { ...turnedParticles(particles, rows, rotations), halfSet: Uint8Array.from(rows, row => halfOf(particles, row)) };
}
