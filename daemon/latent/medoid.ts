// The particle in the middle of a cluster: that with the least distance to the others, which, unlike their mean, lies where particles are.
import type { LatentCloud } from './analysis.js';

/** Others that each candidate is compared with, and candidates: evenly chosen where there are more. All pairs would take too long. */
const MOST_COMPARED = 2000;

/** Row of the medoid among `rows` (of the cloud, from 0; at least one). */
export function medoid({ dims, z }: LatentCloud, rows: ArrayLike<number>): number {
  const compared = Math.min(rows.length, MOST_COMPARED);
  const some = Array.from({ length: compared }, (_, i) => rows[Math.floor((i * rows.length) / compared)]);
  let best = some[0];
  let least = Number.POSITIVE_INFINITY;
  for (const a of some) {
    let sum = 0;
    for (const b of some) {
      let square = 0;
      for (let d = 0; d < dims; d++) square += (z[a * dims + d] - z[b * dims + d]) ** 2;
      sum += Math.sqrt(square);
      if (sum >= least) break;
    }
    if (sum < least) [best, least] = [a, sum];
  }
  return best;
}
