// Which Gaussians may leave their place.

/** N numbers, 1 where any coordinate of a Gaussian varies. `vary`: planar 5N weights. */
export function movableGaussians(vary: ArrayLike<number>): Uint8Array {
  const n = vary.length / 5;
  return Uint8Array.from({ length: n }, (_, i) => Number([0, 1, 2].some(axis => vary[axis * n + i] > 0)));
}
