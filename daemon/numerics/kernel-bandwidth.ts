// The bandwidth of a kernel density that suits its own sample, several peaks included (Botev, Grotowski & Kroese, Ann. Stat. 38, 2916 (2010)).
//
// Silverman's rule takes the sample for one normal distribution: between two peaks it smears the valley away. Here the roughness of the density, which the
// best bandwidth depends on, is itself estimated, from the cosine series of the sample, with no normal distribution assumed.

/** Bins of the interval: the finest structure that can be found. */
const BINS = 512;
/** Derivatives that the chain of estimates begins at; Botev's own. */
const HIGHEST_DERIVATIVE = 7;
/** Fewer tell no shape: Silverman's rule is steadier. */
const LEAST_SAMPLE = 50;
/** Squared bandwidths, over the squared interval, between which the answer is looked for. */
const SMALLEST_SQUARE = (0.5 / BINS) ** 2;
const LARGEST_SQUARE = 0.1;
const STEPS = 60;

/**
 * Standard deviation of the Gaussian kernel for a sample within 0 … `total`, mirrored at both ends. `sample`: sorted. Silverman's rule
 * where the sample is small or its equation has no solution; `total` where nothing spreads.
 */
export function kernelBandwidth(sample: Float64Array, total: number): number {
  if (sample.length < LEAST_SAMPLE || !(total > 0)) return silverman(sample, total);
  const squares = cosineSquares(sample, total);
  const missing = (square: number) => square - impliedSquare(square, squares, sample.length);
  // The smallest solution: larger ones smear.
  const factor = (LARGEST_SQUARE / SMALLEST_SQUARE) ** (1 / STEPS);
  let low = SMALLEST_SQUARE;
  if (missing(low) > 0) return total * Math.sqrt(low);
  while (low < LARGEST_SQUARE && missing(low * factor) <= 0) low *= factor;
  if (low >= LARGEST_SQUARE) return silverman(sample, total);
  let high = low * factor;
  for (let step = 0; step < 40; step++) {
    const middle = Math.sqrt(low * high);
    if (missing(middle) > 0) high = middle;
    else low = middle;
  }
  return total * Math.sqrt(low);
}

/** Squares of the coefficients Σ p_j cos(π k (j + ½) / BINS) of the binned sample, for k = 1 … BINS − 1. */
function cosineSquares(sample: Float64Array, total: number): Float64Array {
  const shares = new Float64Array(BINS);
  for (const value of sample) shares[Math.min(BINS - 1, Math.floor((value / total) * BINS))] += 1 / sample.length;
  // Every cosine needed is one of these.
  const cosines = Float64Array.from({ length: 4 * BINS }, (_, i) => Math.cos((Math.PI * i) / (2 * BINS)));
  return Float64Array.from({ length: BINS - 1 }, (_, i) => {
    let sum = 0;
    for (let j = 0; j < BINS; j++) sum += shares[j] * cosines[((i + 1) * (2 * j + 1)) % (4 * BINS)];
    return sum * sum;
  });
}

/** The best squared bandwidth if `square` is right for the highest derivative: each derivative's norm tells the bandwidth for the one below it. */
function impliedSquare(square: number, squares: Float64Array, count: number): number {
  let norm = derivativeNorm(HIGHEST_DERIVATIVE, square, squares);
  for (let s = HIGHEST_DERIVATIVE - 1; s >= 2; s--) {
    let odd = 1;
    for (let factor = 3; factor <= 2 * s - 1; factor += 2) odd *= factor;
    const weight = ((1 + 0.5 ** (s + 0.5)) / 3) * (odd / Math.sqrt(2 * Math.PI));
    norm = derivativeNorm(s, ((2 * weight) / count / norm) ** (2 / (3 + 2 * s)), squares);
  }
  return (2 * count * Math.sqrt(Math.PI) * norm) ** -0.4;
}

/** ‖f⁽ˢ⁾‖² of the density on 0 … 1, smoothed with the squared bandwidth. */
function derivativeNorm(s: number, square: number, squares: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < squares.length; i++) {
    const k = (i + 1) ** 2;
    sum += k ** s * squares[i] * Math.exp(-k * Math.PI ** 2 * square);
  }
  return 2 * Math.PI ** (2 * s) * sum;
}

/** 0.9 min(sd, IQR/1.34) n^(−1/5). `sample`: sorted. */
function silverman(sample: Float64Array, total: number): number {
  const n = sample.length;
  if (n < 2) return total;
  const mean = sample.reduce((sum, value) => sum + value, 0) / n;
  const deviation = Math.sqrt(sample.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const quartiles = sample[Math.floor(0.75 * (n - 1))] - sample[Math.floor(0.25 * (n - 1))];
  const spread = quartiles > 0 ? Math.min(deviation, quartiles / 1.34) : deviation;
  return spread > 0 ? 0.9 * spread * n ** -0.2 : total;
}
