// The box and rings a resolution asks for: images are Fourier-cropped to it, so that no time goes into frequencies beyond the target.

import { type RingGeometry, ringGeometry } from '../compute/ring-geometry.js';
import { InputError } from '../formats/input-error.js';

/** Computing pixels per finest wavelength, over 2: keeps the alias of a Gaussian drawn in pixels below the finest ring. */
const OVERSAMPLING = 1.15;

/** Rings up to `resolutionAngstrom` of a particle box, and the smallest convenient computing box for them (same extent in Å, fewer pixels). */
export function computingRings(boxSize: number, pixelSizeAngstrom: number, resolutionAngstrom: number): RingGeometry {
  const boxAngstrom = boxSize * pixelSizeAngstrom;
  const largest = boxSize + (boxSize % 2);
  const rings = Math.min(Math.round(boxAngstrom / resolutionAngstrom), largest / 2 - 1);
  if (rings < 2) {
    throw new InputError(
      `--resolution ${resolutionAngstrom} Å leaves no ring in a box of ${boxAngstrom.toFixed(0)} Å; give one finer than ${(boxAngstrom / 3).toFixed(0)} Å`,
    );
  }
  // Multiples of eight suit the vector width of the fast transforms.
  const wanted = 8 * Math.ceil((2 * OVERSAMPLING * Math.max(rings, 2) + 2) / 8);
  return ringGeometry(Math.min(fastSize(wanted), largest), rings);
}

/** The next multiple of eight with no prime factor above five. */
function fastSize(atLeast: number): number {
  for (let size = atLeast; ; size += 8) {
    let rest = size;
    for (const factor of [2, 3, 5]) while (rest % factor === 0) rest /= factor;
    if (rest === 1) return size;
  }
}

/**
 * The default target resolution, Å: three pixels of the particle images, where interpolation and noise still leave signal, but never
 * finer than 8 Å, the finest the paper used on a large assembly (Chen & Ludtke 2021, EMPIAR-10076).
 */
export function defaultResolution(pixelSizeAngstrom: number): number {
  return Math.max(3 * pixelSizeAngstrom, 8);
}
