// The decoder alone against the training network it was written from: the same molecule, and the neutral one at z = 0.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import type { NamedTensor, Safetensors } from '../../daemon/formats/safetensors.js';
import { logitsToRow, type ModelFrame, toWorld } from '../../daemon/gaussians/model-frame.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { Mlp, type MlpOptions } from '../../daemon/networks/mlp.js';
import { Random } from '../../daemon/numerics/random.js';

const frame: ModelFrame = { boxAngstrom: 200, centreAngstrom: [100, 90, 80], referenceSigmaAngstrom: 5 };
const N = 9;
const backend = new PlainBackend();

async function written(
  seed: number,
  vary = new Float32Array(5 * N).fill(1),
  options: Partial<MlpOptions> = {},
): Promise<{ mlp: Mlp; weights: Safetensors; neutral: Float32Array }> {
  const random = new Random(seed);
  const mlp = new Mlp(backend, 'decoder', [3, 20, 24, 5 * N], 2, 0.3, random, options);
  if (options.batchNormalisation) mlp.restore(await withStatistics(mlp, random));
  const logits = new Random(99);
  const neutral = new Float32Array(5 * N).map(() => logits.normal());
  const tensors = new Map<string, NamedTensor>([
    ...(await mlp.save(true)),
    ['neutral.logits', { shape: [5, N], data: neutral }],
    ['vary', { shape: [5, N], data: vary }],
  ]);
  return { mlp, weights: { tensors, metadata: { epoch: '7', frame: JSON.stringify(frame) } }, neutral };
}

/** The network's arrays, as if it had been normalised by what many batches left. */
async function withStatistics(mlp: Mlp, random: Random): Promise<Map<string, NamedTensor>> {
  const tensors = new Map(await mlp.save(false));
  const fill = (name: string, draw: () => number) => {
    const tensor = tensors.get(`decoder.normalisation.${name}`)!;
    tensors.set(`decoder.normalisation.${name}`, { ...tensor, data: tensor.data.map(draw) });
  };
  fill('scale', () => random.normal());
  fill('shift', () => random.normal());
  fill('statistics', () => 0.2 + random.uniform());
  return tensors;
}

const PAPER = { dropout: 0.3, batchNormalisation: true };
for (const [title, options] of [
  ['', {}],
  [', batch normalisation folded into the last layer because both are affine', PAPER],
] as const)
  test(`at any z it gives what the training network gives with the same weights, in Å${title}`, async () => {
    const random = new Random(4);
    const vary = new Float32Array(5 * N).map(() => random.uniform());
    const { mlp, weights, neutral } = await written(1, vary, options);
    const decoder = new LatentDecoder(weights);
    assert.deepEqual([decoder.dims, decoder.count, decoder.epoch], [3, N, 7]);
    for (let trial = 0; trial < 5; trial++) {
      const z = Float32Array.from({ length: 3 }, () => random.normal());
      // One row and the origin behind it, as in training.
      mlp.forward(2, backend.tensor([2, 3], Float32Array.from([...z, 0, 0, 0])));
      const out = backend.tensor([1, 5 * N]);
      backend.gaussians(1, mlp.output, true, backend.tensor([5 * N], neutral), backend.tensor([5 * N], vary), out);
      const wanted = toWorld(await backend.read(out), frame);
      const got = decoder.decode(z);
      // Two ways of float32 summing about 24 terms of order 1; positions are 200 Å times a box fraction.
      got.positions.forEach((value, i) => void assert.ok(Math.abs(value - wanted.positions[i]) < 1e-3, `${value} ${wanted.positions[i]}`));
      got.amplitudes.forEach((value, i) => void assert.ok(Math.abs(value - wanted.amplitudes[i]) < 1e-5));
      got.sigmas.forEach((value, i) => void assert.ok(Math.abs(value - wanted.sigmas[i]) < 5e-5));
    }
  });

test('at z = 0 it is the neutral model to the bit, whatever the weights, because its value there is taken off before the sigmoid', async () => {
  const sets = [];
  for (const seed of [1, 2, 3]) sets.push(new LatentDecoder((await written(seed)).weights).decode([0, 0, 0]));
  sets.push(new LatentDecoder((await written(4, undefined, PAPER)).weights).decode([0, 0, 0]));
  for (const set of sets) assert.deepEqual(set, sets[0]);
  // The same bits as the backend that trains gives, by the same kernels without fused multiply-add.
  const cpu = await createCpuBackend({ threads: 1, fused: false });
  const { neutral } = await written(1);
  const row = cpu.tensor([1, 5 * N]);
  const ones = cpu.tensor([5 * N], new Float32Array(5 * N).fill(1));
  cpu.gaussians(1, cpu.tensor([1, 5 * N]), false, cpu.tensor([5 * N], neutral), ones, row);
  const trained = toWorld(await cpu.read(row), frame);
  await cpu.dispose();
  assert.deepEqual(sets[0], trained);
  // And the closed form, to float32 rounding of 200 Å.
  const exact = toWorld(logitsToRow(neutral), frame);
  sets[0].positions.forEach((value, i) => void assert.ok(Math.abs(value - exact.positions[i]) < 5e-5));
});

test('what may not vary stays at its neutral value to the bit at every z', async () => {
  const vary = new Float32Array(5 * N).fill(1, 3 * N, 4 * N);
  const decoder = new LatentDecoder((await written(5, vary)).weights);
  const [neutral, moved] = [decoder.decode([0, 0, 0]), decoder.decode([1, -2, 0.5])];
  assert.deepEqual(moved.positions, neutral.positions);
  assert.deepEqual(moved.sigmas, neutral.sigmas);
  assert.ok(moved.amplitudes.every((value, i) => value !== neutral.amplitudes[i]));
});

test('weights that lack an array are an error that names it', async () => {
  for (const name of ['decoder.0.weight', 'decoder.2.bias', 'decoder.normalisation.statistics', 'neutral.logits', 'vary']) {
    const { weights } = await written(1, undefined, PAPER);
    const tensors = new Map(weights.tensors);
    tensors.delete(name);
    assert.throws(() => new LatentDecoder({ ...weights, tensors }), new RegExp(name.replaceAll('.', '\\.')));
  }
});
