// Insertion of one image's samples into some planes of a padded half transform: insertSlice of daemon/maps/insertion.ts, which says what it means, with a grid point a vector.

import { madd } from './simd';

// @ts-ignore: decorator
@inline
function spread(at: usize, weight: f32, sample: v128): void {
  v128.store(at, madd(f32x4.splat(weight), sample, v128.load(at)));
}

/**
 * Grid points and samples are four numbers: real and imaginary part, weight, and nothing. (ax … bz): the first two rows of the rotation, times
 * the padding. Planes `from` ≤ uz < `to` receive.
 */
export function insertSlice(
  accumulator: usize, side: i32, reach: i32, rings: i32, samples: usize,
  ax: f64, ay: f64, az: f64, bx: f64, by: f64, bz: f64, from: i32, to: i32,
): void {
  const row = <usize>side << 4;
  const plane = row * <usize>side;
  const below = <f64>max(from - 1, 0);
  for (let ky = -rings; ky <= rings; ky++) {
    const line = samples + (<usize>((ky + rings) * (rings + 1)) << 4);
    const y = <f64>ky;
    const edge = <f64>rings + 0.5;
    const first: f64 = ky < 0 ? 1 : 0;
    const last = Math.min(<f64>rings, Math.floor(Math.sqrt(edge * edge - y * y)));
    for (let half = 0; half < 2; half++) {
      const sign: f64 = half == 0 ? 1 : -1;
      const conjugate = f32x4(1, <f32>sign, 1, 0);
      let low = first, high = last;
      const start = sign * bz * y;
      const slope = sign * az;
      if (Math.abs(slope) > 1e-9) {
        const a = (below - start) / slope, b = (<f64>to - start) / slope;
        low = Math.max(low, Math.floor(Math.min(a, b)));
        high = Math.min(high, Math.ceil(Math.max(a, b)));
      }
      for (let x = low; x <= high; x++) {
        const uz = sign * (az * x + bz * y);
        if (!(uz >= 0) || (half == 1 && uz == 0)) continue;
        const z0 = <i32>uz;
        const lower = z0 >= from && z0 < to, upper = z0 + 1 >= from && z0 + 1 < to;
        if (!lower && !upper) continue;
        const ux = sign * (ax * x + bx * y) + <f64>reach, uy = sign * (ay * x + by * y) + <f64>reach;
        const x0 = <i32>ux, y0 = <i32>uy;
        const fx = <f32>(ux - <f64>x0), fy = <f32>(uy - <f64>y0), fz = <f32>(uz - <f64>z0);
        const sample = f32x4.mul(v128.load(line + (<usize><i32>x << 4)), conjugate);
        const w11 = fx * fy;
        const w10 = fy - w11, w01 = fx - w11;
        const w00 = <f32>1 - fx - w10;
        const corner = accumulator + <usize>z0 * plane + <usize>y0 * row + (<usize>x0 << 4);
        if (lower) {
          const share = <f32>1 - fz;
          spread(corner, share * w00, sample);
          spread(corner + 16, share * w01, sample);
          spread(corner + row, share * w10, sample);
          spread(corner + row + 16, share * w11, sample);
        }
        if (upper) {
          const above = corner + plane;
          spread(above, fz * w00, sample);
          spread(above + 16, fz * w01, sample);
          spread(above + row, fz * w10, sample);
          spread(above + row + 16, fz * w11, sample);
        }
      }
    }
  }
}
