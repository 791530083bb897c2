// Maps seen at another sampling or a lower resolution: cropping, padding and filtering in Fourier space.
import type { DensityMap } from '../formats/density-map.js';
import { fft3d, frequency } from '../numerics/fft.js';

type Triple = [number, number, number];

/**
 * The same density in a box of other voxels: `boxSize` voxels along each side of the same volume of space. Frequencies that
 * both samplings hold are kept as they are, those at or beyond the lower Nyquist frequency dropped or filled with zero. The
 * centre voxel (n//2 before, boxSize//2 after) keeps its world position; values stay densities, so their mean is unchanged.
 */
export function resampleMap(map: DensityMap, boxSize: number): DensityMap {
  const size: Triple = [boxSize, boxSize, boxSize];
  if (map.size.every(n => n === boxSize)) return { ...map, data: map.data.slice() };
  const re = map.data.slice();
  const im = new Float32Array(re.length);
  fft3d(re, im, map.size);
  const outRe = new Float32Array(boxSize ** 3);
  const outIm = new Float32Array(boxSize ** 3);
  const axes = map.size.map(n => sharedFrequencies(n, boxSize));
  // The inverse transform divides by the new number of voxels; densities want the old one.
  const scale = boxSize ** 3 / map.data.length;
  for (const z of axes[2]) {
    for (const y of axes[1]) {
      for (const x of axes[0]) {
        const from = (z.from * map.size[1] + y.from) * map.size[0] + x.from;
        const to = (z.to * boxSize + y.to) * boxSize + x.to;
        const angle = x.angle + y.angle + z.angle;
        const c = scale * Math.cos(angle);
        const s = scale * Math.sin(angle);
        outRe[to] = re[from] * c - im[from] * s;
        outIm[to] = re[from] * s + im[from] * c;
      }
    }
  }
  fft3d(outRe, outIm, size, true);
  const voxelSizeAngstrom = map.voxelSizeAngstrom.map((step, axis) => (step * map.size[axis]) / boxSize) as Triple;
  const originAngstrom = map.originAngstrom.map(
    (origin, axis) => origin + (map.size[axis] >> 1) * map.voxelSizeAngstrom[axis] - (boxSize >> 1) * voxelSizeAngstrom[axis],
  ) as Triple;
  return { size, voxelSizeAngstrom, originAngstrom, data: outRe };
}

/** Where each frequency below both Nyquist frequencies lies before and after, and the phase that carries centre n//2 to m//2. */
function sharedFrequencies(n: number, m: number): { from: number; to: number; angle: number }[] {
  const highest = Math.ceil(Math.min(n, m) / 2) - 1;
  return Array.from({ length: 2 * highest + 1 }, (_, i) => {
    const k = i - highest;
    return { from: (k + n) % n, to: (k + m) % m, angle: 2 * Math.PI * k * ((n >> 1) / n - (m >> 1) / m) };
  });
}

/** Width of the soft edge of `lowPass`, in steps of the transform of the longest side: a harder edge rings around the molecule. */
const EDGE_STEPS = 4;

/** The map without what is finer than `resolutionAngstrom`: a raised-cosine edge centred there, in one frame with the input. */
export function lowPass(map: DensityMap, resolutionAngstrom: number): DensityMap {
  const edge = EDGE_STEPS / longestSide(map);
  return filterRadially(map, k => {
    const position = (k - 1 / resolutionAngstrom) / edge + 0.5;
    return position <= 0 ? 1 : position >= 1 ? 0 : 0.5 * (1 + Math.cos(Math.PI * position));
  });
}

/** Multiplies each shell (k cycles per longest side of the box, as fsc.ts counts them) by its weight, between shells by a straight line; beyond the last by 0. */
export function weightShells(map: DensityMap, weights: ArrayLike<number>): DensityMap {
  const side = longestSide(map);
  return filterRadially(map, k => {
    const shell = Math.floor(k * side);
    const share = k * side - shell;
    return (1 - share) * (weights[shell] ?? 0) + share * (weights[shell + 1] ?? 0);
  });
}

/** Multiplies each frequency of `k` cycles per Å by weightOf(k), but the mean, which is density too. */
function filterRadially(map: DensityMap, weightOf: (k: number) => number): DensityMap {
  const [nx, ny, nz] = map.size;
  const lengths = map.size.map((n, axis) => n * map.voxelSizeAngstrom[axis]);
  const re = map.data.slice();
  const im = new Float32Array(re.length);
  fft3d(re, im, map.size);
  for (let z = 0, i = 0; z < nz; z++) {
    const kz = frequency(z, nz) / lengths[2];
    for (let y = 0; y < ny; y++) {
      const ky = frequency(y, ny) / lengths[1];
      for (let x = 0; x < nx; x++, i++) {
        if (i === 0) continue;
        const weight = weightOf(Math.hypot(frequency(x, nx) / lengths[0], ky, kz));
        re[i] *= weight;
        im[i] *= weight;
      }
    }
  }
  fft3d(re, im, map.size, true);
  return { ...map, data: re };
}

function longestSide({ size, voxelSizeAngstrom }: DensityMap): number {
  return Math.max(...size.map((n, axis) => n * voxelSizeAngstrom[axis]));
}
