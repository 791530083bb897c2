// The transform of a real b×b image to the half plane of the rings in use (ring-geometry.ts), and its adjoint.
//
// First along y, four columns a vector: columns x and x + b/2 are real and imaginary part of one complex column and come apart
// by hermitian symmetry. Then along x, four ky a vector. Only ky = 0 … K is kept in between, as pairs of vectors [x][ky/4]{re, im}.

import { transform } from './fourier';
import { storeTransposed } from './simd';

/** Bytes that the two halves below need: transform buffers and the plane in between. */
// @ts-ignore: decorator
@inline
export function transformScratch(box: i32, stride: i32): usize {
  return (<usize>box << 6) + (<usize>(box * stride) << 3);
}

/** image[box][rowStride] → out: re[2K+1][stride], im likewise. `box` even and at least 8. */
export function imageTransform(image: usize, rowStride: i32, box: i32, rings: i32, stride: i32, plan: usize, out: usize, scratch: usize): void {
  const a = scratch;
  const b = scratch + (<usize>box << 5);
  const between = scratch + (<usize>box << 6);
  const half = box >> 1;
  const columnBytes = <usize>stride << 3; // one x of the plane in between: stride/4 pairs of vectors
  const planeBytes = <usize>((2 * rings + 1) * stride) << 2;
  const halfScale = f32x4.splat(0.5);

  for (let x0 = 0; x0 < half; x0 += 4) {
    const x = min(x0, half - 4); // the last vector overlaps the one before it where b/2 is no multiple of 4
    for (let y = 0; y < box; y++) {
      const from = image + (<usize>(y * rowStride + x) << 2);
      const to = a + (<usize>y << 5);
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from + (<usize>half << 2)), 16);
    }
    const line = transform(a, b, plan);
    // The transform of the real columns: left = (C(ky) + conj C(−ky)) / 2, right = (C(ky) − conj C(−ky)) / 2i. The rest of `a` or `b` serves for four ky at a time.
    const spare = line == a ? b : a;
    for (let ky = 0; ky < stride; ky += 4) {
      for (let j = 0; j < 4; j++) {
        const k = ky + j;
        const here = line + (<usize>(k % box) << 5);
        const mirror = line + (<usize>((box - (k % box)) % box) << 5);
        const cr = v128.load(here), ci = v128.load(here, 16), dr = v128.load(mirror), di = v128.load(mirror, 16);
        const to = spare + (<usize>j << 4);
        v128.store(to, f32x4.mul(f32x4.add(cr, dr), halfScale));
        v128.store(to, f32x4.mul(f32x4.sub(ci, di), halfScale), 64);
        v128.store(to, f32x4.mul(f32x4.add(ci, di), halfScale), 128);
        v128.store(to, f32x4.mul(f32x4.sub(dr, cr), halfScale), 192);
      }
      for (let side = 0; side < 2; side++) {
        const to = between + <usize>(x + (side ? half : 0)) * columnBytes + (<usize>ky << 3);
        const from = spare + (side ? 128 : 0);
        storeTransposed(to, columnBytes, v128.load(from), v128.load(from, 16), v128.load(from, 32), v128.load(from, 48));
        storeTransposed(to + 16, columnBytes, v128.load(from, 64), v128.load(from, 80), v128.load(from, 96), v128.load(from, 112));
      }
    }
  }

  for (let ky = 0; ky < stride; ky += 4) {
    let from = between + (<usize>ky << 3);
    for (let x = 0; x < box; x++) {
      const to = a + (<usize>x << 5);
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += columnBytes;
    }
    const line = transform(a, b, plan);
    for (let kx = -rings; kx <= rings; kx++) {
      const element = line + (<usize>(kx < 0 ? kx + box : kx) << 5);
      const to = out + (<usize>((kx + rings) * stride + ky) << 2);
      v128.store(to, v128.load(element));
      v128.store(to + planeBytes, v128.load(element, 16));
    }
  }
}

/**
 * dOut → dImage[box][rowStride] = Re Σ dOut(kx, ky) e^(2πi (kx x + ky y)/b). The inverse transform is the forward one with real and
 * imaginary parts exchanged before and after.
 */
export function imageTransformAdjoint(dOut: usize, rowStride: i32, box: i32, rings: i32, stride: i32, plan: usize, dImage: usize, scratch: usize): void {
  const a = scratch;
  const b = scratch + (<usize>box << 5);
  const between = scratch + (<usize>box << 6);
  const half = box >> 1;
  const columnBytes = <usize>stride << 3;
  const planeBytes = <usize>((2 * rings + 1) * stride) << 2;
  const halfScale = f32x4.splat(0.5);
  const lineBytes = <usize>box << 5;

  for (let ky = 0; ky < stride; ky += 4) {
    memory.fill(a, 0, lineBytes);
    for (let kx = -rings; kx <= rings; kx++) {
      const element = a + (<usize>(kx < 0 ? kx + box : kx) << 5);
      const from = dOut + (<usize>((kx + rings) * stride + ky) << 2);
      v128.store(element, v128.load(from + planeBytes));
      v128.store(element, v128.load(from), 16);
    }
    const line = transform(a, b, plan);
    let to = between + (<usize>ky << 3);
    for (let x = 0; x < box; x++) {
      const element = line + (<usize>x << 5);
      v128.store(to, v128.load(element, 16));
      v128.store(to, v128.load(element), 16);
      to += columnBytes;
    }
  }

  for (let x0 = 0; x0 < half; x0 += 4) {
    const x = min(x0, half - 4);
    memory.fill(a, 0, lineBytes);
    const spare = b;
    for (let ky = 0; ky < stride; ky += 4) {
      for (let side = 0; side < 2; side++) {
        const from = between + <usize>(x + (side ? half : 0)) * columnBytes + (<usize>ky << 3);
        const to = spare + (side ? 128 : 0);
        storeTransposed(to, 16, v128.load(from), v128.load(from + columnBytes), v128.load(from + 2 * columnBytes), v128.load(from + 3 * columnBytes));
        storeTransposed(to + 64, 16, v128.load(from, 16), v128.load(from + columnBytes, 16), v128.load(from + 2 * columnBytes, 16), v128.load(from + 3 * columnBytes, 16));
      }
      for (let j = 0; j < 4; j++) {
        const k = ky + j;
        if (k > rings) break;
        const at = spare + (<usize>j << 4);
        const leftR = v128.load(at), leftI = v128.load(at, 64), rightR = v128.load(at, 128), rightI = v128.load(at, 192);
        const here = a + (<usize>k << 5);
        if (k == 0) {
          v128.store(here, rightR);
          v128.store(here, leftR, 16);
          continue;
        }
        const mirror = a + (<usize>(box - k) << 5);
        v128.store(here, f32x4.mul(f32x4.add(leftI, rightR), halfScale));
        v128.store(here, f32x4.mul(f32x4.sub(leftR, rightI), halfScale), 16);
        v128.store(mirror, f32x4.mul(f32x4.sub(rightR, leftI), halfScale));
        v128.store(mirror, f32x4.mul(f32x4.add(leftR, rightI), halfScale), 16);
      }
    }
    const line = transform(a, b, plan);
    for (let y = 0; y < box; y++) {
      const element = line + (<usize>y << 5);
      const to = dImage + (<usize>(y * rowStride + x) << 2);
      v128.store(to, v128.load(element, 16));
      v128.store(to + (<usize>half << 2), v128.load(element));
    }
  }
}
