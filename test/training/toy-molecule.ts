// A few Gaussians and their particles as ring rows in closed form: small enough for the plainest backend, and of known truth.
import type { Backend, ProjectionGeometry } from '../../daemon/compute/backend.js';
import { type RingGeometry, ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import type { BatchSource } from '../../daemon/training/particle-gradients.js';
import type { Reporter } from '../../daemon/training/progress.js';

export const silent: Reporter = { progress() {}, epoch() {}, note() {} };

/** `boxSize` pixels a side, σ of relative width 1 being 1.5 of them. */
export function toyGeometry(gaussians: number, boxSize = 24, rings = 8): ProjectionGeometry {
  return { gaussians, ringGeometry: ringGeometry(boxSize, rings), referenceSigmaPixels: 1.5, blurVariancePixels: 0 };
}

/** A planar row (compute/backend.ts) of Gaussians within a quarter of the box of its centre. */
export function toyMolecule(gaussians: number, random: Random): Float32Array {
  const row = new Float32Array(5 * gaussians);
  for (let i = 0; i < gaussians; i++) {
    for (let axis = 0; axis < 3; axis++) row[axis * gaussians + i] = 0.4 * (random.uniform() - 0.5);
    row[3 * gaussians + i] = 0.3 + 0.4 * random.uniform();
    row[4 * gaussians + i] = 0.8 + 0.4 * random.uniform();
  }
  return row;
}

export function randomRotation(random: Random): Float64Array {
  const tilt = (Math.acos(1 - 2 * random.uniform()) * 180) / Math.PI;
  return Float64Array.from(eulerToMatrix(360 * random.uniform(), tilt, 360 * random.uniform()));
}

/** Σ A exp(−2π²σ²|k|²) exp(−2πi k·(Rc)_xy) with the centre at pixel b/2 (method.md section 2), in the layout of RingGeometry. */
export function closedFormImage(row: ArrayLike<number>, sigmaPixels: number, geometry: RingGeometry, A: ArrayLike<number>): Float32Array {
  const { rings, stride, planeSize, weights, boxSize } = geometry;
  const n = row.length / 5;
  const image = new Float32Array(2 * planeSize);
  for (let kx = -rings; kx <= rings; kx++) {
    for (let ky = 0; ky <= rings; ky++) {
      const index = (kx + rings) * stride + ky;
      if (weights[index] === 0) continue;
      let [re, im] = [0, 0];
      for (let i = 0; i < n; i++) {
        const [x, y, z] = [row[i], row[n + i], row[2 * n + i]];
        const size = row[3 * n + i] * Math.exp(-2 * (Math.PI * row[4 * n + i] * sigmaPixels) ** 2 * ((kx * kx + ky * ky) / boxSize ** 2));
        const angle = -2 * Math.PI * (kx * (A[0] * x + A[1] * y + A[2] * z) + ky * (A[3] * x + A[4] * y + A[5] * z));
        re += size * Math.cos(angle);
        im += size * Math.sin(angle);
      }
      const sign = (kx + ky) % 2 === 0 ? 1 : -1;
      image[index] = sign * re;
      image[planeSize + index] = sign * im;
    }
  }
  return image;
}

export interface ToyParticles {
  rotations: Float64Array[];
  images: Float32Array[];
}

/** One particle a molecule of `molecules`, seen from anywhere; white noise of `noise` times the root mean square of its image. */
export function toyParticles(
  molecules: readonly Float32Array[],
  { ringGeometry, referenceSigmaPixels }: ProjectionGeometry,
  noise: number,
  seed: number,
): ToyParticles {
  const random = new Random(seed);
  const rotations = molecules.map(() => randomRotation(random));
  const images = molecules.map((row, p) => {
    const image = closedFormImage(row, referenceSigmaPixels, ringGeometry, rotations[p]);
    const size = Math.sqrt(image.reduce((sum, value) => sum + value * value, 0) / image.length);
    return image.map(value => value + noise * size * random.normal());
  });
  return { rotations, images };
}

export function batchesOf(backend: Backend, { rotations, images }: ToyParticles): BatchSource {
  return {
    count: images.length,
    load(indices, rotationTensor, imageTensor) {
      for (let i = 0; i < indices.length; i++) {
        backend.write(imageTensor, images[indices[i]], i * images[indices[i]].length);
        backend.write(rotationTensor, Float32Array.from(rotations[indices[i]]), 9 * i);
      }
    },
  };
}
