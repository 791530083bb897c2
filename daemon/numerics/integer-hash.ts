// A hash of whole numbers to 32 bits: numbers that look random, which any backend can make for itself, in any order, to the bit.

/** The finaliser of MurmurHash3 (Appleby): every bit of x, a 32-bit unsigned number, sways every bit of the result. Products wrap at 2³². */
export function hash32(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** One 32-bit number from several, their order counting, and no run of zeros giving zero. */
export function hashOf(...numbers: readonly number[]): number {
  return numbers.reduce((hash, number) => hash32((hash + number + 0x9e3779b9) >>> 0), 0);
}
