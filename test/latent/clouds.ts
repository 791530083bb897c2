// Clouds with a known make-up, and the adjusted Rand index that compares two clusterings of one.
import type { LatentCloud } from '../../daemon/latent/analysis.js';
import { Random } from '../../daemon/numerics/random.js';

export function cloudOf(points: readonly (readonly number[])[]): LatentCloud {
  return { count: points.length, dims: points[0].length, z: Float32Array.from(points.flat()) };
}

/** Round normal blobs of `size` points each about `centres`, shuffled; `truth` is the blob of each point. */
export function blobs(centres: readonly (readonly number[])[], sizes: readonly number[], spread: number, seed: number) {
  const random = new Random(seed);
  const truth = random.shuffle(Int32Array.from(sizes.flatMap((size, k) => new Array<number>(size).fill(k))));
  return { truth, cloud: cloudOf([...truth].map(k => centres[k].map(c => c + spread * random.normal()))) };
}

/** 1: the same clusters whatever their names; about 0: no more in common than chance (Hubert & Arabie 1985). */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const pairs = (n: number) => (n * (n - 1)) / 2;
  const tally = (keys: string[]) => {
    const counts = new Map<string, number>();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    return [...counts.values()].reduce((sum, n) => sum + pairs(n), 0);
  };
  const [ka, kb] = [Array.from(a, String), Array.from(b, String)];
  const both = tally(ka.map((key, i) => `${key}|${kb[i]}`));
  const [inA, inB] = [tally(ka), tally(kb)];
  const expected = (inA * inB) / pairs(a.length);
  return (both - expected) / ((inA + inB) / 2 - expected);
}

export const silent = () => {};
