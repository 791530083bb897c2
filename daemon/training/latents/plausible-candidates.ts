// Which points of the latent cloud an image has still to be compared with: likelihood is smooth over the cloud, so that what is likely lies beside what is likely.
//
// An image is compared with a few points first, then with the neighbours of those that are not hopeless, until no neighbour is left. On the simulated slide that is 58 of 128 points, and no
// place changes by more than a thousandth of the cloud. In two dimensions the few first points miss the likeliest place now and then (simulated ring: mean cosine 0.982 where comparing with all gives 0.987).

import { KdTree } from '../../numerics/k-d-tree.js';

/** Points that every image is compared with: the first ones, being as good a random draw as all. */
export const COMPARED_FIRST = 24;
/** Dimensions up to which the search finds what comparing with all points finds. */
export const MOST_SEARCHED_DIMS = 1;
const NEAREST = 6;
/** A point with less than e to the minus this of the likeliest one's weight is hopeless, and so are those behind it. */
const MARGIN = 9;

/** For every point of z[n × dims] its neighbours: its nearest ones, and those whose nearest it is. */
export function neighbourGraph(z: Float32Array, dims: number): number[][] {
  const n = z.length / dims;
  const tree = new KdTree(z, n, dims);
  const nearest = new Int32Array(NEAREST + 1);
  const distances = new Float64Array(NEAREST + 1);
  const graph = Array.from({ length: n }, () => new Set<number>());
  for (let a = 0; a < n; a++) {
    const found = tree.nearest(z.subarray(a * dims, (a + 1) * dims), NEAREST + 1, nearest, distances);
    for (const b of nearest.subarray(0, found)) {
      if (a === b) continue;
      graph[a].add(b);
      graph[b].add(a);
    }
  }
  return graph.map(neighbours => [...neighbours]);
}

/** Points not compared yet that lie beside a plausible one. `logLikelihood`: of every point, −∞ where the image was not compared with it; `evidence` is what it is multiplied by. */
export function plausibleNeighbours(logLikelihood: Float64Array, graph: readonly number[][], evidence: number): number[] {
  const least = logLikelihood.reduce((most, value) => Math.max(most, value), -Infinity) - MARGIN / evidence;
  const wanted = new Set<number>();
  logLikelihood.forEach((value, a) => {
    if (value < least) return;
    for (const b of graph[a]) if (logLikelihood[b] === -Infinity) wanted.add(b);
  });
  return [...wanted];
}
