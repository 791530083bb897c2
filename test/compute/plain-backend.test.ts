// The reference operations against closed forms, symmetries and Taylor remainders: everything faster is compared with them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProjectionGeometry } from '../../daemon/compute/backend.js';
import { PlainBackend, plainTransform } from '../../daemon/compute/cpu/plain-backend.js';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import { MOST_LINKS, neighbourLinks } from '../../daemon/training/neighbour-links.js';

const backend = new PlainBackend(Number.POSITIVE_INFINITY);

function scene(seed: number, n = 7, b = 24, rings = 9) {
  const random = new Random(seed);
  const geometry: ProjectionGeometry = {
    gaussians: n,
    ringGeometry: ringGeometry(b, rings),
    referenceSigmaPixels: 1.4,
    blurVariancePixels: 0.3,
  };
  const row = new Float32Array(5 * n);
  for (let i = 0; i < 3 * n; i++) row[i] = 0.3 * (random.uniform() - 0.5);
  for (let i = 0; i < n; i++) {
    row[3 * n + i] = 0.2 + 0.6 * random.uniform();
    row[4 * n + i] = 0.6 + 0.8 * random.uniform();
  }
  const A = eulerToMatrix(360 * random.uniform(), 180 * random.uniform(), 360 * random.uniform(), new Float32Array(9)) as Float32Array;
  const image = new Float32Array(2 * geometry.ringGeometry.planeSize).map(() => random.normal());
  return { random, geometry, row, A, image };
}

async function correlate(geometry: ProjectionGeometry, row: Float32Array, A: Float32Array, image: Float32Array) {
  const frc = backend.tensor([1]);
  const gradient = backend.tensor([1, row.length]);
  const ringFrc = backend.tensor([1, geometry.ringGeometry.rings + 1]);
  backend.projectAndCorrelate(
    1,
    geometry,
    backend.tensor([1, row.length], row),
    false,
    backend.tensor([1, 9], A),
    backend.tensor([1, image.length], image),
    1,
    frc,
    gradient,
    ringFrc,
  );
  return { frc: (await backend.read(frc))[0], gradient: await backend.read(gradient), ringFrc: await backend.read(ringFrc) };
}

test('the transform of one drawn Gaussian is A·exp(−2π²σ²|k|²) with the phase of its centre, as the closed form says', () => {
  const b = 32;
  const geometry: ProjectionGeometry = { gaussians: 1, ringGeometry: ringGeometry(b, 10), referenceSigmaPixels: 2, blurVariancePixels: 0 };
  const row = [0.05, -0.08, 0.11, 0.7, 1.2];
  const A = eulerToMatrix(40, 65, 110);
  const F = plainTransform(b, 10, geometry.ringGeometry.stride).forward(backend.draw(geometry, row, A));
  const u = b * (A[0] * row[0] + A[1] * row[1] + A[2] * row[2]) + b / 2;
  const v = b * (A[3] * row[0] + A[4] * row[1] + A[5] * row[2]) + b / 2;
  for (let kx = -10; kx <= 10; kx++) {
    for (let ky = 0; ky <= 10; ky++) {
      const size = 0.7 * Math.exp((-2 * Math.PI ** 2 * 2.4 ** 2 * (kx * kx + ky * ky)) / b ** 2);
      const angle = (-2 * Math.PI * (kx * u + ky * v)) / b;
      const index = (kx + 10) * geometry.ringGeometry.stride + ky;
      // The box cuts the Gaussian off at 5 σ or more: exp(−12.5) = 4e-6 is missing at the edge; aliasing is far below.
      assert.ok(Math.abs(F[index] - size * Math.cos(angle)) < 4e-6);
      assert.ok(Math.abs(F[geometry.ringGeometry.planeSize + index] - size * Math.sin(angle)) < 4e-6);
    }
  }
});

test('the adjoint transform is the transpose: ⟨F x, y⟩ = ⟨x, Fᵀ y⟩ for any x and y', () => {
  const random = new Random(3);
  const transform = plainTransform(12, 4, 8);
  const x = Float64Array.from({ length: 144 }, () => random.normal());
  const y = Float64Array.from({ length: 2 * 9 * 8 }, (_, i) => (i % 8 > 4 ? 0 : random.normal()));
  const dot = (a: ArrayLike<number>, c: ArrayLike<number>) => Array.from(a).reduce((sum, value, i) => sum + value * c[i], 0);
  assert.ok(Math.abs(dot(transform.forward(x), y) - dot(x, transform.adjoint(y))) < 1e-9);
});

test('a picture correlates with itself to 1 and with its negative to −1 in every ring', async () => {
  const { geometry, row, A } = scene(1);
  const g = geometry.ringGeometry;
  const own = Float32Array.from(plainTransform(g.boxSize, g.rings, g.stride).forward(backend.draw(geometry, row, A)));
  for (const sign of [1, -1]) {
    const { frc, ringFrc } = await correlate(
      geometry,
      row,
      A,
      own.map(value => sign * value),
    );
    assert.ok(Math.abs(frc - sign) < 1e-6);
    for (let k = 1; k <= g.rings; k++) assert.ok(Math.abs(ringFrc[k] - sign) < 1e-5, `ring ${k}`);
  }
});

test('ring correlation does not change under a positive radial filter, so phase-flipped data need no CTF amplitude', async () => {
  const { geometry, row, A, image } = scene(2);
  const g = geometry.ringGeometry;
  const filtered = image.map((value, i) => value * (0.3 + 5 / (1 + g.ring[i % g.planeSize])));
  const [plain, other] = [await correlate(geometry, row, A, image), await correlate(geometry, row, A, filtered)];
  assert.ok(Math.abs(plain.frc - other.frc) < 1e-6);
  for (let i = 0; i < row.length; i++)
    assert.ok(Math.abs(plain.gradient[i] - other.gradient[i]) < 1e-4 * Math.max(1, Math.abs(plain.gradient[i])));
});

test('the half plane with its weights gives the ring sums of the whole plane, so the FRC equals the naive one', async () => {
  const { geometry, row, A, image } = scene(4, 5, 16, 6);
  const g = geometry.ringGeometry;
  const P = plainTransform(g.boxSize, g.rings, g.stride).forward(backend.draw(geometry, row, A));
  const at = (planes: ArrayLike<number>, kx: number, ky: number): [number, number] => {
    const mirrored = ky < 0;
    const index = ((mirrored ? -kx : kx) + g.rings) * g.stride + Math.abs(ky);
    return [planes[index], mirrored ? -planes[g.planeSize + index] : planes[g.planeSize + index]];
  };
  let mean = 0;
  for (let k = 1; k <= g.rings; k++) {
    let [c, p, q] = [0, 0, 0];
    for (let kx = -k - 1; kx <= k + 1; kx++) {
      for (let ky = -k - 1; ky <= k + 1; ky++) {
        const radius = Math.hypot(kx, ky);
        if (radius < k - 0.5 || radius >= k + 0.5) continue;
        const [[a, b2], [e, f]] = [at(P, kx, ky), at(image, kx, ky)];
        c += a * e + b2 * f;
        p += a * a + b2 * b2;
        q += e * e + f * f;
      }
    }
    mean += c / Math.sqrt(p * q) / g.rings;
  }
  // The image need not be Hermitian on the row ky = 0 for this equality: both of its halves are listed in the half plane.
  assert.ok(Math.abs((await correlate(geometry, row, A, image)).frc - mean) < 1e-6);
});

test('the Taylor remainder of the correlation falls as h², so its gradient is right for all five kinds of parameter', async () => {
  const { random, geometry, row, A, image } = scene(5);
  const { gradient } = await correlate(geometry, row, A, image);
  const n = geometry.gaussians;
  // In double precision, by the same drawing and transform: float32 rounding would hide the remainder.
  const g = geometry.ringGeometry;
  const transform = plainTransform(g.boxSize, g.rings, g.stride);
  const value = (parameters: ArrayLike<number>) => {
    const P = transform.forward(backend.draw(geometry, parameters, A));
    const sums = Array.from({ length: g.rings + 1 }, () => [0, 0, 0]);
    for (let i = 0; i < g.planeSize; i++) {
      const s = sums[g.ring[i]];
      s[0] += g.weights[i] * (P[i] * image[i] + P[g.planeSize + i] * image[g.planeSize + i]);
      s[1] += g.weights[i] * (P[i] ** 2 + P[g.planeSize + i] ** 2);
      s[2] += g.weights[i] * (image[i] ** 2 + image[g.planeSize + i] ** 2);
    }
    return sums.slice(1).reduce((sum, [c, p, q]) => sum + c / Math.sqrt(p * q), 0) / g.rings;
  };
  for (const kind of [0, 1, 2, 3, 4]) {
    const direction = Float64Array.from({ length: 5 * n }, (_, i) =>
      Math.floor(i / n) === kind ? random.normal() * (kind < 3 ? 0.05 : 0.2) : 0,
    );
    const slope = direction.reduce((sum, d, i) => sum + d * gradient[i], 0);
    const remainder = (h: number) => Math.abs(value(direction.map((d, i) => row[i] + h * d)) - value(row) - h * slope);
    const order = Math.log2(remainder(0.01) / remainder(0.005));
    assert.ok(Math.abs(order - 2) < 0.15, `kind ${kind}: order ${order}`);
  }
});

test('turning model and orientation together changes neither the correlation nor, turned back, its gradient', async () => {
  const { geometry, row, A, image } = scene(6);
  const n = geometry.gaussians;
  const Q = eulerToMatrix(20, 50, 80);
  const turned = row.slice();
  for (let i = 0; i < n; i++)
    for (let a = 0; a < 3; a++) turned[a * n + i] = Q[3 * a] * row[i] + Q[3 * a + 1] * row[n + i] + Q[3 * a + 2] * row[2 * n + i];
  const AQ = new Float32Array(9);
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) for (let k = 0; k < 3; k++) AQ[3 * i + j] += A[3 * i + k] * Q[3 * j + k];
  const [one, two] = [await correlate(geometry, row, A, image), await correlate(geometry, turned, AQ, image)];
  assert.ok(Math.abs(one.frc - two.frc) < 1e-6);
  for (let i = 0; i < n; i++) {
    for (let a = 0; a < 3; a++) {
      const back = Q[a] * two.gradient[i] + Q[3 + a] * two.gradient[n + i] + Q[6 + a] * two.gradient[2 * n + i];
      assert.ok(Math.abs(back - one.gradient[a * n + i]) < 1e-4);
    }
  }
});

test('at z = 0 the decoder gives the neutral model exactly, whatever its weights, because its value there is taken off', async () => {
  const random = new Random(8);
  const neutral = new Float32Array(15).map(() => random.normal());
  const offsets = new Float32Array(30).map(() => random.normal());
  offsets.copyWithin(15, 0, 15); // the only row is the origin itself
  const ones = backend.tensor([15], new Float32Array(15).fill(1));
  const out = backend.tensor([1, 15]);
  backend.gaussians(1, backend.tensor([2, 15], offsets), true, backend.tensor([15], neutral), ones, out);
  const expected = backend.tensor([1, 15]);
  backend.gaussians(1, backend.tensor([1, 15]), false, backend.tensor([15], neutral), ones, expected);
  assert.deepEqual(await backend.read(out), await backend.read(expected));
});

test('a neutral model for every row is each row drawn about its own, and one of exactly 5N numbers serves them all', async () => {
  const [rows, n] = [3, 4];
  const random = new Random(18);
  const draw = (count: number, size = 1) => new Float32Array(count).map(() => size * random.normal());
  const width = 5 * n;
  const [offsets, neutrals, vary] = [draw((rows + 1) * width), draw((rows + 1) * width), draw(width).map(Math.abs)];
  const drawn = async (count: number, from: Float32Array, neutral: Float32Array) => {
    const out = backend.tensor([count, width]);
    const held = backend.tensor([neutral.length / width, width], neutral);
    backend.gaussians(count, backend.tensor([count + 1, width], from), true, held, backend.tensor([width], vary), out);
    return backend.read(out);
  };
  const together = await drawn(rows, offsets, neutrals);
  const origin = offsets.subarray(rows * width);
  for (let r = 0; r < rows; r++) {
    const own = offsets.subarray(r * width, (r + 1) * width);
    const alone = await drawn(1, Float32Array.from([...own, ...origin]), neutrals.slice(r * width, (r + 1) * width));
    assert.deepEqual(together.slice(r * width, (r + 1) * width), alone);
  }
  const repeated = Float32Array.from({ length: rows * width }, (_, i) => neutrals[i % width]);
  assert.deepEqual(await drawn(rows, offsets, neutrals.slice(0, width)), await drawn(rows, offsets, repeated));
});

test('gradients through dense layers and the Gaussian activation match finite differences of their definition', async () => {
  const random = new Random(9);
  const normal = (n: number) => new Float32Array(n).map(() => random.normal());
  const [rows, inputs, outputs] = [3, 4, 10];
  const [x, w, bias, target] = [normal(rows * inputs), normal(inputs * outputs), normal(outputs), normal(2 * outputs)];
  const vary = backend.tensor(
    [outputs],
    new Float32Array(outputs).map((_, i) => (i % 3 === 0 ? 0 : 1)),
  );
  const neutral = backend.tensor([outputs], normal(outputs));
  const run = async (X: Float32Array, W: Float32Array, B: Float32Array) => {
    const y = backend.tensor([rows, outputs]);
    backend.dense(rows, backend.tensor([rows, inputs], X), backend.tensor([inputs, outputs], W), backend.tensor([outputs], B), y, 'linear');
    const out = backend.tensor([2, outputs]);
    backend.gaussians(2, y, true, neutral, vary, out);
    return { y, out, value: (await backend.read(out)).reduce((sum, value, i) => sum + value * target[i], 0) };
  };
  const { y, out } = await run(x, w, bias);
  const [dY, dX, dW, dB] = [
    backend.tensor([rows, outputs]),
    backend.tensor([rows, inputs]),
    backend.tensor([inputs, outputs]),
    backend.tensor([outputs]),
  ];
  backend.gaussiansBackward(2, out, backend.tensor([2, outputs], target), true, vary, dY);
  backend.denseBackward(rows, backend.tensor([rows, inputs], x), backend.tensor([inputs, outputs], w), y, dY, 'linear', dX, dW, dB);
  const h = 1e-2;
  for (const [values, gradient] of [
    [x, await backend.read(dX)],
    [w, await backend.read(dW)],
    [bias, await backend.read(dB)],
  ] as const) {
    for (let i = 0; i < values.length; i++) {
      const kept = values[i];
      values[i] = kept + h;
      const up = (await run(x, w, bias)).value;
      values[i] = kept - h;
      const down = (await run(x, w, bias)).value;
      values[i] = kept;
      // Central difference: truncation h²·f‴/6 ≈ 1e-5, float32 rounding 1e-6 / h.
      assert.ok(Math.abs((up - down) / (2 * h) - gradient[i]) < 3e-3, `${i}: ${(up - down) / (2 * h)} against ${gradient[i]}`);
    }
  }
});

test("Adam's first step is the learning rate against the sign of the gradient, whatever its size, plus the decay", async () => {
  const p = backend.tensor([3], Float32Array.of(1, -2, 3));
  backend.adam(p, backend.tensor([3], Float32Array.of(1e-3, -50, 7)), backend.tensor([3]), backend.tensor([3]), {
    learningRate: 0.1,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-10,
    weightDecay: 0.01,
    step: 1,
  });
  const expected = [1 - 0.1 - 0.001, -2 + 0.1 + 0.002, 3 - 0.1 - 0.003];
  const stepped = await backend.read(p);
  for (let i = 0; i < 3; i++) assert.ok(Math.abs(stepped[i] - expected[i]) < 1e-6);
});

test('an L2 penalty alone moves as Adam does on 2·l2·parameter, so its first step is the learning rate whatever l2: it is no weight decay', async () => {
  const stepped = async (l2: number, weightDecay: number) => {
    const [p, m] = [backend.tensor([3], Float32Array.of(1, -2, 0.5)), backend.tensor([3])];
    backend.adam(p, backend.tensor([3]), m, backend.tensor([3]), {
      learningRate: 0.01,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-12,
      weightDecay,
      l2,
      step: 1,
    });
    return { moved: await backend.read(p), m: await backend.read(m) };
  };
  for (const l2 of [1e-3, 1]) {
    const { moved, m } = await stepped(l2, 0);
    [0.99, -1.99, 0.49].forEach((value, i) => void assert.ok(Math.abs(moved[i] - value) < 1e-6));
    // The first moment holds a tenth of the gradient of l2·Σw².
    [1, -2, 0.5].forEach((w, i) => void assert.ok(Math.abs(m[i] - 0.1 * 2 * l2 * w) < 1e-7));
  }
  const decayed = await stepped(0, 1e-3);
  [1, -2, 0.5].forEach((w, i) => void assert.ok(Math.abs(decayed.moved[i] - w * (1 - 1e-5)) < 2e-7));
});

/** Gaussians a and b = 0 and 1 at rest 0.1 apart, and a third by itself. */
const LINKED = Float32Array.from({ length: 3 * 3 * 4 }, (_, i) => ({ 0: 1, 4: 0, 12: 0.1, 16: 0.1, 24: 1, 28: 1 })[i] ?? 0);

async function pulled(row: Float32Array, links: Float32Array, weight: number, reach: number) {
  const n = row.length / 5;
  const gradient = backend.tensor([1, row.length]);
  backend.stretchBackward(
    1,
    backend.tensor([1, row.length], row),
    backend.tensor([3, n, links.length / (3 * n)], links),
    gradient,
    weight,
    reach,
  );
  return backend.read(gradient);
}

test('a link pulls both its ends alike along itself, by the slope of e²/(e² + r²), and what is torn hardly any more', async () => {
  for (const [stretch, reach] of [
    [0.02, 0.03],
    [-0.04, 0.03],
    [0.9, 0.03],
  ]) {
    const gradient = await pulled(
      Float32Array.of(0, 0.1 + stretch, 0.3, 0.2, 0.2, 0.2, 0, 0, 0, ...new Array(6).fill(0.5)),
      LINKED,
      2,
      reach,
    );
    const slope = (2 * 2 * stretch * reach ** 2) / (stretch ** 2 + reach ** 2) ** 2;
    for (const [i, value] of [-slope, slope].entries()) assert.ok(Math.abs(gradient[i] - value) < 1e-5 * (1 + Math.abs(slope)));
    assert.ok(
      gradient.subarray(2).every(value => value === 0),
      'across the link, and where there is none, nothing pulls',
    );
  }
});

test('what a model turns and shifts as a whole is pulled nowhere, for no link grows longer', async () => {
  const { row, A } = scene(5, 40);
  const links = neighbourLinks(row, new Float32Array(200).fill(1))!;
  const turned = row.slice();
  for (let i = 0; i < 40; i++)
    for (let k = 0; k < 3; k++) turned[k * 40 + i] = 0.05 * k + [0, 1, 2].reduce((sum, j) => sum + A[3 * k + j] * row[j * 40 + i], 0);
  const largest = (values: Float32Array) => Math.max(...values.map(Math.abs));
  const bent = row.map((value, i) => (i < 40 ? value + 5 * value * row[40 + i] : value));
  // Single precision: distances are known to 10⁻⁷ of a box, against bends of some hundredths.
  assert.ok(largest(await pulled(turned, links, 1, 0.01)) < 1e-4 * largest(await pulled(bent, links, 1, 0.01)));
});

test('the pull is the gradient of the sum over links: a Taylor remainder of second order', async () => {
  const { random, row } = scene(6, 12);
  const links = neighbourLinks(row, new Float32Array(60).fill(1))!;
  const moved = row.map((value, i) => value + (i < 36 ? 0.02 * random.normal() : 0));
  const direction = row.map((_, i) => (i < 36 ? random.normal() : 0));
  const energy = (at: (i: number) => number) => {
    let sum = 0;
    for (let a = 0; a < 12; a++)
      for (let m = 0; m < MOST_LINKS; m++) {
        const [b, rest, share] = [0, 1, 2].map(plane => links[(plane * 12 + a) * MOST_LINKS + m]);
        const stretch = Math.hypot(...[0, 1, 2].map(k => at(k * 12 + a) - at(k * 12 + b))) - rest;
        // Every link is met from both its ends.
        sum += (0.5 * share * stretch ** 2) / (stretch ** 2 + 0.03 ** 2);
      }
    return sum;
  };
  const gradient = await pulled(moved, links, 1, 0.03);
  const along = direction.reduce((sum, value, i) => sum + value * gradient[i], 0);
  const remainder = (step: number) => Math.abs(energy(i => moved[i] + step * direction[i]) - energy(i => moved[i]) - step * along);
  const order = Math.log2(remainder(2e-4) / remainder(1e-4));
  assert.ok(Math.abs(order - 2) < 0.1, `order ${order}`);
});
