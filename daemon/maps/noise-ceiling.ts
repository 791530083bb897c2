// How well a perfect model could agree with a map, ring by ring: what its noise, seen in the solvent or between half-maps, leaves.
//
// A ring with signal power S and noise power N correlates with the true molecule by C = √(S/(S+N)). Between half-maps FSC = S/(S+2N), so
// C = √(2·FSC/(1+FSC)) (Rosenthal & Henderson, J. Mol. Biol. 333, 721, 2003).
import type { DensityMap } from '../formats/density-map.js';
import { fft3d, frequency } from '../numerics/fft.js';

/** σ of the blur that takes the solvent's border well away from the molecule, voxels. */
const BLUR_VOXELS = 3;
/** Where the blurred molecule is below this, about two of these σ outside, solvent begins; where it is at nothing, it counts in full. */
const SOLVENT_BELOW = 0.02;
/** Width of the soft edge towards the map's own sphere or box, voxels. */
const EDGE_VOXELS = 4;
/** A smaller share of the box says too little about noise. */
const LEAST_SOLVENT = 0.05;
/** A smaller share of noise in a ring's power is not worth excusing a model for. */
const LEAST_NOISE = 1e-3;
/** Power of a ring over that of the strongest below which it holds the rounding of stored numbers only. */
const ROUNDING = 1e-10;

/** Of the mean of two half-maps, from their correlation by shell. */
export function ceilingOfHalves(correlation: ArrayLike<number>): Float64Array {
  return Float64Array.from(correlation, fsc => Math.sqrt(Math.max(0, (2 * fsc) / (1 + Math.max(fsc, 0)))));
}

/**
 * Of a single map (`mask`, on its grid, multiplies it), by shell from 0, with the noise of its solvent taken to be everywhere: 1 in rings
 * without noise, 0 where the solvent is as strong as the whole, or nothing is left but rounding. Solvent is what lies away from everything above `contour`. A
 * map whose solvent is flat, or that has too little of it, is taken for free of noise.
 */
export function ceilingOfMap(map: DensityMap, contour: number, mask: DensityMap | null = null): Float64Array {
  const solvent = solventWeights(map, contour);
  const shells = Math.floor(Math.max(...map.size) / 2) + 1;
  const [total, noise] = shellPowers(map, solvent, mask, shells);
  const squares = (weights: Float32Array) => weights.reduce((sum, w) => sum + w * w, 0);
  const seen = squares(solvent);
  const enough = seen >= LEAST_SOLVENT * map.data.length;
  // Noise lies wherever the map is not cut to a constant.
  const noisy = mask ? squares(mask.data) : map.data.reduce((count, value) => count + (value === map.data[0] ? 0 : 1), 0);
  const strongest = total.subarray(1).reduce((most, power) => Math.max(most, power), 0);
  return total.map((power, shell) => {
    if (shell > 0 && !(power > ROUNDING * strongest)) return 0;
    const share = enough ? (noise[shell] * noisy) / (seen * power) : 0;
    return share < LEAST_NOISE ? 1 : Math.sqrt(Math.max(0, 1 - share));
  });
}

/** 0 on the molecule and around it, 1 in the solvent, smooth between. */
function solventWeights(map: DensityMap, contour: number): Float32Array {
  const [nx, ny, nz] = map.size;
  const re = map.data.map(value => (value > contour ? 1 : 0));
  const im = new Float32Array(re.length);
  blur(re, im, map.size);
  const radius = furthestValue(map);
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        const toMolecule = 1 - Math.max(re[i], 0) / SOLVENT_BELOW;
        const toEdge = (radius - Math.hypot(x - (nx >> 1), y - (ny >> 1), z - (nz >> 1))) / EDGE_VOXELS;
        re[i] = smooth(toMolecule) * smooth(toEdge);
      }
    }
  }
  return re;
}

/** 0 to 1 over 0 to 1, level at both ends. */
function smooth(t: number): number {
  return t <= 0 ? 0 : t >= 1 ? 1 : t * t * t * (t * (6 * t - 15) + 10);
}

/** Distance from voxel n//2 of the furthest one that is not a constant background: refinement programs cut maps to a sphere. */
function furthestValue(map: DensityMap): number {
  const [nx, ny, nz] = map.size;
  const background = map.data[0];
  let furthest = 0;
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++)
        if (map.data[i] !== background) furthest = Math.max(furthest, Math.hypot(x - (nx >> 1), y - (ny >> 1), z - (nz >> 1)));
  return furthest;
}

function blur(re: Float32Array, im: Float32Array, size: DensityMap['size']): void {
  const [nx, ny, nz] = size;
  fft3d(re, im, size);
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        const k2 = (frequency(x, nx) / nx) ** 2 + (frequency(y, ny) / ny) ** 2 + (frequency(z, nz) / nz) ** 2;
        const weight = Math.exp(-2 * (Math.PI * BLUR_VOXELS) ** 2 * k2);
        re[i] *= weight;
        im[i] *= weight;
      }
    }
  }
  fft3d(re, im, size, true);
}

/** Power by shell of the masked map and of its solvent, less the solvent's mean. Two real maps share a transform, as in fsc.ts. */
function shellPowers(map: DensityMap, solvent: Float32Array, mask: DensityMap | null, shells: number): [Float64Array, Float64Array] {
  const [nx, ny, nz] = map.size;
  let [sum, weights] = [0, 0];
  for (let i = 0; i < solvent.length; i++) {
    sum += solvent[i] * map.data[i];
    weights += solvent[i];
  }
  const mean = weights > 0 ? sum / weights : 0;
  const re = mask ? map.data.map((value, i) => value * mask.data[i]) : map.data.slice();
  const im = map.data.map((value, i) => (value - mean) * solvent[i]);
  fft3d(re, im, map.size);
  const longest = Math.max(...map.size.map((n, axis) => n * map.voxelSizeAngstrom[axis]));
  const stretch = map.size.map((n, axis) => longest / (n * map.voxelSizeAngstrom[axis]));
  const powers: [Float64Array, Float64Array] = [new Float64Array(shells), new Float64Array(shells)];
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      const mirrorRow = (((nz - z) % nz) * ny + ((ny - y) % ny)) * nx;
      for (let x = 0; x < nx; x++, i++) {
        const shell = Math.floor(
          Math.hypot(frequency(x, nx) * stretch[0], frequency(y, ny) * stretch[1], frequency(z, nz) * stretch[2]) + 0.5,
        );
        if (shell >= shells) continue;
        const mirror = mirrorRow + ((nx - x) % nx);
        powers[0][shell] += ((re[i] + re[mirror]) / 2) ** 2 + ((im[i] - im[mirror]) / 2) ** 2;
        powers[1][shell] += ((im[i] + im[mirror]) / 2) ** 2 + ((re[mirror] - re[i]) / 2) ** 2;
      }
    }
  }
  return powers;
}
