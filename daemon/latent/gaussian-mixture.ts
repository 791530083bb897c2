// Gaussian mixture: clusters as ellipsoids of their own size and tilt, fitted by expectation–maximisation (Dempster, Laird & Rubin 1977).
import { choleskyFactor, solveLower } from '../numerics/linear-algebra.js';
import type { Random } from '../numerics/random.js';
import type { ClusteringMethod, CountSuggestion, LatentCloud, Progress } from './analysis.js';
import { clusterBy, MOST_SUGGESTED, requireEnough, sampleOf } from './cluster-count.js';
import { fitKMeans } from './k-means.js';
import { LEAST_PROMINENCE, mixtureModes } from './mixture-modes.js';

const RESTARTS = 4;
const MOST_ROUNDS = 200;
/** Rise of the mean log-likelihood a particle that still counts as one. */
const LEAST_RISE = 1e-6;
/** Added to every variance, over the cloud's mean variance: no component can shrink onto a single particle. */
const VARIANCE_FLOOR = 1e-6;
/** The suggestion fits a dozen mixtures. */
const SCORED_PARTICLES = 10_000;
/** Numbers of clusters in a row that must fit worse than the best before no more are tried. */
const WORSE_IN_A_ROW = 3;

export interface GaussianMixtureFit {
  /** count; they add up to 1. */
  weights: Float64Array;
  /** count × dims. */
  means: Float64Array;
  /** count × dims × dims. */
  covariances: Float64Array;
  /** Σ over particles of ln p(z), natural logarithm. */
  logLikelihood: number;
  /** −2 logLikelihood + parameters · ln(particles) (Schwarz 1978). */
  bic: number;
  /** Per particle the component most likely to have made it, from 0. */
  labels: Int32Array;
}

export const gaussianMixture: ClusteringMethod = {
  name: 'gmm',
  description: 'ellipsoids, each of its own size and tilt',
  cluster(cloud, options, progress) {
    // The number of ellipsoids that BIC asks for, which the suggestion finds on the way.
    let components = 1;
    const suggest = (...given: Parameters<typeof suggestByModes>) => {
      const { suggestion, byBic } = suggestByModes(...given);
      components = byBic;
      return suggestion;
    };
    /** As many ellipsoids as clusters where their number was given; else as many as BIC asks for, and those that no valley parts are one cluster. */
    const fit = (whole: LatentCloud, count: number, asked: boolean, random: Random, tell: Progress) => {
      const mixture = fitGaussianMixture(whole, asked ? count : Math.max(count, components), random, RESTARTS, (done, total) =>
        tell('Gaussian mixture', done, total),
      );
      if (asked) return mixture.labels;
      const groups = mixtureModes(mixture).groups(count);
      return mixture.labels.map(label => groups[label]);
    };
    return clusterBy({ suggest, fit }, cloud, options, progress);
  },
};

/** The most likely of `restarts` fits, each started from a k-means of its own. */
export function fitGaussianMixture(
  cloud: LatentCloud,
  count: number,
  random: Random,
  restarts: number,
  progress: (done: number, total: number) => void = () => {},
): GaussianMixtureFit {
  requireEnough(cloud, count);
  let best: GaussianMixtureFit | null = null;
  for (let start = 0; start < restarts; start++) {
    const { labels } = fitKMeans(cloud, count, random, 1);
    const mixture = new Mixture(cloud, count, labels);
    let before = Number.NEGATIVE_INFINITY;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      progress(start * MOST_ROUNDS + round, restarts * MOST_ROUNDS);
      const logLikelihood = mixture.expect();
      if (logLikelihood - before < LEAST_RISE * cloud.count) break;
      before = logLikelihood;
      mixture.maximise();
    }
    const fit = mixture.fit();
    if (best === null || fit.logLikelihood > best.logLikelihood) best = fit;
  }
  progress(1, 1);
  return best!;
}

class Mixture {
  private readonly weights: Float64Array;
  private readonly means: Float64Array;
  private readonly covariances: Float64Array;
  /** particles × count: how likely each component made each particle; rows add up to 1. */
  private readonly shares: Float64Array;
  private readonly varianceFloor: number;

  /** Starts from hard labels (from 0). */
  constructor(
    private readonly cloud: LatentCloud,
    private readonly count: number,
    labels: Int32Array,
  ) {
    const { dims } = cloud;
    this.weights = new Float64Array(count);
    this.means = new Float64Array(count * dims);
    this.covariances = new Float64Array(count * dims * dims);
    this.shares = new Float64Array(cloud.count * count);
    this.varianceFloor = VARIANCE_FLOOR * Math.max(meanVariance(cloud), Number.MIN_VALUE / VARIANCE_FLOOR, 1e-30);
    labels.forEach((label, i) => {
      this.shares[i * count + label] = 1;
    });
    this.maximise();
  }

  /** Shares from weights, means and covariances; returns the log-likelihood. */
  expect(): number {
    const { cloud, count, shares } = this;
    const { dims, z } = cloud;
    const factors = Array.from({ length: count }, (_, k) => this.covariances.slice(k * dims * dims, (k + 1) * dims * dims));
    const constants = new Float64Array(count);
    for (let k = 0; k < count; k++) {
      const factor = factors[k];
      if (!choleskyFactor(factor, dims)) throw new Error(`component ${k + 1} of the mixture has no volume`);
      constants[k] = Math.log(this.weights[k]) - (dims / 2) * Math.log(2 * Math.PI);
      for (let d = 0; d < dims; d++) constants[k] -= Math.log(factor[d * dims + d]);
    }
    const offset = new Float64Array(dims);
    let logLikelihood = 0;
    for (let i = 0; i < cloud.count; i++) {
      let largest = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < count; k++) {
        for (let d = 0; d < dims; d++) offset[d] = z[i * dims + d] - this.means[k * dims + d];
        solveLower(factors[k], offset, dims);
        let square = 0;
        for (let d = 0; d < dims; d++) square += offset[d] * offset[d];
        const logDensity = constants[k] - square / 2;
        shares[i * count + k] = logDensity;
        if (logDensity > largest) largest = logDensity;
      }
      let sum = 0;
      for (let k = 0; k < count; k++) sum += shares[i * count + k] = Math.exp(shares[i * count + k] - largest);
      for (let k = 0; k < count; k++) shares[i * count + k] /= sum;
      logLikelihood += largest + Math.log(sum);
    }
    return logLikelihood;
  }

  /** Weights, means and covariances from shares. */
  maximise(): void {
    const { cloud, count, shares } = this;
    const { dims, z } = cloud;
    const totals = new Float64Array(count);
    this.means.fill(0);
    this.covariances.fill(0);
    for (let i = 0; i < cloud.count; i++) {
      for (let k = 0; k < count; k++) {
        const share = shares[i * count + k];
        totals[k] += share;
        for (let d = 0; d < dims; d++) this.means[k * dims + d] += share * z[i * dims + d];
      }
    }
    for (let k = 0; k < count; k++) {
      // A component that nothing speaks for keeps a trace of weight, so that its logarithm exists.
      totals[k] = Math.max(totals[k], 1e-10);
      this.weights[k] = totals[k] / cloud.count;
      for (let d = 0; d < dims; d++) this.means[k * dims + d] /= totals[k];
    }
    for (let i = 0; i < cloud.count; i++) {
      for (let k = 0; k < count; k++) {
        const share = shares[i * count + k] / totals[k];
        if (share === 0) continue;
        for (let p = 0, at = k * dims * dims; p < dims; p++) {
          const dp = share * (z[i * dims + p] - this.means[k * dims + p]);
          for (let q = 0; q < dims; q++) this.covariances[at++] += dp * (z[i * dims + q] - this.means[k * dims + q]);
        }
      }
    }
    for (let k = 0; k < count; k++) for (let d = 0; d < dims; d++) this.covariances[(k * dims + d) * dims + d] += this.varianceFloor;
  }

  fit(): GaussianMixtureFit {
    const logLikelihood = this.expect();
    const { cloud, count, shares } = this;
    const { dims } = cloud;
    const parameters = count - 1 + count * dims + (count * dims * (dims + 1)) / 2;
    const labels = new Int32Array(cloud.count);
    for (let i = 0; i < cloud.count; i++)
      for (let k = 1; k < count; k++) if (shares[i * count + k] > shares[i * count + labels[i]]) labels[i] = k;
    const bic = -2 * logLikelihood + parameters * Math.log(cloud.count);
    return { weights: this.weights, means: this.means, covariances: this.covariances, logLikelihood, bic, labels };
  }
}

function meanVariance({ count, dims, z }: LatentCloud): number {
  let sum = 0;
  for (let d = 0; d < dims; d++) {
    let mean = 0;
    for (let i = 0; i < count; i++) mean += z[i * dims + d] / count;
    for (let i = 0; i < count; i++) sum += (z[i * dims + d] - mean) ** 2 / (count * dims);
  }
  return sum;
}

/** By the peaks of the mixture that BIC takes; `byBic`: how many ellipsoids that has. */
function suggestByModes(cloud: LatentCloud, random: Random, progress: Progress): { suggestion: CountSuggestion; byBic: number } {
  const sample = sampleOf(cloud, SCORED_PARTICLES, random);
  // Every component needs particles enough for its own covariance.
  const most = Math.max(1, Math.min(MOST_SUGGESTED, Math.floor(sample.count / (sample.dims + 2))));
  let best = fitGaussianMixture(sample, 1, random, 1);
  for (let count = 2; count <= most && count <= best.weights.length + WORSE_IN_A_ROW; count++) {
    const fit = fitGaussianMixture(sample, count, random, 2);
    if (fit.bic < best.bic) best = fit;
    progress('number of clusters', count, Math.min(most, best.weights.length + WORSE_IN_A_ROW));
  }
  const { prominences } = mixtureModes(best);
  return {
    suggestion: {
      count: prominences.filter(prominence => prominence >= LEAST_PROMINENCE).length,
      criterion: 'ln of how far the least prominent peak rises over the valley beside it, 1 or more',
      scores: prominences.slice(1).map((score, i) => ({ count: i + 2, score })),
      sampled: sample.count,
    },
    byBic: best.weights.length,
  };
}
