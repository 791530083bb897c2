// The bandwidth against what is best in closed form for normal samples, one or two.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelBandwidth } from '../../daemon/numerics/kernel-bandwidth.js';
import { Random } from '../../daemon/numerics/random.js';

function sample(count: number, draw: (i: number) => number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => draw(i)).sort();
}

test('for normal samples it is the best there is, (4/3n)^(1/5) σ: to a sixth for the median of nine, to a factor of two for each', () => {
  for (const [count, width] of [
    [500, 1],
    [4000, 0.4],
  ]) {
    const best = (4 / (3 * count)) ** 0.2 * width;
    const found = Array.from({ length: 9 }, (_, seed) => {
      const random = new Random(seed);
      const values = sample(count, () => 5 + width * random.normal());
      return kernelBandwidth(values, 10) / best;
    }).sort();
    assert.ok(Math.abs(found[4] - 1) < 1 / 6, `${found}`);
    assert.ok(found[0] > 0.5 && found[8] < 2, `${found}`);
  }
});

test('for two normal peaks far apart it is that of one of them with half the sample, not one that smears them together', () => {
  const random = new Random(4);
  const found = kernelBandwidth(
    sample(6000, i => (i % 2 ? 8 : 2) + 0.3 * random.normal()),
    10,
  );
  // Two peaks of half the weight each have twice the roughness of one with n: best is (4/3 · 2/n)^(1/5) σ.
  const best = (8 / (3 * 6000)) ** 0.2 * 0.3;
  assert.ok(Math.abs(found / best - 1) < 0.25, `${found} of ${best}`);
});

test('it scales with the interval, and small, single and coinciding samples have one all the same', () => {
  const random = new Random(5);
  const values = sample(800, () => 1 + 0.2 * random.normal());
  const once = kernelBandwidth(values, 2);
  assert.ok(
    Math.abs(
      kernelBandwidth(
        values.map(value => 7 * value),
        14,
      ) /
        once -
        7,
    ) < 1e-6,
  );
  for (const few of [[], [1], [1, 1.5], new Array<number>(30).fill(1)]) {
    const found = kernelBandwidth(Float64Array.from(few), 2);
    assert.ok(found > 0 && Number.isFinite(found), `${few.length}: ${found}`);
  }
  const same = kernelBandwidth(new Float64Array(500).fill(1), 2);
  assert.ok(same > 0 && same < 0.1, `${same}`);
});
