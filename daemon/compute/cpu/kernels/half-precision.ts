// Rows of numbers in half precision (IEEE 754 binary16) beside one power of two for all of them, so that no row is too large or too small for it.

/** Largest exponent of the scaled numbers: 2^15 is the last power of two that half precision holds. */
const TOP: i32 = 15;

/**
 * to[count] (16 bits each) = from[count] / scale, rounded to nearest, ties to even; returns the scale, the power of two that brings the largest number into [2¹⁴, 2¹⁵). A row of zeros has
 * scale 1, one with a number that is not finite has NaN. `count` is a multiple of 8 (zeros behind the row).
 */
export function toHalf(_thread: i32, _threads: i32, count: i32, from: usize, to: usize): f32 {
  let most = f32x4.splat(0);
  for (let at: usize = 0; at < <usize>count << 2; at += 16) most = f32x4.max(most, f32x4.abs(v128.load(from + at)));
  const pairs = f32x4.max(most, i8x16.shuffle(most, most, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  const largest = max<f32>(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
  const exponent = <i32>((reinterpret<u32>(largest) >> 23) & 0xff) - 127; // the sign of NaN may be set
  if (exponent == 128) return NaN;
  // Below this the scale's own reciprocal would leave single precision; nothing that small is told from zero.
  if (exponent < -100) {
    memory.fill(to, 0, <usize>count << 1);
    return 1;
  }
  const power = exponent - TOP + 1;
  const factor = f32x4.splat(reinterpret<f32>(<u32>(127 - power) << 23));
  for (let i: usize = 0; i < <usize>count; i += 8) {
    const low = halves(f32x4.mul(v128.load(from + (i << 2)), factor));
    const high = halves(f32x4.mul(v128.load(from + (i << 2), 16), factor));
    v128.store(to + (i << 1), i16x8.narrow_i32x4_u(low, high));
  }
  return reinterpret<f32>(<u32>(127 + power) << 23);
}

/** Four numbers below 65504 as half precision in the low bits of each lane. What is below 2⁻¹⁴ is rounded by adding a number whose last bit is worth 2⁻²⁴. */
// @ts-ignore: decorator
@inline
function halves(x: v128): v128 {
  const bits = v128.and(x, i32x4.splat(0x7fffffff));
  const sign = i32x4.shr_u(v128.and(x, i32x4.splat(0x80000000)), 16);
  const odd = v128.and(i32x4.shr_u(bits, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(bits, odd), i32x4.splat(((15 - 127) << 23) + 0xfff)), 13);
  const small = i32x4.sub(f32x4.add(bits, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const isSmall = i32x4.lt_s(bits, i32x4.splat(113 << 23));
  return v128.or(v128.bitselect(small, normal, isSmall), sign);
}

/** to[count] = scale · from[count] (16 bits each). `count` is a multiple of 8. */
export function fromHalf(_thread: i32, _threads: i32, count: i32, from: usize, scale: f32, to: usize): void {
  const factor = f32x4.splat(scale);
  // Exponent and fraction moved to their places mean a number 2¹¹² times too small.
  const lift = f32x4.splat(reinterpret<f32>(<u32>(127 + 112) << 23));
  for (let i: usize = 0; i < <usize>count; i += 4) {
    const half = v128.load_ext<u16>(from + (i << 1));
    const magnitude = f32x4.mul(i32x4.shl(v128.and(half, i32x4.splat(0x7fff)), 13), lift);
    const sign = i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16);
    v128.store(to + (i << 2), f32x4.mul(v128.or(magnitude, sign), factor));
  }
}
