// Resistance against stretching: what the links of every Gaussian pull at it, four links at a time.
//
// Every link stands with both its ends, so that each Gaussian gathers its own gradient and no two threads write to one place.

import { nextPiece, sumLanes } from './simd';

/** Gaussians in a piece of work. */
const PIECE: i32 = 256;

/** One coordinate of four Gaussians, numbers `which`, from a plane of them. */
// @ts-ignore: decorator
@inline
function gather(plane: usize, which: v128): v128 {
  let x = v128.load32_splat(plane + (<usize>i32x4.extract_lane(which, 0) << 2));
  x = v128.load_lane<f32>(plane + (<usize>i32x4.extract_lane(which, 1) << 2), x, 1);
  x = v128.load_lane<f32>(plane + (<usize>i32x4.extract_lane(which, 2) << 2), x, 2);
  return v128.load_lane<f32>(plane + (<usize>i32x4.extract_lane(which, 3) << 2), x, 3);
}

/** Adds to dGaussians (see the contract). `factor`: 2 · reach² · weight / rows; `square`: reach². */
export function stretchBackward(
  thread: i32, threads: i32, rows: i32, n: i32, most: i32, gaussians: usize, links: usize, dGaussians: usize, factor: f32, square: f32,
): void {
  const plane = <usize>n << 2;
  const table = <usize>(n * most) << 2;
  const perRow = (n + PIECE - 1) / PIECE;
  const tiny = f32x4.splat(1e-18);
  for (let piece = nextPiece(); piece < rows * perRow; piece = nextPiece()) {
    const r = piece / perRow;
    const first = (piece - r * perRow) * PIECE;
    const last = min(first + PIECE, n);
    const row = gaussians + <usize>(5 * r) * plane;
    const dRow = dGaussians + <usize>(5 * r) * plane;
    for (let a = first; a < last; a++) {
      const own = links + (<usize>(a * most) << 2);
      if (load<f32>(own + 2 * table) == 0) continue;
      const at = <usize>a << 2;
      const x = v128.load32_splat(row + at), y = v128.load32_splat(row + plane + at), z = v128.load32_splat(row + 2 * plane + at);
      let dx = f32x4.splat(0), dy = f32x4.splat(0), dz = f32x4.splat(0);
      for (let m = 0; m < most; m += 4) {
        const link = own + (<usize>m << 2);
        const share = v128.load(link + 2 * table);
        if (f32x4.extract_lane(share, 0) == 0) break;
        const other = i32x4.trunc_sat_f32x4_s(v128.load(link));
        const ax = f32x4.sub(x, gather(row, other));
        const ay = f32x4.sub(y, gather(row + plane, other));
        const az = f32x4.sub(z, gather(row + 2 * plane, other));
        const length = f32x4.sqrt(f32x4.add(f32x4.add(f32x4.mul(ax, ax), f32x4.mul(ay, ay)), f32x4.add(f32x4.mul(az, az), tiny)));
        const stretch = f32x4.sub(length, v128.load(link + table));
        const firm = f32x4.add(f32x4.mul(stretch, stretch), f32x4.splat(square));
        const slope = f32x4.div(f32x4.mul(share, stretch), f32x4.mul(f32x4.mul(firm, firm), length));
        dx = f32x4.add(dx, f32x4.mul(slope, ax));
        dy = f32x4.add(dy, f32x4.mul(slope, ay));
        dz = f32x4.add(dz, f32x4.mul(slope, az));
      }
      const d = dRow + at;
      store<f32>(d, load<f32>(d) + factor * sumLanes(dx));
      store<f32>(d + plane, load<f32>(d + plane) + factor * sumLanes(dy));
      store<f32>(d + 2 * plane, load<f32>(d + 2 * plane) + factor * sumLanes(dz));
    }
  }
}
