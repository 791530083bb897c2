// How well latents tell what is true of each particle: neighbours, clusters and linear boundaries, each in its plainest form.

import { solvePositiveDefinite } from '../../daemon/numerics/linear-algebra.js';

/** n × dims latent coordinates. */
export interface Latents {
  count: number;
  dims: number;
  z: Float32Array;
}

/** As many as method.md section 4.3 predicts from. */
export const NEIGHBOURS = 15;

/**
 * count × k indices of the nearest other particles, by trying all. Particles of the same group (0-based label a particle; images of one tilt
 * series) are no neighbours, or a shared orientation would pass for a shared state.
 */
export function nearestNeighbours({ count, dims, z }: Latents, groups: ArrayLike<number> | null = null, k = NEIGHBOURS): Int32Array {
  const result = new Int32Array(count * k);
  const nearest = new Float64Array(k);
  for (let i = 0; i < count; i++) {
    const row = result.subarray(i * k, (i + 1) * k);
    nearest.fill(Number.POSITIVE_INFINITY);
    for (let j = 0; j < count; j++) {
      if (j === i || (groups && groups[j] === groups[i])) continue;
      let distance = 0;
      for (let d = 0; d < dims; d++) distance += (z[i * dims + d] - z[j * dims + d]) ** 2;
      if (distance >= nearest[k - 1]) continue;
      let place = k - 1;
      for (; place > 0 && nearest[place - 1] > distance; place--) {
        nearest[place] = nearest[place - 1];
        row[place] = row[place - 1];
      }
      nearest[place] = distance;
      row[place] = j;
    }
  }
  return result;
}

/** Mean of `values` over each particle's neighbours. */
export function neighbourMeans(neighbours: Int32Array, values: ArrayLike<number>): Float64Array {
  const k = NEIGHBOURS;
  return Float64Array.from({ length: neighbours.length / k }, (_, i) =>
    neighbours.subarray(i * k, (i + 1) * k).reduce((sum, j) => sum + values[j] / k, 0),
  );
}

/** Mean cosine between true angles and the direction of the neighbours' mean unit vector; radians. */
export function neighbourCosine(neighbours: Int32Array, angles: Float64Array): number {
  const x = neighbourMeans(neighbours, angles.map(Math.cos));
  const y = neighbourMeans(neighbours, angles.map(Math.sin));
  return angles.reduce((sum, angle, i) => sum + Math.cos(angle - Math.atan2(y[i], x[i])), 0) / angles.length;
}

/**
 * Whether a plane cloud is the ring that true `angles` (radians) go round. Latents are right only up to a smooth map, so an ellipse counts as a ring, and so does a heart:
 * the cloud is first made as wide as long about its centroid. `polarCosine`: mean cosine between each point's polar angle there and the true one, after the turn or reflection that suits
 * best. `open`: share of points that lie further than half the median distance from the middle of the hole; about 7/8 of a filled disc.
 */
export function ringShape(latents: Latents, angles: Float64Array): { polarCosine: number; open: number } {
  const { count, z } = latents;
  const { mean, covariance } = momentsOf(latents, () => 1);
  // Of covariance = L·Lᵀ, L⁻¹ makes the cloud round.
  const [xx, xy, yy] = [covariance[0], covariance[1], covariance[3]];
  const [a, b] = [Math.sqrt(xx), xy / Math.sqrt(xx)];
  const c = Math.sqrt(yy - b * b);
  const round = new Float64Array(2 * count);
  for (let i = 0; i < count; i++) {
    round[2 * i] = (z[2 * i] - mean[0]) / a;
    round[2 * i + 1] = (z[2 * i + 1] - mean[1] - b * round[2 * i]) / c;
  }
  const [middleX, middleY] = middleOfHole(round);
  const distances = new Float64Array(count);
  const sums = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const [x, y] = round.subarray(2 * i, 2 * i + 2);
    distances[i] = Math.hypot(x - middleX, y - middleY);
    const polar = Math.atan2(y, x);
    [polar - angles[i], polar + angles[i]].forEach((difference, way) => {
      sums[2 * way] += Math.cos(difference) / count;
      sums[2 * way + 1] += Math.sin(difference) / count;
    });
  }
  const half = distances.slice().sort()[Math.floor(count / 2)] / 2;
  return {
    polarCosine: Math.max(Math.hypot(sums[0], sums[1]), Math.hypot(sums[2], sums[3])),
    open: distances.reduce((sum, distance) => sum + Number(distance > half), 0) / count,
  };
}

/** Points of the cloud that may lie in a hole, as noise has them there. */
const IN_HOLE = 0.02;
/** Directions in each of which a hole has some of the cloud; at the cloud's edge some see none. */
const SECTORS = 8;
const FEWEST_IN_SECTOR = 0.02;
const GRID = 41;

/** The place, of a grid over the middle of a round cloud (count × 2, variance 1 in all directions), that has the cloud all around and furthest away; the origin where none has it all around. */
function middleOfHole(points: Float64Array): [number, number] {
  const count = points.length / 2;
  let [middle, furthest]: [[number, number], number] = [[0, 0], 0];
  for (let place = 0; place < GRID * GRID; place++) {
    const [x, y] = [place % GRID, Math.floor(place / GRID)].map(step => (2 * step) / (GRID - 1) - 1);
    const distances = new Float64Array(count);
    const sectors = new Int32Array(SECTORS);
    for (let i = 0; i < count; i++) {
      const [dx, dy] = [points[2 * i] - x, points[2 * i + 1] - y];
      distances[i] = Math.hypot(dx, dy);
      sectors[Math.floor((0.5 + Math.atan2(dy, dx) / (2 * Math.PI)) * SECTORS) % SECTORS]++;
    }
    if (sectors.some(inSector => inSector < FEWEST_IN_SECTOR * count)) continue;
    const distance = distances.sort()[Math.floor(IN_HOLE * count)];
    if (distance > furthest) [middle, furthest] = [[x, y], distance];
  }
  return middle;
}

/** Share of particles whose class (0 or 1) most of their neighbours have. */
export function neighbourAccuracy(neighbours: Int32Array, classes: ArrayLike<number>): number {
  const votes = neighbourMeans(neighbours, classes);
  return votes.reduce((sum, vote, i) => sum + Number(vote > 0.5 === (classes[i] === 1)), 0) / votes.length;
}

/** Share of particles told right by two clusters named as fits best. */
function matched(assigned: ArrayLike<number>, classes: ArrayLike<number>): number {
  const right = Array.from(assigned).reduce((sum, cluster, i) => sum + Number(cluster === classes[i]), 0) / assigned.length;
  return Math.max(right, 1 - right);
}

/** Best-matched accuracy of 2-means (Lloyd), begun on either side of the mean along the longest axis. No class is looked at before the naming. */
export function twoMeansAccuracy(latents: Latents, classes: ArrayLike<number>): number {
  return matched(twoMeans(latents), classes);
}

function twoMeans({ count, dims, z }: Latents): Uint8Array {
  const axis = longestAxis({ count, dims, z });
  const mean = momentsOf({ count, dims, z }, () => 1).mean;
  const assigned = Uint8Array.from({ length: count }, (_, i) => (dotFrom(z, i, dims, mean, axis) > 0 ? 1 : 0));
  for (let iteration = 0; iteration < 200; iteration++) {
    const means = [0, 1].map(c => momentsOf({ count, dims, z }, i => Number(assigned[i] === c)).mean);
    let changed = false;
    for (let i = 0; i < count; i++) {
      const [d0, d1] = means.map(m => m.reduce((sum, value, d) => sum + (z[i * dims + d] - value) ** 2, 0));
      const nearer = d1 < d0 ? 1 : 0;
      changed ||= nearer !== assigned[i];
      assigned[i] = nearer;
    }
    if (!changed) break;
  }
  return assigned;
}

/** Best-matched accuracy of two Gaussians with full covariances, by expectation–maximisation from 2-means. */
export function gaussianMixtureAccuracy(latents: Latents, classes: ArrayLike<number>): number {
  const { count, dims, z } = latents;
  let share = Float64Array.from(twoMeans(latents), value => 0.05 + 0.9 * value);
  for (let iteration = 0; iteration < 200; iteration++) {
    const parts = [1, 0].map(c => momentsOf(latents, i => (c === 1 ? share[i] : 1 - share[i])));
    const scores = parts.map(({ mean, covariance, weight }) => {
      const { inverse, logDeterminant } = inverted(covariance, dims);
      return (i: number) => {
        let quadratic = 0;
        for (let a = 0; a < dims; a++)
          for (let b = 0; b < dims; b++) quadratic += (z[i * dims + a] - mean[a]) * inverse[a * dims + b] * (z[i * dims + b] - mean[b]);
        return Math.log(weight / count) - 0.5 * (logDeterminant + quadratic);
      };
    });
    const next = Float64Array.from({ length: count }, (_, i) => 1 / (1 + Math.exp(scores[1](i) - scores[0](i))));
    const change = next.reduce((most, value, i) => Math.max(most, Math.abs(value - share[i])), 0);
    share = next;
    if (change < 1e-4) break;
  }
  return matched(
    share.map(value => Number(value > 0.5)),
    classes,
  );
}

/**
 * Accuracy of Fisher's linear discriminant on particles it has not seen: `folds` parts, whole groups together. The threshold is the one
 * that errs least on the particles it has seen.
 */
export function linearAccuracy(latents: Latents, classes: ArrayLike<number>, groups: ArrayLike<number>, folds = 10): number {
  const { count, dims, z } = latents;
  let right = 0;
  for (let fold = 0; fold < folds; fold++) {
    const seen = (i: number) => groups[i] % folds !== fold;
    const [one, zero] = [1, 0].map(c => momentsOf(latents, i => Number(seen(i) && classes[i] === c)));
    const pooled = one.covariance.map((value, i) => (value * one.weight + zero.covariance[i] * zero.weight) / (one.weight + zero.weight));
    const { inverse } = inverted(pooled, dims);
    const direction = new Float64Array(dims).map((_, a) =>
      one.mean.reduce((sum, value, b) => sum + inverse[a * dims + b] * (value - zero.mean[b]), 0),
    );
    const score = (i: number) => direction.reduce((sum, value, d) => sum + value * z[i * dims + d], 0);
    const known = Array.from({ length: count }, (_, i) => i)
      .filter(seen)
      .sort((i, j) => score(i) - score(j));
    let correct = known.reduce((sum, i) => sum + Number(classes[i] === 1), 0);
    let best = { correct, threshold: Number.NEGATIVE_INFINITY };
    known.forEach((i, rank) => {
      correct += classes[i] === 1 ? -1 : 1;
      const threshold = rank + 1 < known.length ? (score(i) + score(known[rank + 1])) / 2 : Number.POSITIVE_INFINITY;
      if (correct > best.correct) best = { correct, threshold };
    });
    for (let i = 0; i < count; i++) if (!seen(i)) right += Number(score(i) > best.threshold === (classes[i] === 1));
  }
  return right / count;
}

/** count: how far each particle lies along the first principal component of the cloud, from its mean. In one dimension z itself, but for its mean. */
export function principalCoordinates(latents: Latents): Float64Array {
  const { count, dims, z } = latents;
  const { mean } = momentsOf(latents, () => 1);
  const axis = longestAxis(latents);
  return Float64Array.from({ length: count }, (_, i) => dotFrom(z, i, dims, mean, axis));
}

/**
 * The two ends of the first principal component: the points on that line through the mean where `share` of the particles lie beyond. Not the outermost particles:
 * those are where noise has carried them.
 */
export function principalEnds(latents: Latents, share = 0.02): [Float32Array, Float32Array] {
  const { mean } = momentsOf(latents, () => 1);
  const axis = longestAxis(latents);
  const along = principalCoordinates(latents).sort();
  const at = (rank: number) => Float32Array.from(mean, (value, d) => value + axis[d] * along[rank]);
  const beyond = Math.floor(share * latents.count);
  return [at(beyond), at(latents.count - 1 - beyond)];
}

/** Share of the more frequent class: what a guess without looking gets. */
export function chanceLevel(classes: ArrayLike<number>): number {
  const ones = Array.from(classes).reduce((sum, value) => sum + value, 0) / classes.length;
  return Math.max(ones, 1 - ones);
}

interface Moments {
  weight: number;
  mean: Float64Array;
  /** dims × dims. */
  covariance: Float64Array;
}

function momentsOf({ count, dims, z }: Latents, weightOf: (i: number) => number): Moments {
  const mean = new Float64Array(dims);
  const covariance = new Float64Array(dims * dims);
  let weight = 0;
  for (let i = 0; i < count; i++) {
    const w = weightOf(i);
    weight += w;
    for (let a = 0; a < dims; a++) mean[a] += w * z[i * dims + a];
  }
  for (let a = 0; a < dims; a++) mean[a] /= weight;
  for (let i = 0; i < count; i++) {
    const w = weightOf(i) / weight;
    for (let a = 0; a < dims; a++)
      for (let b = 0; b < dims; b++) covariance[a * dims + b] += w * (z[i * dims + a] - mean[a]) * (z[i * dims + b] - mean[b]);
  }
  return { weight, mean, covariance };
}

/** Unit vector of the largest variance, by power iteration. */
function longestAxis(latents: Latents): Float64Array {
  const { dims } = latents;
  const { covariance } = momentsOf(latents, () => 1);
  let axis = new Float64Array(dims).fill(1);
  for (let iteration = 0; iteration < 200; iteration++) {
    const next = axis.map((_, a) => axis.reduce((sum, value, b) => sum + covariance[a * dims + b] * value, 0));
    const length = Math.hypot(...next) || 1;
    axis = next.map(value => value / length);
  }
  return axis;
}

function dotFrom(z: Float32Array, i: number, dims: number, mean: Float64Array, axis: Float64Array): number {
  return axis.reduce((sum, value, d) => sum + value * (z[i * dims + d] - mean[d]), 0);
}

/** Inverse and log determinant of a covariance, made definite by a trace of its own size. */
function inverted(covariance: Float64Array, n: number): { inverse: Float64Array; logDeterminant: number } {
  const trace = Array.from({ length: n }, (_, i) => covariance[i * n + i]).reduce((sum, value) => sum + value, 0);
  const regular = covariance.map((value, i) => value + (i % (n + 1) === 0 ? (1e-6 * trace) / n + 1e-12 : 0));
  const inverse = new Float64Array(n * n);
  let logDeterminant = 0;
  for (let column = 0; column < n; column++) {
    const factor = regular.slice();
    const unit = new Float64Array(n);
    unit[column] = 1;
    solvePositiveDefinite(factor, unit, n);
    for (let row = 0; row < n; row++) inverse[row * n + column] = unit[row];
    if (column === 0) for (let i = 0; i < n; i++) logDeterminant += 2 * Math.log(factor[i * n + i]);
  }
  return { inverse, logDeterminant };
}
