// From fine samples to coarse ones by Fourier cropping, so that detail beyond the coarse Nyquist frequency is left out instead of folding back.
//
//   y_j = Σ_m w(f·j − m) x_m,  w(t) = (1/n) Σ' cos(2πkt/n) over |k| ≤ n/2f, the outermost two counted half

/** Row m holds what fine sample m of n gives to each of the n/factor coarse samples; rows add up to `factor`⁻¹, so that values are kept. */
function cropWeights(n: number, factor: number): Float64Array {
  const coarse = n / factor;
  const kernel = Float64Array.from({ length: n }, (_, t) => {
    let sum = 1;
    for (let k = 1; k <= coarse / 2; k++) sum += (k === coarse / 2 ? 1 : 2) * Math.cos((2 * Math.PI * ((k * t) % n)) / n);
    return sum / n;
  });
  const weights = new Float64Array(n * coarse);
  for (let m = 0; m < n; m++) for (let j = 0; j < coarse; j++) weights[m * coarse + j] = kernel[(factor * j - m + n) % n];
  return weights;
}

const known = new Map<string, Float64Array>();

function weightsOf(n: number, factor: number): Float64Array {
  const key = `${n}/${factor}`;
  let weights = known.get(key);
  if (!weights) {
    weights = cropWeights(n, factor);
    known.set(key, weights);
  }
  return weights;
}

/**
 * Crops the slowest axis: [n][width] samples become [n/factor][width]. Rows that hold nothing cost nothing, so that a molecule in a wide box is cheap.
 * Sample n/2 of the fine axis comes to sample n/2f of the coarse one.
 */
function cropSlowest(fine: Float64Array, n: number, width: number, factor: number): Float64Array {
  const coarse = n / factor;
  const weights = weightsOf(n, factor);
  const out = new Float64Array(coarse * width);
  for (let m = 0; m < n; m++) {
    const row = fine.subarray(m * width, (m + 1) * width);
    let [first, end] = [0, width];
    while (first < end && row[first] === 0) first++;
    if (first === end) continue;
    while (row[end - 1] === 0) end--;
    for (let j = 0; j < coarse; j++) {
      const weight = weights[m * coarse + j];
      const at = j * width;
      for (let x = first; x < end; x++) out[at + x] += weight * row[x];
    }
  }
  return out;
}

/** The array with its slowest axis (length n) made the fastest: [n][width] → [width][n]. */
function slowestLast(data: Float64Array, n: number, width: number): Float64Array {
  const out = new Float64Array(data.length);
  for (let i = 0; i < n; i++) for (let x = 0; x < width; x++) out[x * n + i] = data[i * width + x];
  return out;
}

/** fine[n^dims], cubic, to [(n/factor)^dims] in the same order of axes. n must be an even multiple of `factor`. */
export function bandLimit(fine: Float64Array, n: number, dims: 2 | 3, factor: number): Float64Array {
  if (factor === 1) return fine;
  if (n % (2 * factor) !== 0) throw new Error(`${n} samples cannot be cropped by ${factor}: an even number must be left`);
  // Each turn crops the slowest axis and makes it the fastest; after as many turns as axes the order is what it was.
  let data = fine;
  for (let axis = 0; axis < dims; axis++) {
    const width = data.length / n;
    data = slowestLast(cropSlowest(data, n, width, factor), n / factor, width);
  }
  return data;
}
