// A path between two latent points that stays where particles are: the cheapest way through the neighbour graph, a step costing its length over
// the density there (the path of maximum flux, Huo & Straub, J. Chem. Phys. 107, 5000 (1997), found by Dijkstra 1959); then moved into the middle of
// the stream of particles about it (a principal curve, Hastie & Stuetzle, JASA 84, 502 (1989)).

import { KdTree, nearestOthers } from '../numerics/k-d-tree.js';
import { alongPath, cumulativeLengths, evenlyAlong, type Polyline, smoothThrough, streamReach } from './along-path.js';
import type { LatentCloud, Progress } from './analysis.js';

export interface DensePathOptions {
  /** Neighbours each particle is joined to; few, or the graph leaps over gaps. */
  neighbours?: number;
  /** Points of the path, even along its length, ends included. */
  points?: number;
  progress?: Progress;
}

export interface DensePath extends Polyline {
  /** Particles that the chain of neighbours goes through, rows of the cloud, from 0. */
  rows: Int32Array;
  /** Latent length of the chain's longest link, and of the median link between neighbours anywhere: a gap that was leapt over shows. */
  longestLink: number;
  medianLink: number;
}

/** Rounds in which the path settles in its stream, and nodes that it then has: few enough for each to be the mean of many particles. */
const ROUNDS = 5;
const MOST_NODES = 100;
const LEAST_PARTICLES_A_NODE = 20;
/** Points on the curve from node to node. */
const BETWEEN_NODES = 8;
/** Nodes along the reach of the stream: bends sharper than the stream is wide are noise, and a curve that follows them folds. */
const NODES_A_REACH = 1;

/**
 * The path from the particle nearest to `start` to that nearest to `end`. Null where no chain of neighbours joins them: what lies
 * between is empty.
 */
export function densePath(
  cloud: LatentCloud,
  start: ArrayLike<number>,
  end: ArrayLike<number>,
  options: DensePathOptions = {},
): DensePath | null {
  const { neighbours = 15, points = 50, progress = () => {} } = options;
  const { count, dims, z } = cloud;
  const tree = new KdTree(z, count, dims);
  const [from, to] = [start, end].map(point => nearestRow(tree, point));
  const graph = joinedGraph(cloud, neighbours, done => progress('neighbours', done, count));
  const rows = cheapestWay(graph, from, to);
  if (rows === null) return null;
  const chain = new Float32Array(rows.length * dims);
  rows.forEach((row, v) => void chain.set(z.subarray(row * dims, (row + 1) * dims), v * dims));
  const settled = smoothThrough(settleInStream(cloud, chain, rows.length, progress), dims, BETWEEN_NODES);
  const walked = cumulativeLengths(chain, rows.length, dims);
  return {
    rows,
    ...evenlyAlong(settled, settled.length / dims, dims, points),
    longestLink: walked.reduce((longest, at, v) => (v > 0 ? Math.max(longest, at - walked[v - 1]) : 0), 0),
    medianLink: graph.medianLink,
  };
}

function nearestRow(tree: KdTree, point: ArrayLike<number>): number {
  const row = new Int32Array(1);
  tree.nearest(point, 1, row, new Float64Array(1));
  return row[0];
}

interface WeightedGraph {
  /** Edges of vertex i: starts[i] … starts[i + 1] − 1. */
  starts: Int32Array;
  targets: Int32Array;
  costs: Float64Array;
  medianLink: number;
}

/**
 * Neighbours joined in both directions. The density at a particle is as the inverse volume of the ball that holds its k nearest,
 * r^−dims, with r in units of its median; an edge takes the mean of the inverse densities at its two ends.
 */
function joinedGraph({ count, dims, z }: LatentCloud, neighbours: number, progress: (done: number) => void): WeightedGraph {
  const { k, indices, distances } = nearestOthers(z, count, dims, neighbours, progress);
  const radii = Float64Array.from({ length: count }, (_, i) => (k > 0 ? distances[(i + 1) * k - 1] : 0));
  const median = radii.slice().sort()[count >> 1] || 1;
  const emptiness = radii.map(radius => (radius / median) ** dims);
  const starts = new Int32Array(count + 1);
  for (let e = 0; e < indices.length; e++) {
    starts[Math.floor(e / k) + 1]++;
    starts[indices[e] + 1]++;
  }
  for (let i = 0; i < count; i++) starts[i + 1] += starts[i];
  const next = starts.slice();
  const targets = new Int32Array(2 * indices.length);
  const costs = new Float64Array(2 * indices.length);
  for (let e = 0; e < indices.length; e++) {
    const i = Math.floor(e / k);
    const j = indices[e];
    const cost = (distances[e] * (emptiness[i] + emptiness[j])) / 2;
    for (const [head, tail] of [
      [i, j],
      [j, i],
    ]) {
      targets[next[head]] = tail;
      costs[next[head]++] = cost;
    }
  }
  return { starts, targets, costs, medianLink: distances.slice().sort()[distances.length >> 1] ?? 0 };
}

/** Vertices from `from` to `to`, both included; null where there is no way. */
function cheapestWay({ starts, targets, costs }: WeightedGraph, from: number, to: number): Int32Array | null {
  const count = starts.length - 1;
  const spent = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const cameFrom = new Int32Array(count).fill(-1);
  const open = new CheapestFirst();
  spent[from] = 0;
  open.push(from, 0);
  for (let entry = open.pop(); entry && entry.vertex !== to; entry = open.pop()) {
    // An entry that a cheaper way has overtaken.
    if (entry.cost > spent[entry.vertex]) continue;
    for (let e = starts[entry.vertex]; e < starts[entry.vertex + 1]; e++) {
      const cost = entry.cost + costs[e];
      if (cost >= spent[targets[e]]) continue;
      spent[targets[e]] = cost;
      cameFrom[targets[e]] = entry.vertex;
      open.push(targets[e], cost);
    }
  }
  if (spent[to] === Number.POSITIVE_INFINITY) return null;
  const way = [to];
  while (way[way.length - 1] !== from) way.push(cameFrom[way[way.length - 1]]);
  return Int32Array.from(way.reverse());
}

interface Entry {
  vertex: number;
  cost: number;
}

/** A binary heap. */
class CheapestFirst {
  private readonly heap: Entry[] = [];

  push(vertex: number, cost: number): void {
    const { heap } = this;
    let at = heap.push({ vertex, cost }) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && heap[parent].cost > heap[at].cost; parent = (at - 1) >> 1) {
      [heap[at], heap[parent]] = [heap[parent], heap[at]];
      at = parent;
    }
  }

  pop(): Entry | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      let cheapest = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && heap[child].cost < heap[cheapest].cost) cheapest = child;
      if (cheapest === at) return first;
      [heap[at], heap[cheapest]] = [heap[cheapest], heap[at]];
      at = cheapest;
    }
  }
}

/**
 * Nodes between the ends move to the mean of the particles beside them, near ones along the path counting most, until the path runs in the
 * middle of its stream. `chain`: count × dims; the ends stay. Returns nodes × dims.
 */
function settleInStream(cloud: LatentCloud, chain: Float32Array, count: number, progress: Progress): Float32Array {
  const { dims, z } = cloud;
  let path = chain;
  for (let round = 0; round < ROUNDS; round++) {
    progress('path', round, ROUNDS);
    const vertices = path.length / dims;
    const lengths = cumulativeLengths(path, vertices, dims);
    const total = lengths[vertices - 1];
    if (total === 0) return path;
    const beside = alongPath(cloud, { points: path, lengths });
    const reach = streamReach(beside);
    const inside = beside.places.reduce((sum, place, i) => sum + (!Number.isNaN(place) && beside.distances[i] <= reach ? 1 : 0), 0);
    const wanted = Number.isFinite(reach) ? Math.ceil((NODES_A_REACH * total) / reach) : 1;
    // Shorter than the stream is wide: nothing bends between the ends.
    if (wanted < 2) return round === 0 ? ends(chain, count, dims) : path;
    const nodes = Math.min(wanted, MOST_NODES, Math.floor(inside / LEAST_PARTICLES_A_NODE));
    if (nodes < 2) return path;
    const even = evenlyAlong(path, vertices, dims, nodes + 1);
    const spacing = total / nodes;
    const sums = new Float64Array((nodes + 1) * dims);
    const weights = new Float64Array(nodes + 1);
    for (let i = 0; i < cloud.count; i++) {
      const at = beside.places[i] / spacing;
      if (Number.isNaN(at) || beside.distances[i] > reach) continue;
      for (let v = Math.max(1, Math.ceil(at - 2)); v <= Math.min(nodes - 1, at + 2); v++) {
        const weight = Math.exp(-2 * (at - v) ** 2);
        weights[v] += weight;
        for (let d = 0; d < dims; d++) sums[v * dims + d] += weight * z[i * dims + d];
      }
    }
    path = even.points.map((value, at) => {
      const weight = weights[Math.floor(at / dims)];
      return weight > 1 ? sums[at] / weight : value;
    });
  }
  return path;
}

function ends(chain: Float32Array, count: number, dims: number): Float32Array {
  return Float32Array.from([...chain.subarray(0, dims), ...chain.subarray((count - 1) * dims)]);
}
