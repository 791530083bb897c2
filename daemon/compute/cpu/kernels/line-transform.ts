// Complex Fourier transforms of many lines of one length, real and imaginary parts apart, in place: kernels/fourier.ts does four of them at once.

import { transform } from './fourier';
import { storeTransposed } from './simd';

/** Moves a 4×4 block, transposed, times `factor`: rows `fromStep` bytes apart become columns of rows `toStep` apart. */
// @ts-ignore: decorator
@inline
function transpose(from: usize, fromStep: usize, to: usize, toStep: usize, factor: v128): void {
  const a = v128.load(from), b = v128.load(from + fromStep), c = v128.load(from + 2 * fromStep), d = v128.load(from + 3 * fromStep);
  storeTransposed(to, toStep, f32x4.mul(a, factor), f32x4.mul(b, factor), f32x4.mul(c, factor), f32x4.mul(d, factor));
}

/** Four lines, the first at `line`, into every second vector at `a`; with `isBack` the other way, times `factor`. */
function move(line: usize, stride: usize, lineStride: usize, n: i32, a: usize, factor: v128, isBack: bool): void {
  let j = 0;
  if (lineStride == 4) {
    for (; j < n; j++, line += stride, a += 32) {
      if (isBack) v128.store(line, f32x4.mul(v128.load(a), factor));
      else v128.store(a, v128.load(line));
    }
    return;
  }
  if (stride == 4) {
    for (; j + 4 <= n; j += 4, line += 16, a += 128) {
      if (isBack) transpose(a, 32, line, lineStride, factor);
      else transpose(line, lineStride, a, 32, factor);
    }
  }
  for (; j < n; j++, line += stride, a += 32) {
    for (let lane: usize = 0; lane < 4; lane++) {
      if (isBack) store<f32>(line + lane * lineStride, load<f32>(a + (lane << 2)) * f32x4.extract_lane(factor, 0));
      else store<f32>(a + (lane << 2), load<f32>(line + lane * lineStride));
    }
  }
}

/**
 * Transforms `count` lines of `n`: element j of line i lies at i·lineStride + j·stride (in numbers) from `re` and `im`. The result is multiplied by `factor`. The inverse is the same
 * with `re` and `im` exchanged. `scratch`: 64·n bytes.
 */
export function transformLines(re: usize, im: usize, stride: i32, count: i32, lineStride: i32, n: i32, plan: usize, scratch: usize, factor: f32): void {
  const a = scratch;
  const b = scratch + (<usize>n << 5);
  const step = <usize>stride << 2;
  const lineStep = <usize>lineStride << 2;
  const one = f32x4.splat(1);
  const scale = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const at = <usize>i * lineStep;
    move(re + at, step, lineStep, n, a, one, false);
    move(im + at, step, lineStep, n, a + 16, one, false);
    const done = transform(a, b, plan);
    move(re + at, step, lineStep, n, done, scale, true);
    move(im + at, step, lineStep, n, done + 16, scale, true);
  }
  if (i == count) return;
  // One to three lines are left: the other lanes hold zeros.
  const left = count - i;
  const at = <usize>i * lineStep;
  memory.fill(a, 0, <usize>n << 5);
  for (let j = 0; j < n; j++) {
    for (let lane = 0; lane < left; lane++) {
      const from = at + <usize>lane * lineStep + <usize>j * step;
      const to = a + (<usize>j << 5) + (<usize>lane << 2);
      store<f32>(to, load<f32>(re + from));
      store<f32>(to, load<f32>(im + from), 16);
    }
  }
  const done = transform(a, b, plan);
  for (let j = 0; j < n; j++) {
    for (let lane = 0; lane < left; lane++) {
      const to = at + <usize>lane * lineStep + <usize>j * step;
      const from = done + (<usize>j << 5) + (<usize>lane << 2);
      store<f32>(re + to, load<f32>(from) * factor);
      store<f32>(im + to, load<f32>(from, 16) * factor);
    }
  }
}
