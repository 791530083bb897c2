// What is particular to TensorFlow.js: each backend of its own agrees, nothing stays behind, and what is missing or full is told in one line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProjectionGeometry } from '../../daemon/compute/backend.js';
import { ComputeError } from '../../daemon/compute/compute-error.js';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { openTensorFlow, refuseFullMemory } from '../../daemon/compute/tfjs/open-tensorflow.js';
import { TfjsBackend } from '../../daemon/compute/tfjs/tfjs-backend.js';
import { openGpu } from '../../daemon/compute/webgpu/device.js';
import { Random } from '../../daemon/numerics/random.js';
import { openTfjs, present } from './backends-under-test.js';
import { provideSoftwareVulkan } from './software-vulkan.js';

const plain = new PlainBackend();
const noise = (random: Random, length: number) => Float32Array.from({ length }, () => random.normal());

function geometryOf(n: number, box: number, rings: number): ProjectionGeometry {
  return { gaussians: n, ringGeometry: ringGeometry(box, rings), referenceSigmaPixels: 1.2, blurVariancePixels: 0.4 };
}

/** Particles seen along z, x and y in turn, of random Gaussians within three quarters of the box. */
function scene(random: Random, rows: number, { gaussians: n, ringGeometry: { planeSize } }: ProjectionGeometry) {
  const row = () => [
    ...Array.from({ length: 3 * n }, () => 0.75 * (random.uniform() - 0.5)),
    ...Array.from({ length: n }, () => 0.1 + 0.8 * random.uniform()),
    ...Array.from({ length: n }, () => 0.6 + 0.8 * random.uniform()),
  ];
  const views = [
    [1, 0, 0, 0, 1, 0, 0, 0, 1],
    [0, 1, 0, 0, 0, 1, 1, 0, 0],
    [0, 0, 1, 1, 0, 0, 0, 1, 0],
  ];
  return {
    gaussians: Float32Array.from(Array.from({ length: rows }, row).flat()),
    rotations: Float32Array.from(Array.from({ length: rows }, (_, r) => views[r % 3]).flat()),
    images: noise(random, rows * 2 * planeSize),
  };
}

async function project(backend: TfjsBackend | PlainBackend, geometry: ProjectionGeometry, rows: number, given: ReturnType<typeof scene>) {
  const t = {
    gaussians: backend.tensor([rows, 5 * geometry.gaussians], given.gaussians),
    rotations: backend.tensor([rows, 9], given.rotations),
    images: backend.tensor([rows, 2 * geometry.ringGeometry.planeSize], given.images),
    frc: backend.tensor([rows]),
    dGaussians: backend.tensor([rows, 5 * geometry.gaussians]),
    ringFrc: backend.tensor([rows, geometry.ringGeometry.rings + 1]),
  };
  backend.projectAndCorrelate(rows, geometry, t.gaussians, false, t.rotations, t.images, -1, t.frc, t.dGaussians, t.ringFrc);
  const [frc, dGaussians, ringFrc] = await Promise.all([t.frc, t.dGaussians, t.ringFrc].map(each => backend.read(each)));
  for (const tensor of Object.values(t)) backend.free(tensor);
  return { frc, dGaussians, ringFrc };
}

/** Largest difference over the largest value. */
function difference(actual: Float32Array, expected: Float32Array): number {
  assert.ok(actual.every(Number.isFinite));
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0) / largest;
}

for (const name of ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const) {
  test(`automatic differentiation on TensorFlow.js' ${name} finds the gradients that the reference has from formulas`, async t => {
    if (name === 'webgpu' && 'reason' in (await openGpu())) provideSoftwareVulkan();
    const tfjs = present(await openTfjs(name), t);
    if (!tfjs) return;
    const random = new Random(1);
    const geometry = geometryOf(40, 24, 9);
    const given = scene(random, 3, geometry);
    const [actual, expected] = [await project(tfjs, geometry, 3, given), await project(plain, geometry, 3, given)];
    // Single precision rounds the outermost rings against the whole, and a pixel at a window's edge may fall either way (3·10⁻⁴ of the peak).
    assert.ok(difference(actual.ringFrc, expected.ringFrc) < 1e-4);
    assert.ok(difference(actual.dGaussians, expected.dGaussians) < 2e-4);
    await tfjs.dispose();
  });
}

test('Adam without decay takes the steps of the optimiser that TensorFlow.js brings itself', async t => {
  const tfjs = present(await openTfjs(), t);
  if (!tfjs) return;
  const tf = await import('@tensorflow/tfjs-core');
  const random = new Random(2);
  const [start, gradients] = [noise(random, 50), Array.from({ length: 4 }, () => noise(random, 50))];
  const [p, m, v] = [tfjs.tensor([50], start), tfjs.tensor([50]), tfjs.tensor([50])];
  const own = tf.variable(tf.tensor1d(start), true, 'own');
  const optimiser = tf.train.adam(0.01, 0.9, 0.999, 1e-7);
  for (const [i, gradient] of gradients.entries()) {
    tfjs.adam(p, tfjs.tensor([50], gradient), m, v, {
      ...{ learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weightDecay: 0, step: i + 1 },
    });
    tf.tidy(() => optimiser.applyGradients([{ name: 'own', tensor: tf.tensor1d(gradient) }]));
  }
  // Four steps of 0.01, each rounded in single precision.
  assert.ok(difference(await tfjs.read(p), await own.data<'float32'>()) < 1e-6);
  own.dispose();
  optimiser.dispose();
  await tfjs.dispose();
});

test('the same call gives the same bits, and a batch whose tables do not fit at once is projected in parts to the same end', async t => {
  const opened = await openTensorFlow({ threads: 1, needsCuda: false });
  if ('reason' in opened) return t.skip(opened.reason);
  const geometry = geometryOf(30, 16, 7);
  const given = scene(new Random(3), 5, geometry);
  const whole = await project(new TfjsBackend(opened), geometry, 5, given);
  assert.deepEqual(await project(new TfjsBackend(opened), geometry, 5, given), whole);
  // Room for the tables of two particles: parts of two, two and one.
  const inParts = await project(new TfjsBackend(opened, 2.5 * 2 * 30 * 16 * 4), geometry, 5, given);
  for (const name of ['frc', 'ringFrc', 'dGaussians'] as const) assert.ok(difference(inParts[name], whole[name]) < 1e-5, name);
  opened.close();
});

test('a Gaussian or an image that is not a number makes the correlation none, so that a broken run is seen at its next step', async t => {
  const tfjs = present(await openTfjs(), t);
  if (!tfjs) return;
  const geometry = geometryOf(20, 16, 7);
  for (const [kind, at] of [
    ['gaussians', 6],
    ['gaussians', 66],
    ['gaussians', 86],
    ['images', 9],
  ] as const) {
    // biome-ignore format: a table
    const given = scene(new Random(4), 1, geometry);
    given[kind][at] = Number.NaN;
    const t = [
      tfjs.tensor([1, 100], given.gaussians),
      tfjs.tensor([1, 9], given.rotations),
      tfjs.tensor([1, given.images.length], given.images),
    ];
    const frc = tfjs.tensor([1]);
    tfjs.projectAndCorrelate(1, geometry, t[0], false, t[1], t[2], 1, frc, tfjs.tensor([1, 100]), null);
    assert.ok(Number.isNaN((await tfjs.read(frc))[0]), `${kind} ${at}`);
  }
  await tfjs.dispose();
});

test('dropout takes out the very numbers that the reference takes out, and leaves the same bits', async t => {
  const tfjs = present(await openTfjs(), t);
  if (!tfjs) return;
  const values = noise(new Random(5), 34 * 51);
  for (const [rate, key] of [
    [0.3, 0xfedcba98],
    [0.75, 0],
    [0, 7],
  ] as const) {
    // biome-ignore format: a table
    const a = tfjs.tensor([34, 51], values);
    const b = plain.tensor([34, 51], values);
    tfjs.dropout(33, a, rate, key);
    plain.dropout(33, b, rate, key);
    assert.deepEqual(await tfjs.read(a), await plain.read(b));
  }
  await tfjs.dispose();
});

test('a write is seen by what is asked after it and by nothing before, be it over numbers written or computed, whole or in part', async t => {
  const tfjs = present(await openTfjs(), t);
  if (!tfjs) return;
  const [x, sum] = [tfjs.tensor([3], Float32Array.of(1, 2, 3)), tfjs.tensor([3])];
  tfjs.add(3, x, x, sum);
  tfjs.write(x, Float32Array.of(10), 1);
  tfjs.write(sum, Float32Array.of(20), 2);
  const before = tfjs.read(sum);
  tfjs.add(2, sum, x, sum);
  assert.deepEqual([...(await before)], [2, 4, 20]);
  assert.deepEqual([...(await tfjs.read(sum))], [3, 14, 20]);
  tfjs.write(sum, Float32Array.of(7, 8, 9));
  tfjs.add(3, sum, x, x);
  assert.deepEqual([...(await tfjs.read(x))], [8, 18, 12]);
  assert.throws(() => tfjs.write(sum, new Float32Array(2), 2), RangeError);
  assert.throws(() => tfjs.add(4, sum, sum, sum), /too small/);
  tfjs.free(sum);
  assert.throws(() => tfjs.add(3, sum, x, x), /given back/);
  assert.throws(() => tfjs.free(sum), /given back/);
  await tfjs.dispose();
});

test('what the operations make in between is given back at once, and disposal leaves nothing', async t => {
  const opened = await openTensorFlow({ threads: 1, needsCuda: false });
  if ('reason' in opened) return t.skip(opened.reason);
  const before = opened.tf.memory();
  const tfjs = new TfjsBackend(opened);
  const geometry = geometryOf(10, 16, 7);
  const given = scene(new Random(6), 2, geometry);
  await project(tfjs, geometry, 2, given);
  const held = tfjs.bytesHeld;
  for (let i = 0; i < 3; i++) await project(tfjs, geometry, 2, given);
  assert.equal(tfjs.bytesHeld, held);
  const [x, w, b, y, dY, dW, dB] = [[4, 5], [5, 6], [6], [4, 6], [4, 6], [5, 6], [6]].map(shape => tfjs.tensor(shape)); // biome-ignore format: a table
  tfjs.dense(4, x, w, b, y, 'relu');
  tfjs.denseBackward(4, x, w, y, dY, 'relu', null, dW, dB);
  tfjs.scaleKinds(4, x, [1, 2, 3, 4, 5]);
  await tfjs.dispose();
  assert.equal(opened.tf.memory().numTensors, before.numTensors);
});

test('memory that is full is told in one line with its cure, where V8 refuses an array and where WebAssembly hands out address 0', async t => {
  const tfjs = present(await openTfjs(), t);
  if (!tfjs) return;
  const isTold = (error: Error) => error instanceof ComputeError && /--batch/.test(error.message) && !error.message.includes('\n');
  assert.throws(() => tfjs.tensor([2 ** 40]), isTold);
  const tensor = tfjs.tensor([1], Float32Array.of(3));
  assert.deepEqual([...(await tfjs.read(tensor))], [3]);
  await tfjs.dispose();
  // No test may fill the memory of the machine it runs on: this is what the module's allocation then returns.
  const wasm = { _malloc: (bytes: number) => (bytes > 1000 ? 0 : 8) };
  refuseFullMemory({ wasm });
  assert.equal(wasm._malloc(10), 8);
  assert.throws(() => wasm._malloc(2000), isTold);
});

test('what is not installed or sees no card is named with its cure, and only CUDA is worth having where nobody asked for TensorFlow.js', async t => {
  const cuda = await openTensorFlow({ threads: 1, needsCuda: true });
  if (!('reason' in cuda)) {
    cuda.close();
    return t.skip('this machine has CUDA by @tensorflow/tfjs-node-gpu');
  }
  assert.match(cuda.reason, /@tensorflow\/tfjs-node-gpu (is not installed \(npm install|does not load here|loads and sees no CUDA)/);
  assert.doesNotMatch(cuda.reason, /\n/);
  const tfjs = present(await openTfjs(), t);
  if (!tfjs) return;
  assert.ok(tfjs.description.includes('(nothing faster: ') || /CUDA/.test(tfjs.description), tfjs.description);
  await tfjs.dispose();
});
