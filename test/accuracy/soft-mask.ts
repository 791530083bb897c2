// A soft mask round whatever rises above a level: what a user draws round a molecule before an FSC.

import type { DensityMap } from '../../daemon/formats/density-map.js';
import { consensusContour } from '../../daemon/maps/contour.js';

/** σ of the blur, voxels: the mask is 1 up to one of them outside the level, and next to 0 at three. */
const BLUR_VOXELS = 2;
/** What the blur of a half-space leaves one σ outside. */
const ONE_SIGMA_OUTSIDE = 0.1587;

/** 1 inside and a little around, 0 outside, smooth between, on the map's grid; by default round what is above the level at which the map would first be shown. */
export function softMask(map: DensityMap, level = consensusContour(map)): DensityMap {
  const blurred = blur({ ...map, data: map.data.map(value => (value > level ? 1 : 0)) }, BLUR_VOXELS);
  return { ...map, data: blurred.data.map(value => Math.min(1, value / ONE_SIGMA_OUTSIDE)) };
}

/** Convolved with a Gaussian of σ voxels; nothing lies outside the box. */
export function blur(map: DensityMap, sigmaVoxels: number): DensityMap {
  const reach = Math.ceil(4 * sigmaVoxels);
  const kernel = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / sigmaVoxels) ** 2));
  const norm = kernel.reduce((sum, value) => sum + value, 0);
  const [nx, ny, nz] = map.size;
  let data = map.data;
  for (const [stride, n] of [
    [1, nx],
    [nx, ny],
    [nx * ny, nz],
  ]) {
    const out = new Float32Array(data.length);
    for (let i = 0; i < data.length; i++) {
      if (data[i] === 0) continue;
      const place = Math.floor(i / stride) % n;
      for (let t = Math.max(-reach, -place); t <= Math.min(reach, n - 1 - place); t++)
        out[i + t * stride] += (data[i] * kernel[t + reach]) / norm;
    }
    data = out;
  }
  return { ...map, data };
}
