// A found path made up for the page: straight or bulging sideways, with a barrier in the middle of which nothing is known if it is straight.
import type { FoundPath, PathCurve } from '../../protocol/messages.js';

const LEAST_SUPPORT = 10;
const VERTICES = 161;

export function madePath(shape: FoundPath['shape'], from: readonly number[], to: readonly number[], points: number): FoundPath {
  const track = curveOf(shape, from, to, VERTICES);
  return {
    ...curveOf(shape, from, to, points),
    shape,
    dims: from.length,
    populations: Uint32Array.from({ length: points }, (_, i) => 10 + Math.round(400 * Math.abs(i / (points - 1) - 0.5))),
    track,
    bandwidth: 0.04,
    reach: 0.2,
    counted: 1234,
    beyond: 56,
    farther: 78,
    leastSupport: LEAST_SUPPORT,
    ceiling: 4.5,
    longestLink: shape === 'dense' ? 0.2 : null,
    medianLink: shape === 'dense' ? 0.1 : null,
  };
}

function curveOf(shape: FoundPath['shape'], from: readonly number[], to: readonly number[], vertices: number): PathCurve {
  const shares = Array.from({ length: vertices }, (_, v) => v / (vertices - 1));
  const length = Math.hypot(...from.map((value, d) => value - to[d]));
  const isKnown = shares.map(share => shape === 'dense' || Math.abs(share - 0.5) > 0.15);
  const of = (value: (share: number) => number) => Float32Array.from(shares, (share, v) => (isKnown[v] ? value(share) : Number.NaN));
  const bulge = shape === 'dense' ? 0.4 * length : 0;
  return {
    points: Float32Array.from(
      shares.flatMap(share =>
        from.map((value, d) => value + share * (to[d] - value) + (d === from.length - 1 ? bulge * Math.sin(Math.PI * share) : 0)),
      ),
    ),
    lengths: Float32Array.from(shares, share => share * (shape === 'dense' ? 1.4 * length : length)),
    freeEnergy: of(share => 4 * Math.sin(Math.PI * share) ** 2),
    standardError: of(() => 0.1),
    support: Float32Array.from(isKnown, known => (known ? 100 : 2)),
  };
}
