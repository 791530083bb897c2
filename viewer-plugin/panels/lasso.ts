// A line drawn by hand around particles in the plot.
import type { Point } from './plot-view.js';

/** Rows of the points that lie inside of the closed line (even–odd rule), rising. */
export function rowsInside(x: ArrayLike<number>, y: ArrayLike<number>, line: readonly Point[]): number[] {
  const rows: number[] = [];
  for (let i = 0; i < x.length; i++) if (isInside(x[i], y[i], line)) rows.push(i);
  return rows;
}

function isInside(x: number, y: number, line: readonly Point[]): boolean {
  let inside = false;
  for (let k = 0, before = line.length - 1; k < line.length; before = k++) {
    const [ax, ay] = line[before];
    const [bx, by] = line[k];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  }
  return inside;
}

/** Numbers (rising, each once) of the particles in these rows. */
export function particlesOf(particle: Uint32Array, rows: readonly number[]): Uint32Array {
  return Uint32Array.from(new Set(rows.map(row => particle[row]))).sort();
}
