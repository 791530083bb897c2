// The exact nearest of a set of points in any number of dimensions (Friedman, Bentley & Finkel, ACM TOMS 3, 209–226, 1977).

/** Points below which a node is searched one by one: fewer cost more walking than they save. */
const LEAF_POINTS = 12;

/** A balanced k-d tree over `count` points of `dims` numbers each. Immutable; a query allocates nothing. */
export class KdTree {
  /** Points in the tree's own order, row-major, so that a leaf is read straight along. */
  private readonly points: Float32Array;
  /** original[i]: which of the caller's points stands at place i. */
  private readonly original: Int32Array;
  /** splitAxis[m]: along which axis the node whose median stands at place m is split. */
  private readonly splitAxis: Uint8Array;
  /** Of the query under way: its point, and per axis how far it lies outside the node being searched. */
  private readonly query: Float64Array;
  private readonly outside: Float64Array;
  private wanted = 0;
  private found = 0;
  private indices = new Int32Array(0);
  /** Squared distances of the points found so far, rising. */
  private squares = new Float64Array(0);

  /** `points`: count × dims, row-major; copied. */
  constructor(
    points: ArrayLike<number>,
    readonly count: number,
    readonly dims: number,
  ) {
    this.original = Int32Array.from({ length: count }, (_, i) => i);
    this.splitAxis = new Uint8Array(count);
    this.query = new Float64Array(dims);
    this.outside = new Float64Array(dims);
    this.split(points, 0, count);
    this.points = new Float32Array(count * dims);
    for (let place = 0; place < count; place++)
      for (let d = 0; d < dims; d++) this.points[place * dims + d] = points[this.original[place] * dims + d];
  }

  /**
   * The `k` points nearest to `point` (dims numbers), nearest first, into `indices` and their distances into `distances` from
   * `offset` on; of equally far ones any. Returns how many there are: fewer than k only where the tree holds fewer.
   */
  nearest(point: ArrayLike<number>, k: number, indices: Int32Array, distances: Float64Array, offset = 0): number {
    for (let d = 0; d < this.dims; d++) this.query[d] = point[d];
    this.outside.fill(0);
    if (this.squares.length < k) {
      this.squares = new Float64Array(k);
      this.indices = new Int32Array(k);
    }
    this.wanted = k;
    this.found = 0;
    if (k > 0) this.search(0, this.count, 0);
    for (let i = 0; i < this.found; i++) {
      indices[offset + i] = this.original[this.indices[i]];
      distances[offset + i] = Math.sqrt(this.squares[i]);
    }
    return this.found;
  }

  private split(points: ArrayLike<number>, from: number, to: number): void {
    if (to - from <= LEAF_POINTS) return;
    const axis = this.widestAxis(points, from, to);
    const middle = (from + to) >> 1;
    this.select(points, axis, from, to - 1, middle);
    this.splitAxis[middle] = axis;
    this.split(points, from, middle);
    this.split(points, middle + 1, to);
  }

  private widestAxis(points: ArrayLike<number>, from: number, to: number): number {
    let widest = -1;
    let axis = 0;
    for (let d = 0; d < this.dims; d++) {
      let low = Number.POSITIVE_INFINITY;
      let high = Number.NEGATIVE_INFINITY;
      for (let i = from; i < to; i++) {
        const value = points[this.original[i] * this.dims + d];
        if (value < low) low = value;
        if (value > high) high = value;
      }
      if (high - low > widest) {
        widest = high - low;
        axis = d;
      }
    }
    return axis;
  }

  /** Hoare's selection: afterwards no point before `middle` is larger along the axis than that at `middle`, none after it smaller. */
  private select(points: ArrayLike<number>, axis: number, from: number, to: number, middle: number): void {
    const { original, dims } = this;
    const value = (i: number) => points[original[i] * dims + axis];
    while (from < to) {
      const pivot = value((from + to) >> 1);
      let i = from;
      let j = to;
      while (i <= j) {
        while (value(i) < pivot) i++;
        while (value(j) > pivot) j--;
        if (i > j) break;
        const kept = original[i];
        original[i++] = original[j];
        original[j--] = kept;
      }
      if (middle <= j) to = j;
      else if (middle >= i) from = i;
      else return;
    }
  }

  /** `square`: squared distance from the query to the node's cell. */
  private search(from: number, to: number, square: number): void {
    if (to - from <= LEAF_POINTS) {
      for (let i = from; i < to; i++) this.consider(i);
      return;
    }
    const middle = (from + to) >> 1;
    const axis = this.splitAxis[middle];
    const beyond = this.query[axis] - this.points[middle * this.dims + axis];
    const left = beyond < 0;
    if (left) this.search(from, middle, square);
    else this.search(middle + 1, to, square);
    this.consider(middle);
    const before = this.outside[axis];
    const farSquare = square - before * before + beyond * beyond;
    if (this.found === this.wanted && farSquare >= this.squares[this.wanted - 1]) return;
    this.outside[axis] = beyond;
    if (left) this.search(middle + 1, to, farSquare);
    else this.search(from, middle, farSquare);
    this.outside[axis] = before;
  }

  private consider(place: number): void {
    const { squares, indices, wanted, dims, points, query } = this;
    const limit = this.found === wanted ? squares[wanted - 1] : Number.POSITIVE_INFINITY;
    let square = 0;
    for (let d = 0, p = place * dims; d < dims; d++, p++) {
      const difference = points[p] - query[d];
      square += difference * difference;
    }
    if (square >= limit) return;
    let at = this.found < wanted ? this.found++ : wanted - 1;
    for (; at > 0 && squares[at - 1] > square; at--) {
      squares[at] = squares[at - 1];
      indices[at] = indices[at - 1];
    }
    squares[at] = square;
    indices[at] = place;
  }
}

/** Every point's nearest others. */
export interface NeighbourTable {
  /** Neighbours per point: the k asked for, or all others where there are fewer. */
  k: number;
  /** count × k, nearest first; the point itself is left out. */
  indices: Int32Array;
  /** count × k, rising along a row. */
  distances: Float64Array;
}

/** The k nearest other points of every point of `points` (count × dims). `progress` is told the points done, and may throw to stop. */
export function nearestOthers(
  points: ArrayLike<number>,
  count: number,
  dims: number,
  k: number,
  progress: (done: number) => void = () => {},
): NeighbourTable {
  const most = Math.max(0, Math.min(k, count - 1));
  const tree = new KdTree(points, count, dims);
  const indices = new Int32Array(count * most);
  const distances = new Float64Array(count * most);
  const rowIndices = new Int32Array(most + 1);
  const rowDistances = new Float64Array(most + 1);
  const point = new Float32Array(dims);
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < dims; d++) point[d] = points[i * dims + d];
    const found = tree.nearest(point, most + 1, rowIndices, rowDistances);
    // Among more coinciding points than k the point itself may not be found; then the last one is left out instead.
    const self = rowIndices.indexOf(i);
    const omitted = self >= 0 && self < found ? self : found - 1;
    for (let j = 0, at = i * most; j < found; j++) {
      if (j === omitted) continue;
      indices[at] = rowIndices[j];
      distances[at++] = rowDistances[j];
    }
    if (i % 1000 === 0) progress(i);
  }
  progress(count);
  return { k: most, indices, distances };
}
