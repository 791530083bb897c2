// How many clusters a Gaussian mixture shows: its components are one cluster where no valley of density parts them.
//
// By BIC a mixture takes as many ellipsoids as the shape of the cloud needs: a bent or flat-topped cluster, or one continuous line, takes several. Here every
// component is a place on the density's landscape, joined to the others by passes: the lowest density on the ridge line between two of them (Ray & Lindsay,
// Ann. Stat. 33, 2042 (2005)). Falling from the highest pass, peaks are joined; the prominence of a peak is ln of its density over that of the pass where it
// joins a higher one.
import { choleskyFactor, solveLower, solvePositiveDefinite } from '../numerics/linear-algebra.js';

/** Weights (k), means (k × dims) and covariances (k × dims × dims). */
export interface MixtureShape {
  weights: Float64Array;
  means: Float64Array;
  covariances: Float64Array;
}

/**
 * A pass of 1/e of the density of the lower peak, 1 kT were it a free energy: two equal normal clusters are so far apart at 3.7 standard
 * deviations, and the ripples of mixtures fitted to even lines and rings of some thousand particles stay below.
 */
export const LEAST_PROMINENCE = 1;
/** Points of a ridge line that are looked at. */
const RIDGE_STEPS = 24;

export interface MixtureModes {
  /** ln; falling; one for each component, the first (the highest peak) infinite. */
  prominences: number[];
  /** Cluster of each component, from 0, when only the `count` most prominent peaks are kept apart. */
  groups(count: number): Int32Array;
}

export function mixtureModes(mixture: MixtureShape): MixtureModes {
  const count = mixture.weights.length;
  const landscape = new Landscape(mixture);
  const heights = Array.from({ length: count }, (_, k) => landscape.logDensity(landscape.mean(k)));
  const passes: { a: number; b: number; height: number }[] = [];
  for (let a = 0; a < count; a++)
    for (let b = a + 1; b < count; b++) passes.push({ a, b, height: Math.min(landscape.pass(a, b), heights[a], heights[b]) });
  passes.sort((p, q) => q.height - p.height);
  /** Of each peak, in the order in which they are joined: by which pass's ends, and how prominent it was. */
  const joined: { a: number; b: number; prominence: number }[] = [];
  const tops = Array.from({ length: count }, (_, k) => k);
  const topOf = (k: number): number => (tops[k] === k ? k : topOf(tops[k]));
  for (const { a, b, height } of passes) {
    const [high, low] = [topOf(a), topOf(b)].sort((p, q) => heights[q] - heights[p]);
    if (high === low) continue;
    joined.push({ a: high, b: low, prominence: heights[low] - height });
    tops[low] = high;
  }
  joined.sort((p, q) => q.prominence - p.prominence);
  return {
    prominences: [Number.POSITIVE_INFINITY, ...joined.map(({ prominence }) => prominence)],
    groups: kept => {
      const into = Array.from({ length: count }, (_, k) => k);
      const groupOf = (k: number): number => (into[k] === k ? k : groupOf(into[k]));
      for (const { a, b } of joined.slice(Math.max(0, kept - 1))) into[groupOf(b)] = groupOf(a);
      const names = [...new Set(into.map((_, k) => groupOf(k)))];
      return Int32Array.from(into, (_, k) => names.indexOf(groupOf(k)));
    },
  };
}

/** The density of a mixture. */
class Landscape {
  private readonly dims: number;
  private readonly factors: Float64Array[] = [];
  private readonly precisions: Float64Array[] = [];
  private readonly constants: number[] = [];

  constructor(private readonly mixture: MixtureShape) {
    const { weights, means, covariances } = mixture;
    const dims = means.length / weights.length;
    this.dims = dims;
    weights.forEach((weight, k) => {
      const factor = covariances.slice(k * dims * dims, (k + 1) * dims * dims);
      if (!choleskyFactor(factor, dims)) throw new Error(`component ${k + 1} of the mixture has no volume`);
      this.factors.push(factor);
      this.precisions.push(inverseOf(factor, dims));
      let constant = Math.log(weight) - (dims / 2) * Math.log(2 * Math.PI);
      for (let d = 0; d < dims; d++) constant -= Math.log(factor[d * dims + d]);
      this.constants.push(constant);
    });
  }

  mean(k: number): Float64Array {
    return this.mixture.means.slice(k * this.dims, (k + 1) * this.dims);
  }

  logDensity(point: Float64Array): number {
    const { dims } = this;
    const terms = this.factors.map((factor, k) => {
      const offset = this.mean(k).map((value, d) => point[d] - value);
      solveLower(factor, offset, dims);
      return this.constants[k] - offset.reduce((sum, value) => sum + value * value, 0) / 2;
    });
    const largest = Math.max(...terms);
    return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
  }

  /** ln of the lowest density between two means: along their ridge line, or straight, whichever is the higher way. */
  pass(a: number, b: number): number {
    const lowest = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let step = 1; step < RIDGE_STEPS; step++) {
      const t = step / RIDGE_STEPS;
      const straight = this.mean(a).map((value, d) => value + t * (this.mixture.means[b * this.dims + d] - value));
      [this.ridge(a, b, t), straight].forEach((point, way) => {
        lowest[way] = Math.min(lowest[way], this.logDensity(point));
      });
    }
    return Math.max(...lowest);
  }

  /** [(1 − t) Pa + t Pb]⁻¹ [(1 − t) Pa μa + t Pb μb] with the precisions P: where the two densities' gradients oppose each other. */
  private ridge(a: number, b: number, t: number): Float64Array {
    const { dims, precisions, mixture } = this;
    const sum = precisions[a].map((value, i) => (1 - t) * value + t * precisions[b][i]);
    const right = new Float64Array(dims);
    for (let p = 0; p < dims; p++)
      for (let q = 0; q < dims; q++)
        right[p] +=
          (1 - t) * precisions[a][p * dims + q] * mixture.means[a * dims + q] +
          t * precisions[b][p * dims + q] * mixture.means[b * dims + q];
    return solvePositiveDefinite(sum, right, dims) ? right : this.mean(a);
  }
}

/** Inverse of L Lᵀ, from its lower factor. */
function inverseOf(factor: Float64Array, dims: number): Float64Array {
  // Columns of L⁻¹.
  const columns = Array.from({ length: dims }, (_, d) => {
    const column = new Float64Array(dims);
    column[d] = 1;
    solveLower(factor, column, dims);
    return column;
  });
  return Float64Array.from({ length: dims * dims }, (_, i) => {
    const [p, q] = [Math.floor(i / dims), i % dims];
    return columns[p].reduce((sum, value, row) => sum + value * columns[q][row], 0);
  });
}
