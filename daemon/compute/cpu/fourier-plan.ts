// The stages and twiddle factors of a complex transform of length n, as kernels/fourier.ts reads them.

export interface FourierPlan {
  /** Per stage: radix, remaining length / radix, stride, twiddles as (cos, sin) pairs. */
  stages: { radix: number; length: number; stride: number; twiddles: Float32Array }[];
}

/** Radix 4 first, as it costs least, then 2 and the odd primes. */
function radices(n: number): number[] {
  const found: number[] = [];
  while (n % 4 === 0) {
    found.push(4);
    n /= 4;
  }
  for (let radix = 2; n > 1; radix++) {
    while (n % radix === 0) {
      found.push(radix);
      n /= radix;
    }
  }
  return found;
}

/**
 * Stockham, decimation in frequency: a stage of radix r on length n = r·m makes, for each p < m, the outputs
 * t = 0 … r−1: e^(−2πi p t/n) · Σ over s of x[p + s·m] e^(−2πi s t/r). Radix 2 and 4 store the first factor for t ≥ 1; odd radices store the
 * product of both for every t and s.
 */
export function fourierPlan(n: number): FourierPlan {
  const stages: FourierPlan['stages'] = [];
  let length = n;
  let stride = 1;
  for (const radix of radices(n)) {
    const m = length / radix;
    const angles: number[] = [];
    for (let p = 0; p < m; p++) {
      if (radix === 2 || radix === 4) for (let t = 1; t < radix; t++) angles.push((p * t) / length);
      else for (let t = 0; t < radix; t++) for (let s = 0; s < radix; s++) angles.push((p * t) / length + ((s * t) % radix) / radix);
    }
    const twiddles = Float32Array.from(angles.flatMap(a => [Math.cos(-2 * Math.PI * a), Math.sin(-2 * Math.PI * a)]));
    stages.push({ radix, length: m, stride, twiddles });
    length = m;
    stride *= radix;
  }
  return { stages };
}
