// Batch normalisation of the plain reference: closed forms, and gradients by the way the error of a Taylor series falls.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { Random } from '../../daemon/numerics/random.js';

const backend = new PlainBackend();
const EPSILON = 1e-3;
const WIDTH = 6;

const normals = (count: number, seed: number, size = 1) => {
  const random = new Random(seed);
  return new Float32Array(count).map(() => size * random.normal());
};
const column = (x: ArrayLike<number>, rows: number, c: number) => Array.from({ length: rows }, (_, r) => x[r * WIDTH + c]);
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: number[]) => mean(values.map(value => (value - mean(values)) ** 2));

/** Normalises x by the statistics of its first `batchRows` rows. */
async function normalised(x: Float32Array, batchRows: number, scale: Float32Array, shift: Float32Array) {
  const rows = x.length / WIDTH;
  const t = {
    x: backend.tensor([rows, WIDTH], x),
    statistics: backend.tensor([2, WIDTH]),
    running: backend.tensor([2, WIDTH]),
    scale: backend.tensor([WIDTH], scale),
    shift: backend.tensor([WIDTH], shift),
    y: backend.tensor([rows, WIDTH]),
  };
  backend.batchStatistics(batchRows, t.x, t.statistics, t.running, 0.9);
  backend.batchNormalise(rows, t.x, t.statistics, EPSILON, t.scale, t.shift, t.y);
  return { ...t, values: await backend.read(t.y) };
}

test('before scale and shift a normalised batch has mean 0 and variance v/(v + ε) in every column, whatever it came from', async () => {
  const rows = 20;
  const x = normals(rows * WIDTH, 1).map((value, i) => 10 * (i % WIDTH) + (1 + (i % WIDTH)) * value);
  const { values } = await normalised(x, rows, new Float32Array(WIDTH).fill(1), new Float32Array(WIDTH));
  for (let c = 0; c < WIDTH; c++) {
    const before = variance(column(x, rows, c));
    // float32 numbers up to 50 have seven digits, and are divided by deviations from 1 on.
    assert.ok(Math.abs(mean(column(values, rows, c))) < 1e-5);
    assert.ok(Math.abs(variance(column(values, rows, c)) - before / (before + EPSILON)) < 1e-5);
  }
});

test('scale and shift are the deviation and the mean of what comes out', async () => {
  const rows = 20;
  const [scale, shift] = [normals(WIDTH, 2), normals(WIDTH, 3)];
  const { values } = await normalised(normals(rows * WIDTH, 4, 100), rows, scale, shift);
  for (let c = 0; c < WIDTH; c++) {
    assert.ok(Math.abs(mean(column(values, rows, c)) - shift[c]) < 1e-5);
    assert.ok(Math.abs(Math.sqrt(variance(column(values, rows, c))) - Math.abs(scale[c])) < 1e-5);
  }
});

test('a row outside the batch leaves the statistics as they are and is normalised by them, so the decoder at z = 0 sways no particle', async () => {
  const rows = 9;
  const x = normals((rows + 1) * WIDTH, 5);
  const far = x.slice();
  far.fill(1e3, rows * WIDTH);
  const [scale, shift] = [normals(WIDTH, 6), normals(WIDTH, 7)];
  const [near, moved] = [await normalised(x, rows, scale, shift), await normalised(far, rows, scale, shift)];
  assert.deepEqual(near.values.slice(0, rows * WIDTH), moved.values.slice(0, rows * WIDTH));
  const statistics = await backend.read(moved.statistics);
  for (let c = 0; c < WIDTH; c++) {
    const expected = (scale[c] * (1e3 - statistics[c])) / Math.sqrt(statistics[WIDTH + c] + EPSILON) + shift[c];
    assert.ok(Math.abs(moved.values[rows * WIDTH + c] / expected - 1) < 1e-6);
  }
});

test('the running statistics keep `momentum` of what they were and take the rest from the batch', async () => {
  const rows = 12;
  const x = normals(rows * WIDTH, 8).map(value => 3 + 2 * value);
  const statistics = backend.tensor([2, WIDTH]);
  const running = backend.tensor([2, WIDTH], new Float32Array(2 * WIDTH).fill(1, WIDTH));
  backend.batchStatistics(rows, backend.tensor([rows, WIDTH], x), statistics, running, 0.99);
  const kept = await backend.read(running);
  for (let c = 0; c < WIDTH; c++) {
    assert.ok(Math.abs(kept[c] - 0.01 * mean(column(x, rows, c))) < 1e-6);
    assert.ok(Math.abs(kept[WIDTH + c] - (0.99 + 0.01 * variance(column(x, rows, c)))) < 1e-6);
  }
});

for (const [title, rows, batchRows] of [
  ['all rows are the batch', 7, 7],
  ['a row stands outside the batch and pulls on its mean and variance', 8, 7],
] as const) {
  test(`the Taylor remainder falls as h² along random directions of input, scale and shift, where ${title}`, async () => {
    const point = { x: normals(rows * WIDTH, 9), scale: normals(WIDTH, 10), shift: normals(WIDTH, 11) };
    const target = normals(rows * WIDTH, 12);
    // Half the square besides, so that the shift has a second order too.
    const value = async ({ x, scale, shift }: typeof point) =>
      (await normalised(x, batchRows, scale, shift)).values.reduce((sum, y, i) => sum + target[i] * y + (y * y) / 2, 0);
    const at = await normalised(point.x, batchRows, point.scale, point.shift);
    const dY = backend.tensor(
      [rows, WIDTH],
      at.values.map((y, i) => target[i] + y),
    );
    const [dScale, dShift] = [backend.tensor([WIDTH]), backend.tensor([WIDTH])];
    backend.batchNormaliseBackward(rows, batchRows, at.x, at.statistics, EPSILON, at.scale, dY, dY, dScale, dShift);
    const gradient = { x: await backend.read(dY), scale: await backend.read(dScale), shift: await backend.read(dShift) };
    const here = await value(point);
    for (const kind of ['x', 'scale', 'shift'] as const) {
      const remainder = async (h: number) => {
        let squares = 0;
        for (let seed = 20; seed < 26; seed++) {
          const direction = normals(point[kind].length, seed);
          const slope = gradient[kind].reduce((sum, g, i) => sum + g * direction[i], 0);
          const there = await value({ ...point, [kind]: point[kind].map((v, i) => v + h * direction[i]) });
          squares += (there - here - h * slope) ** 2;
        }
        return Math.sqrt(squares);
      };
      // Steps well above float32 rounding of a sum near ten, well below the deviations of order one.
      const order = Math.log2((await remainder(0.04)) / (await remainder(0.02)));
      assert.ok(order > 1.85 && order < 2.15, `${kind}: order ${order}`);
    }
  });
}

test('where the statistics are given, a row’s gradient is its own and nothing passes between rows', async () => {
  const rows = 4;
  const x = normals(rows * WIDTH, 13);
  const [scale, statistics] = [normals(WIDTH, 14), normals(2 * WIDTH, 15).map(Math.abs)];
  const dX = backend.tensor([rows, WIDTH]);
  const dY = normals(rows * WIDTH, 16);
  backend.batchNormaliseBackward(
    rows,
    0,
    backend.tensor([rows, WIDTH], x),
    backend.tensor([2, WIDTH], statistics),
    EPSILON,
    backend.tensor([WIDTH], scale),
    backend.tensor([rows, WIDTH], dY),
    dX,
    backend.tensor([WIDTH]),
    backend.tensor([WIDTH]),
  );
  (await backend.read(dX)).forEach((d, i) => {
    const expected = (scale[i % WIDTH] * dY[i]) / Math.sqrt(statistics[WIDTH + (i % WIDTH)] + EPSILON);
    assert.ok(Math.abs(d - expected) < 1e-6 * Math.max(1, Math.abs(expected)));
  });
});
