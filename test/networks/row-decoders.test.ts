// The decoders of one latent point: closed forms, and the SIMD one against the plain one on shapes that leave every kind of rest.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedTensor, Safetensors } from '../../daemon/formats/safetensors.js';
import { emptySet } from '../../daemon/gaussians/gaussian-set.js';
import { logitsToRow } from '../../daemon/gaussians/model-frame.js';
import { decoderWeights, LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { PlainRowDecoder } from '../../daemon/networks/plain-row-decoder.js';
import { SimdRowDecoder } from '../../daemon/networks/simd-row-decoder.js';
import { Random } from '../../daemon/numerics/random.js';

/** Random weights of a decoder with the layer sizes `sizes`, the last a multiple of five. */
function randomRun(sizes: readonly number[], seed = 1): Safetensors {
  const random = new Random(seed);
  const width = sizes[sizes.length - 1];
  const tensors = new Map<string, NamedTensor>();
  const put = (name: string, shape: number[], draw: () => number) =>
    tensors.set(name, {
      shape,
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, draw),
    });
  for (let l = 0; l + 1 < sizes.length; l++) {
    put(`decoder.${l}.weight`, [sizes[l], sizes[l + 1]], () => random.normal() / Math.sqrt(sizes[l]));
    put(`decoder.${l}.bias`, [sizes[l + 1]], () => 0.1 * random.normal());
  }
  put('neutral.logits', [5, width / 5], () => random.normal());
  put('vary', [5, width / 5], () => random.uniform());
  const frame = { boxAngstrom: 200, centreAngstrom: [10, 20, 30], referenceSigmaAngstrom: 4 };
  return { tensors, metadata: { epoch: '3', frame: JSON.stringify(frame) } };
}

const largestDifference = (a: Float32Array, b: Float32Array) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

for (const [name, Decoder] of [
  ['plain', PlainRowDecoder],
  ['SIMD', SimdRowDecoder],
] as const) {
  test(`${name}: a single linear layer is a sigmoid of neutral + vary ⊙ (w·z), since the bias is at z = 0 as well`, () => {
    const weights = decoderWeights(randomRun([1, 35]).tensors);
    const decoder = new Decoder(weights);
    const row = decoder.row([0.7]);
    weights.neutral.forEach((neutral, i) => {
      const logit = neutral + weights.vary[i] * weights.layers[0].weight[i] * 0.7;
      const expected = 1 / (1 + Math.exp(-logit)) + (i < 21 ? -0.5 : i < 28 ? 0 : 0.5);
      // A few roundings of float32 numbers of order one.
      assert.ok(Math.abs(row[i] - expected) < 1e-6, `${i}: ${row[i]} is not ${expected}`);
    });
  });

  test(`${name}: z = 0 gives the neutral model, whatever the network has learned, because its own origin is taken off`, () => {
    const weights = decoderWeights(randomRun([3, 40, 40, 105]).tensors);
    const decoder = new Decoder(weights);
    decoder.row([1, -2, 3]);
    assert.ok(largestDifference(decoder.row([0, 0, 0]), logitsToRow(weights.neutral)) < 1e-6);
  });

  test(`${name}: a weight that is not a number is seen in the one number that hangs on it, and in no other`, () => {
    const weights = decoderWeights(randomRun([2, 8, 35]).tensors);
    weights.layers[1].weight[11] = Number.NaN;
    weights.layers[0].bias.fill(10);
    const row = new Decoder(weights).row([1, 1]);
    assert.deepEqual(
      Array.from(row, Number.isNaN).flatMap((broken, i) => (broken ? [i] : [])),
      [11],
    );
  });
}

test('SIMD and plain agree, for widths with every rest of a vector and of the four rows added at a time, and for layers that ReLU shuts off', () => {
  for (const sizes of [
    [1, 5],
    [4, 3, 6, 2, 10],
    [2, 13, 7, 15],
    [3, 64, 65, 66, 1035],
    [4, 512, 512, 512, 5 * 411],
  ]) {
    const weights = decoderWeights(randomRun(sizes, sizes.length).tensors);
    const [plain, simd] = [new PlainRowDecoder(weights), new SimdRowDecoder(weights)];
    const random = new Random(7);
    for (let trial = 0; trial < 3; trial++) {
      const z = Array.from({ length: sizes[0] }, () => 2 * random.normal());
      // Sums of up to 512 numbers of order one in another order: 512·2⁻²⁴ at worst, times the slope ¼ of the sigmoid.
      assert.ok(largestDifference(plain.row(z), simd.row(z)) < 1e-5, `${sizes} at ${z}`);
    }
  }
  const shut = decoderWeights(randomRun([2, 16, 16, 35]).tensors);
  shut.layers[1].bias.fill(-1e6);
  assert.deepEqual(new SimdRowDecoder(shut).row([1, 2]), new SimdRowDecoder(shut).row([0, 0]));
});

test('a decode writes into the set it is given and nowhere else, so that a stream of frames allocates nothing and earlier frames stay', () => {
  const decoder = new LatentDecoder(randomRun([2, 16, 35]));
  const first = decoder.decode([1, 0]);
  const kept = first.positions.slice();
  const set = emptySet(7);
  assert.equal(decoder.decode([0, 1], set), set);
  assert.deepEqual(first.positions, kept);
  assert.notDeepEqual(set.positions, kept);
  assert.deepEqual(decoder.decode([1, 0], set).positions, kept);
});
