// How a change of one piece of a symmetric molecule looks on its symmetric copies, whose Gaussians stand where they like.
//
// A neutral model of a symmetric map is symmetric as a density, not Gaussian by Gaussian: where a rotation of the symmetry takes one, others share its place. So what a
// Gaussian's copy does is what those do, on average, that lie where the inverse rotation takes it.

import { KdTree } from '../numerics/k-d-tree.js';
import { positionsOf } from './model-frame.js';

/** Gaussians that share a place, at most. */
const NEAREST = 4;
/** Where none lies within so many σ there is nothing to follow. */
const REACH_SIGMAS = 2;

export class CarriedChange {
  /** N × NEAREST: whom each Gaussian follows, and by what share; 0 where it follows none. */
  private readonly followed: Int32Array;
  private readonly shares: Float32Array;

  /**
   * `row`: the model unchanged, planar 5N, its positions from the point that `rotation` turns about. `rotation`: row-major 3×3, a symmetry of its density that takes the piece that changes
   * to the copy. `sigma`: of a Gaussian, in the unit of the positions.
   */
  constructor(
    private readonly row: Float32Array,
    private readonly rotation: ArrayLike<number>,
    sigma: number,
  ) {
    const n = row.length / 5;
    const tree = new KdTree(positionsOf(row), n, 3);
    this.followed = new Int32Array(NEAREST * n);
    this.shares = new Float32Array(NEAREST * n);
    const distances = new Float64Array(NEAREST);
    for (let g = 0; g < n; g++) {
      const from = [0, 1, 2].map(axis => rotation[axis] * row[g] + rotation[3 + axis] * row[n + g] + rotation[6 + axis] * row[2 * n + g]);
      const followed = this.followed.subarray(NEAREST * g, NEAREST * (g + 1));
      const found = tree.nearest(from, NEAREST, followed, distances);
      if (distances[0] > REACH_SIGMAS * sigma) continue;
      const shares = Array.from({ length: found }, (_, k) => row[3 * n + followed[k]] * Math.exp(-0.5 * (distances[k] / sigma) ** 2));
      const sum = shares.reduce((total, share) => total + share, 0);
      if (sum > 0)
        this.shares.set(
          Float32Array.from(shares, share => share / sum),
          NEAREST * g,
        );
    }
  }

  /** Adds to `out` what the copy does where the piece goes from `from` to `to`, all planar 5N: positions go the turned way, amplitudes change by the same share, widths by as much. */
  add(from: ArrayLike<number>, to: ArrayLike<number>, out: Float32Array): void {
    const { row, rotation: r, followed, shares } = this;
    const n = row.length / 5;
    for (let g = 0; g < n; g++) {
      let [x, y, z, amplitude, width] = [0, 0, 0, 0, 0];
      for (let k = NEAREST * g; k < NEAREST * (g + 1) && shares[k] > 0; k++) {
        const [f, share] = [followed[k], shares[k]];
        x += share * (to[f] - from[f]);
        y += share * (to[n + f] - from[n + f]);
        z += share * (to[2 * n + f] - from[2 * n + f]);
        amplitude += (share * (to[3 * n + f] - from[3 * n + f])) / row[3 * n + f];
        width += share * (to[4 * n + f] - from[4 * n + f]);
      }
      out[g] += r[0] * x + r[1] * y + r[2] * z;
      out[n + g] += r[3] * x + r[4] * y + r[5] * z;
      out[2 * n + g] += r[6] * x + r[7] * y + r[8] * z;
      out[3 * n + g] += row[3 * n + g] * amplitude;
      out[4 * n + g] += width;
    }
  }
}
