// Batch normalisation by columns, forward and backward (Ioffe & Szegedy 2015); formulas in the contract.
//
// Each thread takes pieces of columns and goes down all rows, so a sum's order is that of the rows.

import { loadSome, madd, nextPiece, storeSome } from './simd';

const PIECE: i32 = 64;

/** `rest` = 1 − momentum, taken in double precision. */
export function batchStatistics(
  thread: i32, threads: i32, rows: i32, width: i32, x: usize, statistics: usize, running: usize, momentum: f32, rest: f32,
): void {
  const second = <usize>width << 2;
  const count = f32x4.splat(<f32>rows);
  for (let i = nextPiece() * PIECE; i < width; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, width);
    for (let j = i; j < last; j += 4) {
      const at = <usize>j << 2;
      const lanes = last - j;
      let sum = f32x4.splat(0);
      for (let r = 0; r < rows; r++) sum = f32x4.add(sum, loadSome(x + (<usize>(r * width) << 2) + at, lanes));
      const mean = f32x4.div(sum, count);
      let squares = f32x4.splat(0);
      for (let r = 0; r < rows; r++) {
        const difference = f32x4.sub(loadSome(x + (<usize>(r * width) << 2) + at, lanes), mean);
        squares = madd(difference, difference, squares);
      }
      keep(statistics + at, running + at, mean, momentum, rest, lanes);
      keep(statistics + second + at, running + second + at, f32x4.div(squares, count), momentum, rest, lanes);
    }
  }
}

/** Stores a statistic, and moves its running mean. */
// @ts-ignore: decorator
@inline
function keep(statistic: usize, running: usize, value: v128, momentum: f32, rest: f32, lanes: i32): void {
  storeSome(statistic, value, lanes);
  storeSome(running, madd(f32x4.splat(momentum), loadSome(running, lanes), f32x4.mul(f32x4.splat(rest), value)), lanes);
}

/** 1/√(variance + ε) of four columns. */
// @ts-ignore: decorator
@inline
function inverseDeviation(variance: usize, epsilon: f32, lanes: i32): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.sqrt(f32x4.add(loadSome(variance, lanes), f32x4.splat(epsilon))));
}

export function batchNormalise(
  thread: i32, threads: i32, rows: i32, width: i32, x: usize, statistics: usize, epsilon: f32, scale: usize, shift: usize, y: usize,
): void {
  const second = <usize>width << 2;
  for (let i = nextPiece() * PIECE; i < width; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, width);
    for (let j = i; j < last; j += 4) {
      const at = <usize>j << 2;
      const lanes = last - j;
      const mean = loadSome(statistics + at, lanes);
      const factor = f32x4.mul(loadSome(scale + at, lanes), inverseDeviation(statistics + second + at, epsilon, lanes));
      const b = loadSome(shift + at, lanes);
      for (let r = 0; r < rows; r++) {
        const here = (<usize>(r * width) << 2) + at;
        storeSome(y + here, madd(f32x4.sub(loadSome(x + here, lanes), mean), factor, b), lanes);
      }
    }
  }
}

/** dX may be dY. The first `batchRows` rows are those that the statistics depend on. */
export function batchNormaliseBackward(
  thread: i32, threads: i32, rows: i32, batchRows: i32, width: i32, x: usize, statistics: usize, epsilon: f32, scale: usize, dY: usize, dX: usize, dScale: usize, dShift: usize,
): void {
  const second = <usize>width << 2;
  for (let i = nextPiece() * PIECE; i < width; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, width);
    for (let j = i; j < last; j += 4) {
      const at = <usize>j << 2;
      const lanes = last - j;
      const mean = loadSome(statistics + at, lanes);
      const inverse = inverseDeviation(statistics + second + at, epsilon, lanes);
      let sum = f32x4.splat(0);
      let along = f32x4.splat(0);
      for (let r = 0; r < rows; r++) {
        const here = (<usize>(r * width) << 2) + at;
        const d = loadSome(dY + here, lanes);
        sum = f32x4.add(sum, d);
        along = madd(d, f32x4.mul(f32x4.sub(loadSome(x + here, lanes), mean), inverse), along);
      }
      storeSome(dShift + at, sum, lanes);
      storeSome(dScale + at, along, lanes);
      const factor = f32x4.mul(loadSome(scale + at, lanes), inverse);
      for (let r = 0; r < rows; r++) {
        const here = (<usize>(r * width) << 2) + at;
        let d = loadSome(dY + here, lanes);
        if (r < batchRows) {
          const normalised = f32x4.mul(f32x4.sub(loadSome(x + here, lanes), mean), inverse);
          d = f32x4.sub(d, f32x4.div(madd(normalised, along, sum), f32x4.splat(<f32>batchRows)));
        }
        storeSome(dX + here, f32x4.mul(factor, d), lanes);
      }
    }
  }
}
