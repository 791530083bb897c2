// Every operation of every backend against the plain reference, on shapes that leave tails of every kind.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Backend, ProjectionGeometry, Tensor } from '../../daemon/compute/backend.js';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';
import { MOST_LINKS, neighbourLinks } from '../../daemon/training/neighbour-links.js';
import { backendsUnderTest, present } from './backends-under-test.js';

const plain = new PlainBackend();

/** Largest difference over the largest value. Single precision sums of n terms are good to about √n · 6·10⁻⁸ of it. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    assert.ok(Number.isFinite(actual[i]), `element ${i} is ${actual[i]}`);
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return difference / Math.max(largest, 1e-30);
}

const normals = (random: Random, length: number) => Float32Array.from({ length }, () => random.normal());

/** Runs the same operation on both backends, from the same data, and hands back all its tensors. */
async function onBoth(
  backend: Backend,
  shapes: Record<string, [number[], Float32Array?]>,
  operation: (b: Backend, t: Record<string, Tensor>) => void,
) {
  const results: Record<string, Float32Array>[] = [];
  for (const each of [backend, plain]) {
    const tensors = Object.fromEntries(Object.entries(shapes).map(([name, [shape, data]]) => [name, each.tensor(shape, data)]));
    operation(each, tensors);
    results.push(Object.fromEntries(await Promise.all(Object.entries(tensors).map(async ([name, t]) => [name, await each.read(t)]))));
    for (const t of Object.values(tensors)) each.free(t);
  }
  return { actual: results[0], expected: results[1] };
}

function randomRotation(random: Random): number[] {
  const q = [random.normal(), random.normal(), random.normal(), random.normal()];
  const s = 2 / q.reduce((sum, x) => sum + x * x, 0);
  const [w, x, y, z] = q;
  return [
    [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
    [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
    [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
  ].flat();
}

/** Gaussians over the whole box and somewhat beyond it, so that windows are cut at every edge. */
function randomGaussians(random: Random, rows: number, n: number, spread = 1.1): Float32Array {
  const row = () => [
    ...Array.from({ length: 3 * n }, () => spread * (random.uniform() - 0.5)),
    ...Array.from({ length: n }, () => 0.1 + 0.8 * random.uniform()),
    ...Array.from({ length: n }, () => 0.6 + 0.8 * random.uniform()),
  ];
  return Float32Array.from(Array.from({ length: rows }, row).flat());
}

const denseShapes: [rows: number, inputs: number, outputs: number][] = [
  [1, 1, 1], [1, 4, 512], [32, 480, 512], [33, 4, 97], [33, 96, 480], [31, 517, 5], [7, 33, 130], [5, 3, 9], [12, 300, 12], [13, 1000, 66], [2, 260, 8],
  [1000, 9, 1030], [9, 1000, 1030], [1000, 1030, 9],
]; // biome-ignore format: a table

for (const { title, open, tolerance } of backendsUnderTest) {
  describe(title, () => {
    let opened: Backend | { reason: string } = { reason: 'it could not be opened' };
    before(async () => {
      opened = await open();
    });
    after(() => ('reason' in opened ? undefined : opened.dispose()));
    /** What single precision needs, or the backend. */
    const within = (needed: number) => Math.max(needed, tolerance);

    test('dense and its backward agree with the reference for sizes with every tail of the 4 × 8 tile and of the 256-deep block, and for so many that a graphics processor takes its larger tile', async t => {
      const backend = present(opened, t);
      if (!backend) return;
      for (const [rows, inputs, outputs] of denseShapes) {
        for (const [activation, withDX] of [
          ['linear', false],
          ['relu', true],
        ] as const) {
          const random = new Random(rows * 7 + inputs);
          const { actual, expected } = await onBoth(
            backend,
            {
              x: [[rows + 1, inputs], normals(random, (rows + 1) * inputs)],
              w: [[inputs, outputs], normals(random, inputs * outputs)],
              bias: [[outputs], normals(random, outputs)],
              y: [[rows + 1, outputs]],
              dY: [[rows + 1, outputs], normals(random, (rows + 1) * outputs)],
              dX: [[rows + 1, inputs]],
              dW: [[inputs, outputs], normals(random, inputs * outputs)],
              dBias: [[outputs], normals(random, outputs)],
            },
            (b, t) => {
              b.dense(rows, t.x, t.w, t.bias, t.y, activation);
              b.denseBackward(rows, t.x, t.w, t.y, t.dY, activation, withDX ? t.dX : null, t.dW, t.dBias);
            },
          );
          // 10⁻⁵: √1000 · 6·10⁻⁸ with room for cancellation; rows past `rows` must be untouched.
          for (const name of ['y', 'dY', 'dX', 'dW', 'dBias'])
            assert.ok(relativeError(actual[name], expected[name]) < within(1e-5), `${name} of ${rows}×${inputs}×${outputs} ${activation}`);
        }
      }
    });

    test('NaN in the input of a relu layer is seen in its output, so that a broken run can stop', async t => {
      const backend = present(opened, t);
      if (!backend) return;
      const x = backend.tensor([1, 2], Float32Array.of(Number.NaN, 1));
      const y = backend.tensor([1, 3]);
      backend.dense(1, x, backend.tensor([2, 3], new Float32Array(6).fill(1)), backend.tensor([3]), y, 'relu');
      assert.ok((await backend.read(y)).every(Number.isNaN));
    });

    test('the small operations agree with the reference, tails and rows past the last included', async t => {
      const backend = present(opened, t);
      if (!backend) return;
      for (const [rows, n] of [
        [1, 1],
        [3, 7],
        [32, 96],
        [5, 1031],
      ] as const) {
        const random = new Random(n);
        const width = 5 * n;
        const data = (length: number) => normals(random, length);
        const { actual, expected } = await onBoth(
          backend,
          {
            a: [[rows + 1, width], data((rows + 1) * width)],
            b: [[rows + 1, width], data((rows + 1) * width)],
            sum: [[rows + 1, width], data((rows + 1) * width)],
            filled: [[rows, width]],
            total: [[width]],
            scaled: [[rows + 1, width], data((rows + 1) * width)],
            neutral: [[width], data(width).map(x => 8 * x)],
            vary: [[width], Float32Array.from({ length: width }, () => random.uniform())],
            neutrals: [[rows + 1, width], data((rows + 1) * width).map(x => 8 * x)],
            ofEachRow: [[rows, width]],
            withOrigin: [[rows, width]],
            noOrigin: [[rows, width]],
            dOffsets: [[rows + 1, width], data((rows + 1) * width)],
            dOffsetsAlone: [[rows + 1, width], data((rows + 1) * width)],
            z: [[rows, 3], data(rows * 3)],
            dZ: [[rows, 3], data(rows * 3)],
            places: [[rows, 3], data(rows * 3)],
            pulled: [[rows, 3], data(rows * 3)],
          },
          (b, t) => {
            b.add(rows * width - 1, t.a, t.b, t.sum);
            b.fill(t.filled, 2.5);
            b.sumRows(rows, t.a, t.total);
            b.scaleKinds(rows, t.scaled, [1, 2, 3, 4, 5]);
            b.gaussians(rows, t.a, true, t.neutral, t.vary, t.withOrigin);
            b.gaussians(rows, t.a, true, t.neutrals, t.vary, t.ofEachRow);
            b.gaussians(rows, t.a, false, t.neutral, t.vary, t.noOrigin);
            b.gaussiansBackward(rows, t.withOrigin, t.b, true, t.vary, t.dOffsets);
            b.gaussiansBackward(rows, t.noOrigin, t.b, false, t.vary, t.dOffsetsAlone);
            b.latentPenaltyBackward(rows, t.z, t.dZ, 0.3);
            b.latentPullBackward(rows, t.z, t.places, t.pulled, 0.7);
          },
        );
        // 2·10⁻⁶: some ten roundings of single precision.
        for (const name of Object.keys(expected))
          assert.ok(relativeError(actual[name], expected[name]) < within(2e-6), `${name} for ${rows} × ${n}`);
      }
    });

    test('what links pull agrees with the reference: full and empty lists, Gaussians without links, two in one place, rows past the last', async t => {
      const backend = present(opened, t);
      if (!backend) return;
      for (const [rows, n] of [
        [1, 2],
        [3, 7],
        [5, 600],
      ] as const) {
        const random = new Random(n);
        const models = randomGaussians(random, rows + 1, n);
        const vary = Float32Array.from({ length: 5 * n }, (_, i) => Number(i % n < 2 || i % 3 > 0));
        const links = neighbourLinks(models.subarray(5 * n * rows), vary)!;
        // Gaussian 1 stands where Gaussian 0 does: no way is given, and nothing is pulled.
        for (let axis = 0; axis < 3; axis++) models[axis * n + 1] = models[axis * n];
        const { actual, expected } = await onBoth(
          backend,
          {
            models: [[rows + 1, 5 * n], models],
            links: [[3, n, MOST_LINKS], links],
            pulled: [[rows + 1, 5 * n], normals(random, (rows + 1) * 5 * n).map(x => 0.1 * x)],
          },
          (b, t) => b.stretchBackward(rows, t.models, t.links, t.pulled, 0.3, 0.05),
        );
        // 5·10⁻⁶: differences of coordinates ten times their size, under a root and squared.
        assert.ok(relativeError(actual.pulled, expected.pulled) < within(5e-6), `${rows} × ${n}`);
      }
    });

    test('batch normalisation agrees with the reference, for columns and rows with every rest, a batch of one, and a row outside the batch', async t => {
      const backend = present(opened, t);
      if (!backend) return;
      for (const [rows, batchRows, width] of [
        [1, 1, 1],
        [4, 3, 7],
        [33, 32, 512],
        [32, 32, 130],
        [9, 0, 67],
      ] as const) {
        const random = new Random(rows + width);
        const data = (length: number) => normals(random, length);
        const { actual, expected } = await onBoth(
          backend,
          {
            x: [[rows + 1, width], data((rows + 1) * width).map((value, i) => value + (i % 5))],
            statistics: [[2, width], data(2 * width).map(Math.abs)],
            running: [[2, width], data(2 * width)],
            scale: [[width], data(width)],
            shift: [[width], data(width)],
            y: [[rows + 1, width]],
            dY: [[rows + 1, width], data((rows + 1) * width)],
            dX: [[rows + 1, width]],
            dScale: [[width]],
            dShift: [[width]],
          },
          (b, t) => {
            if (batchRows > 0) b.batchStatistics(batchRows, t.x, t.statistics, t.running, 0.99);
            b.batchNormalise(rows, t.x, t.statistics, 1e-3, t.scale, t.shift, t.y);
            b.batchNormaliseBackward(rows, batchRows, t.x, t.statistics, 1e-3, t.scale, t.dY, t.dX, t.dScale, t.dShift);
            b.batchNormaliseBackward(rows, batchRows, t.x, t.statistics, 1e-3, t.scale, t.dY, t.dY, t.dScale, t.dShift);
          },
        );
        // 10⁻⁵: sums of up to 33 numbers, differences from a mean four times their size, and √ε = 0.03 as the least divisor.
        for (const name of Object.keys(expected))
          assert.ok(relativeError(actual[name], expected[name]) < within(1e-5), `${name} of ${rows} (${batchRows}) × ${width}`);
      }
    });

    test('Adam agrees with the reference over several steps, with weight decay and an L2 penalty', async t => {
      const backend = present(opened, t);
      if (!backend) return;
      for (const length of [1, 5, 40_001]) {
        const random = new Random(length);
        const { actual, expected } = await onBoth(
          backend,
          { p: [[length], normals(random, length)], g: [[length], normals(random, length)], m: [[length]], v: [[length]] },
          (b, t) => {
            for (let step = 1; step <= 3; step++)
              b.adam(t.p, t.g, t.m, t.v, { learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, l2: 0.2, step });
          },
        );
        for (const name of ['p', 'm', 'v']) assert.ok(relativeError(actual[name], expected[name]) < within(1e-6), `${name} of ${length}`);
      }
    });

    test('projection, ring correlation and gradient agree with the reference for boxes of every radix and for few rings', async t => {
      const backend = present(opened, t);
      if (!backend) return;
      for (const [box, rings] of [
        [8, 3],
        [14, 6],
        [22, 5],
        [32, 15],
        [48, 10],
        [60, 29],
        [64, 31],
        [80, 39],
        [96, 20],
        [128, 63],
      ] as const) {
        for (const shared of [false, true]) {
          const random = new Random(box + rings);
          const [rows, n] = [box > 64 ? 2 : 5, 9];
          const ring = ringGeometry(box, rings);
          const geometry: ProjectionGeometry = {
            gaussians: n,
            ringGeometry: ring,
            referenceSigmaPixels: 0.02 * box,
            blurVariancePixels: 0.5,
          };
          const { actual, expected } = await onBoth(
            backend,
            {
              gaussians: [[shared ? 1 : rows, 5 * n], randomGaussians(random, shared ? 1 : rows, n)],
              rotations: [[rows, 9], Float32Array.from(Array.from({ length: rows }, () => randomRotation(random)).flat())],
              images: [[rows, 2 * ring.planeSize], normals(random, rows * 2 * ring.planeSize)],
              frc: [[rows]],
              dGaussians: [[rows, 5 * n]],
              ringFrc: [[rows, rings + 1]],
              frcAlone: [[rows]],
            },
            (b, t) => {
              b.projectAndCorrelate(rows, geometry, t.gaussians, shared, t.rotations, t.images, -0.7, t.frc, t.dGaussians, t.ringFrc);
              b.projectAndCorrelate(rows, geometry, t.gaussians, shared, t.rotations, t.images, 1, t.frcAlone, null, null);
            },
          );
          // 5·10⁻⁵: the outermost rings hold a hundredth of the signal, and single precision rounds against the whole.
          for (const name of ['frc', 'frcAlone', 'ringFrc'])
            assert.ok(
              relativeError(actual[name], expected[name]) < within(5e-5),
              `${name} in box ${box}, ${rings} rings: ${relativeError(actual[name], expected[name])}`,
            );
          for (let kind = 0; kind < 5; kind++) {
            const plane = (g: Float32Array) =>
              Float32Array.from({ length: rows * n }, (_, i) => g[Math.floor(i / n) * 5 * n + kind * n + (i % n)]);
            // A pixel on the very edge of a window may fall inside in double and outside in single precision: it holds 3·10⁻⁴ of the peak.
            assert.ok(
              relativeError(plane(actual.dGaussians), plane(expected.dGaussians)) < within(2e-4),
              `gradient of kind ${kind} in box ${box}, ${rings} rings: ${relativeError(plane(actual.dGaussians), plane(expected.dGaussians))}`,
            );
          }
        }
      }
    });
  });
}
