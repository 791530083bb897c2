// Complex Fourier transforms of any length, four at a time (one a lane): Stockham's self-sorting scheme with radix 4, 2, 3, 5 and,
// for other primes, by definition.
//
// An element is 32 bytes: four real parts, four imaginary parts. A plan (made by fourier-plan.ts) holds a 32-bit count of stages, 12 bytes
// unused, then per stage radix, remaining length / radix, stride and the address of its twiddles.

import { madd, splat } from './simd';

// @ts-ignore: decorator
@inline
function sub(a: v128, b: v128): v128 {
  return f32x4.sub(a, b);
}

// @ts-ignore: decorator
@inline
function add(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

/** Stores (re + i im)·w, w a pair of numbers at `twiddle`. */
// @ts-ignore: decorator
@inline
function storeTwiddled(at: usize, re: v128, im: v128, twiddle: usize): void {
  const c = splat(twiddle);
  const s = v128.load32_splat(twiddle, 4);
  v128.store(at, sub(f32x4.mul(re, c), f32x4.mul(im, s)));
  v128.store(at, madd(re, s, f32x4.mul(im, c)), 16);
}

// @ts-ignore: decorator
@inline
function storePair(at: usize, re: v128, im: v128): void {
  v128.store(at, re);
  v128.store(at, im, 16);
}

/** Transform Σ x e^(−2πi k j/n) of the elements at `a`; `b` is as large. Returns which of the two holds the result. */
export function transform(a: usize, b: usize, plan: usize): usize {
  const stages = load<i32>(plan);
  for (let stage = 0; stage < stages; stage++) {
    const at = plan + 16 + (<usize>stage << 4);
    const radix = load<i32>(at);
    const m = load<i32>(at, 4);
    const stride = load<i32>(at, 8);
    const twiddles = <usize>load<u32>(at, 12);
    if (radix == 4) radix4(a, b, m, stride, twiddles);
    else if (radix == 2) radix2(a, b, m, stride, twiddles);
    else radixAny(a, b, radix, m, stride, twiddles);
    const other = a;
    a = b;
    b = other;
  }
  return a;
}

function radix4(a: usize, b: usize, m: i32, stride: i32, twiddles: usize): void {
  const quarter = <usize>(stride * m) << 5;
  const step = <usize>stride << 5;
  for (let p = 0; p < m; p++) {
    const end = a + step;
    for (; a < end; a += 32) {
      const far = a + 2 * quarter;
      const r0 = v128.load(a), i0 = v128.load(a, 16);
      const r1 = v128.load(a + quarter), i1 = v128.load(a + quarter, 16);
      const r2 = v128.load(far), i2 = v128.load(far, 16);
      const r3 = v128.load(far + quarter), i3 = v128.load(far + quarter, 16);
      const evenR = add(r0, r2), evenI = add(i0, i2), oddR = add(r1, r3), oddI = add(i1, i3);
      const lessR = sub(r0, r2), lessI = sub(i0, i2), turnR = sub(i1, i3), turnI = sub(r3, r1);
      storePair(b, add(evenR, oddR), add(evenI, oddI));
      if (p) {
        storeTwiddled(b + step, add(lessR, turnR), add(lessI, turnI), twiddles);
        storeTwiddled(b + 2 * step, sub(evenR, oddR), sub(evenI, oddI), twiddles + 8);
        storeTwiddled(b + 3 * step, sub(lessR, turnR), sub(lessI, turnI), twiddles + 16);
      } else {
        storePair(b + step, add(lessR, turnR), add(lessI, turnI));
        storePair(b + 2 * step, sub(evenR, oddR), sub(evenI, oddI));
        storePair(b + 3 * step, sub(lessR, turnR), sub(lessI, turnI));
      }
      b += 32;
    }
    b += 3 * step;
    twiddles += 24;
  }
}

function radix2(a: usize, b: usize, m: i32, stride: i32, twiddles: usize): void {
  const half = <usize>(stride * m) << 5;
  const step = <usize>stride << 5;
  for (let p = 0; p < m; p++) {
    const end = a + step;
    for (; a < end; a += 32) {
      const r0 = v128.load(a), i0 = v128.load(a, 16);
      const r1 = v128.load(a + half), i1 = v128.load(a + half, 16);
      storePair(b, add(r0, r1), add(i0, i1));
      if (p) storeTwiddled(b + step, sub(r0, r1), sub(i0, i1), twiddles);
      else storePair(b + step, sub(r0, r1), sub(i0, i1));
      b += 32;
    }
    b += step;
    twiddles += 8;
  }
}

/** Any odd radix by definition. The twiddles hold, for every p, output and input, the whole factor. */
function radixAny(a: usize, b: usize, radix: i32, m: i32, stride: i32, twiddles: usize): void {
  const part = <usize>(stride * m) << 5;
  const step = <usize>stride << 5;
  for (let p = 0; p < m; p++) {
    const end = a + step;
    for (; a < end; a += 32) {
      let w = twiddles;
      for (let output = 0; output < radix; output++) {
        let re = f32x4.splat(0), im = re;
        let from = a;
        for (let input = 0; input < radix; input++) {
          const r = v128.load(from), i = v128.load(from, 16);
          const c = splat(w);
          const s = v128.load32_splat(w, 4);
          re = sub(madd(r, c, re), f32x4.mul(i, s));
          im = madd(i, c, madd(r, s, im));
          from += part;
          w += 8;
        }
        storePair(b + <usize>output * step, re, im);
      }
      b += 32;
    }
    b += <usize>(radix - 1) * step;
    twiddles += <usize>(radix * radix) << 3;
  }
}
