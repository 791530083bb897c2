// Gaussians drawn into an image, and the gradient of the image taken back to them (method.md section 2).
//
// Each Gaussian is the product of a table along x and one along y over its own window of ±4σ, clipped at the edge; tables are padded
// with zeros to whole vectors, so that the image needs 8 spare pixels at the end of each row.

import { exp4, madd, splat, sumLanes } from './simd';

const WINDOW_SIGMAS: f32 = 4;

/** The view of one Gaussian, kept in globals (one set a thread) because a function returns one value. */
let u: f32 = 0;
let v: f32 = 0;
let variance: f32 = 0;
let x0: i32 = 0;
let y0: i32 = 0;
let columns: i32 = 0;
let lines: i32 = 0;

/** Seen along rotation A (9 numbers, row-major): position in pixels, σ² and window. False where nothing of it lies in the image. */
// @ts-ignore: decorator
@inline
function look(row: usize, n: i32, i: i32, rotation: usize, box: i32, referenceSigma: f32, blur: f32): bool {
  const at = row + (<usize>i << 2);
  const plane = <usize>n << 2;
  const x = load<f32>(at), y = load<f32>(at + plane), z = load<f32>(at + 2 * plane);
  const b = <f32>box;
  u = b * (load<f32>(rotation) * x + load<f32>(rotation, 4) * y + load<f32>(rotation, 8) * z) + <f32>0.5 * b;
  v = b * (load<f32>(rotation, 12) * x + load<f32>(rotation, 16) * y + load<f32>(rotation, 20) * z) + <f32>0.5 * b;
  const sigma = load<f32>(at + 4 * plane) * referenceSigma;
  variance = sigma * sigma + blur;
  const reach = WINDOW_SIGMAS * Mathf.sqrt(variance);
  x0 = <i32>max<f32>(Mathf.ceil(u - reach), 0);
  y0 = <i32>max<f32>(Mathf.ceil(v - reach), 0);
  columns = <i32>min<f32>(Mathf.floor(u + reach), b - 1) - x0 + 1;
  lines = <i32>min<f32>(Mathf.floor(v + reach), b - 1) - y0 + 1;
  return columns > 0 && lines > 0;
}

/** table[k] = factor · exp(−(first + k − centre)² / 2 variance) for k < count, zeros up to a multiple of 8. */
// @ts-ignore: decorator
@inline
function fillTable(table: usize, first: i32, count: i32, centre: f32, factor: f32): void {
  const rate = f32x4.splat(<f32>-0.5 / variance);
  let k = i32x4(0, 1, 2, 3);
  let d = f32x4.add(f32x4(0, 1, 2, 3), f32x4.splat(<f32>first - centre));
  const limit = i32x4.splat(count);
  const scale = f32x4.splat(factor);
  for (let done = 0; done < count; done += 4) {
    const e = f32x4.mul(scale, exp4(f32x4.mul(f32x4.mul(d, d), rate)));
    v128.store(table + (<usize>done << 2), v128.and(e, i32x4.lt_s(k, limit)));
    k = i32x4.add(k, i32x4.splat(4));
    d = f32x4.add(d, f32x4.splat(4));
  }
  if (((count + 3) & ~3) & 4) v128.store(table + (<usize>((count + 3) & ~3) << 2), f32x4.splat(0));
}

/** Bytes of tables that draw and drawBackward need. */
// @ts-ignore: decorator
@inline
export function tableBytes(box: i32): usize {
  return <usize>(box + 8) << 4;
}

/** Adds n Gaussians to image[box][rowStride], which the caller has cleared. */
export function draw(row: usize, n: i32, rotation: usize, box: i32, rowStride: i32, referenceSigma: f32, blur: f32, image: usize, tables: usize): void {
  const tableY = tables + (<usize>(box + 8) << 2);
  const step = <usize>rowStride << 2;
  const amplitudes = row + (<usize>(3 * n) << 2);
  for (let i = 0; i < n; i++) {
    if (!look(row, n, i, rotation, box, referenceSigma, blur)) continue;
    fillTable(tables, x0, columns, u, load<f32>(amplitudes + (<usize>i << 2)) / (<f32>(2 * Math.PI) * variance));
    fillTable(tableY, y0, lines, v, 1);
    const corner = image + (<usize>(y0 * rowStride + x0) << 2);
    const end = tableY + (<usize>lines << 2);
    let x = 0;
    for (; x + 8 < columns; x += 16) {
      const at = tables + (<usize>x << 2);
      const w0 = v128.load(at), w1 = v128.load(at, 16), w2 = v128.load(at, 32), w3 = x + 12 < columns ? v128.load(at, 48) : f32x4.splat(0);
      let pixel = corner + (<usize>x << 2);
      if (x + 12 < columns) {
        for (let y = tableY; y < end; y += 4) {
          const s = splat(y);
          v128.store(pixel, madd(s, w0, v128.load(pixel)));
          v128.store(pixel, madd(s, w1, v128.load(pixel, 16)), 16);
          v128.store(pixel, madd(s, w2, v128.load(pixel, 32)), 32);
          v128.store(pixel, madd(s, w3, v128.load(pixel, 48)), 48);
          pixel += step;
        }
      } else {
        for (let y = tableY; y < end; y += 4) {
          const s = splat(y);
          v128.store(pixel, madd(s, w0, v128.load(pixel)));
          v128.store(pixel, madd(s, w1, v128.load(pixel, 16)), 16);
          v128.store(pixel, madd(s, w2, v128.load(pixel, 32)), 32);
          pixel += step;
        }
      }
    }
    if (x < columns) {
      const at = tables + (<usize>x << 2);
      const w0 = v128.load(at), w1 = v128.load(at, 16);
      let pixel = corner + (<usize>x << 2);
      for (let y = tableY; y < end; y += 4) {
        const s = splat(y);
        v128.store(pixel, madd(s, w0, v128.load(pixel)));
        v128.store(pixel, madd(s, w1, v128.load(pixel, 16)), 16);
        pixel += step;
      }
    }
  }
}

/**
 * dRow[5n] from dImage[box][rowStride]. With g the gradient at a pixel, e the unit Gaussian there and (s, t) the pixel from its centre,
 * everything follows from the sums of g·e, g·e·s, g·e·t and g·e·(s² + t²) over the window. They are taken column by column:
 * Σ over t of g·e(t) times 1, t, t² first, then along s.
 */
export function drawBackward(
  row: usize, n: i32, rotation: usize, box: i32, rowStride: i32, referenceSigma: f32, blur: f32, dImage: usize, tables: usize, dRow: usize,
): void {
  const tableSize = <usize>(box + 8) << 2;
  const tableY = tables + tableSize;
  const tableY1 = tableY + tableSize;
  const tableY2 = tableY1 + tableSize;
  const step = <usize>rowStride << 2;
  const plane = <usize>n << 2;
  const b = <f32>box;
  for (let i = 0; i < n; i++) {
    const at = <usize>i << 2;
    let all = f32x4.splat(0), alongX = all, alongY = all, squares = all;
    if (look(row, n, i, rotation, box, referenceSigma, blur)) {
      fillTable(tables, x0, columns, u, 1);
      fillTable(tableY, y0, lines, v, 1);
      let t = f32x4.add(f32x4(0, 1, 2, 3), f32x4.splat(<f32>y0 - v));
      for (let y = 0; y < lines; y += 4) {
        const here = <usize>y << 2;
        const e1 = f32x4.mul(v128.load(tableY + here), t);
        v128.store(tableY1 + here, e1);
        v128.store(tableY2 + here, f32x4.mul(e1, t));
        t = f32x4.add(t, f32x4.splat(4));
      }
      const corner = dImage + (<usize>(y0 * rowStride + x0) << 2);
      let s = f32x4.add(f32x4(0, 1, 2, 3), f32x4.splat(<f32>x0 - u));
      for (let x = 0; x < columns; x += 8) {
        let a0 = f32x4.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0;
        let pixel = corner + (<usize>x << 2);
        for (let y: usize = 0; y < <usize>lines << 2; y += 4) {
          const g0 = v128.load(pixel), g1 = v128.load(pixel, 16);
          const e = splat(tableY + y), e1 = splat(tableY1 + y), e2 = splat(tableY2 + y);
          a0 = madd(g0, e, a0);
          a1 = madd(g1, e, a1);
          b0 = madd(g0, e1, b0);
          b1 = madd(g1, e1, b1);
          c0 = madd(g0, e2, c0);
          c1 = madd(g1, e2, c1);
          pixel += step;
        }
        let w = v128.load(tables + (<usize>x << 2));
        let ws = f32x4.mul(w, s);
        all = madd(w, a0, all);
        alongX = madd(ws, a0, alongX);
        alongY = madd(w, b0, alongY);
        squares = madd(w, c0, madd(f32x4.mul(ws, s), a0, squares));
        s = f32x4.add(s, f32x4.splat(4));
        w = v128.load(tables + (<usize>x << 2), 16);
        ws = f32x4.mul(w, s);
        all = madd(w, a1, all);
        alongX = madd(ws, a1, alongX);
        alongY = madd(w, b1, alongY);
        squares = madd(w, c1, madd(f32x4.mul(ws, s), a1, squares));
        s = f32x4.add(s, f32x4.splat(4));
      }
    }
    const amplitude = load<f32>(row + at + 3 * plane);
    const sum = sumLanes(all);
    const norm = <f32>1 / (<f32>(2 * Math.PI) * variance);
    const slope = b * amplitude * norm / variance;
    const dU = slope * sumLanes(alongX), dV = slope * sumLanes(alongY);
    const to = dRow + at;
    store<f32>(to, load<f32>(rotation) * dU + load<f32>(rotation, 12) * dV);
    store<f32>(to + plane, load<f32>(rotation, 4) * dU + load<f32>(rotation, 16) * dV);
    store<f32>(to + 2 * plane, load<f32>(rotation, 8) * dU + load<f32>(rotation, 20) * dV);
    store<f32>(to + 3 * plane, norm * sum);
    // variance = (width · reference)² + blur
    const dVariance = amplitude * norm * (<f32>0.5 * sumLanes(squares) / variance - sum) / variance;
    store<f32>(to + 4 * plane, dVariance * 2 * load<f32>(row + at + 4 * plane) * referenceSigma * referenceSigma);
  }
}
