// How far each Gaussian moves between two states of one model, and the movement as arrows (the paper's quiver plot).
import type { GaussianSet } from './gaussian-set.js';

/** Displacement of every Gaussian, 3N, Å: to − from. Both sets must be states of the same model. */
export function displacements(from: GaussianSet, to: GaussianSet): Float32Array {
  if (from.count !== to.count)
    throw new Error(`the two sets hold ${from.count} and ${to.count} Gaussians: they are not states of one model`);
  return to.positions.map((value, i) => value - from.positions[i]);
}

/**
 * A table of every Gaussian's displacement, a line each under a header: x y z (where it is in `from`), dx dy dz, length and, where `error` (N) is given, error; tabs between them, all Å in the map frame.
 */
export function formatDisplacements(from: GaussianSet, to: GaussianSet, error: ArrayLike<number> | null): string {
  const d = displacements(from, to);
  const lines = [['x', 'y', 'z', 'dx', 'dy', 'dz', 'length', ...(error ? ['error'] : [])].join('\t')];
  for (let i = 0; i < from.count; i++) {
    const move = [d[3 * i], d[3 * i + 1], d[3 * i + 2]];
    const numbers = [...from.positions.subarray(3 * i, 3 * i + 3), ...move, Math.hypot(...move), ...(error ? [error[i]] : [])];
    lines.push(numbers.map(value => value.toFixed(4)).join('\t'));
  }
  return lines.join('\n') + '\n';
}

export interface ArrowOptions {
  /** Length of an arrow per length of its displacement. */
  scale: number;
  /** Å; Gaussians that move less get no arrow. */
  cutoffAngstrom: number;
  /** Å; radius of the shaft. */
  radiusAngstrom: number;
}

export const DEFAULT_ARROWS: ArrowOptions = { scale: 1, cutoffAngstrom: 0.5, radiusAngstrom: 0.4 };

/** Below this an arrow's direction is rounding noise, and ChimeraX refuses arrows without length. */
const SHORTEST_ARROW_ANGSTROM = 1e-3;

/**
 * A ChimeraX .bild file: one arrow per Gaussian from its place in `from` along its displacement, coloured from blue (the
 * cutoff) over white to red (the longest displacement).
 */
export function formatBild(from: GaussianSet, to: GaussianSet, options: Partial<ArrowOptions> = {}): string {
  const { scale, cutoffAngstrom, radiusAngstrom } = { ...DEFAULT_ARROWS, ...options };
  const d = displacements(from, to);
  const lengths = Float64Array.from({ length: from.count }, (_, i) => Math.hypot(d[3 * i], d[3 * i + 1], d[3 * i + 2]));
  const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
  const threshold = Math.max(cutoffAngstrom, SHORTEST_ARROW_ANGSTROM / scale);
  const shown = [...lengths.keys()].filter(i => lengths[i] >= threshold);
  const lines = [
    `.comment displacements of ${shown.length} of ${from.count} Gaussians, Å in the map frame; scale ${scale}, cutoff ${cutoffAngstrom} Å, longest ${longest.toFixed(2)} Å`,
  ];
  for (const i of shown) {
    const start = from.positions.subarray(3 * i, 3 * i + 3);
    const end = start.map((value, axis) => value + scale * d[3 * i + axis]);
    const [r, g, b] = blueWhiteRed(longest > threshold ? (lengths[i] - threshold) / (longest - threshold) : 1);
    lines.push(`.color ${r.toFixed(3)} ${g.toFixed(3)} ${b.toFixed(3)}`);
    // Shaft radius, head radius, and the share of the length that is shaft.
    lines.push(`.arrow ${coordinates(start)} ${coordinates(end)} ${radiusAngstrom} ${2 * radiusAngstrom} 0.7`);
  }
  return lines.join('\n') + '\n';
}

function coordinates(point: Float32Array): string {
  return [...point].map(value => value.toFixed(3)).join(' ');
}

function blueWhiteRed(t: number): [number, number, number] {
  return t < 0.5 ? [2 * t, 2 * t, 1] : [1, 2 - 2 * t, 2 - 2 * t];
}
