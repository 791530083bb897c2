// The few vector operations that every kernel shares: multiply-add, exponential, transposition, sharing of work between threads.

/** Byte address of the work counter, which the caller sets to 0 before each operation (control-block.ts has the same number). */
const WORK_COUNTER: usize = 192;

/** The next piece of work that no thread has taken. */
// @ts-ignore: decorator
@inline
export function nextPiece(): i32 {
  return atomic.add<i32>(WORK_COUNTER, 1);
}

/** a·b + c; one rounding in the fused build. FUSED is a constant of the build. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  // @ts-ignore: constant of the build
  if (FUSED) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The number at `address` in all four lanes. */
// @ts-ignore: decorator
@inline
export function splat(address: usize): v128 {
  return v128.load32_splat(address);
}

/**
 * e^x, relative error below 3·10⁻⁷, for x ≤ 88; below −87 it gives e^−87. Splits x = (n + f)·ln 2 with |f| ≤ ½; 2^f is
 * the polynomial of the Cephes library, 2^n is added to the exponent bits.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const t = f32x4.mul(f32x4.min(f32x4.max(x, f32x4.splat(-87)), f32x4.splat(88)), f32x4.splat(1.44269504088896341));
  const rounder = f32x4.splat(12582912); // 1.5·2²³: adding it leaves the nearest whole number in the low bits
  const n = f32x4.add(t, rounder);
  const f = f32x4.sub(t, f32x4.sub(n, rounder));
  let p = f32x4.splat(1.535336188319500e-4);
  p = madd(p, f, f32x4.splat(1.339887440266574e-3));
  p = madd(p, f, f32x4.splat(9.618437357674640e-3));
  p = madd(p, f, f32x4.splat(5.550332471162809e-2));
  p = madd(p, f, f32x4.splat(2.402264791363012e-1));
  p = madd(p, f, f32x4.splat(6.931472028550421e-1));
  p = madd(p, f, f32x4.splat(1));
  return i32x4.add(p, i32x4.shl(n, 23));
}

/** Sum of the four lanes, always in the same order. */
// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, i8x16.shuffle(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** Four numbers, or the first `count` of them with zeros behind. */
// @ts-ignore: decorator
@inline
export function loadSome(address: usize, count: i32): v128 {
  if (count >= 4) return v128.load(address);
  let x = v128.load32_zero(address);
  if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(address, 4));
  if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(address, 8));
  return x;
}

/** Stores the first `count` lanes, at most four. */
// @ts-ignore: decorator
@inline
export function storeSome(address: usize, x: v128, count: i32): void {
  if (count >= 4) {
    v128.store(address, x);
    return;
  }
  store<f32>(address, f32x4.extract_lane(x, 0));
  if (count > 1) store<f32>(address, f32x4.extract_lane(x, 1), 4);
  if (count > 2) store<f32>(address, f32x4.extract_lane(x, 2), 8);
}

// @ts-ignore: decorator
@inline
function lows(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
}
// @ts-ignore: decorator
@inline
function highs(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
}
// @ts-ignore: decorator
@inline
function firstHalves(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}
// @ts-ignore: decorator
@inline
function lastHalves(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}

/** Stores the transpose of a 4×4 block, its rows `step` bytes apart. */
// @ts-ignore: decorator
@inline
export function storeTransposed(at: usize, step: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab0 = lows(a, b), ab1 = highs(a, b), cd0 = lows(c, d), cd1 = highs(c, d);
  v128.store(at, firstHalves(ab0, cd0));
  v128.store(at + step, lastHalves(ab0, cd0));
  v128.store(at + 2 * step, firstHalves(ab1, cd1));
  v128.store(at + 3 * step, lastHalves(ab1, cd1));
}
