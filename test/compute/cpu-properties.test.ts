// What must hold for the CPU backend whatever its reference says: closed forms, symmetry, gradients against differences, the same bits on any number of threads.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ProjectionGeometry, Tensor } from '../../daemon/compute/backend.js';
import { type CpuBackend, createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { loadKernels } from '../../daemon/compute/cpu/kernel-module.js';
import { SharedHeap } from '../../daemon/compute/cpu/shared-heap.js';
import { ThreadPool } from '../../daemon/compute/cpu/thread-pool.js';
import { type RingGeometry, ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';

let cpu: CpuBackend;
before(async () => {
  cpu = await createCpuBackend({ threads: 2 });
});
after(() => cpu.dispose());

const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];

/** A turn by `angle` about the x, y or z axis, row-major. */
function turn(axis: number, angle: number): number[] {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [i, j] = [(axis + 1) % 3, (axis + 2) % 3];
  const matrix = [...IDENTITY];
  matrix[i * 3 + i] = matrix[j * 3 + j] = c;
  matrix[i * 3 + j] = -s;
  matrix[j * 3 + i] = s;
  return matrix;
}

/** a · b for 3 × 3 matrices. */
const times = (a: number[], b: number[]) =>
  Array.from({ length: 9 }, (_, i) => [0, 1, 2].reduce((sum, k) => sum + a[Math.floor(i / 3) * 3 + k] * b[k * 3 + (i % 3)], 0));
const transposed = (a: number[]) => Array.from({ length: 9 }, (_, i) => a[(i % 3) * 3 + Math.floor(i / 3)]);

interface Spot {
  x: number;
  y: number;
  mass: number;
  sigma: number;
}

/** The transform of Gaussian spots by its closed form, Σ A exp(−2π²σ²|k|²/b²) exp(−2πi k·t/b), t in pixels from the image's corner. */
function closedForm(ring: RingGeometry, spots: Spot[]): Float32Array {
  const image = new Float32Array(2 * ring.planeSize);
  for (let kx = -ring.rings; kx <= ring.rings; kx++) {
    for (let ky = 0; ky <= ring.rings; ky++) {
      const index = (kx + ring.rings) * ring.stride + ky;
      for (const { x, y, mass, sigma } of spots) {
        const size = mass * Math.exp((-2 * Math.PI ** 2 * sigma ** 2 * (kx * kx + ky * ky)) / ring.boxSize ** 2);
        const phase = (-2 * Math.PI * (kx * x + ky * y)) / ring.boxSize;
        image[index] += size * Math.cos(phase);
        image[ring.planeSize + index] += size * Math.sin(phase);
      }
    }
  }
  return image;
}

/** One row 5N from spots in a box, centred on pixel b/2, seen along z. */
function rowOf(spots: Spot[], box: number, referenceSigma: number): Float32Array {
  return Float32Array.from([
    ...spots.map(s => s.x / box - 0.5),
    ...spots.map(s => s.y / box - 0.5),
    ...spots.map((_, i) => 0.3 * Math.sin(i)),
    ...spots.map(s => s.mass),
    ...spots.map(s => s.sigma / referenceSigma),
  ]);
}

async function correlate(geometry: ProjectionGeometry, row: Float32Array, rotation: number[], image: Float32Array, backend = cpu) {
  const { rings } = geometry.ringGeometry;
  const tensors = [
    backend.tensor([1, row.length], row),
    backend.tensor([1, 9], Float32Array.from(rotation)),
    backend.tensor([1, image.length], image),
    backend.tensor([1]),
    backend.tensor([1, row.length]),
    backend.tensor([1, rings + 1]),
  ];
  const [gaussians, rotations, images, frc, dGaussians, ringFrc] = tensors;
  backend.projectAndCorrelate(1, geometry, gaussians, false, rotations, images, 1, frc, dGaussians, ringFrc);
  const result = { frc: (await backend.read(frc))[0], gradient: await backend.read(dGaussians), rings: await backend.read(ringFrc) };
  for (const t of tensors) backend.free(t);
  return result;
}

test('one Gaussian correlates with the closed form of a shifted, wider one ring by ring as Σ w E E′ cos(2π k·δ/b) / √(Σ w E² · Σ w E′²)', async () => {
  const box = 64;
  const ring = ringGeometry(box, 20);
  const geometry: ProjectionGeometry = { gaussians: 1, ringGeometry: ring, referenceSigmaPixels: 1.5, blurVariancePixels: 0 };
  const mine: Spot = { x: 30.3, y: 35.8, mass: 0.4, sigma: 1.6 };
  const other: Spot = { x: 31.1, y: 34.9, mass: 0.9, sigma: 1.9 };
  const { rings } = await correlate(geometry, rowOf([mine], box, 1.5), IDENTITY, closedForm(ring, [other]));
  const [cross, power, otherPower] = [0, 1, 2].map(() => new Float64Array(ring.rings + 1));
  for (let kx = -20; kx <= 20; kx++) {
    for (let ky = 0; ky <= 20; ky++) {
      const index = (kx + 20) * ring.stride + ky;
      const [e, o] = [mine, other].map(s => Math.exp((-2 * Math.PI ** 2 * s.sigma ** 2 * (kx * kx + ky * ky)) / box ** 2));
      const k = ring.ring[index];
      cross[k] += ring.weights[index] * e * o * Math.cos((2 * Math.PI * (kx * (mine.x - other.x) + ky * (mine.y - other.y))) / box);
      power[k] += ring.weights[index] * e * e;
      otherPower[k] += ring.weights[index] * o * o;
    }
  }
  // A window of 4σ leaves out 3·10⁻⁴ of the peak; the outermost ring holds a hundredth of the signal, and the error is along one Gaussian's own phase.
  for (let k = 1; k <= 20; k++)
    assert.ok(
      Math.abs(rings[k] - cross[k] / Math.sqrt(power[k] * otherPower[k])) < 5e-3,
      `ring ${k}: ${rings[k]} for ${cross[k] / Math.sqrt(power[k] * otherPower[k])}`,
    );
});

test('an image that is the projection itself correlates fully and its negative fully against, whatever the scale', async () => {
  const box = 48;
  const ring = ringGeometry(box, 12);
  const random = new Random(3);
  const spots = Array.from({ length: 20 }, () => ({
    x: 12 + 24 * random.uniform(),
    y: 12 + 24 * random.uniform(),
    mass: 0.2 + 0.6 * random.uniform(),
    sigma: 1.2 + 0.8 * random.uniform(),
  }));
  const geometry: ProjectionGeometry = { gaussians: 20, ringGeometry: ring, referenceSigmaPixels: 1.5, blurVariancePixels: 0 };
  for (const scale of [1000, -0.01]) {
    const image = closedForm(ring, spots).map(x => scale * x);
    const { frc, gradient } = await correlate(geometry, rowOf(spots, box, 1.5), IDENTITY, image);
    assert.ok(Math.abs(frc - Math.sign(scale)) < 1e-4, `${frc}`);
    // At the top of the correlation every derivative vanishes; away from it they are of order 1 (see the next test).
    assert.ok(gradient.every(g => Math.abs(g) < 0.01));
  }
});

/** Gaussians that partly explain an image of Gaussians elsewhere: a correlation near one half, with a gradient in every parameter. */
function unfinishedFit(n: number, box: number, ring: RingGeometry, seed: number) {
  const random = new Random(seed);
  const spots = Array.from({ length: n }, () => ({
    x: box * (0.3 + 0.4 * random.uniform()),
    y: box * (0.3 + 0.4 * random.uniform()),
    mass: 0.2 + 0.6 * random.uniform(),
    sigma: 1.2 + 0.6 * random.uniform(),
  }));
  const moved = spots.map(s => ({
    ...s,
    x: s.x + 1.5 * random.normal(),
    y: s.y + 1.5 * random.normal(),
    mass: s.mass * (0.5 + random.uniform()),
  }));
  return { row: rowOf(spots, box, 1.5), image: closedForm(ring, moved) };
}

test('the error of the gradient falls as h² along random directions, as that of a true gradient must (slope 2)', async () => {
  const [box, n] = [64, 30];
  const ring = ringGeometry(box, 16);
  const geometry: ProjectionGeometry = { gaussians: n, ringGeometry: ring, referenceSigmaPixels: 1.5, blurVariancePixels: 0.5 };
  const rotation = times(turn(0, 0.4), times(turn(1, 1.1), turn(2, -0.7)));
  const { row, image } = unfinishedFit(n, box, ring, 5);
  const start = await correlate(geometry, row, rotation, image);
  for (let kind = 0; kind < 5; kind++) {
    const random = new Random(kind + 11);
    // Root mean square over directions: along a single one the second order may vanish by chance.
    const directions = Array.from({ length: 8 }, () =>
      Float64Array.from(row, (_, i) => (Math.floor(i / n) === kind ? random.normal() : 0)),
    );
    const remainder = async (h: number) => {
      let squares = 0;
      for (const direction of directions) {
        const slope = direction.reduce((sum, d, i) => sum + d * start.gradient[i], 0);
        const there = await correlate(
          geometry,
          Float32Array.from(row, (x, i) => x + h * direction[i]),
          rotation,
          image,
        );
        squares += (there.frc - start.frc - h * slope) ** 2;
      }
      return Math.sqrt(squares);
    };
    // Steps of a fraction of a pixel or of the value: far above rounding and the 3·10⁻⁴ of a window's edge, small enough for the series.
    const h = kind < 3 ? 0.3 / box : 0.1;
    const order = Math.log2((await remainder(h)) / (await remainder(h / 2)));
    assert.ok(order > 1.8 && order < 2.2, `kind ${kind}: order ${order}`);
  }
});

test('turning the model and the orientation together changes nothing, and the gradient turns with the model', async () => {
  const [box, n] = [60, 25];
  const ring = ringGeometry(box, 15);
  const geometry: ProjectionGeometry = { gaussians: n, ringGeometry: ring, referenceSigmaPixels: 1.5, blurVariancePixels: 0.2 };
  const { row, image } = unfinishedFit(n, box, ring, 8);
  const orientation = times(turn(2, 0.3), times(turn(1, 0.8), turn(2, 2.1)));
  const Q = times(turn(0, 1.2), turn(1, -0.5));
  const turnRow = (values: Float32Array) =>
    Float32Array.from(values, (value, i) => {
      const [kind, at] = [Math.floor(i / n), i % n];
      return kind < 3 ? [0, 1, 2].reduce((sum, k) => sum + Q[kind * 3 + k] * values[k * n + at], 0) : value;
    });
  const before = await correlate(geometry, row, orientation, image);
  const after = await correlate(geometry, turnRow(row), times(orientation, transposed(Q)), image);
  // 10⁻⁵: positions are rounded after turning, at most a pixel at a window's edge changes sides.
  assert.ok(Math.abs(before.frc - after.frc) < 1e-5);
  const largest = Math.max(...before.gradient.map(Math.abs));
  turnRow(before.gradient).forEach((g, i) => {
    assert.ok(Math.abs(g - after.gradient[i]) < 2e-3 * largest, `${i}`);
  });
});

test('a sigmoid keeps six digits from far left to far right, and the neutral model comes back exactly from the origin row', async () => {
  const n = 41;
  const logits = Float32Array.from({ length: 5 * n }, (_, i) => -40 + (80 * i) / (5 * n - 1));
  const offsets = cpu.tensor(
    [2, 5 * n],
    Float32Array.from({ length: 10 * n }, (_, i) => Math.sin(i % (5 * n))),
  );
  const vary = cpu.tensor([5 * n], new Float32Array(5 * n).fill(0.7));
  const out = cpu.tensor([1, 5 * n]);
  cpu.gaussians(1, offsets, true, cpu.tensor([5 * n], logits), vary, out);
  (await cpu.read(out)).forEach((value, i) => {
    const shift = i < 3 * n ? -0.5 : i < 4 * n ? 0 : 0.5;
    assert.ok(Math.abs(value - shift - 1 / (1 + Math.exp(-logits[i]))) < 3e-7, `logit ${logits[i]}`);
  });
});

/** A little training step with every operation; all tensors it leaves. */
async function everything(backend: CpuBackend): Promise<Float32Array[]> {
  const random = new Random(21);
  const [rows, n, box, hidden] = [33, 71, 32, 130];
  const ring = ringGeometry(box, 13);
  const geometry: ProjectionGeometry = { gaussians: n, ringGeometry: ring, referenceSigmaPixels: 1, blurVariancePixels: 0.3 };
  const made: Tensor[] = [];
  const data = (...shape: number[]) => {
    const t = backend.tensor(
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 0.3 * random.normal()),
    );
    made.push(t);
    return t;
  };
  const [x, w, bias, y, dY, dX, dW, dBias] = [
    data(rows, hidden),
    data(hidden, 5 * n),
    data(5 * n),
    data(rows, 5 * n),
    data(rows, 5 * n),
    data(rows, hidden),
    data(hidden, 5 * n),
    data(5 * n),
  ];
  const [neutral, vary, gaussians, dGaussians, frc, total] = [
    data(5 * n),
    data(5 * n),
    data(rows - 1, 5 * n),
    data(rows - 1, 5 * n),
    data(rows - 1),
    data(5 * n),
  ];
  const [images, rotations, m, v] = [data(rows - 1, 2 * ring.planeSize), data(rows - 1, 9), data(hidden, 5 * n), data(hidden, 5 * n)];
  const [statistics, running, normalised, dScale, dShift] = [data(2, 5 * n), data(2, 5 * n), data(rows, 5 * n), data(5 * n), data(5 * n)];
  backend.fill(v, 0.5);
  for (let step = 1; step <= 2; step++) {
    backend.dense(rows, x, w, bias, y, 'relu');
    backend.dropout(rows - 1, y, 0.3, 99 + step);
    backend.batchStatistics(rows - 1, y, statistics, running, 0.99);
    backend.batchNormalise(rows, y, statistics, 1e-3, neutral, vary, normalised);
    backend.gaussians(rows - 1, y, true, neutral, vary, gaussians);
    backend.projectAndCorrelate(rows - 1, geometry, gaussians, false, rotations, images, -1, frc, dGaussians, null);
    backend.gaussiansBackward(rows - 1, gaussians, dGaussians, true, vary, dY);
    backend.batchNormaliseBackward(rows, rows - 1, y, statistics, 1e-3, neutral, dY, dY, dScale, dShift);
    backend.denseBackward(rows, x, w, y, dY, 'relu', dX, dW, dBias);
    backend.sumRows(rows - 1, dGaussians, total);
    backend.scaleKinds(rows - 1, dGaussians, [1, 2, 3, 4, 5]);
    backend.add(rows * hidden, dX, x, x);
    backend.adam(w, dW, m, v, { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, step });
  }
  return Promise.all(made.map(t => backend.read(t)));
}

test('one, three and four threads, and a second run, give the same bits, so that a seed fixes the latents', async () => {
  const expected = await everything(cpu);
  for (const threads of [1, 3, 4]) {
    const backend = await createCpuBackend({ threads });
    for (let repeat = 0; repeat < 2; repeat++) {
      const actual = await everything(backend);
      actual.forEach((values, i) => {
        assert.deepEqual(new Uint8Array(values.buffer), new Uint8Array(expected[i].buffer), `tensor ${i} on ${threads} threads`);
      });
    }
    await backend.dispose();
  }
});

test('a tensor given back makes room for the next, which starts at zero', async () => {
  const first = cpu.tensor([1000], new Float32Array(1000).fill(7));
  const held = cpu.bytesHeld;
  cpu.free(first);
  const second = cpu.tensor([10, 100]);
  assert.equal(cpu.bytesHeld, held);
  assert.ok((await cpu.read(second)).every(x => x === 0));
  assert.throws(() => cpu.fill(first, 1), /given back/);
  assert.throws(() => cpu.free(first), /given back/);
  assert.throws(() => cpu.add(1001, second, second, second), /too small/);
  cpu.free(second);
});

test('a wish for more than 32-bit memory is refused with a cure, and harms nothing', async () => {
  const kept = cpu.tensor([3], Float32Array.of(1, 2, 3));
  assert.throws(() => cpu.tensor([2 ** 30]), /use fewer Gaussians/);
  assert.deepEqual([...(await cpu.read(kept))], [1, 2, 3]);
});

test('after dispose an operation fails at once instead of waiting for threads that are gone', async () => {
  const backend = await createCpuBackend({ threads: 3 });
  const x = backend.tensor([100_000]);
  backend.fill(x, 1);
  await backend.dispose();
  assert.throws(() => backend.fill(x, 2), /disposed/);
});

test('a threads option that is no count is refused', async () => {
  await assert.rejects(createCpuBackend({ threads: 0 }), /whole number from 1/);
  await assert.rejects(createCpuBackend({ threads: 1.5 }), /whole number from 1/);
});

test('a worker that fails makes the operation throw its message, and the pool goes on working', async () => {
  const heap = new SharedHeap();
  const pool = await ThreadPool.start(loadKernels(), heap.memory, 2);
  const [depth, columns, pieceColumns] = [64, 8000, 8];
  const [left, w, y, scratch] = [depth, depth * columns, columns, 2 * (pieceColumns * 256 + 48)].map(n => heap.allocate(4 * n));
  const scratchOfAThread = 4 * (pieceColumns * 256 + 48);
  const multiply = (stride: number) => pool.run('multiply', left, 1, depth, w, columns, 0, 0, 0, y, pieceColumns, scratch, stride);
  // Only the worker's scratch lies outside the memory. It fails once it wakes in time to take one of the thousand pieces.
  assert.throws(() => {
    for (let attempt = 0; attempt < 1000; attempt++) multiply(0x7fff0000);
  }, /a compute thread failed in multiply: .*out of bounds/);
  heap.floats(w, depth * columns).fill(1);
  heap.floats(left, depth).fill(1);
  multiply(scratchOfAThread);
  assert.ok(heap.floats(y, columns).every(sum => sum === depth));
  await pool.stop();
});

test('a particle whose Gaussians are broken gives NaN or nothing, never an access outside the memory, and leaves the others alone', async () => {
  const box = 32;
  const ring = ringGeometry(box, 10);
  const geometry: ProjectionGeometry = { gaussians: 3, ringGeometry: ring, referenceSigmaPixels: 1.2, blurVariancePixels: 0.1 };
  const good = Float32Array.of(0.1, -0.2, 0.3, 0, 0.1, 0.2, 0.3, 0.2, 0.1, 0.5, 0.6, 0.7, 1, 1.1, 0.9);
  const image = closedForm(ring, [{ x: 15, y: 18, mass: 1, sigma: 1.3 }]);
  const alone = await correlate(geometry, good, IDENTITY, image);
  for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30, -1e9]) {
    for (let parameter = 0; parameter < 15; parameter++) {
      const rows = [good, good.map((x, i) => (i === parameter ? broken : x)), good];
      const frc = cpu.tensor([3]);
      const dGaussians = cpu.tensor([3, 15]);
      const used = [
        cpu.tensor([3, 15], Float32Array.from(rows.flatMap(row => [...row]))),
        cpu.tensor([3, 9], Float32Array.from([...IDENTITY, ...IDENTITY, ...IDENTITY])),
        cpu.tensor([3, image.length], Float32Array.from([...image, ...image, ...image])),
      ];
      cpu.projectAndCorrelate(3, geometry, used[0], false, used[1], used[2], 1, frc, dGaussians, null);
      const [first, middle, last] = await cpu.read(frc);
      assert.equal(first, alone.frc);
      assert.equal(last, alone.frc);
      assert.deepEqual((await cpu.read(dGaussians)).slice(30), alone.gradient);
      if (Number.isNaN(broken)) assert.ok(Number.isNaN(middle), `NaN in parameter ${parameter} went unseen`);
      for (const t of [frc, dGaussians, ...used]) cpu.free(t);
    }
  }
});
