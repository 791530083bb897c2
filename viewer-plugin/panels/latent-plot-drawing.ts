// Paints the latent plot: the particles with their axes once per view, and the moving marks on a canvas of their own.
import { drawAxes } from './axis-drawing.js';
import { viridisTable } from './colour-ramps.js';
import { formatValue } from './dom.js';
import type { DensityProfile } from './local-density.js';
import { type PlotView, type Point, toScreen } from './plot-view.js';
import { pointStyleFor, rasterisePoints } from './point-raster.js';
import type { CanvasColours } from './theme.js';

/** CSS pixels that the axes' numbers and names need around the plotted area. */
export const MARGINS = { left: 38, right: 8, top: 8, bottom: 20 };

/** What the plot shows of the particles. */
export interface PlottedPoints {
  x: Float32Array;
  y: Float32Array;
  /** Colour value of each particle, 0…1; NaN where unknown; null for one colour. */
  value: Float32Array | null;
  /** Where values are categories 0, 1, …: 3 bytes of colour for each. */
  categories: Uint8Array | null;
  xName: string;
  /** null where the vertical axis only spreads the points (one latent coordinate). */
  yName: string | null;
  /** Outline behind the points where yName is null. */
  profile: DensityProfile | null;
  /** Name and ends of the colour scale. */
  legend: { name: string; low: string; high: string } | null;
}

/** The marks that move: current point, its nearest particle, the one under the mouse, the ends of the path. Coordinates of the plot. */
export interface PlotMarks {
  current: Point | null;
  nearest: Point | null;
  hovered: Point | null;
  /** The other symmetric orientations of a particle. */
  copies: { of: Point | null; at: readonly Point[] };
  /** null where it has no place. */
  neutral: Point | null;
  /** Clusters by number, at their medoids. */
  clusters: readonly { at: Point; label: string; colour: string }[];
  /** A line drawn around particles, closed; [] for none. */
  lasso: readonly Point[];
  /** The way from A to B is a line in this plane. */
  isStraight: boolean;
  a: Point | null;
  b: Point | null;
  /** The path through dense regions, drawn in place of the straight line; null: that line. */
  path: readonly Point[] | null;
}

/** `canvas` covers plotted area and margins; `view` is the plotted area in CSS pixels. */
export function drawPoints(canvas: HTMLCanvasElement, view: PlotView, points: PlottedPoints, colours: CanvasColours): void {
  const ratio = canvas.width / (view.width + MARGINS.left + MARGINS.right);
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.translate(MARGINS.left, MARGINS.top);
  drawAxes(context, view, { xName: points.xName, yName: points.yName, left: MARGINS.left, bottom: MARGINS.bottom, gridX: true }, colours);
  if (points.profile) drawProfile(context, view, points.profile, colours);
  const image = new ImageData(Math.max(1, Math.round(view.width * ratio)), Math.max(1, Math.round(view.height * ratio)));
  const { radius, opacity } = pointStyleFor(points.x.length, image.width * image.height, ratio);
  const value = points.value ?? new Float32Array(points.x.length).fill(Number.NaN);
  const unknown = points.value ? rgbOf(context, colours.muted) : rgbOf(context, colours.accent);
  const ramp = viridisTable(colours.theme);
  rasterisePoints(image.data, { ...view, width: image.width, height: image.height }, points.x, points.y, value, {
    radius,
    opacity,
    ramp: points.categories ?? ramp,
    categories: points.categories !== null,
    unknown,
  });
  // Through a bitmap layer, because putImageData would wipe the grid under transparent pixels.
  const layer = new OffscreenCanvas(image.width, image.height);
  layer.getContext('2d')!.putImageData(image, 0, 0);
  context.drawImage(layer, 0, 0, view.width, view.height);
  if (points.legend) drawLegend(context, view, points.legend, ramp, colours);
}

function rgbOf(context: CanvasRenderingContext2D, colour: string): [number, number, number] {
  context.fillStyle = colour;
  const hex = Number.parseInt(String(context.fillStyle).slice(1, 7), 16);
  return [hex >> 16, (hex >> 8) & 255, hex & 255];
}

/** The density of one coordinate as a mirrored outline. */
function drawProfile(context: CanvasRenderingContext2D, view: PlotView, { from, to, bins }: DensityProfile, colours: CanvasColours): void {
  const at = (i: number, sign: number): Point => toScreen(view, [from + ((i + 0.5) / bins.length) * (to - from), sign * bins[i]]);
  context.save();
  context.beginPath();
  context.rect(0, 0, view.width, view.height);
  context.clip();
  context.beginPath();
  for (let i = 0; i < bins.length; i++) context.lineTo(...at(i, 1));
  for (let i = bins.length - 1; i >= 0; i--) context.lineTo(...at(i, -1));
  context.closePath();
  context.globalAlpha = 0.12;
  context.fillStyle = colours.accent;
  context.fill();
  context.restore();
}

function drawLegend(
  context: CanvasRenderingContext2D,
  view: PlotView,
  { name, low, high }: NonNullable<PlottedPoints['legend']>,
  ramp: Uint8Array,
  colours: CanvasColours,
): void {
  const width = 64;
  const x = view.width - width - 8;
  const y = 8;
  context.globalAlpha = 0.82;
  context.fillStyle = colours.surface;
  context.beginPath();
  context.roundRect(x - 7, y - 5, width + 14, 37, 5);
  context.fill();
  context.globalAlpha = 1;
  const gradient = context.createLinearGradient(x, 0, x + width, 0);
  for (let i = 0; i <= 16; i++) {
    const o = 3 * Math.min(255, i * 16);
    gradient.addColorStop(i / 16, `rgb(${ramp[o]},${ramp[o + 1]},${ramp[o + 2]})`);
  }
  context.fillStyle = gradient;
  context.fillRect(x, y + 13, width, 5);
  context.fillStyle = colours.muted;
  context.font = `10px ${colours.font}`;
  context.textBaseline = 'top';
  context.textAlign = 'center';
  context.fillText(name, x + width / 2, y);
  context.textAlign = 'left';
  context.fillText(low, x, y + 20);
  context.textAlign = 'right';
  context.fillText(high, x + width, y + 20);
}

export function drawMarks(canvas: HTMLCanvasElement, view: PlotView, marks: PlotMarks, colours: CanvasColours): void {
  const ratio = canvas.width / (view.width + MARGINS.left + MARGINS.right);
  const context = canvas.getContext('2d')!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(ratio, 0, 0, ratio, MARGINS.left * ratio, MARGINS.top * ratio);
  context.save();
  context.beginPath();
  context.rect(0, 0, view.width, view.height);
  context.clip();
  if (marks.neutral) drawNeutral(context, toScreen(view, marks.neutral), colours);
  for (const { at, label, colour } of marks.clusters) drawBadge(context, toScreen(view, at), label, colour, colours);
  if (marks.lasso.length > 1)
    drawLasso(
      context,
      marks.lasso.map(point => toScreen(view, point)),
      colours,
    );
  const { of, at } = marks.copies;
  if (of)
    drawCopies(
      context,
      toScreen(view, of),
      at.map(copy => toScreen(view, copy)),
      colours,
    );
  if (marks.hovered) drawHovered(context, toScreen(view, marks.hovered), colours);
  const a = marks.a && toScreen(view, marks.a);
  const b = marks.b && toScreen(view, marks.b);
  if (a && b && (marks.isStraight || marks.path)) {
    for (const [width, colour] of [
      [4, colours.surface],
      [1.5, colours.ink],
    ] as const) {
      context.lineWidth = width;
      context.strokeStyle = colour;
      context.lineJoin = 'round';
      context.beginPath();
      context.moveTo(...a);
      for (const point of marks.path ?? []) context.lineTo(...toScreen(view, point));
      context.lineTo(...b);
      context.stroke();
    }
  }
  if (a) drawBadge(context, a, 'A', colours.endA, colours);
  if (b) drawBadge(context, b, 'B', colours.endB, colours);
  if (marks.current) {
    const current = toScreen(view, marks.current);
    if (marks.nearest) drawNearest(context, current, toScreen(view, marks.nearest), colours);
    drawCurrent(context, current, colours);
  }
  context.restore();
}

function drawLasso(context: CanvasRenderingContext2D, line: readonly Point[], colours: CanvasColours): void {
  context.save();
  context.beginPath();
  for (const point of line) context.lineTo(...point);
  context.closePath();
  context.fillStyle = colours.accent;
  context.globalAlpha = 0.1;
  context.fill();
  context.globalAlpha = 1;
  context.lineWidth = 1.5;
  context.lineJoin = 'round';
  context.strokeStyle = colours.accent;
  context.setLineDash([5, 3]);
  context.stroke();
  context.restore();
}

function drawNeutral(context: CanvasRenderingContext2D, [x, y]: Point, colours: CanvasColours): void {
  for (const [width, colour] of [
    [4, colours.surface],
    [1.5, colours.ink],
  ] as const) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.beginPath();
    context.moveTo(x - 5, y);
    context.lineTo(x + 5, y);
    context.moveTo(x, y - 5);
    context.lineTo(x, y + 5);
    context.stroke();
  }
}

/** A letter or number on a disc. */
function drawBadge(context: CanvasRenderingContext2D, [x, y]: Point, name: string, colour: string, colours: CanvasColours): void {
  context.beginPath();
  context.arc(x, y, 8, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = colours.surface;
  context.stroke();
  const [red, green, blue] = rgbOf(context, colour);
  // Black or white, whichever is told apart better.
  context.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? '#111' : '#fff';
  context.font = `600 10.5px ${colours.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(name, x, y + 0.5);
}

/** Each copy as a ring in the colour of text, joined to its particle. */
function drawCopies(context: CanvasRenderingContext2D, of: Point, at: readonly Point[], colours: CanvasColours): void {
  for (const [width, colour] of [
    [3.5, colours.surface],
    [1.2, colours.ink],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    for (const [x, y] of at) {
      context.beginPath();
      context.moveTo(...of);
      context.lineTo(x, y);
      context.stroke();
    }
  }
  for (const [x, y] of at) {
    context.beginPath();
    context.arc(x, y, 4.5, 0, 2 * Math.PI);
    context.fillStyle = colours.surface;
    context.fill();
    context.lineWidth = 1.6;
    context.strokeStyle = colours.ink;
    context.stroke();
  }
}

function drawHovered(context: CanvasRenderingContext2D, [x, y]: Point, colours: CanvasColours): void {
  context.beginPath();
  context.arc(x, y, 4.5, 0, 2 * Math.PI);
  context.fillStyle = colours.accent;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = colours.surface;
  context.stroke();
}

function drawNearest(context: CanvasRenderingContext2D, current: Point, nearest: Point, colours: CanvasColours): void {
  context.strokeStyle = colours.cursor;
  context.lineWidth = 1;
  context.setLineDash([2, 3]);
  context.beginPath();
  context.moveTo(...current);
  context.lineTo(...nearest);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.arc(nearest[0], nearest[1], 3.5, 0, 2 * Math.PI);
  context.stroke();
}

function drawCurrent(context: CanvasRenderingContext2D, [x, y]: Point, colours: CanvasColours): void {
  for (const [width, colour] of [
    [6, colours.surface],
    [2.5, colours.cursor],
  ] as const) {
    context.beginPath();
    context.arc(x, y, 8.5, 0, 2 * Math.PI);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
  context.beginPath();
  context.arc(x, y, 2, 0, 2 * Math.PI);
  context.fillStyle = colours.cursor;
  context.fill();
}

/** Ends of a colour scale for people. */
export function legendFor(name: string, low: number, high: number): PlottedPoints['legend'] {
  return { name, low: formatValue(low, 2), high: formatValue(high, 2) };
}
