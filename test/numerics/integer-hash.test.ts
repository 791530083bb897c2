// The integer hash against published values and arbitrary-precision arithmetic, and what a dropout mask asks of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash32, hashOf } from '../../daemon/numerics/integer-hash.js';

/** The finaliser by its definition, in whole numbers without wrapping. */
function byDefinition(x: number): number {
  const wrap = (value: bigint) => value & 0xffffffffn;
  let h = BigInt(x);
  h = wrap((h ^ (h >> 16n)) * 0x85ebca6bn);
  h = wrap((h ^ (h >> 13n)) * 0xc2b2ae35n);
  return Number(h ^ (h >> 16n));
}

test('hash32 is the finaliser of MurmurHash3, in arithmetic that wraps at 2³² where JavaScript has none', () => {
  for (const x of [0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, 0x9e3779b9, ...Array.from({ length: 200 }, (_, i) => 21474836 * i)])
    assert.equal(hash32(x), byDefinition(x), `${x}`);
});

test('a bit turned over in the number turns over half the bits of the hash on average, so neighbours share nothing', () => {
  let turned = 0;
  const trials = 2000;
  for (let i = 0; i < trials; i++) {
    let difference = hash32(i) ^ hash32(i ^ (1 << (i % 32)));
    for (; difference !== 0; difference &= difference - 1) turned++;
  }
  // 64,000 fair coins: 16 ± 0.06 a number.
  assert.ok(Math.abs(turned / trials - 16) < 0.3, `${turned / trials}`);
});

test('the order of the numbers counts, and zeros are numbers like others, so that seed 0 in step 0 is a seed too', () => {
  const hashes = [hashOf(), hashOf(0), hashOf(0, 0), hashOf(1, 2), hashOf(2, 1), hashOf(3), hashOf(-1)];
  assert.equal(new Set(hashes).size, hashes.length);
  assert.ok(hashOf(0) !== 0 && hashOf(0, 0) !== 0);
});
