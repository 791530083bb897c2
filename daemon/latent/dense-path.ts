// A path between two latent points that stays where particles are: the cheapest way through the neighbour graph, a step costing its length over
// the density there. (The path of maximum flux, Huo & Straub, J. Chem. Phys. 107, 5000 (1997), found by Dijkstra 1959.)

import { KdTree, nearestOthers } from '../numerics/k-d-tree.js';
import type { LatentCloud } from './analysis.js';

export interface DensePathOptions {
  /** Neighbours each particle is joined to; few, or the graph leaps over gaps. */
  neighbours?: number;
  /** Points of the path, even along its length, ends included. */
  points?: number;
  /** Particles that each point of the path is averaged over, to take their scatter out of it; 1 leaves the particles' own places. */
  smoothing?: number;
}

export interface DensePath {
  /** Particles that the path goes through, rows of the cloud, from 0. */
  rows: Int32Array;
  /** points × dims. */
  points: Float32Array;
  /** Latent distance walked from the start, per point. */
  lengths: Float64Array;
}

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
  const { neighbours = 15, points = 50, smoothing = 15 } = options;
  const { count, dims, z } = cloud;
  const tree = new KdTree(z, count, dims);
  const [from, to] = [start, end].map(point => nearestRow(tree, point));
  const rows = cheapestWay(joinedGraph(cloud, neighbours), from, to);
  if (rows === null) return null;
  const smooth = averagedOver(cloud, tree, rows, Math.min(smoothing, count));
  return { rows, ...evenlyAlong(smooth, rows.length, dims, points) };
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
}

/**
 * Neighbours joined in both directions. The density at a particle is as the inverse volume of the ball that holds its k nearest,
 * r^−dims, with r in units of its median; an edge takes the mean of the inverse densities at its two ends.
 */
function joinedGraph({ count, dims, z }: LatentCloud, neighbours: number): WeightedGraph {
  const { k, indices, distances } = nearestOthers(z, count, dims, neighbours);
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
  return { starts, targets, costs };
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

/** Each vertex's place, and between the ends the mean of the particles about it: the path runs in the middle of the stream, and starts and ends where asked. */
function averagedOver({ dims, z }: LatentCloud, tree: KdTree, rows: Int32Array, smoothing: number): Float64Array {
  const result = new Float64Array(rows.length * dims);
  const near = new Int32Array(smoothing);
  const distances = new Float64Array(smoothing);
  rows.forEach((row, v) => {
    const isEnd = v === 0 || v === rows.length - 1;
    const found = isEnd ? 1 : tree.nearest(z.subarray(row * dims, (row + 1) * dims), smoothing, near, distances);
    if (isEnd) near[0] = row;
    for (let n = 0; n < found; n++) for (let d = 0; d < dims; d++) result[v * dims + d] += z[near[n] * dims + d] / found;
  });
  return result;
}

/** `wanted` points evenly along a line through `count` vertices. */
function evenlyAlong(vertices: Float64Array, count: number, dims: number, wanted: number): { points: Float32Array; lengths: Float64Array } {
  const walked = cumulativeLengths(vertices, count, dims);
  const total = walked[count - 1];
  const points = new Float32Array(wanted * dims);
  const lengths = Float64Array.from({ length: wanted }, (_, i) => (total * i) / Math.max(1, wanted - 1));
  for (let i = 0, v = 0; i < wanted; i++) {
    while (v < count - 2 && walked[v + 1] < lengths[i]) v++;
    const step = count > 1 ? walked[v + 1] - walked[v] : 0;
    const t = step > 0 ? Math.min(1, (lengths[i] - walked[v]) / step) : 0;
    for (let d = 0; d < dims; d++) {
      const here = vertices[v * dims + d];
      points[i * dims + d] = t > 0 ? here + t * (vertices[(v + 1) * dims + d] - here) : here;
    }
  }
  return { points, lengths };
}

/** Distance walked along a line through `count` vertices, at each of them. */
export function cumulativeLengths(vertices: ArrayLike<number>, count: number, dims: number): Float64Array {
  const walked = new Float64Array(count);
  for (let v = 1; v < count; v++) {
    let square = 0;
    for (let d = 0; d < dims; d++) square += (vertices[v * dims + d] - vertices[(v - 1) * dims + d]) ** 2;
    walked[v] = walked[v - 1] + Math.sqrt(square);
  }
  return walked;
}
