// The density of N Gaussians on a regular grid, M(x) = Σ A (2πσ²)^(−3/2) exp(−|x − c|² / 2σ²) (method.md section 2), as a product of three one-dimensional tables.

/** N Gaussians, Å in the map frame. */
export interface GaussianCloud {
  count: number;
  /** 3N: x0 y0 z0 x1 …, Å. */
  positions: Float32Array;
  /** N; weight at zero frequency. */
  amplitudes: Float32Array;
  /** N, Å. */
  sigmas: Float32Array;
}

/** A cubic grid: point (i,j,k) sits at origin + spacing·(i,j,k). */
export interface Grid {
  /** Points along x, y, z. */
  size: [number, number, number];
  spacingAngstrom: number;
  originAngstrom: [number, number, number];
}

/** A Gaussian is followed this many sigmas out, where it has fallen to 0.2 % of its peak. */
export const CUTOFF_SIGMAS = 3.5;

/**
 * A Gaussian narrower than the grid's spacing would come and go between the points, so it is widened to this many spacings;
 * the mass stays. At 0.8 spacings the sum over points differs from the integral by less than 2·exp(−2π²·0.64) ≈ 7·10⁻⁶.
 */
export const LEAST_SIGMA_SPACINGS = 0.8;

/**
 * The smallest cubic-spaced grid with `longestPoints` along its longest side that holds every Gaussian out to the cutoff, plus `slack` of
 * that extent on every side, so that a molecule that moves a little stays inside.
 */
export function gridAround(cloud: GaussianCloud, longestPoints: number, slack = 0.06): Grid {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < cloud.count; i++) {
    const reach = CUTOFF_SIGMAS * cloud.sigmas[i];
    for (let a = 0; a < 3; a++) {
      const x = cloud.positions[3 * i + a];
      if (x - reach < low[a]) low[a] = x - reach;
      if (x + reach > high[a]) high[a] = x + reach;
    }
  }
  if (cloud.count === 0) return { size: [2, 2, 2], spacingAngstrom: 1, originAngstrom: [0, 0, 0] };
  const extent = [0, 1, 2].map(a => (high[a] - low[a]) * (1 + 2 * slack));
  const spacingAngstrom = Math.max(...extent) / (longestPoints - 1);
  const size = extent.map(length => Math.max(2, Math.ceil(length / spacingAngstrom - 1e-6) + 1)) as Grid['size'];
  const origin = [0, 1, 2].map(a => (low[a] + high[a] - (size[a] - 1) * spacingAngstrom) / 2) as Grid['originAngstrom'];
  return { size, spacingAngstrom, originAngstrom: origin };
}

/** True when every Gaussian lies inside the grid out to the cutoff. */
export function gridHolds(grid: Grid, cloud: GaussianCloud): boolean {
  for (let i = 0; i < cloud.count; i++) {
    const reach = CUTOFF_SIGMAS * cloud.sigmas[i];
    for (let a = 0; a < 3; a++) {
      const x = cloud.positions[3 * i + a] - grid.originAngstrom[a];
      if (x < reach || x > (grid.size[a] - 1) * grid.spacingAngstrom - reach) return false;
    }
  }
  return true;
}

/**
 * Density at every grid point, amplitude per Å³, x fastest: values[(z·ny + y)·nx + x]. `values` is reused when it is long enough.
 */
export function densityOnGrid(cloud: GaussianCloud, grid: Grid, values?: Float32Array): Float32Array {
  const [nx, ny, nz] = grid.size;
  const points = nx * ny * nz;
  const density = values && values.length === points ? values.fill(0) : new Float32Array(points);
  const tables = [new Float32Array(nx), new Float32Array(ny), new Float32Array(nz)];
  const first = [0, 0, 0];
  const last = [0, 0, 0];
  for (let i = 0; i < cloud.count; i++) {
    const sigma = Math.max(cloud.sigmas[i], LEAST_SIGMA_SPACINGS * grid.spacingAngstrom);
    const reach = CUTOFF_SIGMAS * sigma;
    const peak = cloud.amplitudes[i] * (2 * Math.PI * sigma * sigma) ** -1.5;
    for (let a = 0; a < 3; a++) {
      const centre = cloud.positions[3 * i + a] - grid.originAngstrom[a];
      first[a] = Math.max(0, Math.ceil((centre - reach) / grid.spacingAngstrom));
      last[a] = Math.min(grid.size[a] - 1, Math.floor((centre + reach) / grid.spacingAngstrom));
      for (let p = first[a]; p <= last[a]; p++) {
        const t = (p * grid.spacingAngstrom - centre) / sigma;
        tables[a][p] = Math.exp(-0.5 * t * t);
      }
    }
    const [tableX, tableY, tableZ] = tables;
    for (let z = first[2]; z <= last[2]; z++) {
      for (let y = first[1]; y <= last[1]; y++) {
        const weight = peak * tableZ[z] * tableY[y];
        const row = (z * ny + y) * nx;
        for (let x = first[0]; x <= last[0]; x++) density[row + x] += weight * tableX[x];
      }
    }
  }
  return density;
}

/** The value that `points` of the grid's points exceed: the contour that encloses points·spacing³. */
export function contourEnclosing(density: Float32Array, points: number): number {
  const falling = Float32Array.from(density).sort().reverse();
  const index = Math.min(falling.length - 1, Math.max(0, Math.round(points)));
  return falling[index];
}

/** The contour inside which lies the given fraction of the mass. */
export function contourOfMass(density: Float32Array, fraction: number): number {
  const falling = Float32Array.from(density).sort().reverse();
  let total = 0;
  for (const value of falling) total += value;
  let inside = 0;
  for (const value of falling) {
    inside += value;
    if (inside >= fraction * total) return value;
  }
  return 0;
}
