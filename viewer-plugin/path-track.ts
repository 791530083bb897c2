// A line through the latent space that can be walked: points on it by their share of its length, and the place on it nearest to a point.

/** Vertices of the line, at least one; all of the same number of coordinates. */
export type TrackPoints = readonly (readonly number[])[];

export interface PathTrack {
  vertices: TrackPoints;
  /** Per vertex: share of the whole length, 0 to 1. */
  shares: readonly number[];
}

export function trackThrough(vertices: TrackPoints): PathTrack {
  const walked = [0];
  for (let v = 1; v < vertices.length; v++)
    walked.push(walked[v - 1] + Math.hypot(...vertices[v].map((value, d) => value - vertices[v - 1][d])));
  const total = walked[walked.length - 1] || 1;
  return { vertices, shares: walked.map(length => length / total) };
}

/** `points`: vertices × dims, as a found path has them. */
export function verticesOf(points: ArrayLike<number>, dims: number): number[][] {
  return Array.from({ length: points.length / dims }, (_, v) => Array.from({ length: dims }, (_, d) => points[v * dims + d]));
}

/** The point at a share of the length. */
export function pointAt({ vertices, shares }: PathTrack, share: number): number[] {
  let v = 0;
  while (v < vertices.length - 2 && shares[v + 1] < share) v++;
  const next = vertices[Math.min(v + 1, vertices.length - 1)];
  const span = shares[Math.min(v + 1, shares.length - 1)] - shares[v];
  const t = span > 0 ? Math.min(1, Math.max(0, (share - shares[v]) / span)) : 0;
  return vertices[v].map((value, d) => value + t * (next[d] - value));
}

/** The nearest place on the line: its share of the length, and how far off it is. */
export function nearestOn({ vertices, shares }: PathTrack, z: ArrayLike<number>): { share: number; distance: number } {
  let nearest = { share: 0, distance: Math.hypot(...vertices[0].map((value, d) => value - z[d])) };
  for (let v = 0; v < vertices.length - 1; v++) {
    const step = vertices[v + 1].map((value, d) => value - vertices[v][d]);
    const square = step.reduce((sum, value) => sum + value * value, 0);
    const along = step.reduce((sum, value, d) => sum + value * (z[d] - vertices[v][d]), 0);
    const t = square > 0 ? Math.min(1, Math.max(0, along / square)) : 0;
    const distance = Math.hypot(...step.map((value, d) => vertices[v][d] + t * value - z[d]));
    if (distance < nearest.distance) nearest = { share: shares[v] + t * (shares[v + 1] - shares[v]), distance };
  }
  return nearest;
}
