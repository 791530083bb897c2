// Is the molecule brighter or darker than its background? The consensus map knows (method.md section 1), or a reconstruction.

import type { RingGeometry } from '../compute/ring-geometry.js';
import type { DensityMap } from '../formats/density-map.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { ImagePreparer } from '../particles/prepare-images.js';
import type { Reporter } from '../training/progress.js';
import type { MapProjector } from './project-map.js';
import { reconstruct, spreadPairs } from './reconstruct.js';

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

/** Particles that a reconstruction needs at most to show its sign. */
const SIGN_PARTICLES = 2000;
/** Å: coarse enough that few particles do, fine enough for a body with a border. */
const SIGN_ANGSTROM = 20;
/** Five times the error √(6/n) of the skewness of noise, of which such a map has some n = 4,000 independent values. */
const LEAST_SKEWNESS = 0.2;

export interface ContrastOfReconstruction {
  contrast: 1 | -1;
  /** Third standardised moment of the map's values under RELION's sign, the lesser of two half-maps'. */
  skewness: number;
  /** False where the halves do not show it: the sign is then a guess. */
  isSignificant: boolean;
}

/**
 * Without a map to correlate with: a molecule is a compact body on an even background, so a reconstruction with the right sign has its long tail upward. Throws
 * InputError on an unreadable image, Cancelled after an abort.
 */
export async function contrastOfReconstruction(
  particles: ParticleSet,
  symmetry: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<ContrastOfReconstruction> {
  const { halves } = await reconstruct(
    particles,
    spreadPairs(particles.count, SIGN_PARTICLES),
    {
      centreAngstrom: [0, 0, 0],
      contrast: 1,
      symmetry,
      resolutionAngstrom: Math.max(SIGN_ANGSTROM, 3 * particles.pixelSizeAngstrom),
      halves: true,
    },
    reporter,
    signal,
  );
  const [first, second] = (halves ?? []).map(skewness);
  const skew = Math.abs(first) < Math.abs(second) ? first : second;
  return { contrast: skew < 0 ? -1 : 1, skewness: skew, isSignificant: first * second > 0 && Math.abs(skew) >= LEAST_SKEWNESS };
}

/** Of the values in the sphere that fits the box: beyond it no image tells of the density. */
export function skewness({ size, data }: DensityMap): number {
  const [nx, ny, nz] = size;
  const values: number[] = [];
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++)
        if (((2 * x) / nx - 1) ** 2 + ((2 * y) / ny - 1) ** 2 + ((2 * z) / nz - 1) ** 2 < 1) values.push(data[i]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  let [second, third] = [0, 0];
  for (const value of values) {
    second += (value - mean) ** 2 / values.length;
    third += (value - mean) ** 3 / values.length;
  }
  return second > 0 ? third / second ** 1.5 : 0;
}
