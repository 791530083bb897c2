// The discrete Fourier transform of any length, exact to rounding, in one, two and three dimensions.
//
// Convention: forward X[k] = Σ_x f[x] e^(−2πi kx/n), not normalised; the inverse has e^(+2πi kx/n) and divides by n (by
// all the lengths in 2-D and 3-D). Arrays are planar (real and imaginary parts apart) and changed in place. Arithmetic is
// double precision whatever the arrays hold. Factors 2, 3, 4, 5 have butterflies of their own, other primes up to
// LARGEST_RADIX a plain sum; lengths with a larger prime factor go through Bluestein's chirp transform.

export type RealArray = Float32Array | Float64Array;

/** Above it a prime factor p costs more as a plain p × p sum than Bluestein's detour through a power of two. */
const LARGEST_RADIX = 19;
/** Lines transformed together: enough for a contiguous inner loop, few enough that a tile of 512 stays in the cache. */
const TILE = 16;

/** Factors in the order the stages run; null when a prime factor exceeds LARGEST_RADIX. */
function radices(n: number): number[] | null {
  const found: number[] = [];
  let rest = n;
  while (rest % 4 === 0) {
    found.push(4);
    rest /= 4;
  }
  for (let p = 2; p <= LARGEST_RADIX && rest > 1; p++) {
    while (rest % p === 0) {
      found.push(p);
      rest /= p;
    }
  }
  return rest === 1 ? found : null;
}

/** Twiddles and scratch of one length, kept by `fftPlan`. */
export class FftPlan {
  private readonly stages: number[];
  private readonly cos: Float64Array;
  private readonly sin: Float64Array;
  private readonly chirp: Chirp | null;
  /** Two planar buffers of TILE lines, [n][TILE]: stages go to and fro between them. */
  private buffers: { re: Float64Array; im: Float64Array }[];

  constructor(readonly length: number) {
    if (!Number.isInteger(length) || length < 1) throw new Error(`a Fourier transform needs a whole length of at least 1, not ${length}`);
    const stages = radices(length);
    this.stages = stages ?? [];
    this.chirp = stages ? null : new Chirp(length);
    this.cos = new Float64Array(stages ? length : 0);
    this.sin = new Float64Array(stages ? length : 0);
    for (let k = 0; k < this.cos.length; k++) {
      this.cos[k] = Math.cos((2 * Math.PI * k) / length);
      this.sin[k] = -Math.sin((2 * Math.PI * k) / length);
    }
    this.buffers = [0, 1].map(() => ({ re: new Float64Array(length * TILE), im: new Float64Array(length * TILE) }));
  }

  /**
   * Transforms `count` lines in place. Element j of line i is at offset + i·lineStride + j·stride.
   */
  lines(re: RealArray, im: RealArray, offset: number, stride: number, count: number, lineStride: number, inverse: boolean): void {
    // The inverse is the forward transform with the real and imaginary parts exchanged before and after.
    const a = inverse ? im : re;
    const b = inverse ? re : im;
    const n = this.length;
    const scale = inverse ? 1 / n : 1;
    for (let first = 0; first < count; first += TILE) {
      const batch = Math.min(TILE, count - first);
      const start = offset + first * lineStride;
      const source = this.buffers[0];
      gather(a, source.re, start, stride, lineStride, n, batch);
      gather(b, source.im, start, stride, lineStride, n, batch);
      const result = this.chirp ? this.chirp.transform(source, batch) : this.transform(batch);
      scatter(result.re, a, start, stride, lineStride, n, batch, scale);
      scatter(result.im, b, start, stride, lineStride, n, batch, scale);
    }
  }

  /** Forward transform of the tile [n][batch] in buffer 0; returns the buffer that holds the result (Stockham's self-sorting form). */
  private transform(batch: number): { re: Float64Array; im: Float64Array } {
    let length = this.length;
    let stride = batch;
    let [from, to] = this.buffers;
    for (const radix of this.stages) {
      const m = length / radix;
      const step = this.length / length;
      for (let p = 0; p < m; p++) {
        const read = stride * p;
        const write = stride * radix * p;
        const jump = stride * m;
        if (radix === 4) this.butterfly4(from, to, read, write, jump, stride, p * step);
        else if (radix === 2) this.butterfly2(from, to, read, write, jump, stride, p * step);
        else if (radix === 3) this.butterfly3(from, to, read, write, jump, stride, p * step);
        else if (radix === 5) this.butterfly5(from, to, read, write, jump, stride, p * step);
        else this.butterfly(radix, from, to, read, write, jump, stride, p * step);
      }
      length = m;
      stride *= radix;
      [from, to] = [to, from];
    }
    return from;
  }

  private butterfly2(from: Planar, to: Planar, read: number, write: number, jump: number, stride: number, twiddle: number): void {
    const { re, im } = from;
    const w1r = this.cos[twiddle];
    const w1i = this.sin[twiddle];
    for (let q = 0; q < stride; q++) {
      const i = read + q;
      const o = write + q;
      const dr = re[i] - re[i + jump];
      const di = im[i] - im[i + jump];
      to.re[o] = re[i] + re[i + jump];
      to.im[o] = im[i] + im[i + jump];
      to.re[o + stride] = dr * w1r - di * w1i;
      to.im[o + stride] = dr * w1i + di * w1r;
    }
  }

  private butterfly3(from: Planar, to: Planar, read: number, write: number, jump: number, stride: number, twiddle: number): void {
    const { re, im } = from;
    const w1r = this.cos[twiddle];
    const w1i = this.sin[twiddle];
    const w2r = this.cos[2 * twiddle];
    const w2i = this.sin[2 * twiddle];
    const h = Math.sqrt(3) / 2;
    for (let q = 0; q < stride; q++) {
      const i = read + q;
      const o = write + q;
      const sr = re[i + jump] + re[i + 2 * jump];
      const si = im[i + jump] + im[i + 2 * jump];
      const dr = h * (re[i + jump] - re[i + 2 * jump]);
      const di = h * (im[i + jump] - im[i + 2 * jump]);
      const mr = re[i] - sr / 2;
      const mi = im[i] - si / 2;
      to.re[o] = re[i] + sr;
      to.im[o] = im[i] + si;
      to.re[o + stride] = (mr + di) * w1r - (mi - dr) * w1i;
      to.im[o + stride] = (mr + di) * w1i + (mi - dr) * w1r;
      to.re[o + 2 * stride] = (mr - di) * w2r - (mi + dr) * w2i;
      to.im[o + 2 * stride] = (mr - di) * w2i + (mi + dr) * w2r;
    }
  }

  private butterfly4(from: Planar, to: Planar, read: number, write: number, jump: number, stride: number, twiddle: number): void {
    const { re, im } = from;
    const outRe = to.re;
    const outIm = to.im;
    const w1r = this.cos[twiddle];
    const w1i = this.sin[twiddle];
    const w2r = this.cos[2 * twiddle];
    const w2i = this.sin[2 * twiddle];
    const w3r = this.cos[3 * twiddle];
    const w3i = this.sin[3 * twiddle];
    for (let q = 0; q < stride; q++) {
      const i = read + q;
      const o = write + q;
      const acr = re[i] + re[i + 2 * jump];
      const aci = im[i] + im[i + 2 * jump];
      const amr = re[i] - re[i + 2 * jump];
      const ami = im[i] - im[i + 2 * jump];
      const bdr = re[i + jump] + re[i + 3 * jump];
      const bdi = im[i + jump] + im[i + 3 * jump];
      // −i (b − d)
      const jr = im[i + jump] - im[i + 3 * jump];
      const ji = re[i + 3 * jump] - re[i + jump];
      outRe[o] = acr + bdr;
      outIm[o] = aci + bdi;
      outRe[o + stride] = (amr + jr) * w1r - (ami + ji) * w1i;
      outIm[o + stride] = (amr + jr) * w1i + (ami + ji) * w1r;
      outRe[o + 2 * stride] = (acr - bdr) * w2r - (aci - bdi) * w2i;
      outIm[o + 2 * stride] = (acr - bdr) * w2i + (aci - bdi) * w2r;
      outRe[o + 3 * stride] = (amr - jr) * w3r - (ami - ji) * w3i;
      outIm[o + 3 * stride] = (amr - jr) * w3i + (ami - ji) * w3r;
    }
  }

  private butterfly5(from: Planar, to: Planar, read: number, write: number, jump: number, stride: number, twiddle: number): void {
    const { re, im } = from;
    const outRe = to.re;
    const outIm = to.im;
    const c1 = Math.cos((2 * Math.PI) / 5);
    const c2 = Math.cos((4 * Math.PI) / 5);
    const s1 = Math.sin((2 * Math.PI) / 5);
    const s2 = Math.sin((4 * Math.PI) / 5);
    const { cos, sin } = this;
    for (let q = 0; q < stride; q++) {
      const i = read + q;
      const o = write + q;
      const sum14r = re[i + jump] + re[i + 4 * jump];
      const sum14i = im[i + jump] + im[i + 4 * jump];
      const dif14r = re[i + jump] - re[i + 4 * jump];
      const dif14i = im[i + jump] - im[i + 4 * jump];
      const sum23r = re[i + 2 * jump] + re[i + 3 * jump];
      const sum23i = im[i + 2 * jump] + im[i + 3 * jump];
      const dif23r = re[i + 2 * jump] - re[i + 3 * jump];
      const dif23i = im[i + 2 * jump] - im[i + 3 * jump];
      outRe[o] = re[i] + sum14r + sum23r;
      outIm[o] = im[i] + sum14i + sum23i;
      const even1r = re[i] + c1 * sum14r + c2 * sum23r;
      const even1i = im[i] + c1 * sum14i + c2 * sum23i;
      const even2r = re[i] + c2 * sum14r + c1 * sum23r;
      const even2i = im[i] + c2 * sum14i + c1 * sum23i;
      const odd1r = s1 * dif14r + s2 * dif23r;
      const odd1i = s1 * dif14i + s2 * dif23i;
      const odd2r = s2 * dif14r - s1 * dif23r;
      const odd2i = s2 * dif14i - s1 * dif23i;
      // Outputs k and 5 − k are even ∓ i·odd.
      for (let k = 1; k < 5; k++) {
        const outer = k === 1 || k === 4;
        const sign = k < 3 ? 1 : -1;
        const r = (outer ? even1r : even2r) + sign * (outer ? odd1i : odd2i);
        const j = (outer ? even1i : even2i) - sign * (outer ? odd1r : odd2r);
        const wr = cos[k * twiddle];
        const wi = sin[k * twiddle];
        outRe[o + k * stride] = r * wr - j * wi;
        outIm[o + k * stride] = r * wi + j * wr;
      }
    }
  }

  /** Any radix: the plain sum. */
  private butterfly(
    radix: number,
    from: Planar,
    to: Planar,
    read: number,
    write: number,
    jump: number,
    stride: number,
    twiddle: number,
  ): void {
    const n = this.length;
    const { re, im } = from;
    const outRe = to.re;
    const outIm = to.im;
    for (let k = 0; k < radix; k++) {
      const o = write + k * stride;
      for (let q = 0; q < stride; q++) {
        outRe[o + q] = re[read + q];
        outIm[o + q] = im[read + q];
      }
      for (let j = 1; j < radix; j++) {
        const root = ((j * k) % radix) * (n / radix);
        const cr = this.cos[root];
        const ci = this.sin[root];
        const i = read + j * jump;
        for (let q = 0; q < stride; q++) {
          outRe[o + q] += re[i + q] * cr - im[i + q] * ci;
          outIm[o + q] += re[i + q] * ci + im[i + q] * cr;
        }
      }
      const wr = this.cos[k * twiddle];
      const wi = this.sin[k * twiddle];
      for (let q = 0; q < stride; q++) {
        const r = outRe[o + q];
        outRe[o + q] = r * wr - outIm[o + q] * wi;
        outIm[o + q] = r * wi + outIm[o + q] * wr;
      }
    }
  }
}

interface Planar {
  re: Float64Array;
  im: Float64Array;
}

/** Bluestein's transform: kx = (k² + x² − (k − x)²)/2 turns the sum into a convolution, done at a power of two. */
class Chirp {
  private readonly cos: Float64Array;
  private readonly sin: Float64Array;
  private readonly kernel: Planar;
  private readonly padded: FftPlan;
  private readonly work: Planar;

  constructor(private readonly length: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * length - 1));
    this.padded = new FftPlan(size);
    this.cos = new Float64Array(length);
    this.sin = new Float64Array(length);
    this.kernel = { re: new Float64Array(size), im: new Float64Array(size) };
    for (let k = 0; k < length; k++) {
      // k² taken modulo 2n, so that the angle keeps its digits.
      const angle = (Math.PI * ((k * k) % (2 * length))) / length;
      this.cos[k] = Math.cos(angle);
      this.sin[k] = Math.sin(angle);
      for (const at of k === 0 ? [0] : [k, size - k]) {
        this.kernel.re[at] = this.cos[k];
        this.kernel.im[at] = this.sin[k];
      }
    }
    this.padded.lines(this.kernel.re, this.kernel.im, 0, 1, 1, size, false);
    this.work = { re: new Float64Array(size), im: new Float64Array(size) };
  }

  /** Forward transform of the tile [n][batch], in place. */
  transform(tile: Planar, batch: number): Planar {
    const { re, im } = this.work;
    for (let line = 0; line < batch; line++) {
      re.fill(0, this.length);
      im.fill(0, this.length);
      for (let x = 0; x < this.length; x++) {
        const i = x * batch + line;
        re[x] = tile.re[i] * this.cos[x] + tile.im[i] * this.sin[x];
        im[x] = tile.im[i] * this.cos[x] - tile.re[i] * this.sin[x];
      }
      this.padded.lines(re, im, 0, 1, 1, re.length, false);
      for (let k = 0; k < re.length; k++) {
        const r = re[k] * this.kernel.re[k] - im[k] * this.kernel.im[k];
        im[k] = re[k] * this.kernel.im[k] + im[k] * this.kernel.re[k];
        re[k] = r;
      }
      this.padded.lines(re, im, 0, 1, 1, re.length, true);
      for (let k = 0; k < this.length; k++) {
        tile.re[k * batch + line] = re[k] * this.cos[k] + im[k] * this.sin[k];
        tile.im[k * batch + line] = im[k] * this.cos[k] - re[k] * this.sin[k];
      }
    }
    return tile;
  }
}

function gather(from: RealArray, to: Float64Array, start: number, stride: number, lineStride: number, n: number, batch: number): void {
  for (let j = 0, o = 0; j < n; j++) {
    for (let line = 0, i = start + j * stride; line < batch; line++, i += lineStride) to[o++] = from[i];
  }
}

function scatter(
  from: Float64Array,
  to: RealArray,
  start: number,
  stride: number,
  lineStride: number,
  n: number,
  batch: number,
  scale: number,
): void {
  for (let j = 0, i = 0; j < n; j++) {
    for (let line = 0, o = start + j * stride; line < batch; line++, o += lineStride) to[o] = from[i++] * scale;
  }
}

const plans = new Map<number, FftPlan>();

/** The plan of a length, made once. */
export function fftPlan(length: number): FftPlan {
  let plan = plans.get(length);
  if (!plan) {
    plan = new FftPlan(length);
    plans.set(length, plan);
  }
  return plan;
}

function checkLength(re: RealArray, im: RealArray, expected: number): void {
  if (re.length !== expected || im.length !== expected)
    throw new Error(`the transform needs ${expected} real and imaginary values, got ${re.length} and ${im.length}`);
}

/** Transforms re + i·im in place. */
export function fft1d(re: RealArray, im: RealArray, inverse = false): void {
  checkLength(re, im, re.length);
  fftPlan(re.length).lines(re, im, 0, 1, 1, re.length, inverse);
}

/** Transforms a plane in place: height rows (slow) of width columns (fast). */
export function fft2d(re: RealArray, im: RealArray, width: number, height: number, inverse = false): void {
  checkLength(re, im, width * height);
  fftPlan(width).lines(re, im, 0, 1, height, width, inverse);
  fftPlan(height).lines(re, im, 0, width, width, 1, inverse);
}

/** Transforms a volume in place: z slowest, x fastest, size [nx, ny, nz]. */
export function fft3d(re: RealArray, im: RealArray, size: readonly [number, number, number], inverse = false): void {
  const [nx, ny, nz] = size;
  checkLength(re, im, nx * ny * nz);
  fftPlan(nx).lines(re, im, 0, 1, ny * nz, nx, inverse);
  for (let z = 0; z < nz; z++) fftPlan(ny).lines(re, im, z * nx * ny, nx, nx, 1, inverse);
  fftPlan(nz).lines(re, im, 0, nx * ny, nx * ny, 1, inverse);
}

/** Whole frequency of element i of a transform of length n: 0, 1, … , −2, −1; n/2 of an even length counts as negative. */
export function frequency(i: number, n: number): number {
  return i < (n + 1) >> 1 ? i : i - n;
}
