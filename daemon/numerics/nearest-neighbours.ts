// The nearest of a set of points, found through a grid of cells.

/** Points per cell aimed at: fewer make the search walk empty cells, more make it compare needlessly. */
const POINTS_PER_CELL = 3;

export class NearestNeighbours {
  private readonly origin: number[];
  private readonly cells: number[];
  private readonly side: number;
  /** Points of cell c: order[starts[c]] … order[starts[c + 1] − 1]. */
  private readonly starts: Int32Array;
  private readonly order: Int32Array;

  /** `points`: 3n, x0 y0 z0 x1 … */
  constructor(private readonly points: Float32Array) {
    const count = points.length / 3;
    const low = [0, 1, 2].map(axis => extreme(points, axis, Math.min));
    const extent = [0, 1, 2].map(axis => Math.max(extreme(points, axis, Math.max) - low[axis], 1e-6));
    // Flat or stretched clouds: an axis shorter than a cell counts as one cell.
    let side = Math.cbrt((extent[0] * extent[1] * extent[2] * POINTS_PER_CELL) / Math.max(1, count));
    side = Math.max(side, Math.max(...extent) / 100);
    this.side = side;
    this.origin = low;
    this.cells = extent.map(length => Math.floor(length / side) + 1);
    const cellOf = Int32Array.from({ length: count }, (_, i) => this.index([0, 1, 2].map(axis => this.cell(points[3 * i + axis], axis))));
    this.starts = new Int32Array(this.cells[0] * this.cells[1] * this.cells[2] + 1);
    for (const c of cellOf) this.starts[c + 1]++;
    for (let c = 1; c < this.starts.length; c++) this.starts[c] += this.starts[c - 1];
    const next = this.starts.slice();
    this.order = new Int32Array(count);
    cellOf.forEach((c, i) => {
      this.order[next[c]++] = i;
    });
  }

  private cell(value: number, axis: number): number {
    return Math.min(this.cells[axis] - 1, Math.max(0, Math.floor((value - this.origin[axis]) / this.side)));
  }

  private index(cell: number[]): number {
    return (cell[2] * this.cells[1] + cell[1]) * this.cells[0] + cell[0];
  }

  /**
   * The `k` points nearest to (x, y, z), nearest first, into `indices` and their distances into `distances`; returns how many
   * there are, fewer than k only where the set holds fewer.
   */
  nearest(x: number, y: number, z: number, k: number, indices: Int32Array, distances: Float64Array): number {
    const at = [x, y, z];
    const centre = at.map((value, axis) => this.cell(value, axis));
    const most = Math.max(...this.cells);
    let found = 0;
    for (let shell = 0; shell <= most; shell++) {
      // All points closer than this lie in the shells already searched.
      const reach = Math.min(...at.map((value, axis) => this.clearance(value, axis, centre[axis], shell)));
      found = this.searchShell(centre, shell, at, k, found, indices, distances);
      if (found === k && distances[k - 1] <= reach) break;
    }
    return found;
  }

  /** Distance from the value to the border of the searched cells along an axis; infinite where they reach the cloud's border. */
  private clearance(value: number, axis: number, cell: number, shell: number): number {
    const below = cell - shell <= 0 ? Number.POSITIVE_INFINITY : value - (this.origin[axis] + (cell - shell) * this.side);
    const above =
      cell + shell >= this.cells[axis] - 1 ? Number.POSITIVE_INFINITY : this.origin[axis] + (cell + shell + 1) * this.side - value;
    return Math.min(below, above);
  }

  private searchShell(
    centre: number[],
    shell: number,
    at: number[],
    k: number,
    found: number,
    indices: Int32Array,
    distances: Float64Array,
  ): number {
    const low = centre.map(c => Math.max(0, c - shell));
    const high = centre.map((c, axis) => Math.min(this.cells[axis] - 1, c + shell));
    for (let cz = low[2]; cz <= high[2]; cz++) {
      for (let cy = low[1]; cy <= high[1]; cy++) {
        const onFace = Math.abs(cz - centre[2]) === shell || Math.abs(cy - centre[1]) === shell;
        for (let cx = low[0]; cx <= high[0]; cx++) {
          if (!onFace && Math.abs(cx - centre[0]) !== shell) continue;
          const c = this.index([cx, cy, cz]);
          for (let o = this.starts[c]; o < this.starts[c + 1]; o++) found = this.insert(this.order[o], at, k, found, indices, distances);
        }
      }
    }
    return found;
  }

  private insert(point: number, at: number[], k: number, found: number, indices: Int32Array, distances: Float64Array): number {
    const p = this.points;
    const distance = Math.sqrt((p[3 * point] - at[0]) ** 2 + (p[3 * point + 1] - at[1]) ** 2 + (p[3 * point + 2] - at[2]) ** 2);
    if (found === k && distance >= distances[k - 1]) return found;
    let place = found < k ? found : k - 1;
    for (; place > 0 && distances[place - 1] > distance; place--) {
      distances[place] = distances[place - 1];
      indices[place] = indices[place - 1];
    }
    distances[place] = distance;
    indices[place] = point;
    return Math.min(k, found + 1);
  }
}

function extreme(points: Float32Array, axis: number, pick: (a: number, b: number) => number): number {
  let result = points.length > 0 ? points[axis] : 0;
  for (let i = axis; i < points.length; i += 3) result = pick(result, points[i]);
  return result;
}
