// The Kaiser–Bessel gridding kernel: interpolation between the samples of a Fourier transform, and the real-space
// profile that it leaves and that a division takes out again (Beatty, Nishimura & Pauly, IEEE Trans. Med. Imaging 24, 799, 2005).

/** Modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** Table entries per grid step; with linear interpolation between them the table's own error is below 1e-7. */
const TABLE_DENSITY = 1024;

export class KaiserBessel {
  private readonly beta: number;
  private readonly table: Float64Array;

  /** `width` grid steps wide (even), for a grid `oversampling` times as fine as the critical one. */
  constructor(
    readonly width: number,
    oversampling: number,
  ) {
    this.beta = Math.PI * Math.sqrt((width / oversampling) ** 2 * (oversampling - 0.5) ** 2 - 0.8);
    this.table = new Float64Array((width / 2) * TABLE_DENSITY + 2);
    for (let i = 0; i < this.table.length; i++) {
      const t = i / TABLE_DENSITY / (width / 2);
      this.table[i] = t > 1 ? 0 : besselI0(this.beta * Math.sqrt(1 - t * t)) / width;
    }
  }

  /** Kernel at distance u ≥ 0 grid steps. */
  at(u: number): number {
    const position = u * TABLE_DENSITY;
    const i = Math.floor(position);
    return i + 1 >= this.table.length ? 0 : this.table[i] + (position - i) * (this.table[i + 1] - this.table[i]);
  }

  /** Weights of the `width` grid points first, first + 1, … around `position`, written to out at offset; returns first. */
  weights(position: number, out: Float64Array, offset: number): number {
    const first = Math.ceil(position - this.width / 2);
    for (let j = 0; j < this.width; j++) out[offset + j] = this.at(Math.abs(first + j - position));
    return first;
  }

  /** The kernel's Fourier transform at x, in fractions of the padded box: what interpolation multiplies real space with. */
  profile(x: number): number {
    const q = this.beta ** 2 - (Math.PI * this.width * x) ** 2;
    const root = Math.sqrt(Math.abs(q));
    if (root < 1e-9) return 1;
    return q > 0 ? Math.sinh(root) / root : Math.sin(root) / root;
  }
}
