// The weighted neighbour graph that UMAP lays out (McInnes, Healy & Melville, arXiv 1802.03426, sections 3.1 and 4.1).
import type { NeighbourTable } from '../numerics/k-d-tree.js';

/** Tolerance and steps of the search for a point's own scale, as in umap-learn. */
const SCALE_TOLERANCE = 1e-5;
const SCALE_STEPS = 64;
/** Smallest scale over a point's mean neighbour distance. */
const LEAST_SCALE = 1e-3;

/** Edges in both directions, ordered by head. */
export interface UmapGraph {
  heads: Int32Array;
  tails: Int32Array;
  /** In (0, 1]: how surely the two points are neighbours. */
  weights: Float32Array;
}

/**
 * Joins every point to its k nearest others with weight exp(−(d − ρ)/σ): ρ is the distance to the nearest that is not the point itself,
 * and σ makes the weights of a point add up to log2(k + 1) (umap-learn counts the point among its neighbours). The two directions of an
 * edge join as probabilities: a + b − ab.
 */
export function neighbourGraph({ k, indices, distances }: NeighbourTable, count: number): UmapGraph {
  const directed = new Float32Array(count * k);
  let mean = 0;
  for (const distance of distances) mean += distance / distances.length;
  for (let i = 0; i < count; i++) memberships(distances.subarray(i * k, (i + 1) * k), mean, directed.subarray(i * k, (i + 1) * k));
  /** Weight of the edge from j to i; negative where i is not among the nearest of j. */
  const backward = (j: number, i: number) => {
    for (let e = j * k; e < (j + 1) * k; e++) if (indices[e] === i) return directed[e];
    return -1;
  };
  const degrees = new Int32Array(count + 1);
  const joined = new Float32Array(count * k);
  for (let i = 0; i < count; i++) {
    for (let e = i * k; e < (i + 1) * k; e++) {
      const j = indices[e];
      const back = backward(j, i);
      // An edge known from both sides is taken from the side of the smaller index.
      if (back >= 0 && j < i) continue;
      joined[e] = directed[e] + Math.max(0, back) * (1 - directed[e]);
      degrees[i + 1]++;
      degrees[j + 1]++;
    }
  }
  for (let i = 0; i < count; i++) degrees[i + 1] += degrees[i];
  const edges = degrees[count];
  const graph: UmapGraph = { heads: new Int32Array(edges), tails: new Int32Array(edges), weights: new Float32Array(edges) };
  const put = (head: number, tail: number, weight: number) => {
    const at = degrees[head]++;
    graph.heads[at] = head;
    graph.tails[at] = tail;
    graph.weights[at] = weight;
  };
  for (let i = 0; i < count; i++) {
    for (let e = i * k; e < (i + 1) * k; e++) {
      if (joined[e] === 0) continue;
      put(i, indices[e], joined[e]);
      put(indices[e], i, joined[e]);
    }
  }
  return graph;
}

/** Weights of one point's edges from its sorted distances; `meanOfAll` bounds the scale where all its neighbours coincide with it. */
function memberships(distances: Float64Array, meanOfAll: number, out: Float32Array): void {
  const k = distances.length;
  const nearest = distances.find(distance => distance > 0) ?? 0;
  const target = Math.log2(k + 1);
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let scale = 1;
  for (let step = 0; step < SCALE_STEPS; step++) {
    let sum = 0;
    for (const distance of distances) sum += distance > nearest ? Math.exp(-(distance - nearest) / scale) : 1;
    if (Math.abs(sum - target) < SCALE_TOLERANCE) break;
    if (sum > target) high = scale;
    else low = scale;
    scale = high === Number.POSITIVE_INFINITY ? scale * 2 : (low + high) / 2;
  }
  const mean = nearest > 0 ? distances.reduce((sum, distance) => sum + distance, 0) / k : meanOfAll;
  scale = Math.max(scale, LEAST_SCALE * mean, Number.MIN_VALUE);
  // Float32 would make the weight of a far neighbour zero, and with it the edge; it stays the smallest there is.
  for (let j = 0; j < k; j++) out[j] = Math.max(1e-30, distances[j] > nearest ? Math.exp(-(distances[j] - nearest) / scale) : 1);
}
