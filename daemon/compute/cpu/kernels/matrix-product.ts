// The three products of a dense layer as one blocked matrix product (Goto & van de Geijn 2008): both sides are packed so
// that a tile of up to 4 rows by 8 columns of the result stays in registers while it runs along the summed dimension.
//
// Left side packed: blocks of 1 to 4 rows, each [k][row of block]. Right side packed: panels of 8 columns, each [k][8],
// zero beyond the last column. Each element of the result is summed in the order of k whatever the tile, so that neither
// the number of threads nor the blocking changes a bit.

import { loadSome, madd, nextPiece, splat, storeSome } from './simd';

/** V8 loads all that an iteration needs before it multiplies: 8 sums, 2 vectors of the right side and 4 of the left just fit its 15 registers. */
const TILE_ROWS: i32 = 4;
const PANEL: i32 = 8;
/** Summed length kept in the first-level cache: a panel is 8 KB, a left block 4 KB. */
const DEPTH: i32 = 256;

/** The start of a tile: zero or the bias, or what the block of k before this one left. */
const START_ZERO: i32 = 0;
const START_BIAS: i32 = 1;
const START_RESULT: i32 = 2;

// @ts-ignore: decorator
@inline
function blockCount(rows: i32): i32 {
  return (rows + TILE_ROWS - 1) / TILE_ROWS;
}

/** Rows are dealt to blocks evenly: 33 is 4+4+4+4+4+4+3+3+3, as a block of one row runs at a quarter of the speed. */
// @ts-ignore: decorator
@inline
function blockStart(rows: i32, block: i32): i32 {
  const blocks = blockCount(rows);
  return block * (rows / blocks) + min(block, rows % blocks);
}

/** One tile: result[rows,8] = start + left[depth,rows]ᵀ · right[depth,8]. `rows` is a constant where this is inlined. */
// @ts-ignore: decorator
@inline
function tileOf(rows: i32, left: usize, right: usize, depth: i32, result: usize, stride: usize, start: i32, bias: usize, relu: bool): void {
  let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
  if (start == START_RESULT) {
    a0 = v128.load(result);
    a1 = v128.load(result, 16);
    if (rows > 1) { b0 = v128.load(result + stride); b1 = v128.load(result + stride, 16); }
    if (rows > 2) { c0 = v128.load(result + 2 * stride); c1 = v128.load(result + 2 * stride, 16); }
    if (rows > 3) { d0 = v128.load(result + 3 * stride); d1 = v128.load(result + 3 * stride, 16); }
  } else if (start == START_BIAS) {
    a0 = b0 = c0 = d0 = v128.load(bias);
    a1 = b1 = c1 = d1 = v128.load(bias, 16);
  }
  const end = right + (<usize>depth << 5);
  // Two steps an iteration halve what the loop costs; the exit between them keeps V8 from loading for both at once, which would spill.
  while (right < end) {
    {
      const r0 = v128.load(right);
      const r1 = v128.load(right, 16);
      let x = v128.load32_splat(left);
      a0 = madd(x, r0, a0);
      a1 = madd(x, r1, a1);
      if (rows > 1) { x = v128.load32_splat(left, 4); b0 = madd(x, r0, b0); b1 = madd(x, r1, b1); }
      if (rows > 2) { x = v128.load32_splat(left, 8); c0 = madd(x, r0, c0); c1 = madd(x, r1, c1); }
      if (rows > 3) { x = v128.load32_splat(left, 12); d0 = madd(x, r0, d0); d1 = madd(x, r1, d1); }
      left += <usize>rows << 2;
      right += 32;
    }
    if (right >= end) break;
    {
      const r0 = v128.load(right);
      const r1 = v128.load(right, 16);
      let x = v128.load32_splat(left);
      a0 = madd(x, r0, a0);
      a1 = madd(x, r1, a1);
      if (rows > 1) { x = v128.load32_splat(left, 4); b0 = madd(x, r0, b0); b1 = madd(x, r1, b1); }
      if (rows > 2) { x = v128.load32_splat(left, 8); c0 = madd(x, r0, c0); c1 = madd(x, r1, c1); }
      if (rows > 3) { x = v128.load32_splat(left, 12); d0 = madd(x, r0, d0); d1 = madd(x, r1, d1); }
      left += <usize>rows << 2;
      right += 32;
    }
  }
  if (relu) {
    // pmax(x, 0) is x < 0 ? 0 : x, so NaN passes and is seen.
    const zero = f32x4.splat(0);
    a0 = f32x4.pmax(a0, zero); a1 = f32x4.pmax(a1, zero);
    if (rows > 1) { b0 = f32x4.pmax(b0, zero); b1 = f32x4.pmax(b1, zero); }
    if (rows > 2) { c0 = f32x4.pmax(c0, zero); c1 = f32x4.pmax(c1, zero); }
    if (rows > 3) { d0 = f32x4.pmax(d0, zero); d1 = f32x4.pmax(d1, zero); }
  }
  v128.store(result, a0);
  v128.store(result, a1, 16);
  if (rows > 1) { v128.store(result + stride, b0); v128.store(result + stride, b1, 16); }
  if (rows > 2) { v128.store(result + 2 * stride, c0); v128.store(result + 2 * stride, c1, 16); }
  if (rows > 3) { v128.store(result + 3 * stride, d0); v128.store(result + 3 * stride, d1, 16); }
}

function tile(rows: i32, left: usize, right: usize, depth: i32, result: usize, stride: usize, start: i32, bias: usize, relu: bool): void {
  if (rows == 4) tileOf(4, left, right, depth, result, stride, start, bias, relu);
  else if (rows == 3) tileOf(3, left, right, depth, result, stride, start, bias, relu);
  else if (rows == 2) tileOf(2, left, right, depth, result, stride, start, bias, relu);
  else tileOf(1, left, right, depth, result, stride, start, bias, relu);
}

/** A tile at the right edge, with fewer than 8 columns, is made in `spare` (192 bytes) and copied. */
function edgeTile(rows: i32, columns: i32, left: usize, right: usize, depth: i32, result: usize, stride: usize, start: i32, bias: usize, relu: bool, spare: usize): void {
  const bytes = <usize>columns << 2;
  const paddedBias = spare + TILE_ROWS * 32;
  memory.fill(spare, 0, TILE_ROWS * 32 + 32);
  if (start == START_BIAS) memory.copy(paddedBias, bias, bytes);
  if (start == START_RESULT) for (let r = 0; r < rows; r++) memory.copy(spare + (<usize>r << 5), result + <usize>r * stride, bytes);
  tile(rows, left, right, depth, spare, 32, start, paddedBias, relu);
  for (let r = 0; r < rows; r++) memory.copy(result + <usize>r * stride, spare + (<usize>r << 5), bytes);
}

/** Packs x[rows,depth] as a left side. Pieces of 256 along the depth. */
export function packLeft(thread: i32, threads: i32, x: usize, rows: i32, depth: i32, packed: usize): void {
  const blocks = blockCount(rows);
  for (let first = nextPiece() * DEPTH; first < depth; first = nextPiece() * DEPTH) {
    for (let block = 0; block < blocks; block++) packLeftBlock(x, rows, depth, packed, block, first, min(first + DEPTH, depth));
  }
}

function packLeftBlock(x: usize, rows: i32, depth: i32, packed: usize, block: i32, first: i32, last: i32): void {
  const start = blockStart(rows, block);
  const size = blockStart(rows, block + 1) - start;
  const step = <usize>size << 2;
  for (let r = 0; r < size; r++) {
    let from = x + (<usize>((start + r) * depth + first) << 2);
    let to = packed + (<usize>(start * depth) << 2) + <usize>first * step + (<usize>r << 2);
    for (let k = first; k < last; k++) {
      store<f32>(to, load<f32>(from));
      from += 4;
      to += step;
    }
  }
}

/** Packs columns [n0, n1) and rows [k0, k1) of w[K,N] into panels. */
function packRight(w: usize, columns: i32, n0: i32, n1: i32, k0: i32, k1: i32, packed: usize): void {
  const depth = k1 - k0;
  for (let k = 0; k < depth; k++) {
    let from = w + (<usize>((k0 + k) * columns + n0) << 2);
    let to = packed + (<usize>k << 5);
    let n = n0;
    for (; n + PANEL <= n1; n += PANEL) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += 32;
      to += <usize>depth << 5;
    }
    if (n < n1) {
      memory.fill(to, 0, 32);
      memory.copy(to, from, <usize>(n1 - n) << 2);
    }
  }
}

/** The same for the transpose of w[N,K]: its rows [n0, n1) become the columns. */
function packRightTransposed(w: usize, depthOfW: i32, n0: i32, n1: i32, k0: i32, k1: i32, packed: usize): void {
  const depth = k1 - k0;
  const stride = <usize>depthOfW << 2;
  for (let n = n0; n < n1; n += PANEL) {
    let to = packed + (<usize>((n - n0) * depth) << 2);
    let from = w + (<usize>(n * depthOfW + k0) << 2);
    let k = 0;
    if (n + PANEL <= n1) {
      for (; k + 4 <= depth; k += 4) {
        for (let half = 0; half < 2; half++) {
          const row = from + (half ? 4 * stride : 0);
          const a = v128.load(row);
          const b = v128.load(row + stride);
          const c = v128.load(row + 2 * stride);
          const d = v128.load(row + 3 * stride);
          const ab0 = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
          const ab1 = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
          const cd0 = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
          const cd1 = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
          const at = to + (half ? 16 : 0);
          v128.store(at, i8x16.shuffle(ab0, cd0, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
          v128.store(at, i8x16.shuffle(ab0, cd0, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 32);
          v128.store(at, i8x16.shuffle(ab1, cd1, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 64);
          v128.store(at, i8x16.shuffle(ab1, cd1, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 96);
        }
        from += 16;
        to += 128;
      }
    }
    const width = min(PANEL, n1 - n);
    for (; k < depth; k++) {
      for (let j = 0; j < PANEL; j++) store<f32>(to + (<usize>j << 2), j < width ? load<f32>(from + <usize>j * stride) : 0);
      from += 4;
      to += 32;
    }
  }
}

/**
 * result[rows,columns] = activation(left·w + bias) with `left` packed and w[depth,columns], or with `transposed`
 * left·wᵀ and w[columns,depth]. Pieces of `pieceColumns` columns (a multiple of 8); each thread packs its part of w into its scratch of
 * pieceColumns·1024 + 192 bytes, so that w is read from memory once.
 */
export function multiply(
  thread: i32, threads: i32, packedLeft: usize, rows: i32, depth: i32, w: usize, columns: i32, transposed: bool, bias: usize, relu: bool, result: usize,
  pieceColumns: i32, scratch: usize, scratchStride: usize,
): void {
  const panels = scratch + <usize>thread * scratchStride;
  const spare = panels + (<usize>(pieceColumns * DEPTH) << 2);
  const blocks = blockCount(rows);
  const stride = <usize>columns << 2;
  for (let n0 = nextPiece() * pieceColumns; n0 < columns; n0 = nextPiece() * pieceColumns) {
    const n1 = min(n0 + pieceColumns, columns);
    for (let k0 = 0; k0 < depth; k0 += DEPTH) {
      const k1 = min(k0 + DEPTH, depth);
      if (transposed) packRightTransposed(w, depth, n0, n1, k0, k1, panels);
      else packRight(w, columns, n0, n1, k0, k1, panels);
      const start = k0 ? START_RESULT : bias ? START_BIAS : START_ZERO;
      const last = relu && k1 == depth;
      for (let n = n0; n < n1; n += PANEL) {
        const right = panels + (<usize>((n - n0) * (k1 - k0)) << 2);
        for (let block = 0; block < blocks; block++) {
          const m = blockStart(rows, block);
          const size = blockStart(rows, block + 1) - m;
          const left = packedLeft + (<usize>(m * depth + k0 * size) << 2);
          const at = result + <usize>m * stride + (<usize>n << 2);
          const biasHere = bias + (<usize>n << 2);
          if (n + PANEL <= n1) tile(size, left, right, k1 - k0, at, stride, start, biasHere, last);
          else edgeTile(size, n1 - n, left, right, k1 - k0, at, stride, start, biasHere, last, spare);
        }
      }
    }
  }
}

/** Columns of one piece of `multiplyFew`: four rows of w in the first-level cache. */
const FEW_COLUMNS: i32 = 1024;

/**
 * The same as `multiply` for one to three rows, too few to pay for packing (a decode while somebody drags the mouse): w is read once, straight along
 * its rows, and the sums stay in the first-level cache. Every element is summed in the same order as there.
 */
export function multiplyFew(thread: i32, threads: i32, x: usize, rows: i32, depth: i32, w: usize, columns: i32, bias: usize, relu: bool, result: usize): void {
  const stride = <usize>columns << 2;
  for (let n0 = nextPiece() * FEW_COLUMNS; n0 < columns; n0 = nextPiece() * FEW_COLUMNS) {
    const n1 = min(n0 + FEW_COLUMNS, columns);
    for (let r = 0; r < rows; r++) memory.copy(result + <usize>r * stride + (<usize>n0 << 2), bias + (<usize>n0 << 2), <usize>(n1 - n0) << 2);
    for (let k = 0; k < depth; k += 4) {
      for (let r = 0; r < rows; r++) {
        const left = x + (<usize>(r * depth + k) << 2);
        const count = depth - k;
        const x0 = splat(left);
        const x1 = count > 1 ? v128.load32_splat(left, 4) : f32x4.splat(0);
        const x2 = count > 2 ? v128.load32_splat(left, 8) : f32x4.splat(0);
        const x3 = count > 3 ? v128.load32_splat(left, 12) : f32x4.splat(0);
        // Rows past the last are multiplied by zero: the last row of w stands in for them.
        const w0 = w + <usize>k * stride;
        const w1 = w0 + (count > 1 ? stride : 0);
        const w2 = w1 + (count > 2 ? stride : 0);
        const w3 = w2 + (count > 3 ? stride : 0);
        const out = result + <usize>r * stride;
        let n = n0;
        for (; n + 4 <= n1; n += 4) {
          const at = <usize>n << 2;
          let sum = madd(x0, v128.load(w0 + at), v128.load(out + at));
          sum = madd(x1, v128.load(w1 + at), sum);
          sum = madd(x2, v128.load(w2 + at), sum);
          v128.store(out + at, madd(x3, v128.load(w3 + at), sum));
        }
        if (n < n1) {
          const at = <usize>n << 2;
          const tail = n1 - n;
          let sum = madd(x0, loadSome(w0 + at, tail), loadSome(out + at, tail));
          sum = madd(x1, loadSome(w1 + at, tail), sum);
          sum = madd(x2, loadSome(w2 + at, tail), sum);
          storeSome(out + at, madd(x3, loadSome(w3 + at, tail), sum), tail);
        }
      }
    }
    if (!relu) continue;
    for (let r = 0; r < rows; r++) {
      for (let n = n0; n < n1; n += 4) {
        const at = result + <usize>r * stride + (<usize>n << 2);
        storeSome(at, f32x4.pmax(loadSome(at, n1 - n), f32x4.splat(0)), n1 - n);
      }
    }
  }
}

/**
 * What both backward products need from dY[rows,columns], in one pass by panels of 8 columns: masks it in place where relu was off
 * (y ≤ 0), sums it to dBias, and packs it as right side (`packedRight`) and, unless 0, as left side (`packedLeft`).
 */
export function prepareGradient(thread: i32, threads: i32, y: usize, dY: usize, rows: i32, columns: i32, relu: bool, dBias: usize, packedRight: usize, packedLeft: usize): void {
  const blocks = blockCount(rows);
  for (let n0 = nextPiece() * PANEL; n0 < columns; n0 = nextPiece() * PANEL) {
    const n1 = min(n0 + PANEL, columns);
    if (relu) {
      for (let r = 0; r < rows; r++) {
        for (let n = n0; n < n1; n++) {
          const at = <usize>(r * columns + n) << 2;
          if (load<f32>(y + at) <= 0) store<f32>(dY + at, 0);
        }
      }
    }
    for (let n = n0; n < n1; n++) {
      let sum: f32 = 0;
      for (let r = 0; r < rows; r++) sum += load<f32>(dY + (<usize>(r * columns + n) << 2));
      store<f32>(dBias + (<usize>n << 2), sum);
    }
    packRight(dY, columns, n0, n1, 0, rows, packedRight + (<usize>(n0 * rows) << 2));
    if (packedLeft) for (let block = 0; block < blocks; block++) packLeftBlock(dY, rows, columns, packedLeft, block, n0, n1);
  }
}

/** Rows of dW that are one piece of work. */
const PIECE_BLOCKS: i32 = 12;
/** Panels of dY gone through before the next rows of dW, so that they stay in the second-level cache. */
const PANEL_GROUP: i32 = 64;

/** dW[inputs,columns] = xᵀ·dY, x[rows,inputs], dY packed as right side. Scratch per thread: 48·rows·4 + 192 bytes. */
export function multiplyTransposed(thread: i32, threads: i32, x: usize, rows: i32, inputs: i32, packedRight: usize, columns: i32, dW: usize, scratch: usize, scratchStride: usize): void {
  const blocks = blockCount(inputs);
  const packed = scratch + <usize>thread * scratchStride;
  const spare = packed + (<usize>(PIECE_BLOCKS * TILE_ROWS * rows) << 2);
  const stride = <usize>columns << 2;
  const panels = (columns + PANEL - 1) / PANEL;
  for (let first = nextPiece() * PIECE_BLOCKS; first < blocks; first = nextPiece() * PIECE_BLOCKS) {
    const last = min(first + PIECE_BLOCKS, blocks);
    for (let block = first; block < last; block++) {
      const m = blockStart(inputs, block);
      const size = blockStart(inputs, block + 1) - m;
      let to = packed + (<usize>((block - first) * TILE_ROWS * rows) << 2);
      for (let k = 0; k < rows; k++) {
        const from = x + (<usize>(k * inputs + m) << 2);
        for (let r = 0; r < size; r++) {
          store<f32>(to, load<f32>(from + (<usize>r << 2)));
          to += 4;
        }
      }
    }
    for (let group = 0; group < panels; group += PANEL_GROUP) {
      for (let block = first; block < last; block++) {
        const m = blockStart(inputs, block);
        const size = blockStart(inputs, block + 1) - m;
        const left = packed + (<usize>((block - first) * TILE_ROWS * rows) << 2);
        for (let panel = group; panel < min(group + PANEL_GROUP, panels); panel++) {
          const n = panel * PANEL;
          const right = packedRight + (<usize>(n * rows) << 2);
          const at = dW + <usize>m * stride + (<usize>n << 2);
          if (n + PANEL <= columns) tile(size, left, right, rows, at, stride, START_ZERO, 0, false);
          else edgeTile(size, columns - n, left, right, rows, at, stride, START_ZERO, 0, false, spare);
        }
      }
    }
  }
}
