// Backprojection: samples of image transforms are spread, with their weights, over the padded transform of the map they come from.
//
//   N(u) += w·CTF·I,  W(u) += w·CTF²,   u = 2·Aᵀ(kx, ky, 0), w trilinear over the eight grid points around u,
//
// on a grid twice as fine as the images' (De Rosier & Klug, Nature 217, 130, 1968, with the weights of Wiener's filter); normal-equations.ts
// makes the map of them. The map is real: samples with uz < 0 are stored as their conjugates at −u, and only uz ≥ 0 is kept.

/** Grid steps per cycle/box: padding by two keeps the map's periodic copies, and the errors of interpolation, away from it. */
export const PADDING = 2;
/** Numbers a grid point: real and imaginary part of N, W, and nothing, so that it fills a vector. */
export const STRIDE = 4;

/** Which frequencies of an image are used, kx ≥ 0: the other half of the plane is the conjugate. */
export interface SamplePlane {
  /** Highest ring, cycles per box. */
  rings: number;
  /** (2·rings + 1)·(rings + 1) samples, index (ky + rings)·(rings + 1) + kx. */
  size: number;
  /** 2·rings + 1, from ky = −rings on: first kx in use (kx = 0 holds ky and −ky: only one counts) and last, inside the outermost ring. */
  first: Int32Array;
  last: Int32Array;
}

export function samplePlane(rings: number): SamplePlane {
  const first = new Int32Array(2 * rings + 1);
  const last = new Int32Array(2 * rings + 1);
  for (let ky = -rings; ky <= rings; ky++) {
    first[ky + rings] = ky < 0 ? 1 : 0;
    last[ky + rings] = Math.min(rings, Math.floor(Math.sqrt((rings + 0.5) ** 2 - ky * ky)));
  }
  return { rings, size: (2 * rings + 1) * (rings + 1), first, last };
}

/** The padded half transform: `planes` planes uz = 0, 1, …; uy and ux from −reach to reach, ux fastest. */
export interface TransformGrid {
  rings: number;
  reach: number;
  /** 2·reach + 1 points along ux and uy. */
  side: number;
  planes: number;
  /** Length of an accumulator: STRIDE · planes · side². */
  length: number;
}

export function transformGrid(rings: number): TransformGrid {
  // The outermost sample lies at 2·(rings + ½), and is spread over the point beyond it.
  const reach = PADDING * rings + 2;
  const side = 2 * reach + 1;
  return { rings, reach, side, planes: reach + 1, length: STRIDE * (reach + 1) * side * side };
}

/**
 * Cuts the planes into `count` slabs that receive about as many samples each; returns their borders, count + 1 numbers. Central slices in
 * all directions fill plane uz in proportion to reach − uz.
 */
export function equalSlabs(grid: TransformGrid, count: number): Int32Array {
  const borders = new Int32Array(count + 1);
  for (let i = 0; i <= count; i++) borders[i] = Math.round(grid.planes * (1 - Math.sqrt(1 - i / count)));
  return borders;
}

/**
 * Adds one image to the planes `from` ≤ uz < `to` of `accumulator`. `samples`, from `offset` on: STRIDE numbers a sample of `plane`
 * (CTF·I, two, and CTF²). `rotation`: row-major A. Every grid point receives its samples in one order whatever the slab, so sums do not
 * depend on how the planes are shared out. kernels/backprojection.ts does the same in a fraction of the time, where memory allows (insertion-kernel.ts).
 */
export function insertSlice(
  accumulator: Float32Array,
  grid: TransformGrid,
  plane: SamplePlane,
  samples: Float32Array,
  offset: number,
  rotation: ArrayLike<number>,
  from: number,
  to: number,
): void {
  const { rings } = plane;
  const [ax, ay, az] = [PADDING * rotation[0], PADDING * rotation[1], PADDING * rotation[2]];
  const [bx, by, bz] = [PADDING * rotation[3], PADDING * rotation[4], PADDING * rotation[5]];
  const row = STRIDE * grid.side;
  const planeStride = row * grid.side;
  const { reach } = grid;
  for (let ky = -rings; ky <= rings; ky++) {
    const first = plane.first[ky + rings];
    const last = plane.last[ky + rings];
    const line = offset + STRIDE * (ky + rings) * (rings + 1);
    for (let sign = 1; sign >= -1; sign -= 2) {
      // The kx at which sign·uz lies in [from − 1, to), where uz = az·kx + bz·ky; a little too many, each is looked at again.
      let low = first;
      let high = last;
      const start = sign * bz * ky;
      const slope = sign * az;
      if (Math.abs(slope) > 1e-9) {
        const a = (Math.max(from - 1, 0) - start) / slope;
        const b = (to - start) / slope;
        low = Math.max(low, Math.floor(a < b ? a : b));
        high = Math.min(high, Math.ceil(a < b ? b : a));
      }
      for (let kx = low; kx <= high; kx++) {
        const uz = sign * (az * kx + bz * ky);
        if (!(uz >= 0) || (sign < 0 && uz === 0)) continue;
        const z0 = uz | 0;
        const lower = z0 >= from && z0 < to;
        const upper = z0 + 1 >= from && z0 + 1 < to;
        if (!lower && !upper) continue;
        const ux = sign * (ax * kx + bx * ky) + reach;
        const uy = sign * (ay * kx + by * ky) + reach;
        const x0 = ux | 0;
        const y0 = uy | 0;
        const fx = ux - x0;
        const fy = uy - y0;
        const fz = uz - z0;
        const s = line + STRIDE * kx;
        const re = samples[s];
        const im = sign * samples[s + 1];
        const weight = samples[s + 2];
        const w11 = fx * fy;
        const w10 = fy - w11;
        const w01 = fx - w11;
        const w00 = 1 - fx - w10;
        const corner = z0 * planeStride + y0 * row + STRIDE * x0;
        if (lower) spread(accumulator, corner, row, (1 - fz) * w00, (1 - fz) * w01, (1 - fz) * w10, (1 - fz) * w11, re, im, weight);
        if (upper) spread(accumulator, corner + planeStride, row, fz * w00, fz * w01, fz * w10, fz * w11, re, im, weight);
      }
    }
  }
}

/** Adds a sample to the four points of a plane around it. */
function spread(
  out: Float32Array,
  i: number,
  row: number,
  w00: number,
  w01: number,
  w10: number,
  w11: number,
  re: number,
  im: number,
  weight: number,
): void {
  out[i] += w00 * re;
  out[i + 1] += w00 * im;
  out[i + 2] += w00 * weight;
  out[i + STRIDE] += w01 * re;
  out[i + STRIDE + 1] += w01 * im;
  out[i + STRIDE + 2] += w01 * weight;
  const j = i + row;
  out[j] += w10 * re;
  out[j + 1] += w10 * im;
  out[j + 2] += w10 * weight;
  out[j + STRIDE] += w11 * re;
  out[j + STRIDE + 1] += w11 * im;
  out[j + STRIDE + 2] += w11 * weight;
}

/** Plane uz = 0 holds u and −u: each takes what the other has received, conjugated. To be called once, when all images are in. */
export function closePlaneZero(accumulator: Float32Array, grid: TransformGrid): void {
  const points = grid.side * grid.side;
  for (let i = 0, j = points - 1; i <= j; i++, j--) {
    const p = STRIDE * i;
    const q = STRIDE * j;
    const re = accumulator[p] + accumulator[q];
    const im = accumulator[p + 1] - accumulator[q + 1];
    const weight = accumulator[p + 2] + accumulator[q + 2];
    accumulator[p] = accumulator[q] = re;
    accumulator[p + 1] = im;
    accumulator[q + 1] = -im;
    accumulator[p + 2] = accumulator[q + 2] = weight;
  }
}
