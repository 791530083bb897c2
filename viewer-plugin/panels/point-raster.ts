// Draws any number of points into an image in one pass over them: each pixel gets the mean colour value of its points and an opacity that grows with their number.
import type { PlotView } from './plot-view.js';

export interface PointStyle {
  /** Radius of a point in image pixels. */
  radius: number;
  /** Opacity of one point, 0 to 1; k points on a pixel give 1 − (1 − opacity)^k. */
  opacity: number;
  /** 256 colours, 3 bytes each, for values 0…1; values that are not finite take `unknown`. */
  ramp: Uint8Array;
  unknown: readonly [number, number, number];
}

/** How large and opaque the points should be so that a few are seen and a hundred thousand still show where they are dense. `area` in image pixels. */
export function pointStyleFor(count: number, area: number, pixelRatio: number): { radius: number; opacity: number } {
  const crowding = count / Math.max(1, area / (pixelRatio * pixelRatio));
  const radius = (crowding < 0.01 ? 2.4 : crowding < 0.05 ? 1.9 : crowding < 0.3 ? 1.4 : 1) * pixelRatio;
  return { radius, opacity: Math.min(0.85, Math.max(0.12, 0.12 / Math.sqrt(crowding + 1e-4) / radius)) };
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
  // Points are weighted by how much of the pixel they cover, so that they look round at any place.
  const number = new Float32Array(width * height);
  const known = new Float32Array(width * height);
  const sum = new Float32Array(width * height);
  const scaleX = width / (view.x1 - view.x0);
  const scaleY = height / (view.y1 - view.y0);
  const reach = Math.ceil(style.radius);
  for (let i = 0; i < x.length; i++) {
    const cx = (x[i] - view.x0) * scaleX;
    const cy = (view.y1 - y[i]) * scaleY;
    // Also false for coordinates that are not finite.
    if (!(cx >= -reach && cx < width + reach && cy >= -reach && cy < height + reach)) continue;
    const v = value[i];
    const finite = v - v === 0;
    const px = Math.floor(cx);
    const py = Math.floor(cy);
    for (let qy = Math.max(0, py - reach); qy <= Math.min(height - 1, py + reach); qy++) {
      for (let qx = Math.max(0, px - reach); qx <= Math.min(width - 1, px + reach); qx++) {
        const coverage = Math.min(1, style.radius + 0.5 - Math.sqrt((qx + 0.5 - cx) ** 2 + (qy + 0.5 - cy) ** 2));
        if (coverage <= 0) continue;
        const at = qy * width + qx;
        number[at] += coverage;
        if (finite) {
          known[at] += coverage;
          sum[at] += coverage * v;
        }
      }
    }
  }
  const transparent = Math.log1p(-style.opacity);
  for (let at = 0; at < number.length; at++) {
    const o = 4 * at;
    if (number[at] === 0) {
      out[o + 3] = 0;
      continue;
    }
    if (known[at]) {
      const step = 3 * Math.min(255, Math.max(0, Math.round((255 * sum[at]) / known[at])));
      out[o] = style.ramp[step];
      out[o + 1] = style.ramp[step + 1];
      out[o + 2] = style.ramp[step + 2];
    } else {
      out[o] = style.unknown[0];
      out[o + 1] = style.unknown[1];
      out[o + 2] = style.unknown[2];
    }
    out[o + 3] = 255 * (1 - Math.exp(transparent * number[at]));
  }
}
