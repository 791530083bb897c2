// Draws the axes of a plot: faint grid lines, round numbers and the axes' names, the same way in every panel.
import { niceTicks, type PlotView, tickLabel, toScreen } from './plot-view.js';
import type { CanvasColours } from './theme.js';

export interface Axes {
  xName: string;
  /** null: the vertical axis has no meaning and is not drawn. */
  yName: string | null;
  /** CSS pixels left of the plotted area for numbers and name. */
  left: number;
  /** CSS pixels below it. */
  bottom: number;
  /** Vertical grid lines. */
  gridX: boolean;
  /** Only whole numbers along x. */
  wholeX?: boolean;
}

/** The context's origin is the top left of the plotted area, its unit the CSS pixel. */
export function drawAxes(context: CanvasRenderingContext2D, view: PlotView, axes: Axes, colours: CanvasColours): void {
  const { width, height } = view;
  context.lineWidth = 1;
  context.strokeStyle = colours.line;
  context.fillStyle = colours.muted;
  context.font = `11px ${colours.font}`;
  context.textBaseline = 'alphabetic';
  context.textAlign = 'center';
  const xTicks = niceTicks(view.x0, view.x1, Math.max(2, width / 70)).filter(tick => !axes.wholeX || Number.isInteger(tick));
  const step = xTicks.length > 1 ? xTicks[1] - xTicks[0] : 1;
  // The name stands in the row of the numbers, at the end; numbers that would touch it are left out.
  const nameFrom = width - context.measureText(axes.xName).width - 8;
  context.beginPath();
  for (const tick of xTicks) {
    const px = Math.round(toScreen(view, [tick, 0])[0]) + 0.5;
    if (axes.gridX) {
      context.moveTo(px, 0);
      context.lineTo(px, height);
    }
    const label = tickLabel(tick, step);
    if (px + context.measureText(label).width / 2 < nameFrom) context.fillText(label, px, height + axes.bottom - 5);
  }
  if (axes.yName) {
    const yTicks = niceTicks(view.y0, view.y1, Math.max(2, height / 32));
    const yStep = yTicks.length > 1 ? yTicks[1] - yTicks[0] : 1;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const tick of yTicks) {
      const py = Math.round(toScreen(view, [0, tick])[1]) + 0.5;
      context.moveTo(0, py);
      context.lineTo(width, py);
      context.fillText(tickLabel(tick, yStep), -5, py);
    }
  }
  context.stroke();
  context.fillStyle = colours.ink;
  context.textAlign = 'right';
  context.textBaseline = 'alphabetic';
  context.fillText(axes.xName, width, height + axes.bottom - 5);
  if (axes.yName) {
    context.save();
    context.translate(-axes.left, 0);
    context.rotate(-Math.PI / 2);
    context.textBaseline = 'top';
    context.fillText(axes.yName, 0, 0);
    context.restore();
  }
}
