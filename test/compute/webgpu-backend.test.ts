// What is particular to the WebGPU backend: lists longer than a tile takes, one order of sums, memory given back, and failures told in one line.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ProjectionGeometry } from '../../daemon/compute/backend.js';
import { ComputeError } from '../../daemon/compute/compute-error.js';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { createWebgpuBackend, type WebgpuBackend } from '../../daemon/compute/webgpu/webgpu-backend.js';
import { Random } from '../../daemon/numerics/random.js';
import { openAdapter, openWebgpu, present } from './backends-under-test.js';

let opened: WebgpuBackend | { reason: string } = { reason: 'it could not be opened' };
before(async () => {
  opened = await openWebgpu();
});
after(() => ('reason' in opened ? undefined : opened.dispose()));

const plain = new PlainBackend();

/** Rotations about z, each after one about x. */
function turns(rows: number): Float32Array {
  const turn = (angle: number) => {
    const [c, s, cx, sx] = [Math.cos(angle), Math.sin(angle), Math.cos(angle + 0.4), Math.sin(angle + 0.4)];
    return [c, -s * cx, s * sx, s, c * cx, -c * sx, 0, sx, cx];
  };
  return Float32Array.from(Array.from({ length: rows }, (_, r) => turn(r)).flat());
}

/** n Gaussians a row, all within `spread` of the box, of widths `sigma` times the reference. */
function crowd(random: Random, rows: number, n: number, spread: number, sigma = 1): Float32Array {
  const row = () => [
    ...Array.from({ length: 3 * n }, () => spread * (random.uniform() - 0.5)),
    ...Array.from({ length: n }, () => 0.1 + 0.8 * random.uniform()),
    ...Array.from({ length: n }, () => sigma * (0.6 + 0.8 * random.uniform())),
  ];
  return Float32Array.from(Array.from({ length: rows }, row).flat());
}

async function project(
  backend: WebgpuBackend | PlainBackend,
  geometry: ProjectionGeometry,
  rows: number,
  row: Float32Array,
  images: Float32Array,
) {
  const width = 5 * geometry.gaussians;
  const t = {
    gaussians: backend.tensor([rows, width], row),
    rotations: backend.tensor([rows, 9], turns(rows)),
    images: backend.tensor([rows, images.length / rows], images),
    frc: backend.tensor([rows]),
    dGaussians: backend.tensor([rows, width]),
    ringFrc: backend.tensor([rows, geometry.ringGeometry.rings + 1]),
  };
  backend.projectAndCorrelate(rows, geometry, t.gaussians, false, t.rotations, t.images, -1, t.frc, t.dGaussians, t.ringFrc);
  const [frc, dGaussians, ringFrc] = await Promise.all([t.frc, t.dGaussians, t.ringFrc].map(each => backend.read(each)));
  for (const tensor of Object.values(t)) backend.free(tensor);
  return { frc, dGaussians, ringFrc };
}

function geometryOf(n: number, box: number, rings: number, sigma = 1.2): ProjectionGeometry {
  return { gaussians: n, ringGeometry: ringGeometry(box, rings), referenceSigmaPixels: sigma, blurVariancePixels: 0.4 };
}

const noise = (random: Random, length: number) => Float32Array.from({ length }, () => random.normal());

/** Largest difference over the largest value. */
function difference(actual: Float32Array, expected: Float32Array): number {
  assert.ok(actual.every(Number.isFinite));
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return actual.reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0) / largest;
}

test('every tile draws all Gaussians that reach it, be they none, all, or more than its list holds, and the gradient finds each again', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  for (const { n, box, rings, spread, sigma } of [
    // All on the four tiles about the centre: every chunk of 64 leaves a rest of any size in the list.
    { n: 203, box: 64, rings: 20, spread: 0.2, sigma: 1 },
    // Everywhere and beyond the edge, on tiles that the box cuts.
    { n: 130, box: 50, rings: 24, spread: 1.2, sigma: 1 },
    // Wider than a tile.
    { n: 65, box: 48, rings: 5, spread: 0.6, sigma: 6 },
    // Two, that most tiles never see.
    { n: 2, box: 70, rings: 9, spread: 0.9, sigma: 1 },
  ]) {
    const random = new Random(n);
    const rows = 3;
    const geometry = geometryOf(n, box, rings);
    const row = crowd(random, rows, n, spread, sigma);
    const images = noise(random, rows * 2 * geometry.ringGeometry.planeSize);
    const [actual, expected] = [await project(gpu, geometry, rows, row, images), await project(plain, geometry, rows, row, images)];
    assert.ok(difference(actual.frc, expected.frc) < 1e-4, `correlation of ${n}: ${difference(actual.frc, expected.frc)}`);
    assert.ok(difference(actual.ringFrc, expected.ringFrc) < 1e-4, `rings of ${n}: ${difference(actual.ringFrc, expected.ringFrc)}`);
    for (let kind = 0; kind < 5; kind++) {
      const plane = (g: Float32Array) => g.filter((_, i) => Math.floor((i % (5 * n)) / n) === kind);
      const off = difference(plane(actual.dGaussians), plane(expected.dGaussians));
      assert.ok(off < 1e-4, `gradient of kind ${kind} of ${n}: ${off}`);
    }
  }
});

test('the same call gives the same bits, since every sum has one order', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  const random = new Random(5);
  const geometry = geometryOf(150, 32, 15);
  const row = crowd(random, 2, 150, 0.7);
  const images = noise(random, 4 * geometry.ringGeometry.planeSize);
  assert.deepEqual(await project(gpu, geometry, 2, row, images), await project(gpu, geometry, 2, row, images));
});

test('rings weigh as they are told at each call, though the table stays on the device', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  const random = new Random(6);
  const geometry = geometryOf(20, 16, 7);
  const row = crowd(random, 1, 20, 0.7);
  const images = noise(random, 2 * geometry.ringGeometry.planeSize);
  for (const ringShares of [undefined, Float32Array.of(0, 1, 0, 0, 0, 0, 0, 0), Float32Array.of(0, 0, 0, 0, 0.5, 0.5, 0, 0)]) {
    const { frc, ringFrc } = await project(gpu, { ...geometry, ringShares }, 1, row, images);
    const mean = ringFrc.reduce((sum, value, k) => sum + value * (ringShares?.[k] ?? (k > 0 ? 1 / 7 : 0)), 0);
    assert.ok(Math.abs(frc[0] - mean) < 1e-6, `${frc[0]} and ${mean}`);
  }
});

test('a Gaussian that is not a number makes the correlation none, so that a broken run is seen at its next step', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  const random = new Random(7);
  const geometry = geometryOf(70, 16, 7);
  const images = noise(random, 2 * geometry.ringGeometry.planeSize);
  for (const kind of [0, 3, 4]) {
    const row = crowd(random, 1, 70, 0.7);
    row[kind * 70 + 66] = Number.NaN;
    const { frc } = await project(gpu, geometry, 1, row, images);
    assert.ok(Number.isNaN(frc[0]), `kind ${kind}: ${frc[0]}`);
  }
});

test('dropout takes out the very numbers that the reference takes out, and leaves the same bits', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  const values = noise(new Random(8), 34 * 517);
  for (const [rate, key] of [
    [0.3, 0xfedcba98],
    [0.75, 0],
    [0, 7],
  ] as const) {
    const a = gpu.tensor([34, 517], values);
    const b = plain.tensor([34, 517], values);
    gpu.dropout(33, a, rate, key);
    plain.dropout(33, b, rate, key);
    assert.deepEqual(await gpu.read(a), await plain.read(b));
    gpu.free(a);
  }
});

test('a write is seen by what is asked after it and by nothing before, and an operation may read what it overwrites', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  const [x, sum, kept] = [gpu.tensor([3], Float32Array.of(1, 2, 3)), gpu.tensor([3]), gpu.tensor([3])];
  gpu.add(3, x, x, sum);
  gpu.write(x, Float32Array.of(10), 1);
  gpu.add(3, sum, x, sum);
  gpu.add(3, sum, sum, kept);
  gpu.add(3, kept, sum, sum);
  assert.deepEqual([...(await gpu.read(sum))], [9, 42, 27]);
  assert.deepEqual(await Promise.all([x, kept].map(async each => [...(await gpu.read(each))])), [
    [1, 10, 3],
    [6, 28, 18],
  ]);
  for (const tensor of [x, sum, kept]) gpu.free(tensor);
});

test('more commands than one hand-over takes run in their order', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  const [x, one] = [gpu.tensor([2]), gpu.tensor([2], Float32Array.of(1, 1))];
  for (let i = 0; i < 700; i++) {
    gpu.add(2, x, one, x);
    if (i === 350) gpu.fill(x, 1000);
  }
  assert.deepEqual([...(await gpu.read(x))], [1349, 1349]);
  gpu.free(x);
  gpu.free(one);
});

test('what is given back is free again, and neither used nor given back twice', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  const held = gpu.bytesHeld;
  for (let i = 0; i < 20; i++) {
    const tensor = gpu.tensor([1000, 100]);
    gpu.fill(tensor, i);
    assert.equal(gpu.bytesHeld - held, 400_000);
    gpu.free(tensor);
    assert.throws(() => gpu.fill(tensor, 1), /given back/);
    assert.throws(() => gpu.free(tensor), /given back/);
  }
  assert.equal(gpu.bytesHeld, held);
  const small = gpu.tensor([2, 2]);
  assert.throws(() => gpu.add(5, small, small, small), /too small/);
  assert.throws(() => gpu.write(small, new Float32Array(3), 2), RangeError);
  gpu.free(small);
});

test('an array larger than the device takes is refused with its size and a cure, and the device goes on', async t => {
  const gpu = present(opened, t);
  if (!gpu) return;
  assert.throws(
    () => gpu.tensor([2 ** 40]),
    (error: Error) => error instanceof ComputeError && /MB is larger.*--batch/.test(error.message),
  );
  const tensor = gpu.tensor([1], Float32Array.of(3));
  assert.deepEqual([...(await gpu.read(tensor))], [3]);
  gpu.free(tensor);
});

test('a device that is lost is told in one line by the next read and by every later operation', async t => {
  const adapter = await openAdapter();
  if ('reason' in adapter) return t.skip(adapter.reason);
  const gpu = createWebgpuBackend(adapter);
  const tensor = gpu.tensor([4]);
  adapter.device.destroy();
  await assert.rejects(
    gpu.read(tensor),
    (error: Error) => error instanceof ComputeError && /was lost/.test(error.message) && !error.message.includes('\n'),
  );
  assert.throws(() => gpu.fill(tensor, 1), /was lost/);
  await gpu.dispose();
});

test('a device that is full, or refuses a command, is told in one line by the next read', async t => {
  for (const [spoil, complaint] of [
    // No test may fill the memory of the machine it runs on: the event is what Dawn then sends.
    [(device: GPUDevice) => device.dispatchEvent(outOfMemory()), /^the graphics processor is out of memory: .*--batch/],
    [(device: GPUDevice) => device.createBuffer({ size: 16, usage: 0xffff00 }), /^the graphics processor refused a command: .*0?16776960/],
  ] as const) {
    const adapter = await openAdapter();
    if ('reason' in adapter) return t.skip(adapter.reason);
    const gpu = createWebgpuBackend(adapter);
    const tensor = gpu.tensor([4]);
    spoil(adapter.device);
    await assert.rejects(
      gpu.read(tensor),
      (error: Error) => error instanceof ComputeError && complaint.test(error.message) && !error.message.includes('\n'),
    );
    await gpu.dispose();
  }
});

function outOfMemory(): Event {
  class GPUOutOfMemoryError extends Error {}
  return Object.assign(new Event('uncapturederror'), { error: new GPUOutOfMemoryError() });
}
