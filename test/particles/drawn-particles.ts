// Particle sets made of closed forms: each image is a sum of round Gaussians about the centre that its orientation and shift give it.
import type { CtfParameters, ParticleSet } from '../../daemon/particles/particle-set.js';

/** A Gaussian of the molecule: centre in pixels from the rotation centre, weight at zero frequency, σ in pixels. */
export interface Blob {
  centre: readonly [number, number, number];
  amplitude: number;
  sigma: number;
}

export interface DrawnParticle {
  /** Row-major A. */
  rotation: ArrayLike<number>;
  /** rlnOrigin, pixels. */
  shift: readonly [number, number];
  blobs: readonly Blob[];
}

/** A·c, the first two coordinates: where a blob lies in the image, from its centre. */
export function seenAt({ centre: c }: Blob, A: ArrayLike<number>): [number, number] {
  return [A[0] * c[0] + A[1] * c[1] + A[2] * c[2], A[3] * c[0] + A[4] * c[1] + A[5] * c[2]];
}

/** Images are periodic, so that shifts by whole pixels move them exactly. */
export function drawnParticles(
  boxSize: number,
  particles: readonly DrawnParticle[],
  more: Partial<ParticleSet> & { ctf?: CtfParameters[] | null } = {},
): ParticleSet {
  return {
    file: 'drawn.star',
    count: particles.length,
    boxSize,
    pixelSizeAngstrom: 2,
    rotations: Float32Array.from(particles.flatMap(particle => Array.from(particle.rotation))),
    shiftsPixels: Float32Array.from(particles.flatMap(particle => [...particle.shift])),
    ctf: null,
    phaseFlipped: false,
    ctfPremultiplied: false,
    halfSet: new Uint8Array(particles.length),
    notes: [],
    readImage(i, out) {
      const { rotation, shift, blobs } = particles[i];
      out.fill(0);
      for (const blob of blobs) {
        const [tx, ty] = seenAt(blob, rotation);
        const profile = (t: number, origin: number) =>
          Float64Array.from({ length: boxSize }, (_, pixel) => {
            const d = pixel - (Math.floor(boxSize / 2) + t - origin);
            let sum = 0;
            for (const turn of [-2, -1, 0, 1, 2]) sum += Math.exp(-((d + turn * boxSize) ** 2) / (2 * blob.sigma ** 2));
            return sum / Math.sqrt(2 * Math.PI * blob.sigma ** 2);
          });
        const [px, py] = [profile(tx, shift[0]), profile(ty, shift[1])];
        for (let y = 0; y < boxSize; y++) for (let x = 0; x < boxSize; x++) out[y * boxSize + x] += blob.amplitude * px[x] * py[y];
      }
    },
    close() {},
    ...more,
  };
}
