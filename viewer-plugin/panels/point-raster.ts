// Draws any number of points into an image in one pass over them: each pixel gets the mean colour value of its points and an opacity that grows with their number.
import type { PlotView } from './plot-view.js';

export interface PointStyle {
  /** Radius of a point in image pixels. */
  radius: number;
  /** Opacity of one point, 0 to 1; k points on a pixel give 1 − (1 − opacity)^k. */
  opacity: number;
  /** Colours, 3 bytes each: 256 for values 0…1, or one for each category; values that are not finite take `unknown`. */
  ramp: Uint8Array;
  /** Values are categories 0, 1, …: where several lie on a pixel their colours are mixed, not their numbers. */
  categories?: boolean;
  unknown: readonly [number, number, number];
}

/** How large and opaque the points should be so that a few are seen and a hundred thousand still show where they are dense. `area` in image pixels. */
export function pointStyleFor(count: number, area: number, pixelRatio: number): { radius: number; opacity: number } {
  const crowding = count / Math.max(1, area / (pixelRatio * pixelRatio));
  const radius = (crowding < 0.01 ? 2.4 : crowding < 0.05 ? 1.9 : crowding < 0.3 ? 1.4 : 0.8) * pixelRatio;
  return { radius, opacity: Math.min(0.85, Math.max(0.12, 0.12 / Math.sqrt(crowding + 1e-4) / radius)) };
}

/** Parts of a pixel to which a point's centre is rounded, along each axis. */
const SUBPIXELS = 5;

interface Stamp {
  dx: Int32Array;
  dy: Int32Array;
  /** How much of each pixel the disc covers, 0 to 1. */
  coverage: Float32Array;
}

/** The disc of a point for each of the SUBPIXELS² places of its centre inside a pixel, so that points look round wherever they are. */
function stamps(radius: number): Stamp[] {
  const reach = Math.ceil(radius);
  return Array.from({ length: SUBPIXELS * SUBPIXELS }, (_, place) => {
    const cx = ((place % SUBPIXELS) + 0.5) / SUBPIXELS;
    const cy = (Math.floor(place / SUBPIXELS) + 0.5) / SUBPIXELS;
    const cells: [number, number, number][] = [];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const coverage = Math.min(1, radius + 0.5 - Math.hypot(dx + 0.5 - cx, dy + 0.5 - cy));
        if (coverage > 0) cells.push([dx, dy, coverage]);
      }
    }
    return {
      dx: Int32Array.from(cells, cell => cell[0]),
      dy: Int32Array.from(cells, cell => cell[1]),
      coverage: Float32Array.from(cells, cell => cell[2]),
    };
  });
}

/** Fills `out` (view.width × view.height RGBA, in image pixels) with the points (x[i], y[i]) whose colour value is value[i] in 0…1. */
export function rasterisePoints(
  out: Uint8ClampedArray,
  view: PlotView,
  x: Float32Array,
  y: Float32Array,
  value: Float32Array,
  style: PointStyle,
): void {
  const { width, height } = view;
  // For each pixel: points, points with a known value, sum of the values or of their colours; side by side, as they are used together.
  const colours = style.categories ? 3 : 1;
  const sums = new Float32Array((2 + colours) * width * height);
  const added = new Float32Array(1 + colours);
  const scaleX = width / (view.x1 - view.x0);
  const scaleY = height / (view.y1 - view.y0);
  const reach = Math.ceil(style.radius);
  const discs = stamps(style.radius);
  for (let i = 0; i < x.length; i++) {
    const cx = (x[i] - view.x0) * scaleX;
    const cy = (view.y1 - y[i]) * scaleY;
    // Also false for coordinates that are not finite.
    if (!(cx >= -reach && cx < width + reach && cy >= -reach && cy < height + reach)) continue;
    const px = Math.floor(cx);
    const py = Math.floor(cy);
    const { dx, dy, coverage } = discs[Math.floor((cy - py) * SUBPIXELS) * SUBPIXELS + Math.floor((cx - px) * SUBPIXELS)];
    const inside = px >= reach && px < width - reach && py >= reach && py < height - reach;
    added[0] = value[i] - value[i] === 0 ? 1 : 0;
    if (added[0] === 0) added.fill(0);
    else if (style.categories) for (let c = 0; c < 3; c++) added[1 + c] = style.ramp[3 * value[i] + c];
    else added[1] = value[i];
    for (let k = 0; k < coverage.length; k++) {
      const qx = px + dx[k];
      const qy = py + dy[k];
      if (!inside && (qx < 0 || qx >= width || qy < 0 || qy >= height)) continue;
      const at = (2 + colours) * (qy * width + qx);
      sums[at] += coverage[k];
      for (let c = 0; c <= colours; c++) sums[at + 1 + c] += coverage[k] * added[c];
    }
  }
  colour(out, sums, style);
}

function colour(out: Uint8ClampedArray, sums: Float32Array, style: PointStyle): void {
  const transparent = Math.log1p(-style.opacity);
  const stride = style.categories ? 5 : 3;
  for (let at = 0, o = 0; at < sums.length; at += stride, o += 4) {
    if (sums[at] === 0) {
      out[o + 3] = 0;
      continue;
    }
    if (sums[at + 1] > 0 && style.categories) {
      for (let c = 0; c < 3; c++) out[o + c] = sums[at + 2 + c] / sums[at + 1];
    } else if (sums[at + 1] > 0) {
      const step = 3 * Math.min(255, Math.max(0, Math.round((255 * sums[at + 2]) / sums[at + 1])));
      out[o] = style.ramp[step];
      out[o + 1] = style.ramp[step + 1];
      out[o + 2] = style.ramp[step + 2];
    } else {
      out[o] = style.unknown[0];
      out[o + 1] = style.unknown[1];
      out[o + 2] = style.unknown[2];
    }
    out[o + 3] = 255 * (1 - Math.exp(transparent * sums[at]));
  }
}
