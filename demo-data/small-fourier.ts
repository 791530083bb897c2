// A small complex Fourier transform for any length whose prime factors are few (Stockham's form: no reordering pass), for the simulator alone.

/** Factors of n, smallest first. */
function primeFactors(n: number): number[] {
  const factors: number[] = [];
  for (let p = 2; n > 1; p++) for (; n % p === 0; n /= p) factors.push(p);
  return factors;
}

/** cos and sin of 2πk/n, by n. */
const turns = new Map<number, { cos: Float64Array; sin: Float64Array; factors: number[] }>();

function turnsOf(n: number) {
  let found = turns.get(n);
  if (!found) {
    const at = (f: (angle: number) => number) => Float64Array.from({ length: n }, (_, k) => f((2 * Math.PI * k) / n));
    found = { cos: at(Math.cos), sin: at(Math.sin), factors: primeFactors(n) };
    turns.set(n, found);
  }
  return found;
}

/** X_k = Σ_j x_j exp(∓2πi jk/n) along the slow axis of n × n arrays, for all columns at once, in place and unnormalised; sign +1 is forward. */
export function transformAlongRows(re: Float64Array, im: Float64Array, n: number, sign: 1 | -1): void {
  const { cos, sin, factors } = turnsOf(n);
  let fromRe = re;
  let fromIm = im;
  let toRe: Float64Array = new Float64Array(re.length);
  let toIm: Float64Array = new Float64Array(im.length);
  // `length`: size of the transforms still to do; `stride`: how many of them lie interleaved, in units of rows.
  let length = n;
  let stride = 1;
  let m = 0;
  // One output row of a stage of any radix p: Σ_s exp(−2πi (s·k/p + a·k/length)) · input row, the phase counted in 1/n turns.
  const combine = (a: number, q: number, k: number, p: number) => {
    const out = (q + stride * (p * a + k)) * n;
    for (let s = 0; s < p; s++) {
      const phase = (stride * k * (s * m + a)) % n;
      const c = cos[phase];
      const d = -sign * sin[phase];
      const source = (q + stride * (a + s * m)) * n;
      for (let x = 0; x < n; x++) {
        toRe[out + x] += c * fromRe[source + x] - d * fromIm[source + x];
        toIm[out + x] += c * fromIm[source + x] + d * fromRe[source + x];
      }
    }
  };
  // Radix 2, both outputs at once: sum, and turned difference.
  const butterfly = (a: number, q: number) => {
    const c = cos[stride * a];
    const d = -sign * sin[stride * a];
    const first = (q + stride * a) * n;
    const second = first + stride * m * n;
    const sum = (q + stride * 2 * a) * n;
    const difference = sum + stride * n;
    for (let x = 0; x < n; x++) {
      const re1 = fromRe[first + x];
      const im1 = fromIm[first + x];
      const re2 = fromRe[second + x];
      const im2 = fromIm[second + x];
      toRe[sum + x] = re1 + re2;
      toIm[sum + x] = im1 + im2;
      toRe[difference + x] = c * (re1 - re2) - d * (im1 - im2);
      toIm[difference + x] = c * (im1 - im2) + d * (re1 - re2);
    }
  };
  for (const p of factors) {
    m = length / p;
    for (let a = 0; a < m; a++)
      for (let q = 0; q < stride; q++) {
        if (p === 2) butterfly(a, q);
        else for (let k = 0; k < p; k++) combine(a, q, k, p);
      }
    const [usedRe, usedIm] = [fromRe, fromIm];
    fromRe = toRe;
    fromIm = toIm;
    toRe = usedRe.fill(0);
    toIm = usedIm.fill(0);
    length = m;
    stride *= p;
  }
  if (fromRe !== re) {
    re.set(fromRe);
    im.set(fromIm);
  }
}

/** Swaps the axes of an n × n array in place. */
export function transpose(values: Float64Array, n: number): void {
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n; j++) {
      const kept = values[i * n + j];
      values[i * n + j] = values[j * n + i];
      values[j * n + i] = kept;
    }
}
