// The window of a two-dimensional plot: which rectangle of coordinates lies on which rectangle of the screen, and how zoom and pan change it.

/** Coordinates x0…x1 (left to right), y0…y1 (bottom to top), on a screen area of width × height CSS pixels with its origin at the top left. */
export interface PlotView {
  x0: number;
  x1: number;
  y0: number;
  y1: number;
  width: number;
  height: number;
}

export type Point = readonly [x: number, y: number];

export function toScreen(view: PlotView, [x, y]: Point): Point {
  return [((x - view.x0) / (view.x1 - view.x0)) * view.width, ((view.y1 - y) / (view.y1 - view.y0)) * view.height];
}

export function fromScreen(view: PlotView, [px, py]: Point): Point {
  return [view.x0 + (px / view.width) * (view.x1 - view.x0), view.y1 - (py / view.height) * (view.y1 - view.y0)];
}

/** Magnifies by `factor` (> 1 shows less); what lies under the screen point stays under it. `vertical: false` leaves y alone. */
export function zoomAbout(view: PlotView, screen: Point, factor: number, vertical = true): PlotView {
  const [x, y] = fromScreen(view, screen);
  const zoomed = { ...view, x0: x + (view.x0 - x) / factor, x1: x + (view.x1 - x) / factor };
  return vertical ? { ...zoomed, y0: y + (view.y0 - y) / factor, y1: y + (view.y1 - y) / factor } : zoomed;
}

/** Moves the content by (dx, dy) pixels. */
export function panBy(view: PlotView, dx: number, dy: number): PlotView {
  const sx = (-dx / view.width) * (view.x1 - view.x0);
  const sy = (dy / view.height) * (view.y1 - view.y0);
  return { ...view, x0: view.x0 + sx, x1: view.x1 + sx, y0: view.y0 + sy, y1: view.y1 + sy };
}

/** Round tick values within from…to: steps of 1, 2 or 5 times a power of ten, at most about `count` of them. */
export function niceTicks(from: number, to: number, count: number): number[] {
  const span = to - from;
  if (!(span > 0) || !Number.isFinite(span)) return [];
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find(s => s * power >= rough * (1 - 1e-9)) ?? 10);
  const ticks = [];
  for (let i = Math.ceil(from / step - 1e-9); i * step <= to + 1e-9 * span; i++) ticks.push(i * step + 0); // + 0: no negative zero
  return ticks;
}

/** A tick's value with just the decimals that its step needs. */
export function tickLabel(value: number, step: number): string {
  const decimals = Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9)));
  const text = value.toFixed(decimals);
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−');
}
