// Few coordinates that run along a cloud of points: eigenvectors of its nearest-neighbour graph (Belkin & Niyogi 2003, Laplacian eigenmaps).

import { KdTree } from './k-d-tree.js';
import { symmetricEigen } from './linear-algebra.js';
import type { Random } from './random.js';

const NEIGHBOURS = 12;
/** Krylov dimension: enough to part eigenvalues that differ by 1e-3, as those of a path through some thousand points do. */
const LANCZOS_STEPS = 160;

/**
 * points[n × dims] → n × count coordinates, slowest variation first, each with mean 0 and standard deviation 1. A curve in any number of
 * dimensions comes out in order of its length, a closed one as a ring in the first two. Parts that are not connected are joined at their nearest points.
 * For some thousand points: the eigenvectors cost most.
 */
export function spectralEmbedding(points: Float32Array, n: number, dims: number, count: number, random: Random): Float64Array {
  const edges = nearestNeighbours(points, n, dims, Math.min(NEIGHBOURS, n - 1));
  connectGraph(edges, (i, j) => squaredDistance(points, dims, i, j));
  return graphEmbedding(edges, count, random);
}

/** The same of a connected graph: `edges` are the neighbours of each of its n points, symmetric. */
function graphEmbedding(edges: readonly ReadonlySet<number>[], count: number, random: Random): Float64Array {
  const neighbours = edges.map(set => [...set]);
  const times = (x: Float64Array, i: number) => neighbours[i].reduce((sum, j) => sum + x[j], 0);
  return laplacianCoordinates(
    times,
    neighbours.map(row => row.length),
    count,
    random,
  );
}

/** The same of points of which it is known how alike any two are: `affinity`[n × n], symmetric, none negative, no row of zeros. */
export function affinityEmbedding(affinity: Float64Array, n: number, count: number, random: Random): Float64Array {
  const row = (i: number) => affinity.subarray(i * n, (i + 1) * n);
  const times = (x: Float64Array, i: number) => row(i).reduce((sum, value, j) => sum + value * x[j], 0);
  return laplacianCoordinates(
    times,
    Array.from({ length: n }, (_, i) => row(i).reduce((sum, value) => sum + value, 0)),
    count,
    random,
  );
}

/** `times(x, i)`: row i of the affinities times x; `degree`: the sum of each row. */
function laplacianCoordinates(
  times: (x: Float64Array, i: number) => number,
  degree: readonly number[],
  count: number,
  random: Random,
): Float64Array {
  const n = degree.length;
  const scale = degree.map(d => 1 / Math.sqrt(d));
  const multiply = (x: Float64Array, y: Float64Array) => {
    const scaled = x.map((value, i) => scale[i] * value);
    for (let i = 0; i < n; i++) y[i] = scale[i] * times(scaled, i);
  };
  const vectors = largestEigenvectors(multiply, n, count + 1, random);
  const out = new Float64Array(n * count);
  for (let k = 0; k < count; k++) {
    // The first vector is the trivial one (√degree); divided by it the others are functions on the points.
    const values = Float64Array.from({ length: n }, (_, i) => vectors[k + 1][i] * scale[i]);
    const mean = values.reduce((sum, v) => sum + v, 0) / n;
    const deviation = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n) || 1;
    for (let i = 0; i < n; i++) out[i * count + k] = (values[i] - mean) / deviation;
  }
  return out;
}

function squaredDistance(points: Float32Array, dims: number, i: number, j: number): number {
  let sum = 0;
  for (let d = 0; d < dims; d++) sum += (points[i * dims + d] - points[j * dims + d]) ** 2;
  return sum;
}

/** Symmetric neighbour lists. */
function nearestNeighbours(points: Float32Array, n: number, dims: number, k: number): Set<number>[] {
  const edges = Array.from({ length: n }, () => new Set<number>());
  const tree = new KdTree(points, n, dims);
  // One more than wanted: a point is its own nearest.
  const who = new Int32Array(k + 1);
  const distances = new Float64Array(k + 1);
  for (let i = 0; i < n; i++) {
    tree.nearest(points.subarray(i * dims, (i + 1) * dims), k + 1, who, distances);
    for (const j of who) {
      if (j === i) continue;
      edges[i].add(j);
      edges[j].add(i);
    }
  }
  return edges;
}

/** Joins every part of the graph to the rest of it at the nearest pair of points. */
function connectGraph(edges: Set<number>[], distance: (i: number, j: number) => number): void {
  const n = edges.length;
  for (;;) {
    const reached = new Uint8Array(n);
    const stack = [0];
    reached[0] = 1;
    while (stack.length > 0) {
      for (const j of edges[stack.pop() as number]) {
        if (!reached[j]) {
          reached[j] = 1;
          stack.push(j);
        }
      }
    }
    let pair: [number, number] | null = null;
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = 0; i < n; i++) {
      if (reached[i]) continue;
      for (let j = 0; j < n; j++) {
        if (!reached[j]) continue;
        const d = distance(i, j);
        if (d < nearest || !pair) {
          nearest = d;
          pair = [i, j];
        }
      }
    }
    if (!pair) return;
    edges[pair[0]].add(pair[1]);
    edges[pair[1]].add(pair[0]);
  }
}

/** Lanczos with full reorthogonalisation: eigenvectors of the `count` largest eigenvalues of a symmetric matrix given by its product. */
function largestEigenvectors(
  multiply: (x: Float64Array, y: Float64Array) => void,
  n: number,
  count: number,
  random: Random,
): Float64Array[] {
  const steps = Math.min(LANCZOS_STEPS, n);
  const basis: Float64Array[] = [];
  const tridiagonal = new Float64Array(steps * steps);
  let q: Float64Array = new Float64Array(n).map(() => random.normal());
  let norm = Math.sqrt(dot(q, q));
  for (let s = 0; s < steps; s++) {
    q = q.map(v => v / norm);
    basis.push(q);
    const next = new Float64Array(n);
    multiply(q, next);
    // Twice is enough (Parlett): once leaves rounding that brings found eigenvectors back.
    for (let pass = 0; pass < 2; pass++) {
      basis.forEach((b, j) => {
        const overlap = dot(b, next);
        if (pass === 0 && j === s) tridiagonal[s * steps + s] = overlap;
        for (let i = 0; i < n; i++) next[i] -= overlap * b[i];
      });
    }
    norm = Math.sqrt(dot(next, next));
    if (s + 1 === steps || norm < 1e-10) {
      return ritzVectors(tridiagonal, steps, basis, n, count);
    }
    tridiagonal[s * steps + s + 1] = norm;
    tridiagonal[(s + 1) * steps + s] = norm;
    q = next;
  }
  return ritzVectors(tridiagonal, steps, basis, n, count);
}

function ritzVectors(tridiagonal: Float64Array, steps: number, basis: Float64Array[], n: number, count: number): Float64Array[] {
  const size = basis.length;
  const small = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) small[i * size + j] = tridiagonal[i * steps + j];
  const { vectors } = symmetricEigen(small, size);
  return Array.from({ length: Math.min(count, size) }, (_, k) => {
    const vector = new Float64Array(n);
    for (let s = 0; s < size; s++) {
      const weight = vectors[k * size + s];
      for (let i = 0; i < n; i++) vector[i] += weight * basis[s][i];
    }
    return vector;
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
