// Which Gaussians belong to a region that a mask marks.
import { type DensityMap, valueAt } from '../formats/density-map.js';
import type { GaussianSet } from './gaussian-set.js';

/** N: the mask's value at each Gaussian's centre; 0 outside the mask's box. A mask is 1 inside its region, 0 outside, and may fall softly between. */
export function regionMembership({ count, positions }: GaussianSet, mask: DensityMap): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => valueAt(mask, positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]) ?? 0);
}
