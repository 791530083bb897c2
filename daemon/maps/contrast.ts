// Is the molecule brighter or darker than its background? The consensus map knows (method.md section 1).

import type { RingGeometry } from '../compute/ring-geometry.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { ImagePreparer } from '../particles/prepare-images.js';
import type { MapProjector } from './project-map.js';

export interface Contrast {
  /** +1: particles bright under RELION's CTF sign; −1: inverted. */
  contrast: 1 | -1;
  /** Mean correlation of the phase-flipped, centred images with the projected map, as stored. */
  correlation: number;
  /** |mean| / standard error: below 3 the sign is a guess. */
  significance: number;
  images: number;
}

/** Correlates up to `images` particles, spread evenly over the set, with the projected map over all rings of `geometry`. */
export function detectContrast(particles: ParticleSet, projector: MapProjector, geometry: RingGeometry, images = 300): Contrast {
  const preparer = new ImagePreparer(particles, geometry, 1);
  const image = new Float32Array(2 * geometry.planeSize);
  const projection = new Float32Array(2 * geometry.planeSize);
  const count = Math.min(images, particles.count);
  let [sum, sumOfSquares] = [0, 0];
  for (let s = 0; s < count; s++) {
    const particle = Math.floor((s * particles.count) / count);
    preparer.prepare(particle, -1, image, null);
    projector.projectToRings(particles.rotations.subarray(9 * particle, 9 * particle + 9), geometry, projection, 0);
    const c = ringWeightedCorrelation(geometry, projection, image);
    sum += c;
    sumOfSquares += c * c;
  }
  const correlation = sum / count;
  const spread = Math.sqrt(Math.max(sumOfSquares / count - correlation ** 2, 0) / Math.max(count - 1, 1));
  return {
    contrast: correlation < 0 ? -1 : 1,
    correlation,
    significance: spread > 0 ? Math.abs(correlation) / spread : Number.POSITIVE_INFINITY,
    images: count,
  };
}

/** Plain correlation over all pixels in use, both images as ring rows. */
function ringWeightedCorrelation(geometry: RingGeometry, a: Float32Array, b: Float32Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < 2 * geometry.planeSize; i++) {
    const w = geometry.weights[i % geometry.planeSize];
    ab += w * a[i] * b[i];
    aa += w * a[i] * a[i];
    bb += w * b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}
