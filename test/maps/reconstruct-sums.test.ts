// The parts of a reconstruction against naive sums: spreading samples over the grid, multiplying a padded transform, least squares.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadMapKernels } from '../../daemon/compute/cpu/kernel-module.js';
import { LineTransforms } from '../../daemon/compute/cpu/line-transforms.js';
import { closePlaneZero, equalSlabs, insertSlice, PADDING, STRIDE, samplePlane, transformGrid } from '../../daemon/maps/insertion.js';
import { insertionKernel, sharedArrays } from '../../daemon/maps/insertion-kernel.js';
import { conjugateGradients } from '../../daemon/maps/normal-equations.js';
import { allocateOperatorMemory, PaddedOperator } from '../../daemon/maps/padded-operator.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';

const RINGS = 5;
const plane = samplePlane(RINGS);
const grid = transformGrid(RINGS);

function randomSamples(seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: STRIDE * plane.size }, (_, i) => (i % STRIDE === 2 ? random.uniform() : random.normal()));
}

const insertWhole = (samples: Float32Array, rotation: ArrayLike<number>) => {
  const accumulator = new Float32Array(grid.length);
  insertSlice(accumulator, grid, plane, samples, 0, rotation, 0, grid.planes);
  return accumulator;
};

test('each sample and its conjugate reach the eight points around them with trilinear weights: against a plain loop over the whole transform', () => {
  const rotation = eulerToMatrix(33, 71, -128);
  const samples = randomSamples(1);
  const accumulator = insertWhole(samples, rotation);
  closePlaneZero(accumulator, grid);
  const sums = new Map<string, [number, number, number]>();
  const add = (u: number[], re: number, im: number, weight: number) => {
    const floor = u.map(Math.floor);
    for (let corner = 0; corner < 8; corner++) {
      const point = floor.map((f, axis) => f + ((corner >> axis) & 1));
      const w = point.reduce((product, p, axis) => product * (1 - Math.abs(u[axis] - p)), 1);
      const sum = sums.get(point.join()) ?? [0, 0, 0];
      sums.set(point.join(), [sum[0] + w * re, sum[1] + w * im, sum[2] + w * weight]);
    }
  };
  for (let ky = -RINGS; ky <= RINGS; ky++) {
    for (let kx = 0; kx <= RINGS; kx++) {
      if (Math.hypot(kx, ky) > RINGS + 0.5 || (kx === 0 && ky < 0)) continue;
      const s = STRIDE * ((ky + RINGS) * (RINGS + 1) + kx);
      const u = [0, 1, 2].map(axis => PADDING * (kx * rotation[axis] + ky * rotation[3 + axis]));
      add(u, samples[s], samples[s + 1], samples[s + 2]);
      add(
        u.map(value => -value),
        samples[s],
        -samples[s + 1],
        samples[s + 2],
      );
    }
  }
  let compared = 0;
  for (let z = 0, i = 0; z < grid.planes; z++)
    for (let y = -grid.reach; y <= grid.reach; y++)
      for (let x = -grid.reach; x <= grid.reach; x++, i += STRIDE) {
        const expected = sums.get([x, y, z].join()) ?? [0, 0, 0];
        for (let part = 0; part < 3; part++) {
          // Single precision, at most a few dozen terms of size 1.
          assert.ok(Math.abs(accumulator[i + part] - expected[part]) < 1e-5, `(${x}, ${y}, ${z})`);
          if (expected[part] !== 0) compared++;
        }
      }
  assert.ok(compared > 500);
});

test('slabs of planes together receive what the whole does, bit for bit, wherever they are cut', () => {
  for (const rotation of [eulerToMatrix(10, 50, 20), eulerToMatrix(0, 0, 0), eulerToMatrix(0, 90, 0), eulerToMatrix(90, 90, 90)]) {
    const samples = randomSamples(2);
    const whole = insertWhole(samples, rotation);
    for (const borders of [equalSlabs(grid, 3), Int32Array.from({ length: grid.planes + 1 }, (_, i) => i)]) {
      const accumulator = new Float32Array(grid.length);
      for (let s = 0; s + 1 < borders.length; s++) insertSlice(accumulator, grid, plane, samples, 0, rotation, borders[s], borders[s + 1]);
      assert.deepEqual(accumulator, whole);
    }
  }
  const borders = equalSlabs(grid, 4);
  assert.deepEqual([borders[0], borders[4]], [0, grid.planes]);
});

test('the SIMD kernel inserts what the plain loop does, at any slab, since it is the same sum; fused or not', () => {
  for (const fused of [true, false]) {
    for (const rotation of [eulerToMatrix(33, 71, -128), eulerToMatrix(0, 0, 0), eulerToMatrix(90, 90, 90)]) {
      const { memory, arrays } = sharedArrays([2 * STRIDE * plane.size, grid.length]);
      const insert = insertionKernel(loadMapKernels(fused).module, memory!);
      // The second image of a batch, so that its offset counts.
      arrays[0].set(randomSamples(3), STRIDE * plane.size);
      const plain = insertWhole(randomSamples(3), rotation);
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, grid.planes],
      ])
        insert(arrays[1], grid, plane, arrays[0], STRIDE * plane.size, rotation, from, to);
      assert.ok(plain.some(value => value !== 0));
      // Weights in single precision: a few roundings of sums of a few dozen terms of size 1.
      for (let i = 0; i < plain.length; i++) {
        if (i % STRIDE < 3) assert.ok(Math.abs(arrays[1][i] - plain[i]) < 1e-5, `number ${i}: ${arrays[1][i]}, ${plain[i]}`);
      }
    }
  }
});

test('arrays too large for 32-bit addresses get memory of their own, and no kernel', () => {
  const { memory, arrays } = sharedArrays([16, 2 ** 30 - 65536 / 4]);
  assert.equal(memory, null);
  assert.deepEqual([arrays.length, arrays[0].length], [2, 16]);
});

test('no sample outside the last ring is used, and those on kx = 0, of which the plane holds both signs, only once', () => {
  let used = 0;
  for (let ky = -RINGS; ky <= RINGS; ky++) used += Math.max(0, plane.last[ky + RINGS] - plane.first[ky + RINGS] + 1);
  let expected = 0;
  for (let ky = -RINGS; ky <= RINGS; ky++)
    for (let kx = -RINGS; kx <= RINGS; kx++) if (Math.hypot(kx, ky) <= RINGS + 0.5 && (kx > 0 || (kx === 0 && ky >= 0))) expected++;
  assert.equal(used, expected);
});

test('the padded operator is the convolution that it stands for: against a double loop over voxels, with padding and without, for even and odd boxes', () => {
  for (const [box, padded, band] of [
    [6, 12, 4],
    [7, 14, 6],
    [7, 7, 3],
  ]) {
    const side = 2 * band + 1;
    const random = new Random(box);
    const memory = allocateOperatorMemory(band, box);
    const input = Float32Array.from({ length: box ** 3 }, () => random.normal());
    memory.input.set(input);
    // Any even real multiplier; G(−u) = G(u) keeps the output real.
    const multiplier = (x: number, y: number, z: number) => 1 / (1 + (x + 0.5 * y - z) ** 2) + 0.1 * (x * y + z * z);
    const operator = new PaddedOperator(band, box, padded, memory, new LineTransforms(loadMapKernels().module));
    for (let y = 0; y < box; y++) operator.forwardRow(y);
    for (let uz = 0; uz <= band; uz++) {
      const values = Float64Array.from({ length: side * side }, (_, i) => multiplier((i % side) - band, Math.floor(i / side) - band, uz));
      operator.multiplyPlane(uz, values);
    }
    for (let y = 0; y < box; y++) operator.inverseRow(y);
    const kernel = (dx: number, dy: number, dz: number) => {
      let sum = 0;
      for (let z = -band; z <= band; z++)
        for (let y = -band; y <= band; y++)
          for (let x = -band; x <= band; x++) sum += multiplier(x, y, z) * Math.cos((2 * Math.PI * (x * dx + y * dy + z * dz)) / padded);
      return sum / padded ** 3;
    };
    for (const voxel of [0, 17, 101, box ** 3 - 1]) {
      const [x, y, z] = [voxel % box, Math.floor(voxel / box) % box, Math.floor(voxel / box ** 2)];
      let expected = 0;
      input.forEach((value, i) => {
        expected += value * kernel(x - (i % box), y - (Math.floor(i / box) % box), z - Math.floor(i / box ** 2));
      });
      assert.ok(
        Math.abs(memory.output[voxel] - expected) < 1e-4 * Math.abs(expected) + 1e-5,
        `voxel ${voxel}: ${memory.output[voxel]}, ${expected}`,
      );
    }
  }
});

test('conjugate gradients solve n equations in n steps, and leave nothing to do after the tolerance is met', async () => {
  const matrix = [
    [4, 1, 0],
    [1, 3, -1],
    [0, -1, 2],
  ];
  const expected = [1, -2, 3];
  const times = (v: ArrayLike<number>) => matrix.map(row => row.reduce((sum, value, i) => sum + value * v[i], 0));
  let steps = 0;
  const solve = (iterations: number, tolerance: number) => {
    steps = 0;
    return conjugateGradients(
      Float32Array.from(times(expected)),
      async v => Float32Array.from(times(v)),
      async v => v.slice(),
      iterations,
      tolerance,
      () => steps++,
    );
  };
  const solution = await solve(3, 0);
  assert.ok(
    expected.every((value, i) => Math.abs(solution[i] - value) < 1e-5),
    `${solution}`,
  );
  await solve(100, 1e-3);
  assert.ok(steps <= 4, 'three steps and the look at what is left');
});
