// Half precision beside an oracle that rounds by arithmetic, number by number: what is kept on disk is what training sees.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HalfPrecisionRow } from '../../daemon/compute/cpu/half-precision.js';
import { Random } from '../../daemon/numerics/random.js';

/** IEEE 754 binary16, ties to even: below 2⁻¹⁴ a number is a multiple of 2⁻²⁴, above of 2⁻¹⁰ of its own power of two. */
function roundToHalf(value: number): number {
  const unit = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), -14) - 10);
  const steps = value / unit;
  const below = Math.floor(steps);
  const rest = steps - below;
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return unit * (below + Number(isUp));
}

/** The power of two that brings the largest number of a row below 2¹⁵. */
function scaleOf(row: Float32Array): number {
  return 2 ** (Math.floor(Math.log2(Math.max(...row.map(Math.abs)))) - 14);
}

function through(row: Float32Array): Float32Array {
  const codec = new HalfPrecisionRow(row.length);
  codec.encode(row);
  return codec.decode().slice();
}

function compare(row: Float32Array): void {
  const scale = scaleOf(row);
  const kept = through(row);
  row.forEach((value, i) => {
    const wanted = Math.fround(scale * roundToHalf(value / scale));
    // As numbers: rounding to zero keeps the sign.
    assert.ok(kept[i] === wanted, `number ${i}: ${value} became ${kept[i]}, not ${wanted}`);
  });
}

test("every number is rounded to the nearest that half precision holds, ties to even, from the row's largest down to what rounds to zero", () => {
  const random = new Random(1);
  for (const width of [1, 7, 8, 64, 1001]) compare(Float32Array.from({ length: width }, (_, i) => random.normal() * 2 ** -(i % 45)));
  // Ties, the step from one power of two to the next, and the smallest multiples.
  compare(
    Float32Array.of(
      2 ** 14,
      2049,
      2051,
      4098,
      4095.5,
      2 ** -14,
      2 ** -14 - 2 ** -25,
      1.5 * 2 ** -24,
      2.5 * 2 ** -24,
      2 ** -25,
      -(2 ** -24),
    ),
  );
});

test('rows far from one keep the same relative precision, because each has a power of two of its own', () => {
  const random = new Random(2);
  for (const size of [1e-25, 1e-10, 1e6, 1e30]) compare(Float32Array.from({ length: 40 }, () => size * random.normal()));
});

test('zeros stay zeros, and a number that is not finite makes the whole row NaN, so that training stops rather than learns from it', () => {
  assert.deepEqual(through(new Float32Array(9)), new Float32Array(9));
  for (const bad of [Number.NaN, Infinity, -Infinity]) assert.ok(through(Float32Array.of(1, 2, bad, 4, 5)).every(Number.isNaN));
});

test('a row costs two bytes a number and four for its scale, and bytes that are all zero are a row of zeros', () => {
  const codec = new HalfPrecisionRow(11);
  assert.equal(codec.encode(new Float32Array(11).fill(3)).length, 4 + 22);
  codec.bytes.fill(0);
  assert.deepEqual(codec.decode(), new Float32Array(11));
});
