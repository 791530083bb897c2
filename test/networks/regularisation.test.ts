// The paper's dropout, batch normalisation and L2 penalty inside a network: naive loops, Taylor remainders, what inference makes of it, and what a checkpoint keeps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../daemon/compute/backend.js';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import type { NamedTensor } from '../../daemon/formats/safetensors.js';
import { foldNormalisation } from '../../daemon/networks/batch-normalisation.js';
import { Mlp, type MlpOptions, type TrainingPass } from '../../daemon/networks/mlp.js';
import { Random } from '../../daemon/numerics/random.js';

const plain = new PlainBackend();
const SIZES = [5, 12, 10, 3];
const BATCH = 16;
/** One passenger behind the batch, as the decoder has at z = 0. */
const ROWS = BATCH + 1;
const BOTH = { dropout: 0.3, batchNormalisation: true };
const pass = (step: number, batchRows = BATCH): TrainingPass => ({ batchRows, seed: 3, step });
const adam = (step: number) => ({ learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step });

const normals = (count: number, seed: number) => {
  const random = new Random(seed);
  return new Float32Array(count).map(() => random.normal());
};
const X = normals(ROWS * SIZES[0], 1);
const TARGET = normals(ROWS * SIZES[3], 2);

function network(options: Partial<MlpOptions>, seed = 1, backend: Backend = plain, name = 'net'): Mlp {
  return new Mlp(backend, name, SIZES, ROWS, 0.5, new Random(seed), options);
}

async function arraysOf(mlp: Mlp, withMoments = false): Promise<Map<string, NamedTensor>> {
  return new Map(await mlp.save(withMoments));
}

async function outputs(
  mlp: Mlp,
  training: TrainingPass | null,
  rows = ROWS,
  x: Float32Array = X,
  backend: Backend = plain,
): Promise<Float32Array> {
  const input = backend.tensor([ROWS, SIZES[0]], x);
  mlp.forward(rows, input, training);
  backend.free(input);
  return (await backend.read(mlp.output)).subarray(0, rows * SIZES[3]);
}

/** A step of learning on a batch of `rows` and its passenger. */
async function learn(mlp: Mlp, step: number, batchRows = BATCH, backend: Backend = plain): Promise<void> {
  mlp.forward(batchRows + 1, backend.tensor([ROWS, SIZES[0]], X), pass(step, batchRows));
  backend.write(mlp.outputGradient, TARGET);
  mlp.backward(batchRows + 1, null);
  mlp.step(adam(step));
}

/** One dense layer in float64, row by row. */
function naiveDense(rows: number[][], w: NamedTensor, bias: NamedTensor, relu: boolean): number[][] {
  const outputs = bias.data.length;
  return rows.map(row =>
    Array.from({ length: outputs }, (_, o) => {
      const sum = row.reduce((total, value, i) => total + value * w.data[i * outputs + o], bias.data[o]);
      return relu ? Math.max(sum, 0) : sum;
    }),
  );
}

function naiveHidden(arrays: ReadonlyMap<string, NamedTensor>): number[][] {
  let rows = Array.from({ length: ROWS }, (_, r) => Array.from(X.subarray(r * SIZES[0], (r + 1) * SIZES[0])));
  for (const l of [0, 1]) rows = naiveDense(rows, arrays.get(`net.${l}.weight`)!, arrays.get(`net.${l}.bias`)!, true);
  return rows;
}

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++)
    assert.ok(Math.abs(actual[i] - expected[i]) < tolerance, `${i}: ${actual[i]}, not ${expected[i]}`);
}

test('learning normalises what dropout left of the last hidden layer, over the batch alone; the passenger loses no unit and takes the same mean and variance', async () => {
  const mlp = network(BOTH);
  const arrays = await arraysOf(mlp);
  const random = new Random(8);
  for (const name of ['scale', 'shift'])
    arrays.get(`net.normalisation.${name}`)!.data.forEach((_, i, data) => void (data[i] = random.normal()));
  mlp.restore(arrays);
  const given = await outputs(mlp, pass(1));

  // Without normalisation and with a last layer that copies, the same pass shows which units its mask dropped.
  const copier = new Mlp(plain, 'net', [10, 10, 10], ROWS, 0, new Random(1), { dropout: 0.3 });
  const unit = Float32Array.from({ length: 100 }, (_, i) => Number(i % 11 === 0));
  const zero = { shape: [10], data: new Float32Array(10) };
  const identity = { shape: [10, 10], data: unit };
  copier.restore(new Map(['net.0', 'net.1'].flatMap(l => [[`${l}.weight`, identity] as const, [`${l}.bias`, zero] as const])));
  copier.forward(ROWS, plain.tensor([ROWS, 10], new Float32Array(ROWS * 10).fill(1)), pass(1));
  const mask = await plain.read(copier.output);
  assert.ok(mask.subarray(BATCH * 10).every(value => value === 1));
  assert.ok(mask.subarray(0, BATCH * 10).some(value => value === 0));

  const hidden = naiveHidden(arrays).map((row, r) => row.map((value, c) => value * mask[r * 10 + c]));
  const [scale, shift] = ['scale', 'shift'].map(name => arrays.get(`net.normalisation.${name}`)!.data);
  const columns = hidden[0].map((_, c) => {
    const inBatch = hidden.slice(0, BATCH).map(row => row[c]);
    const mean = inBatch.reduce((sum, value) => sum + value, 0) / BATCH;
    return { mean, variance: inBatch.reduce((sum, value) => sum + (value - mean) ** 2, 0) / BATCH };
  });
  const normalised = hidden.map(row =>
    row.map((value, c) => (scale[c] * (value - columns[c].mean)) / Math.sqrt(columns[c].variance + 1e-3) + shift[c]),
  );
  const expected = naiveDense(normalised, arrays.get('net.2.weight')!, arrays.get('net.2.bias')!, false);
  // Sums of twelve float32 numbers of order one, divided by deviations down to √0.001.
  assertClose(given, expected.flat(), 1e-4);
  // The first step is the whole of the running statistics.
  const running = (await arraysOf(mlp)).get('net.normalisation.statistics')!.data;
  assertClose(running, [...columns.map(c => c.mean), ...columns.map(c => c.variance)], 1e-5);
});

for (const [title, training] of [
  ['learning, with the mask of the step and the statistics of the batch', pass(5)],
  ['inference, with no mask and the running statistics', null],
] as const) {
  test(`the Taylor remainder of a loss falls as h² along random directions of every parameter and of the input: ${title}`, async () => {
    const mlp = network(BOTH);
    const start = await arraysOf(mlp);
    // Hidden units stand well on one side of the corner of ReLU, where a Taylor series of the loss exists; a third of them is off.
    for (const l of [0, 1]) start.get(`net.${l}.bias`)!.data.forEach((_, i, data) => void (data[i] = (i % 3 === 2 ? -6 : 6) * (l + 1)));
    start.get('net.normalisation.scale')!.data.set(normals(10, 4));
    start.get('net.normalisation.shift')!.data.set(normals(10, 5));
    start.get('net.normalisation.statistics')!.data.set(normals(20, 6).map(value => Math.abs(value) + 0.5));
    const lossOf = (y: Float32Array) => y.reduce((sum, value, i) => sum + TARGET[i] * value + value ** 2 / 2, 0);
    /** The loss with every parameter (or the input) moved along a direction. */
    const loss = async (parameters: ReadonlyMap<string, NamedTensor>, x: Float32Array) => {
      mlp.restore(new Map([...parameters, ['net.normalisation.statistics', start.get('net.normalisation.statistics')!]]));
      return lossOf(await outputs(mlp, training, ROWS, x));
    };
    const here = await loss(start, X);
    const y = (await plain.read(mlp.output)).slice();
    mlp.restore(start);
    mlp.forward(ROWS, plain.tensor([ROWS, SIZES[0]], X), training);
    plain.write(mlp.outputGradient, y.map((value, i) => TARGET[i] + value)); // biome-ignore format: one thought
    const dX = plain.tensor([ROWS, SIZES[0]]);
    mlp.backward(ROWS, dX);
    // Adam with beta1 = 0 and no learning rate leaves the gradients themselves in the first moments.
    mlp.step({ ...adam(1), learningRate: 0, beta1: 0 });
    const moments = await arraysOf(mlp, true);
    const names = [...start.keys()].filter(name => !name.endsWith('statistics'));
    for (const group of [...names, 'input']) {
      const [point, gradient] = group === 'input' ? [X, await plain.read(dX)] : [start.get(group)!.data, moments.get(`${group}.m`)!.data];
      const remainder = async (h: number) => {
        let squares = 0;
        for (let seed = 30; seed < 36; seed++) {
          const direction = normals(point.length, seed);
          const moved = point.map((value, i) => value + h * direction[i]);
          const slope = gradient.reduce((sum, g, i) => sum + g * (moved[i] - point[i]), 0);
          const shape = start.get(group)?.shape ?? [];
          const there = group === 'input' ? await loss(start, moved) : await loss(new Map(start).set(group, { shape, data: moved }), X);
          squares += (there - here - slope) ** 2;
        }
        return Math.sqrt(squares);
      };
      // Biases and input move the hidden units little, and normalisation takes off what moves all rows alike: ten times the step lifts them above rounding.
      const h = group.endsWith('bias') || group === 'input' ? 0.4 : 0.04;
      const [far, near] = [await remainder(h), await remainder(h / 2)];
      const order = Math.log2(far / near);
      assert.ok(order > 1.85 && order < 2.15, `${group}: order ${order} from ${far} to ${near}`);
    }
  });
}

test('inference is without chance: after learning, the same rows give the same output in any company and for any seed', async () => {
  const mlp = network(BOTH);
  for (let step = 1; step <= 5; step++) await learn(mlp, step);
  const together = await outputs(mlp, null);
  assert.deepEqual(await outputs(mlp, null), together);
  for (const r of [0, 7, BATCH]) {
    const alone = await outputs(mlp, null, 1, X.slice(r * SIZES[0], (r + 1) * SIZES[0]));
    assert.deepEqual(alone, together.slice(r * SIZES[3], (r + 1) * SIZES[3]));
  }
});

test('normalisation folded into the layer behind it is a bare network that infers the same, constants included', async () => {
  const mlp = network({ batchNormalisation: true });
  for (let step = 1; step <= 5; step++) await learn(mlp, step);
  const arrays = await arraysOf(mlp);
  const [scale, shift, statistics] = ['scale', 'shift', 'statistics'].map(name => arrays.get(`net.normalisation.${name}`)!.data);
  const [weight, bias] = ['weight', 'bias'].map(name => arrays.get(`net.2.${name}`)!.data);
  const folded = foldNormalisation({ scale, shift, statistics }, { inputs: 10, outputs: 3, weight, bias });
  const bare = network({});
  const layers = [...arrays].filter(([name]) => !name.includes('normalisation'));
  bare.restore(
    new Map(layers).set('net.2.weight', { shape: [10, 3], data: folded.weight }).set('net.2.bias', { shape: [3], data: folded.bias }),
  );
  // Two orders of the same products of order one in float32.
  assertClose(await outputs(bare, null), await outputs(mlp, null), 1e-5);
});

test('a batch too short for a variance is normalised by the running statistics, which it leaves alone, so one particle throws nothing away', async () => {
  const mlp = network({ batchNormalisation: true });
  await learn(mlp, 1);
  const before = (await arraysOf(mlp)).get('net.normalisation.statistics');
  const short = (await outputs(mlp, pass(2, 1), 2)).slice();
  assert.deepEqual((await arraysOf(mlp)).get('net.normalisation.statistics'), before);
  assert.deepEqual(short, (await outputs(mlp, null, 2)).slice());
  await outputs(mlp, pass(3, 8), 9);
  assert.notDeepEqual((await arraysOf(mlp)).get('net.normalisation.statistics'), before);
});

test('the running statistics average the first hundred steps and then forget as Keras does, 0.99 a step', async () => {
  const mlp = network({ batchNormalisation: true });
  const [a, b] = [X, X.map(value => 2 * value + 1)];
  const alone: Float32Array[] = [];
  for (const x of [a, b]) {
    const fresh = network({ batchNormalisation: true });
    await outputs(fresh, pass(1), ROWS, x);
    alone.push((await arraysOf(fresh)).get('net.normalisation.statistics')!.data);
  }
  await outputs(mlp, pass(1), ROWS, a);
  await outputs(mlp, pass(2), ROWS, b);
  const running = async () => (await arraysOf(mlp)).get('net.normalisation.statistics')!.data;
  assertClose(await running(), alone[0].map((value, i) => (value + alone[1][i]) / 2), 1e-5); // biome-ignore format: one thought
  const before = await running();
  await outputs(mlp, pass(5000), ROWS, a);
  assertClose(await running(), before.map((value, i) => 0.99 * value + 0.01 * alone[0][i]), 1e-5); // biome-ignore format: one thought
});

test('at z = 0 a row less the passenger is 0 on average over the masks, as it is to the bit in inference', async () => {
  const mlp = network({ dropout: 0.3 });
  const atOrigin = X.slice().fill(0);
  const trials = 1000;
  const mean = new Float64Array(BATCH * SIZES[3]);
  const square = new Float64Array(BATCH * SIZES[3]);
  for (let step = 1; step <= trials; step++) {
    const y = await outputs(mlp, pass(step), ROWS, atOrigin);
    for (let i = 0; i < mean.length; i++) {
      const difference = y[i] - y[BATCH * SIZES[3] + (i % SIZES[3])];
      mean[i] += difference / trials;
      square[i] += difference ** 2 / trials;
    }
  }
  // Of 48 means the largest lies within 4 of their own deviations.
  mean.forEach((value, i) => void assert.ok(Math.abs(value) < 4 * Math.sqrt(square[i] / trials), `${value}`));
  assert.ok(square.every(value => value > 1e-3));
  const y = await outputs(mlp, null, ROWS, atOrigin);
  for (let r = 0; r < BATCH; r++) assert.deepEqual(y.slice(r * SIZES[3], (r + 1) * SIZES[3]), y.slice(BATCH * SIZES[3]));
});

test('the same seed and step give the same mask on every backend and number of threads, so learning is reproducible; another step or name another mask', async () => {
  const expected = (await outputs(network({ dropout: 0.3 }), pass(4))).slice();
  for (const threads of [1, 2, 3, 4]) {
    const cpu = await createCpuBackend({ threads });
    const same = network({ dropout: 0.3 }, 1, cpu);
    // Sums of ten float32 numbers of order one in another order; a unit more or less would be a tenth of the whole.
    assertClose(await outputs(same, pass(4), ROWS, X, cpu), expected, 1e-5);
    const runs: Float32Array[][] = [];
    for (let repeat = 0; repeat < 2; repeat++) {
      const mlp = network({ ...BOTH, l2: 1e-3 }, 1, cpu);
      for (let step = 1; step <= 3; step++) await learn(mlp, step, BATCH, cpu);
      runs.push([...(await arraysOf(mlp, true)).values()].map(({ data }) => data));
    }
    assert.deepEqual(runs[0], runs[1]);
    await cpu.dispose();
  }
  assert.notDeepEqual((await outputs(network({ dropout: 0.3 }), pass(5))).slice(), expected);
  assert.notDeepEqual((await outputs(network({ dropout: 0.3 }, 1, plain, 'other'), pass(4))).slice(), expected);
});

test('all off is the network that has no such options, bit for bit, learning and inferring alike', async () => {
  const [bare, off] = [new Mlp(plain, 'net', SIZES, ROWS, 0.5, new Random(1)), network({ dropout: 0, batchNormalisation: false, l2: 0 })];
  for (let step = 1; step <= 3; step++) {
    bare.forward(ROWS, plain.tensor([ROWS, SIZES[0]], X));
    plain.write(bare.outputGradient, TARGET);
    bare.backward(ROWS, null);
    bare.step(adam(step));
    await learn(off, step);
  }
  assert.deepEqual(await bare.save(true), await off.save(true));
});

test('the L2 penalty adds 2·l2·w to the gradient of every weight and of nothing else', async () => {
  const mlp = network({ ...BOTH, l2: 0.05 });
  const before = await arraysOf(mlp);
  mlp.forward(ROWS, plain.tensor([ROWS, SIZES[0]], X), pass(1));
  plain.fill(mlp.outputGradient, 0);
  mlp.backward(ROWS, null);
  mlp.step({ ...adam(1), learningRate: 0, beta1: 0 });
  const after = await arraysOf(mlp, true);
  for (const [name, { data }] of before) {
    if (name.endsWith('statistics')) continue;
    const expected = data.map(value => (name.endsWith('weight') ? 2 * 0.05 * value : 0));
    assertClose(after.get(`${name}.m`)!.data, expected, 1e-7);
  }
});

test('a restored network goes on bit for bit, because its running statistics come back with weights and moments and the mask is named by seed and step', async () => {
  const [one, other] = [network({ ...BOTH, l2: 1e-3 }, 1), network({ ...BOTH, l2: 1e-3 }, 2)];
  await learn(one, 1);
  await learn(one, 2);
  other.restore(await arraysOf(one, true));
  assert.deepEqual((await outputs(other, null)).slice(), (await outputs(one, null)).slice());
  await learn(one, 3);
  await learn(other, 3);
  assert.deepEqual(await one.save(true), await other.save(true));
});

test('a checkpoint is refused where only one side is normalised, since neither could say what the other says', async () => {
  const [normalised, bare] = [network(BOTH), network({ dropout: 0.3 })];
  const [withIt, without] = [await arraysOf(normalised), await arraysOf(bare)];
  assert.throws(() => bare.restore(withIt), /net has batch normalisation/);
  assert.throws(() => normalised.restore(without), /net\.normalisation\.scale/);
});

test('options that mean nothing are refused', () => {
  for (const dropout of [-0.1, 1, Number.NaN]) assert.throws(() => network({ dropout }), /dropout must be in/);
  assert.throws(() => new Mlp(plain, 'net', [3, 2], 1, 0.1, new Random(1), { dropout: 0.1 }), /hidden layer/);
});
