// What a backend is said to have done: closed forms of the arithmetic, and memory given and taken back.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { countOperations, projectionOperations } from '../../daemon/compute/counting-backend.js';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';

const cpu = await createCpuBackend({ threads: 1 });
after(() => cpu.dispose());

test('a dense layer is a product and a sum per row and weight, forward once and backward twice, and its result is that of the backend itself', async () => {
  const { backend, counts } = countOperations(cpu);
  const [rows, inputs, outputs] = [5, 7, 11];
  const random = new Random(1);
  const made = (...shape: number[]) =>
    backend.tensor(
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    );
  const [x, w, bias, y, dY, dX, dW, dBias] = [
    made(rows, inputs),
    made(inputs, outputs),
    made(outputs),
    made(rows, outputs),
    made(rows, outputs),
    made(rows, inputs),
    made(inputs, outputs),
    made(outputs),
  ];
  backend.dense(rows, x, w, bias, y, 'linear');
  assert.equal(counts.operations, 2 * rows * inputs * outputs + 2 * rows * outputs);
  const counted = await backend.read(y);
  cpu.dense(rows, x, w, bias, y, 'linear');
  assert.deepEqual(await cpu.read(y), counted);

  const forward = counts.operations;
  backend.denseBackward(rows, x, w, y, dY, 'linear', null, dW, dBias);
  const withoutInput = counts.operations - forward;
  backend.denseBackward(rows, x, w, y, dY, 'linear', dX, dW, dBias);
  const withInput = counts.operations - forward - withoutInput;
  assert.equal(withInput - withoutInput, 2 * rows * inputs * outputs, 'the gradient of x is one more product');
  assert.ok(withoutInput >= 2 * rows * inputs * outputs);
});

test('memory is counted while it is held, four bytes a number, and no longer', () => {
  const { backend, counts } = countOperations(cpu);
  const [a, b] = [backend.tensor([3, 5]), backend.tensor([7])];
  assert.equal(counts.bytes, 4 * 22);
  backend.free(a);
  assert.equal(counts.bytes, 4 * 7);
  backend.free(b);
  assert.equal(counts.bytes, 0);
});

test('drawing costs grow with the number of Gaussians and the area of each, the transforms with neither', () => {
  const geometry = (gaussians: number, referenceSigmaPixels: number) => ({
    gaussians,
    ringGeometry: ringGeometry(64, 31),
    referenceSigmaPixels,
    blurVariancePixels: 0,
  });
  const cost = (gaussians: number, sigma: number) => projectionOperations(geometry(gaussians, sigma), false);
  const none = cost(0, 2);
  assert.equal(cost(200, 2) - none, 2 * (cost(100, 2) - none));
  // A window of 33 pixels against one of 17: per pixel of the area one product and one sum.
  const sides = (side: number) => 2 * side ** 2 + 2 * side * 24 + 14;
  assert.equal(cost(1, 4) - cost(1, 2), sides(33) - sides(17));
  // What is left is a real transform of 64² pixels at 2.5 n log₂ n, and some fifteen operations for each pixel of the half plane.
  assert.ok(none >= 2.5 * 4096 * 12 && none < 2.5 * 4096 * 12 + 15 * 64 * 33);
  assert.ok(projectionOperations(geometry(0, 2), true) >= 2 * 2.5 * 4096 * 12);
});
