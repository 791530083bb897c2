// Which Gaussians hold on to one another: links between neighbours whose length the decoder is loath to change.
//
// An image tells how the outline of a domain moves, and little of the Gaussians within, which look the same wherever they slide: by themselves they follow halfway, and atoms that follow them are
// off. Domains are nearly rigid, so links between neighbours carry the motion of the outline inwards. Where pieces slide past one another links must tear: they resist up to a reach, and no further.

import { movableGaussians } from '../gaussians/movable.js';
import { KdTree } from '../numerics/k-d-tree.js';

/** Links to this many of the nearest, where these have room. */
const NEAREST = 8;
/** Most links of a Gaussian; a multiple of 4, as the backends read them. */
export const MOST_LINKS = 12;
/**
 * How much a link is stretched, in σ of the model, when it gives way: at the beginning, and once the learning rate falls. At first whole domains are carried along, and what noise would pull apart stays together: the simulated
 * ring with tenfold noise comes out even (polar cosine 0.97, without links 0.87). Later the links across a hinge let go, which would hold a domain back (of 11° the spike's RBD turned by 9.3° where they never did).
 */
const REACH = { first: 0.3, last: 0.1 };
const LAST_FROM = 2 / 3;

/**
 * links[3, N, MOST_LINKS] as `Backend.stretchBackward` takes them, between those of N Gaussians that may move; a link's share goes with the root of both amplitudes, and they come to about 1 where all may move. `row`: the neutral model, planar 5N;
 * `vary`: 5N weights. null where no two may move.
 */
export function neighbourLinks(row: ArrayLike<number>, vary: ArrayLike<number>): Float32Array | null {
  const n = row.length / 5;
  const movable = movableGaussians(vary);
  const pairs = nearestPairs(
    row,
    [...movable.keys()].filter(i => movable[i] > 0),
  );
  const used = new Uint8Array(n);
  const links = new Float32Array(3 * n * MOST_LINKS);
  // Of all links that the whole model would have, so that a domain in focus is held no more firmly than when everything moves.
  let total = 0;
  for (let i = 0; i < n; i++) total += (NEAREST / 2) * row[3 * n + i];
  // Shortest first, so that no Gaussian spends its places on what is far away.
  for (const { a, b, length } of pairs) {
    if (used[a] === MOST_LINKS || used[b] === MOST_LINKS) continue;
    const share = Math.sqrt(Math.max(row[3 * n + a] * row[3 * n + b], 0)) / total;
    if (!(share > 0)) continue;
    for (const [here, there] of [
      [a, b],
      [b, a],
    ])
      [there, length, share].forEach((value, plane) => {
        links[(plane * n + here) * MOST_LINKS + used[here]] = value;
      });
    used[a]++;
    used[b]++;
  }
  return used.some(count => count > 0) ? links : null;
}

/** In σ of the model; `share` of the run that is done, 0 to 1. A schedule of this kind is called graduated non-convexity (Blake & Zisserman 1987). */
export function linkReach(share: number): number {
  const way = Math.min(1, share / LAST_FROM);
  return REACH.first + way * (REACH.last - REACH.first);
}

interface Pair {
  a: number;
  b: number;
  /** Box fractions. */
  length: number;
}

/** Each of `chosen` with its nearest ones, every pair once, by rising length. */
function nearestPairs(row: ArrayLike<number>, chosen: readonly number[]): Pair[] {
  const n = row.length / 5;
  const points = Float32Array.from(chosen.flatMap(i => [row[i], row[n + i], row[2 * n + i]]));
  const tree = new KdTree(points, chosen.length, 3);
  const nearest = new Int32Array(NEAREST + 1);
  const distances = new Float64Array(NEAREST + 1);
  const pairs = new Map<number, Pair>();
  for (let k = 0; k < chosen.length; k++) {
    const found = tree.nearest(points.subarray(3 * k, 3 * k + 3), NEAREST + 1, nearest, distances);
    for (let j = 0; j < found; j++) {
      const [a, b] = [chosen[Math.min(k, nearest[j])], chosen[Math.max(k, nearest[j])]];
      if (a !== b) pairs.set(a * n + b, { a, b, length: distances[j] });
    }
  }
  return [...pairs.values()].sort((x, y) => x.length - y.length);
}
