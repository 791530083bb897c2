// Seeded random numbers (xoshiro128**), handed in wherever chance is used, with a state that a checkpoint can keep.

export class Random {
  private readonly state = new Uint32Array(4);
  private spare = Number.NaN;

  /** The same seed gives the same numbers on every machine. The state is filled by SplitMix32, so that near seeds give unlike streams. */
  constructor(seed: number) {
    let s = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      s = (s + 0x9e3779b9) >>> 0;
      let t = s ^ (s >>> 16);
      t = Math.imul(t, 0x21f0aaad);
      t ^= t >>> 15;
      t = Math.imul(t, 0x735a2d97);
      this.state[i] = (t ^ (t >>> 15)) >>> 0;
    }
  }

  /** 32 random bits (Blackman & Vigna, xoshiro128**). */
  bits(): number {
    const s = this.state;
    const rotated = Math.imul(s[1], 5);
    const result = Math.imul((rotated << 7) | (rotated >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return (this.bits() * 2 ** 21 + (this.bits() >>> 11)) / 2 ** 53;
  }

  /** Whole number in [0, n). */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal deviate (Marsaglia's polar method). */
  normal(): number {
    if (!Number.isNaN(this.spare)) {
      const kept = this.spare;
      this.spare = Number.NaN;
      return kept;
    }
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const q = u * u + v * v;
      if (q > 0 && q < 1) {
        const factor = Math.sqrt((-2 * Math.log(q)) / q);
        this.spare = v * factor;
        return u * factor;
      }
    }
  }

  /** Fisher–Yates, in place. */
  shuffle<T extends { length: number; [index: number]: number }>(values: T): T {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const kept = values[i];
      values[i] = values[j];
      values[j] = kept;
    }
    return values;
  }

  /** Five numbers that restore this generator exactly (NaN: no spare normal deviate). */
  save(): number[] {
    return [...this.state, this.spare];
  }

  /** Takes the state that `save` gave. */
  restore(saved: ArrayLike<number>): void {
    for (let i = 0; i < 4; i++) this.state[i] = saved[i];
    this.spare = saved[4] ?? Number.NaN;
  }
}
