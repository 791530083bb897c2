// Rows of the latents as particles: which one is under the mouse, which rows are the same particle, which particles lie nearest to a point.
import { formatNumber } from './dom.js';
import type { LatentCloud } from './latent-basis.js';
import type { PlotView, Point } from './plot-view.js';

/** Row of the point nearest to a place (screen pixels) and no further than `reach` pixels from it; −1 where there is none. */
export function rowAt(x: ArrayLike<number>, y: ArrayLike<number>, view: PlotView, [px, py]: Point, reach: number): number {
  const scaleX = view.width / (view.x1 - view.x0);
  const scaleY = view.height / (view.y1 - view.y0);
  let found = -1;
  let least = reach * reach;
  for (let i = 0; i < x.length; i++) {
    const square = ((x[i] - view.x0) * scaleX - px) ** 2 + ((view.y1 - y[i]) * scaleY - py) ** 2;
    if (square > least) continue;
    least = square;
    found = i;
  }
  return found;
}

/** Row of the nearest point towards which one has to go from `from` (screen pixels) within 45° of `direction` (right and down positive); −1 where there is none. */
export function rowTowards(x: ArrayLike<number>, y: ArrayLike<number>, view: PlotView, from: Point, direction: Point): number {
  const scaleX = view.width / (view.x1 - view.x0);
  const scaleY = view.height / (view.y1 - view.y0);
  let found = -1;
  let least = Infinity;
  for (let i = 0; i < x.length; i++) {
    const dx = (x[i] - view.x0) * scaleX - from[0];
    const dy = (view.y1 - y[i]) * scaleY - from[1];
    const along = dx * direction[0] + dy * direction[1];
    const square = dx * dx + dy * dy;
    // A step that nobody sees is none.
    if (square < 1 || square >= least || along * along * 2 < square || along < 0) continue;
    least = square;
    found = i;
  }
  return found;
}

/** The other rows of the particle in this row: its other symmetric orientations. */
export function otherCopies({ count, particle, copy }: LatentCloud, row: number): number[] {
  if (!copy || row < 0) return [];
  // They follow one another.
  let first = row;
  while (first > 0 && particle[first - 1] === particle[row]) first--;
  const rows: number[] = [];
  for (let i = first; i < count && particle[i] === particle[row]; i++) if (i !== row) rows.push(i);
  return rows;
}

/** `particle 12, copy 2 of 3 · FRC 0.213 · observability 0.87` */
export function describeRow(cloud: LatentCloud, row: number): string {
  const { particle, copy, frc, observability } = cloud;
  const copies = copy ? `, copy ${copy[row]} of ${otherCopies(cloud, row).length + 1}` : '';
  return [
    `particle ${formatNumber(particle[row])}${copies}`,
    Number.isFinite(frc[row]) ? `FRC ${frc[row].toFixed(3)}` : '',
    observability && Number.isFinite(observability[row]) ? `observability ${observability[row].toFixed(2)}` : '',
  ]
    .filter(Boolean)
    .join(' · ');
}

/** Numbers (rising) of the `most` particles that have a row nearest to the latent point; of many copies the nearest counts. */
export function nearestParticles({ count, dims, z, particle }: LatentCloud, point: ArrayLike<number>, most: number): Uint32Array {
  const nearest = new Map<number, number>();
  for (let row = 0; row < count; row++) {
    let square = 0;
    for (let k = 0; k < dims; k++) square += (z[row * dims + k] - point[k]) ** 2;
    if (square < (nearest.get(particle[row]) ?? Infinity)) nearest.set(particle[row], square);
  }
  const chosen = [...nearest].sort((a, b) => a[1] - b[1]).slice(0, most);
  return Uint32Array.from(chosen, ([number]) => number).sort();
}
