// A selection of a particle set with orientations of its own: a particle may stand in it several times, as symmetric copies do.
import type { ParticleSet } from './particle-set.js';

/**
 * The particles `rows` (rows of the set, from 0), row i turned by `rotations` (rows × 9, row-major A). Images are read from the set, which stays the
 * caller's to close.
 */
export function turnedParticles(particles: ParticleSet, rows: ArrayLike<number>, rotations: Float32Array): ParticleSet {
  const count = rows.length;
  const { ctf } = particles;
  return {
    ...particles,
    count,
    rotations,
    shiftsPixels: Float32Array.from({ length: 2 * count }, (_, i) => particles.shiftsPixels[2 * rows[i >> 1] + (i & 1)]),
    ctf: ctf && Array.from(rows, row => ctf[row]),
    halfSet: Uint8Array.from(rows, row => particles.halfSet[row]),
    readImage: (i, out) => particles.readImage(rows[i], out),
    close() {},
  };
}
