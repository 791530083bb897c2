// Dropout with a mask that is a hash of key and position: the same on any number of threads and any backend.

import { loadSome, nextPiece, storeSome } from './simd';

const PIECE: i32 = 1024;

/** MurmurHash3's finaliser (numerics/integer-hash.ts) of four numbers. */
// @ts-ignore: decorator
@inline
function hash4(x: v128): v128 {
  let h = v128.xor(x, i32x4.shr_u(x, 16));
  h = i32x4.mul(h, i32x4.splat(<i32>0x85ebca6b));
  h = v128.xor(h, i32x4.shr_u(h, 13));
  h = i32x4.mul(h, i32x4.splat(<i32>0xc2b2ae35));
  return v128.xor(h, i32x4.shr_u(h, 16));
}

/** x[count] in place: 0 where the hash is below `threshold`, else times `factor` (see the contract). */
export function dropout(thread: i32, threads: i32, count: i32, x: usize, threshold: u32, factor: f32, key: u32): void {
  const limit = i32x4.splat(<i32>threshold);
  const keys = i32x4.splat(<i32>key);
  const lanes = i32x4(0, 1, 2, 3);
  for (let i = nextPiece() * PIECE; i < count; i = nextPiece() * PIECE) {
    const last = min(i + PIECE, count);
    for (let j = i; j < last; j += 4) {
      const at = x + (<usize>j << 2);
      const hash = hash4(i32x4.add(hash4(i32x4.add(i32x4.splat(j), lanes)), keys));
      const kept = f32x4.mul(loadSome(at, last - j), f32x4.splat(factor));
      storeSome(at, v128.andnot(kept, i32x4.lt_u(hash, limit)), last - j);
    }
  }
}
