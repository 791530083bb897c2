// What the page and its density worker say to each other.
import type { DensitySurface } from './density-surface.js';
import type { GaussianCloud, Grid } from './gaussian-grid.js';

export type DensityQuestion =
  | { kind: 'surface'; id: number; cloud: GaussianCloud; grid: Grid; contour: number }
  /** Which contour encloses `volumeAngstrom3`, or, where that is null, `massFraction` of the mass? */
  | { kind: 'contour'; id: number; cloud: GaussianCloud; grid: Grid; volumeAngstrom3: number | null; massFraction: number };

export type DensityAnswer = { id: number; surface: DensitySurface } | { id: number; contour: number } | { id: number; error: string };
