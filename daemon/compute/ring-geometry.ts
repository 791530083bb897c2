// Which Fourier pixels of a projection are compared, and in which ring each lies (method.md section 3).
//
// The half plane ky ≥ 0 up to ring K is kept as a rectangle: columns kx = −K … K (slow), rows ky = 0 … K (fast, padded to a
// multiple of four so that SIMD needs no tail). Pixel (kx, ky) is at index (kx + K)·stride + ky.

export interface RingGeometry {
  /** Pixels along each side of the computing box, even. */
  boxSize: number;
  /** Rings 1 … rings are compared; rings ≤ boxSize/2 − 1. Ring k holds k − 0.5 ≤ |k| < k + 0.5. */
  rings: number;
  /** Padded length of one kx column. */
  stride: number;
  /** (2·rings + 1)·stride: pixels in one plane; an image is two planes, real then imaginary. */
  planeSize: number;
  /** planeSize: 0 where the pixel is not compared, 1 on the self-conjugate row ky = 0, else 2 (its mirror image counts too). */
  weights: Float32Array;
  /** planeSize: ring of each pixel; 0 where it is not compared. */
  ring: Int32Array;
}

/** Every ring counts the same (the paper): rings + 1 numbers, ring 0 having no share. */
export function equalShares(rings: number): Float32Array {
  return new Float32Array(rings + 1).fill(1 / rings, 1);
}

export function ringGeometry(boxSize: number, rings: number): RingGeometry {
  if (boxSize % 2 !== 0) throw new Error(`the computing box must be even, not ${boxSize}`);
  if (rings < 1 || rings > boxSize / 2 - 1) throw new Error(`rings must be 1 … ${boxSize / 2 - 1} in a box of ${boxSize}, not ${rings}`);
  const stride = (rings + 1 + 3) & ~3;
  const planeSize = (2 * rings + 1) * stride;
  const weights = new Float32Array(planeSize);
  const ring = new Int32Array(planeSize);
  for (let kx = -rings; kx <= rings; kx++) {
    for (let ky = 0; ky <= rings; ky++) {
      const k = Math.floor(Math.hypot(kx, ky) + 0.5);
      if (k < 1 || k > rings) continue;
      const index = (kx + rings) * stride + ky;
      ring[index] = k;
      // On ky = 0 both (kx, 0) and its mirror (−kx, 0) are listed, so each counts once.
      weights[index] = ky === 0 ? 1 : 2;
    }
  }
  return { boxSize, rings, stride, planeSize, weights, ring };
}
