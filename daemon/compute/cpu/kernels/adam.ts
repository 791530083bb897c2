// Adam with decoupled weight decay or an L2 penalty in one pass over parameter, gradient and both moments (Kingma & Ba 2015; Loshchilov & Hutter 2019).

import { madd, nextPiece } from './simd';

const PIECE: i32 = 16384;

/** `rest1`, `rest2` = 1 − β (taken in double precision: 1 − 0.999 has few digits left in single), `step` = learning rate / (1 − β1ᵗ), `correction` = 1 / (1 − β2ᵗ), `decay` = learning rate · weight decay, `penalty` = 2 · l2. */
export function adam(
  thread: i32, threads: i32, count: i32, parameter: usize, gradient: usize, m: usize, v: usize, beta1: f32, rest1: f32, beta2: f32, rest2: f32, step: f32, correction: f32, epsilon: f32, decay: f32, penalty: f32,
): void {
  for (let first = nextPiece() * PIECE; first < count; first = nextPiece() * PIECE) {
    const last = min(first + PIECE, count);
    let i = first;
    for (; i + 4 <= last; i += 4) {
      const at = <usize>i << 2;
      updateFour(v128.load(parameter + at), v128.load(gradient + at), v128.load(m + at), v128.load(v + at), parameter + at, m + at, v + at, beta1, rest1, beta2, rest2, step, correction, epsilon, decay, penalty);
    }
    if (i < last) {
      // Tensors are padded to 64 bytes, so that the lanes past the end are our own: they are zero, and stay zero.
      const at = <usize>i << 2;
      updateFour(v128.load(parameter + at), v128.load(gradient + at), v128.load(m + at), v128.load(v + at), parameter + at, m + at, v + at, beta1, rest1, beta2, rest2, step, correction, epsilon, decay, penalty);
    }
  }
}

// @ts-ignore: decorator
@inline
function updateFour(
  p: v128, loss: v128, oldM: v128, oldV: v128, parameter: usize, m: usize, v: usize, beta1: f32, rest1: f32, beta2: f32, rest2: f32, step: f32, correction: f32, epsilon: f32, decay: f32, penalty: f32,
): void {
  const g = madd(f32x4.splat(penalty), p, loss);
  const newM = madd(f32x4.splat(beta1), oldM, f32x4.mul(f32x4.splat(rest1), g));
  const newV = madd(f32x4.splat(beta2), oldV, f32x4.mul(f32x4.mul(f32x4.splat(rest2), g), g));
  const root = f32x4.add(f32x4.sqrt(f32x4.mul(newV, f32x4.splat(correction))), f32x4.splat(epsilon));
  const change = madd(f32x4.splat(decay), p, f32x4.div(f32x4.mul(newM, f32x4.splat(step)), root));
  v128.store(parameter, f32x4.sub(p, change));
  v128.store(m, newM);
  v128.store(v, newV);
}
