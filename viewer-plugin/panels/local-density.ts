// How dense the particles lie at each particle, from smoothed histograms: a colour for the plot, and the height of a strip where there is one coordinate.

/** Three box blurs, close to a Gaussian; along a line of `length` values `stride` apart. */
function blurLine(values: Float32Array, start: number, length: number, stride: number, reach: number, line: Float64Array): void {
  for (let pass = 0; pass < 3; pass++) {
    for (let i = 0; i < length; i++) line[i] = values[start + i * stride];
    let sum = 0;
    for (let i = -reach; i < length + reach; i++) {
      if (i + reach < length) sum += line[i + reach];
      if (i - reach - 1 >= 0) sum -= line[i - reach - 1];
      if (i >= 0 && i < length) values[start + i * stride] = sum / (2 * reach + 1);
    }
  }
}

export interface DensityProfile {
  from: number;
  to: number;
  /** Evenly spaced bins, largest 1. */
  bins: Float32Array;
}

/** Smoothed histogram of one coordinate over from…to, its maximum 1. */
export function densityProfile(values: Float32Array, from: number, to: number, bins = 128): DensityProfile {
  const histogram = new Float32Array(bins);
  const scale = bins / (to - from);
  for (const value of values) {
    const bin = Math.floor((value - from) * scale);
    if (bin >= 0 && bin < bins) histogram[bin]++;
  }
  blurLine(histogram, 0, bins, 1, Math.max(1, Math.round(bins / 90)), new Float64Array(bins));
  const largest = histogram.reduce((a, b) => Math.max(a, b), 0);
  if (largest > 0) for (let i = 0; i < bins; i++) histogram[i] /= largest;
  return { from, to, bins: histogram };
}

/** The profile's value at a coordinate, between bins by straight lines; 0 outside. */
export function profileAt({ from, to, bins }: DensityProfile, value: number): number {
  const position = ((value - from) / (to - from)) * bins.length - 0.5;
  if (!(position > -1 && position < bins.length)) return 0;
  const i = Math.floor(position);
  const low = i >= 0 ? bins[i] : 0;
  const high = i + 1 < bins.length ? bins[i + 1] : 0;
  return low + (position - i) * (high - low);
}

/** Density at each particle in a plane of two coordinates, as the square root of its share of the maximum (0…1). */
export function planeDensity(
  x: Float32Array,
  y: Float32Array,
  rangeX: readonly [number, number],
  rangeY: readonly [number, number],
  cells = 128,
): Float32Array {
  const grid = new Float32Array(cells * cells);
  const scaleX = cells / (rangeX[1] - rangeX[0]);
  const scaleY = cells / (rangeY[1] - rangeY[0]);
  const cellOf = (i: number) => {
    const cx = Math.floor((x[i] - rangeX[0]) * scaleX);
    const cy = Math.floor((y[i] - rangeY[0]) * scaleY);
    return cx >= 0 && cx < cells && cy >= 0 && cy < cells ? cy * cells + cx : -1;
  };
  for (let i = 0; i < x.length; i++) {
    const cell = cellOf(i);
    if (cell >= 0) grid[cell]++;
  }
  // A few particles need a wider kernel than many for the same steadiness.
  const reach = Math.max(1, Math.min(6, Math.round(cells / 10 / x.length ** (1 / 6))));
  const line = new Float64Array(cells);
  for (let k = 0; k < cells; k++) blurLine(grid, k * cells, cells, 1, reach, line);
  for (let k = 0; k < cells; k++) blurLine(grid, k, cells, cells, reach, line);
  const largest = grid.reduce((a, b) => Math.max(a, b), 0) || 1;
  return x.map((_, i) => {
    const cell = cellOf(i);
    return cell >= 0 ? Math.sqrt(grid[cell] / largest) : 0;
  });
}

/** Heights of points in a strip of one coordinate: spread within the density's own outline by a fixed low-discrepancy sequence, so that the same particle keeps its place. */
export function spreadByDensity(values: Float32Array, profile: DensityProfile): Float32Array {
  const golden = (Math.sqrt(5) - 1) / 2;
  return values.map((value, i) => (2 * ((i * golden) % 1) - 1) * 0.96 * profileAt(profile, value));
}
