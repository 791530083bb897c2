// Dropout: the mask by its definition in the contract, its expectation, and the same bits on every backend and any number of threads.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { hashOf } from '../../daemon/numerics/integer-hash.js';
import { Random } from '../../daemon/numerics/random.js';

const plain = new PlainBackend();

/** MurmurHash3's finaliser in whole numbers without wrapping. */
function murmur(x: bigint): bigint {
  const wrap = (value: bigint) => value & 0xffffffffn;
  let h = wrap((x ^ (x >> 16n)) * 0x85ebca6bn);
  h = wrap((h ^ (h >> 13n)) * 0xc2b2ae35n);
  return h ^ (h >> 16n);
}

/** Whether number `element` falls out, as the contract says. */
const isDropped = (element: number, rate: number, key: number) =>
  murmur((murmur(BigInt(element)) + BigInt(key)) & 0xffffffffn) < BigInt(Math.floor(rate * 2 ** 32));

async function maskOf(rows: number, width: number, rate: number, key: number): Promise<Float32Array> {
  const x = plain.tensor([rows, width], new Float32Array(rows * width).fill(1));
  plain.dropout(rows, x, rate, key);
  return plain.read(x);
}

test('a number falls out where the hash of its place and the key says so, is divided by what is kept otherwise, and rows past the last stay', async () => {
  const [rows, width] = [5, 37];
  const random = new Random(1);
  const values = new Float32Array((rows + 1) * width).map(() => random.normal());
  for (const [rate, key] of [
    [0.3, 0],
    [0.3, 0xffffffff],
    [0.75, 0x80000001],
    [0, 7],
  ] as const) {
    const x = plain.tensor([rows + 1, width], values);
    plain.dropout(rows, x, rate, key);
    (await plain.read(x)).forEach((value, e) => {
      const kept = Math.fround(values[e] * Math.fround(1 / (1 - rate)));
      const expected = e >= rows * width ? values[e] : isDropped(e, rate, key) ? 0 : kept;
      assert.equal(value, expected, `${e} at rate ${rate}, key ${key}`);
    });
  }
});

test('the same key gives the same bits on the plain reference and on one to four threads, whole vectors or not', async () => {
  const random = new Random(2);
  const shapes = [[1, 1], [3, 7], [33, 512], [31, 1021]] as const; // biome-ignore format: a table
  for (const threads of [1, 2, 3, 4]) {
    const cpu = await createCpuBackend({ threads });
    for (const [rows, width] of shapes) {
      const values = new Float32Array((rows + 1) * width).map(() => random.normal());
      for (const key of [0, 123456789, 0xfedcba98]) {
        const [reference, fast] = [plain.tensor([rows + 1, width], values), cpu.tensor([rows + 1, width], values)];
        plain.dropout(rows, reference, 0.3, key);
        cpu.dropout(rows, fast, 0.3, key);
        assert.deepEqual(await cpu.read(fast), await plain.read(reference), `${rows} × ${width} on ${threads} threads`);
        cpu.free(fast);
      }
    }
    await cpu.dispose();
  }
});

test('the expectation of every unit is kept: over many steps its mean is 1, and a row keeps its mean too', async () => {
  const [rows, width, steps, rate] = [8, 64, 1500, 0.3];
  const means = new Float64Array(rows * width);
  for (let step = 1; step <= steps; step++) {
    const mask = await maskOf(rows, width, rate, hashOf(5, step));
    mask.forEach((value, i) => {
      means[i] += value / steps;
    });
  }
  // Each mean has a deviation of √(0.3/0.7/1500) = 0.017; the largest of 512 lies within 4 of them, and their own mean within 0.003.
  assert.ok(
    means.every(mean => Math.abs(mean - 1) < 0.085),
    `${Math.max(...means.map(mean => Math.abs(mean - 1)))}`,
  );
  assert.ok(Math.abs(means.reduce((sum, mean) => sum + mean, 0) / means.length - 1) < 0.003);
});

test('masks of consecutive steps share only what chance lets them share, as do consecutive rows of one mask', async () => {
  const [rows, width, rate] = [64, 512, 0.3];
  const masks: Float32Array[] = [];
  for (let step = 1; step <= 4; step++) masks.push(await maskOf(rows, width, rate, hashOf(0, step)));
  const bothDropped = (a: Float32Array, b: Float32Array) =>
    a.reduce((count, value, i) => count + Number(value === 0 && b[i] === 0), 0) / a.length;
  // 32,768 pairs, both out with probability 0.09: ± 0.0016.
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < i; j++) assert.ok(Math.abs(bothDropped(masks[i], masks[j]) - rate ** 2) < 0.008, `steps ${j} and ${i}`);
    assert.ok(Math.abs(bothDropped(masks[i].subarray(width), masks[i].subarray(0, -width)) - rate ** 2) < 0.008, `rows of ${i}`);
  }
});
