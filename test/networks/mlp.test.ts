// The multilayer perceptron against naive loops, finite differences and Adam's first step in closed form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { Mlp } from '../../daemon/networks/mlp.js';
import { Random } from '../../daemon/numerics/random.js';

const backend = new PlainBackend();
const SIZES = [5, 7, 6, 3];
const ROWS = 4;

function network(seed = 1): Mlp {
  return new Mlp(backend, 'net', SIZES, ROWS, 0.5, new Random(seed));
}

const normal = (n: number, seed: number) => {
  const random = new Random(seed);
  return new Float32Array(n).map(() => random.normal());
};

async function arraysOf(mlp: Mlp, withMoments = false): Promise<Map<string, Float32Array>> {
  return new Map((await mlp.save(withMoments)).map(([name, { data }]) => [name, data]));
}

/** In float64, straight from the definition: linear, ReLU, …, linear last. */
function naiveForward(weights: ReadonlyMap<string, ArrayLike<number>>, x: ArrayLike<number>): number[] {
  let values = Array.from(x);
  for (let l = 0; l + 1 < SIZES.length; l++) {
    const [w, bias] = [weights.get(`net.${l}.weight`)!, weights.get(`net.${l}.bias`)!];
    const outputs = SIZES[l + 1];
    const next = Array.from({ length: outputs }, (_, o) => values.reduce((sum, value, i) => sum + value * w[i * outputs + o], bias[o]));
    values = l + 2 < SIZES.length ? next.map(value => Math.max(value, 0)) : next;
  }
  return values;
}

test('the output is what naive loops over the saved weights give, for every row of a batch and a short one', async () => {
  const mlp = network();
  const weights = await arraysOf(mlp);
  const x = normal(ROWS * 5, 2);
  for (const rows of [ROWS, 2]) {
    mlp.forward(rows, backend.tensor([ROWS, 5], x));
    const y = await backend.read(mlp.output);
    for (let r = 0; r < rows; r++)
      naiveForward(weights, x.subarray(5 * r, 5 * r + 5)).forEach(
        // Sums of seven products of order 1 in float32.
        (value, o) => void assert.ok(Math.abs(y[3 * r + o] - value) < 1e-5, `row ${r}`),
      );
  }
});

test('gradients of every weight, bias and input are the finite differences of naive loops', async () => {
  const mlp = network();
  const x = normal(ROWS * 5, 3);
  const target = normal(ROWS * 3, 4);
  mlp.forward(ROWS, backend.tensor([ROWS, 5], x));
  backend.write(mlp.outputGradient, target);
  const dX = backend.tensor([ROWS, 5]);
  mlp.backward(ROWS, dX);
  const weights = new Map([...(await arraysOf(mlp))].map(([name, data]) => [name, Float64Array.from(data)]));
  const inputs = Float64Array.from(x);
  const value = () => {
    let sum = 0;
    for (let r = 0; r < ROWS; r++)
      naiveForward(weights, inputs.subarray(5 * r, 5 * r + 5)).forEach((y, o) => {
        sum += y * target[3 * r + o];
      });
    return sum;
  };
  const h = 1e-5;
  const slope = (array: Float64Array, i: number) => {
    const kept = array[i];
    array[i] = kept + h;
    const up = value();
    array[i] = kept - h;
    const down = value();
    array[i] = kept;
    return (up - down) / (2 * h);
  };
  const given = await backend.read(dX);
  inputs.forEach((_, i) => void assert.ok(Math.abs(given[i] - slope(inputs, i)) < 1e-4, `input ${i}`));
  // Adam with beta1 = 0 and a fresh first moment keeps the gradient itself in m.
  mlp.step({ learningRate: 0, beta1: 0, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step: 1 });
  const moments = await arraysOf(mlp, true);
  for (const [name, array] of weights)
    array.forEach((_, i) => void assert.ok(Math.abs(moments.get(`${name}.m`)![i] - slope(array, i)) < 1e-4, `${name}[${i}]`));
});

/** One backward pass with gradients that vanish nowhere but behind dead units. */
function learn(mlp: Mlp, step: number, weightDecay = 0): void {
  mlp.forward(ROWS, backend.tensor([ROWS, 5], normal(ROWS * 5, 5)));
  backend.write(mlp.outputGradient, normal(ROWS * 3, 6));
  mlp.backward(ROWS, null);
  mlp.step({ learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, step });
}

test("Adam's first step moves each number by the learning rate against its gradient's sign, whatever the gradient's size", async () => {
  const mlp = network();
  const before = await arraysOf(mlp);
  learn(mlp, 1);
  const after = await arraysOf(mlp, true);
  let moved = 0;
  for (const [name, data] of before) {
    const m = after.get(`${name}.m`)!;
    data.forEach((value, i) => {
      const change = after.get(name)![i] - value;
      if (m[i] === 0) assert.equal(change, 0);
      // ε = 1e-8 bites where a gradient is tiny; float32 storage of values near 1 leaves 1e-7.
      else if (Math.abs(m[i]) > 1e-5) {
        assert.ok(Math.abs(change + 0.01 * Math.sign(m[i])) < 1e-4, `${name}[${i}] ${change}`);
        moved++;
      }
    });
  }
  assert.ok(moved > 50);
});

test('weight decay shrinks weights and leaves biases alone', async () => {
  const [plain, decayed] = [network(), network()];
  learn(plain, 1);
  learn(decayed, 1, 0.5);
  const [a, b] = [await arraysOf(plain), await arraysOf(decayed)];
  for (const l of [0, 1, 2]) {
    assert.deepEqual(a.get(`net.${l}.bias`), b.get(`net.${l}.bias`));
    assert.notDeepEqual(a.get(`net.${l}.weight`), b.get(`net.${l}.weight`));
  }
});

test('a restored network goes on bit for bit, because weights and moments are all there is', async () => {
  const [one, other] = [network(1), network(2)];
  learn(one, 1);
  learn(one, 2);
  other.restore(new Map(await one.save(true)));
  learn(one, 3);
  learn(other, 3);
  assert.deepEqual(await one.save(true), await other.save(true));
});

test('forgotten moments are as if there had been no step: the next one is a first step', async () => {
  const [one, other] = [network(1), network(2)];
  learn(one, 1);
  one.forgetMoments();
  other.restore(new Map(await one.save(false)));
  learn(one, 1);
  learn(other, 1);
  assert.deepEqual(await one.save(true), await other.save(true));
});

test('a checkpoint of another shape is refused by the name of the array, rather than read past its end', async () => {
  const kept = new Map(await network().save(true));
  kept.set('net.1.weight', { shape: [7, 5], data: new Float32Array(35) });
  assert.throws(() => network().restore(kept), /net\.1\.weight of shape \[7,6\]/);
  kept.delete('net.1.weight');
  assert.throws(() => network().restore(kept), /net\.1\.weight/);
});

test('hidden layers start within ±1/√inputs, the last normal with the deviation asked for and no bias, so that the output starts small', async () => {
  const wide = new Mlp(backend, 'net', [100, 400, 50], 1, 0.01, new Random(3));
  const arrays = await arraysOf(wide);
  const first = arrays.get('net.0.weight')!;
  assert.ok(first.every(value => Math.abs(value) <= 0.1) && arrays.get('net.0.bias')!.every(value => Math.abs(value) <= 0.1));
  const deviation = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  // Of a uniform number in ±a: a/√3; 40,000 and 20,000 draws are good to 1 %.
  assert.ok(Math.abs(deviation(first) * Math.sqrt(3) * 10 - 1) < 0.02);
  assert.ok(Math.abs(deviation(arrays.get('net.1.weight')!) / 0.01 - 1) < 0.03);
  assert.ok(arrays.get('net.1.bias')!.every(value => value === 0));
});

test('backward before forward is an error, since there is nothing to go back through', () => {
  assert.throws(() => network().backward(1, null), /before forward/);
});
