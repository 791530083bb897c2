// Draws what the particles say along a path: −ln density with its error as a curve, shaded where too few speak, populations as bars beneath it.
import type { FoundPath } from '../../protocol/messages.js';
import { formatNumber, formatValue } from './dom.js';
import { niceTicks, type PlotView, type Point, tickLabel, toScreen } from './plot-view.js';
import type { CanvasColours } from './theme.js';

/** CSS pixels around the plotted area. */
export const PROFILE_MARGIN = { left: 34, right: 12, top: 17, bottom: 19 };
/** Share of the plotted height that the longest bar takes. */
const BAR_SHARE = 0.34;
const LEAST_TOP = 1.5;

/** The window of the profile: lengths along the path against free energy. */
export function profileView(path: FoundPath, width: number, height: number): PlotView {
  const known = [...path.track.freeEnergy].map((value, i) => value + path.track.standardError[i]).filter(Number.isFinite);
  const highest = known.reduce((a, b) => Math.max(a, b), LEAST_TOP);
  const total = path.track.lengths[path.track.lengths.length - 1];
  return {
    x0: 0,
    x1: total,
    // The bars stand below zero's line as far as they reach up.
    y0: -0.08 * highest,
    y1: 1.12 * highest,
    width: Math.max(1, width - PROFILE_MARGIN.left - PROFILE_MARGIN.right),
    height: Math.max(1, height - PROFILE_MARGIN.top - PROFILE_MARGIN.bottom),
  };
}

/** `share`: where along the path the molecule is; null: not on it. */
export function drawProfile(
  context: CanvasRenderingContext2D,
  view: PlotView,
  path: FoundPath,
  share: number | null,
  colours: CanvasColours,
): void {
  const { track, leastSupport } = path;
  const at = (length: number, energy: number) => toScreen(view, [length, energy]);
  context.save();
  context.translate(PROFILE_MARGIN.left, PROFILE_MARGIN.top);
  drawScale(context, view, share === null ? '' : readingAt(path, share), colours);
  drawBars(context, view, path, colours);
  for (const [from, to] of unsupported(track.support, leastSupport)) {
    const left = at(middle(track.lengths, from - 1, from), 0)[0];
    const right = at(middle(track.lengths, to, to + 1), 0)[0];
    shade(context, left, right, view.height, colours);
  }
  for (const [from, to] of supported(track.support, leastSupport)) {
    const band: Point[] = [];
    for (let i = from; i <= to; i++) band.push(at(track.lengths[i], track.freeEnergy[i] + track.standardError[i]));
    for (let i = to; i >= from; i--) band.push(at(track.lengths[i], Math.max(view.y0, track.freeEnergy[i] - track.standardError[i])));
    context.globalAlpha = 0.2;
    context.fillStyle = colours.accent;
    context.beginPath();
    for (const point of band) context.lineTo(...point);
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = colours.accent;
    context.lineWidth = 2;
    context.lineJoin = 'round';
    context.beginPath();
    for (let i = from; i <= to; i++) context.lineTo(...at(track.lengths[i], track.freeEnergy[i]));
    context.stroke();
  }
  drawBandwidth(context, view, path.bandwidth, colours);
  drawEnds(context, view, colours);
  if (share !== null) drawCursor(context, view, path, share, colours);
  context.restore();
}

/** Runs of vertices (first, last) with too few particles. */
export function unsupported(support: ArrayLike<number>, least: number): [number, number][] {
  return runs(support, value => value < least);
}

function supported(support: ArrayLike<number>, least: number): [number, number][] {
  return runs(support, value => value >= least);
}

function runs(values: ArrayLike<number>, belongs: (value: number) => boolean): [number, number][] {
  const found: [number, number][] = [];
  for (let i = 0; i < values.length; i++) {
    if (!belongs(values[i])) continue;
    const last = found[found.length - 1];
    if (last && last[1] === i - 1) last[1] = i;
    else found.push([i, i]);
  }
  return found;
}

function middle(lengths: ArrayLike<number>, a: number, b: number): number {
  const clamp = (i: number) => Math.min(lengths.length - 1, Math.max(0, i));
  return (lengths[clamp(a)] + lengths[clamp(b)]) / 2;
}

function drawScale(context: CanvasRenderingContext2D, view: PlotView, reading: string, colours: CanvasColours): void {
  const ticks = niceTicks(0, view.y1, Math.max(2, view.height / 34)).filter(tick => tick >= 0);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1;
  context.font = `11px ${colours.font}`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = colours.muted;
  context.strokeStyle = colours.line;
  context.lineWidth = 1;
  context.beginPath();
  for (const tick of ticks) {
    const y = Math.round(toScreen(view, [0, tick])[1]) + 0.5;
    context.moveTo(0, y);
    context.lineTo(view.width, y);
    context.fillText(tickLabel(tick, step), -5, y);
  }
  context.stroke();
  context.fillStyle = colours.ink;
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  context.fillText('−ln density', -PROFILE_MARGIN.left, -5);
  const after = context.measureText('−ln density').width + 7 - PROFILE_MARGIN.left;
  context.fillStyle = colours.cursor;
  context.fillText(reading, after, -5);
}

function drawBars(context: CanvasRenderingContext2D, view: PlotView, { lengths, populations }: FoundPath, colours: CanvasColours): void {
  const most = populations.reduce((a, b) => Math.max(a, b), 1);
  const total = lengths[lengths.length - 1];
  context.fillStyle = colours.muted;
  context.globalAlpha = 0.28;
  lengths.forEach((length, i) => {
    const left = toScreen(view, [i > 0 ? (length + lengths[i - 1]) / 2 : 0, 0])[0];
    const right = toScreen(view, [i < lengths.length - 1 ? (length + lengths[i + 1]) / 2 : total, 0])[0];
    const height = (BAR_SHARE * view.height * populations[i]) / most;
    context.fillRect(left + 0.75, view.height - height, Math.max(0.5, right - left - 1.5), height);
  });
  context.globalAlpha = 1;
}

/** Hatching says that nothing is known there, which an empty plot would not. */
function shade(context: CanvasRenderingContext2D, left: number, right: number, height: number, colours: CanvasColours): void {
  context.save();
  context.beginPath();
  context.rect(left, 0, right - left, height);
  context.clip();
  context.globalAlpha = 0.13;
  context.fillStyle = colours.muted;
  context.fillRect(left, 0, right - left, height);
  context.globalAlpha = 0.45;
  context.strokeStyle = colours.muted;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = left - height; x < right; x += 7) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
  context.restore();
}

/** As wide as the kernel's two sides: what is narrower is not told. */
function drawBandwidth(context: CanvasRenderingContext2D, view: PlotView, bandwidth: number, colours: CanvasColours): void {
  const width = Math.min(view.width, (2 * bandwidth * view.width) / (view.x1 - view.x0));
  const right = view.width;
  const y = -8.5;
  context.strokeStyle = colours.muted;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(right - width, y);
  context.lineTo(right, y);
  for (const x of [right - width, right]) {
    context.moveTo(x, y - 3);
    context.lineTo(x, y + 3);
  }
  context.stroke();
  context.fillStyle = colours.muted;
  context.font = `11px ${colours.font}`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillText(`blur ±${formatValue(bandwidth, 2)}`, right - width - 6, y + 0.5);
}

function drawEnds(context: CanvasRenderingContext2D, view: PlotView, colours: CanvasColours): void {
  context.font = `600 11px ${colours.font}`;
  context.textBaseline = 'top';
  context.textAlign = 'left';
  context.fillStyle = colours.endA;
  context.fillText('A', 0, view.height + 4);
  context.textAlign = 'right';
  context.fillStyle = colours.endB;
  context.fillText('B', view.width, view.height + 4);
  context.font = `11px ${colours.font}`;
  context.fillStyle = colours.muted;
  context.textAlign = 'center';
  context.fillText('along the path; bars: particles', view.width / 2, view.height + 4);
}

function drawCursor(context: CanvasRenderingContext2D, view: PlotView, path: FoundPath, share: number, colours: CanvasColours): void {
  const { track } = path;
  const vertex = Math.round(share * (track.lengths.length - 1));
  const x = share * view.width;
  context.strokeStyle = colours.cursor;
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, view.height);
  context.stroke();
  if (!Number.isFinite(track.freeEnergy[vertex])) return;
  context.beginPath();
  context.arc(x, toScreen(view, [0, track.freeEnergy[vertex]])[1], 4, 0, 2 * Math.PI);
  context.fillStyle = colours.cursor;
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = colours.surface;
  context.stroke();
}

/** What is known where the molecule is. */
export function readingAt(path: FoundPath, share: number): string {
  const { track, populations, ceiling } = path;
  const vertex = Math.round(share * (track.lengths.length - 1));
  const point = Math.round(share * (populations.length - 1));
  const energy = track.freeEnergy[vertex];
  const value = Number.isFinite(energy)
    ? `${energy.toFixed(2)} ± ${track.standardError[vertex].toFixed(2)}`
    : `above ${ceiling.toFixed(1)}`;
  return `${value} · ${formatNumber(populations[point])} particles`;
}
