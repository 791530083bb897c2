// One row times a matrix, reading only the rows of the matrix that count: a decode while somebody drags the mouse.

import { loadSome, madd, splat, storeSome } from './simd';

/** Columns summed at a time: the sums and four rows of w stay in the first-level cache. */
const COLUMNS: i32 = 1024;

/**
 * result[columns] = x[depth]·w[depth,columns] + bias, then ReLU where asked. ReLU before it leaves about half of x at zero, whose rows of w
 * are never read: the product takes as long as memory needs to bring the rest. `list`: 8·(depth + 4) bytes of work space.
 */
export function multiplyActive(thread: i32, threads: i32, x: usize, depth: i32, w: usize, columns: i32, bias: usize, relu: bool, result: usize, list: usize): void {
  const stride = <usize>columns << 2;
  let active = 0;
  for (let k = 0; k < depth; k++) {
    const value = load<f32>(x + (<usize>k << 2));
    // Written so that NaN counts too.
    if (value == 0) continue;
    listRow(list, active++, w + <usize>k * stride, value);
  }
  // Four rows are added at a time: what is missing is filled up with rows that count nothing.
  while (active & 3) listRow(list, active++, w, 0);
  for (let n0 = 0; n0 < columns; n0 += COLUMNS) {
    const n1 = min(n0 + COLUMNS, columns);
    memory.copy(result + (<usize>n0 << 2), bias + (<usize>n0 << 2), <usize>(n1 - n0) << 2);
    for (let k = 0; k < active; k += 4) {
      const four = list + (<usize>k << 3);
      const w0 = load<u32>(four), w1 = load<u32>(four, 8), w2 = load<u32>(four, 16), w3 = load<u32>(four, 24);
      const x0 = splat(four + 4), x1 = splat(four + 12), x2 = splat(four + 20), x3 = splat(four + 28);
      let n = n0;
      for (; n + 4 <= n1; n += 4) {
        const at = <usize>n << 2;
        let sum = madd(x0, v128.load(w0 + at), v128.load(result + at));
        sum = madd(x1, v128.load(w1 + at), sum);
        sum = madd(x2, v128.load(w2 + at), sum);
        v128.store(result + at, madd(x3, v128.load(w3 + at), sum));
      }
      if (n < n1) {
        const at = <usize>n << 2;
        const tail = n1 - n;
        let sum = madd(x0, loadSome(w0 + at, tail), loadSome(result + at, tail));
        sum = madd(x1, loadSome(w1 + at, tail), sum);
        sum = madd(x2, loadSome(w2 + at, tail), sum);
        storeSome(result + at, madd(x3, loadSome(w3 + at, tail), sum), tail);
      }
    }
    if (!relu) continue;
    for (let n = n0; n < n1; n += 4) {
      const at = result + (<usize>n << 2);
      storeSome(at, f32x4.pmax(loadSome(at, n1 - n), f32x4.splat(0)), n1 - n);
    }
  }
}

/** Entry of the list: address of a row of w, and what it is multiplied by. */
// @ts-ignore: decorator
@inline
function listRow(list: usize, entry: i32, row: usize, value: f32): void {
  const at = list + (<usize>entry << 3);
  store<u32>(at, <u32>row);
  store<f32>(at, value, 4);
}
