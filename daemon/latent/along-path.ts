// Particles beside a path: where along it each lies, how far off, and how wide the stream of particles about it is.
import type { LatentCloud } from './analysis.js';

/** A line through points of the latent space. */
export interface Polyline {
  /** vertices × dims. */
  points: Float32Array;
  /** Per vertex: latent distance walked from the start. */
  lengths: Float64Array;
}

/** Where the particles are, as seen from a path. */
export interface AlongPath {
  /** Per particle: distance along the path to the point of it that is nearest; NaN beyond either end. */
  places: Float64Array;
  /** Per particle: latent distance to that point. */
  distances: Float64Array;
}

/** Over the median distance to a path of those within reach: takes in 96 % of a stream that is normal across in one direction, all but all of one in more. */
const REACH_OVER_MEDIAN = 3;
/** Particles that the stream is begun with. */
const NEAREST = 50;

/** Distance walked along a line through `count` vertices, at each of them. */
export function cumulativeLengths(vertices: ArrayLike<number>, count: number, dims: number): Float64Array {
  const walked = new Float64Array(count);
  for (let v = 1; v < count; v++) {
    let square = 0;
    for (let d = 0; d < dims; d++) square += (vertices[v * dims + d] - vertices[(v - 1) * dims + d]) ** 2;
    walked[v] = walked[v - 1] + Math.sqrt(square);
  }
  return walked;
}

/** `wanted` points evenly along a line through `count` vertices; of one alone the start. Lengths are those of the line, not of the chords. */
export function evenlyAlong(vertices: ArrayLike<number>, count: number, dims: number, wanted: number): Polyline {
  const walked = cumulativeLengths(vertices, count, dims);
  const total = walked[count - 1];
  const points = new Float32Array(wanted * dims);
  const lengths = Float64Array.from({ length: wanted }, (_, i) => (total * i) / Math.max(1, wanted - 1));
  for (let i = 0, v = 0; i < wanted; i++) {
    while (v < count - 2 && walked[v + 1] < lengths[i]) v++;
    const step = count > 1 ? walked[v + 1] - walked[v] : 0;
    const t = step > 0 ? Math.min(1, (lengths[i] - walked[v]) / step) : 0;
    for (let d = 0; d < dims; d++) {
      const here = vertices[v * dims + d];
      points[i * dims + d] = t > 0 ? here + t * (vertices[(v + 1) * dims + d] - here) : here;
    }
  }
  return { points, lengths };
}

/** `between` points on each segment of a line through `count` vertices, on a smooth curve through them all (Catmull & Rom 1974); the ends stay. */
export function smoothThrough(vertices: Float32Array, dims: number, between: number): Float32Array {
  const last = vertices.length / dims - 1;
  const at = (v: number, d: number) => vertices[Math.min(last, Math.max(0, v)) * dims + d];
  return Float32Array.from({ length: (last * between + 1) * dims }, (_, i) => {
    const step = Math.floor(i / dims);
    const v = Math.min(last - 1, Math.floor(step / between));
    const [t, d] = [step / between - v, i % dims];
    const [p, a, b, q] = [at(v - 1, d), at(v, d), at(v + 1, d), at(v + 2, d)];
    return a + (t / 2) * (b - p + t * (2 * p - 5 * a + 4 * b - q + t * (3 * (a - b) + q - p)));
  });
}

/**
 * Every particle against the path (at least two vertices). Between two vertices it stands where it divides the way between the planes that
 * bisect the bends there: were feet of perpendiculars taken, those outside a bend would pile up on its vertex.
 */
export function alongPath(
  { count, dims, z }: LatentCloud,
  { points, lengths }: { points: ArrayLike<number>; lengths: Float64Array },
): AlongPath {
  const segments = lengths.length - 1;
  const tangents = tangentsOf(points, lengths, dims);
  const places = new Float64Array(count).fill(Number.NaN);
  const distances = new Float64Array(count);
  /** How far particle i is ahead of the bisecting plane at vertex v. */
  const ahead = (i: number, v: number) => {
    let sum = 0;
    for (let d = 0; d < dims; d++) sum += (z[i * dims + d] - points[v * dims + d]) * tangents[v * dims + d];
    return sum;
  };
  for (let i = 0; i < count; i++) {
    let nearest = Number.POSITIVE_INFINITY;
    let segment = 0;
    for (let s = 0; s < segments; s++) {
      const length = lengths[s + 1] - lengths[s];
      if (length === 0) continue;
      let along = 0;
      for (let d = 0; d < dims; d++)
        along += (z[i * dims + d] - points[s * dims + d]) * (points[(s + 1) * dims + d] - points[s * dims + d]);
      const t = Math.min(1, Math.max(0, along / (length * length)));
      let square = 0;
      for (let d = 0; d < dims; d++)
        square += (points[s * dims + d] + t * (points[(s + 1) * dims + d] - points[s * dims + d]) - z[i * dims + d]) ** 2;
      if (square >= nearest) continue;
      nearest = square;
      segment = s;
    }
    distances[i] = Math.sqrt(nearest);
    // Outside a bend two segments are equally near: the plane decides.
    if (segment > 0 && ahead(i, segment) < 0) segment--;
    else if (segment < segments - 1 && ahead(i, segment + 1) > 0) segment++;
    const [a, b] = [ahead(i, segment), ahead(i, segment + 1)];
    if ((segment === 0 && a < 0) || (segment === segments - 1 && b > 0)) continue;
    const t = a > b ? Math.min(1, Math.max(0, a / (a - b))) : 0.5;
    places[i] = lengths[segment] + t * (lengths[segment + 1] - lengths[segment]);
  }
  return { places, distances };
}

/** vertices × dims: direction of the path at each vertex, of length 1; halfway between those of its two segments. */
function tangentsOf(points: ArrayLike<number>, lengths: Float64Array, dims: number): Float64Array {
  const vertices = lengths.length;
  const tangents = new Float64Array(vertices * dims);
  for (let s = 0; s < vertices - 1; s++) {
    const length = lengths[s + 1] - lengths[s] || 1;
    for (let d = 0; d < dims; d++) {
      const direction = (points[(s + 1) * dims + d] - points[s * dims + d]) / length;
      tangents[s * dims + d] += direction;
      tangents[(s + 1) * dims + d] += direction;
    }
  }
  for (let v = 0; v < vertices; v++) {
    const size = Math.hypot(...tangents.subarray(v * dims, (v + 1) * dims)) || 1;
    for (let d = 0; d < dims; d++) tangents[v * dims + d] /= size;
  }
  return tangents;
}

/**
 * How far from a path its stream reaches: three times the median distance of those within, grown from the nearest particles until that
 * holds, so that other streams and clusters stay out where a gap parts them. Infinite where all lie on the path.
 */
export function streamReach({ places, distances }: AlongPath): number {
  // Those on the path to the bit are what it was drawn through.
  const beside = distances.filter((distance, i) => !Number.isNaN(places[i]) && distance > 0).sort();
  if (beside.length === 0) return Number.POSITIVE_INFINITY;
  let within = Math.min(beside.length, NEAREST);
  for (;;) {
    const reach = REACH_OVER_MEDIAN * beside[within >> 1];
    let wider = within;
    while (wider < beside.length && beside[wider] <= reach) wider++;
    if (wider === within) return Math.max(reach, beside[within - 1]);
    within = wider;
  }
}
