// The operations without sums along a row: from offsets to Gaussians and back, sums of rows, fills.
//
// Each thread takes pieces of columns. Tensors are padded to 64 bytes and rows here may start anywhere, so a row's last lanes are
// done one by one.

import { exp4, loadSome, nextPiece, storeSome } from './simd';

const PIECE: i32 = 1024;

export function fill(thread: i32, threads: i32, count: i32, x: usize, value: f32): void {
  for (let i = nextPiece() * PIECE; i < count; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, count);
    for (let j = i; j < last; j += 4) storeSome(x + (<usize>j << 2), f32x4.splat(value), last - j);
  }
}

export function add(thread: i32, threads: i32, count: i32, a: usize, b: usize, out: usize): void {
  for (let i = nextPiece() * PIECE; i < count; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, count);
    for (let j = i; j < last; j += 4) {
      const at = <usize>j << 2;
      storeSome(out + at, f32x4.add(loadSome(a + at, last - j), loadSome(b + at, last - j)), last - j);
    }
  }
}

export function sumRows(thread: i32, threads: i32, rows: i32, width: i32, x: usize, out: usize): void {
  for (let i = nextPiece() * PIECE; i < width; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, width);
    for (let j = i; j < last; j += 4) {
      let sum = f32x4.splat(0);
      for (let r = 0; r < rows; r++) sum = f32x4.add(sum, loadSome(x + (<usize>(r * width + j) << 2), last - j));
      storeSome(out + (<usize>j << 2), sum, last - j);
    }
  }
}

/** x[rows, width] times factor (one plane of a parameter kind: width columns from `x` on, rows `stride` apart). */
export function scalePlane(thread: i32, threads: i32, rows: i32, width: i32, stride: i32, x: usize, factor: f32): void {
  for (let r = nextPiece(); r < rows; r = nextPiece()) {
    for (let j = 0; j < width; j += 4) {
      const at = x + (<usize>(r * stride + j) << 2);
      storeSome(at, f32x4.mul(loadSome(at, width - j), f32x4.splat(factor)), width - j);
    }
  }
}

/** What is added to the sigmoid of column j: −½ for the centre, 0 for the amplitude, ½ for the width. */
// @ts-ignore: decorator
@inline
function kindShift(j: i32, gaussians: i32): f32 {
  return j < 3 * gaussians ? -0.5 : j < 4 * gaussians ? 0 : 0.5;
}

/** kindShift of columns j … j+3. */
// @ts-ignore: decorator
@inline
function kindShifts(j: i32, gaussians: i32): v128 {
  const first = kindShift(j, gaussians);
  if (first == kindShift(j + 3, gaussians)) return f32x4.splat(first);
  return f32x4.replace_lane(
    f32x4.replace_lane(f32x4.replace_lane(f32x4.splat(first), 1, kindShift(j + 1, gaussians)), 2, kindShift(j + 2, gaussians)), 3, kindShift(j + 3, gaussians));
}

/** Gaussians from offsets (see the contract). `origin` is the row of the decoder at z = 0, or 0 for none; `neutralStride` is 5n, or 0 where all rows share a neutral model. */
export function gaussians(
  thread: i32, threads: i32, rows: i32, n: i32, offsets: usize, origin: usize, neutral: usize, neutralStride: i32, vary: usize, out: usize,
): void {
  const width = 5 * n;
  const one = f32x4.splat(1);
  for (let i = nextPiece() * PIECE; i < width; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, width);
    for (let j = i; j < last; j += 4) {
      const at = <usize>j << 2;
      const count = last - j;
      const mask = loadSome(vary + at, count);
      const zero = origin ? loadSome(origin + at, count) : f32x4.splat(0);
      const shift = kindShifts(j, n);
      for (let r = 0; r < rows; r++) {
        const row = <usize>(r * width) << 2;
        const base = loadSome(neutral + (<usize>(r * neutralStride) << 2) + at, count);
        const raw = f32x4.add(base, f32x4.mul(mask, f32x4.sub(loadSome(offsets + row + at, count), zero)));
        const sigmoid = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(raw))));
        storeSome(out + row + at, f32x4.add(sigmoid, shift), count);
      }
    }
  }
}

/** dOffsets from dOut and out; with `origin` row `rows` of dOffsets is minus the sum of the others. */
export function gaussiansBackward(thread: i32, threads: i32, rows: i32, n: i32, out: usize, dOut: usize, origin: bool, vary: usize, dOffsets: usize): void {
  const width = 5 * n;
  for (let i = nextPiece() * PIECE; i < width; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, width);
    for (let j = i; j < last; j += 4) {
      const at = <usize>j << 2;
      const count = last - j;
      const mask = loadSome(vary + at, count);
      const shift = kindShifts(j, n);
      let sum = f32x4.splat(0);
      for (let r = 0; r < rows; r++) {
        const here = (<usize>(r * width) << 2) + at;
        const sigmoid = f32x4.sub(loadSome(out + here, count), shift);
        const slope = f32x4.mul(sigmoid, f32x4.sub(f32x4.splat(1), sigmoid));
        const d = f32x4.mul(f32x4.mul(loadSome(dOut + here, count), mask), slope);
        storeSome(dOffsets + here, d, count);
        sum = f32x4.sub(sum, d);
      }
      if (origin) storeSome(dOffsets + (<usize>(rows * width) << 2) + at, sum, count);
    }
  }
}
