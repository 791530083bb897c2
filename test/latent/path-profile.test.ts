// Populations and −ln density along a line, against closed forms of normal clouds and against counting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cumulativeLengths, type Polyline } from '../../daemon/latent/along-path.js';
import { LEAST_SUPPORT, pathProfile } from '../../daemon/latent/path-profile.js';
import { Random } from '../../daemon/numerics/random.js';
import { cloudOf } from './clouds.js';

function lineThrough(vertices: readonly (readonly number[])[]): Polyline {
  const points = Float32Array.from(vertices.flat());
  return { points, lengths: cumulativeLengths(points, vertices.length, vertices[0].length) };
}

/** Along x from `from` to `to` in steps of a tenth. */
function alongX(from: number, to: number, dims: number): Polyline {
  const steps = Math.round((to - from) * 10);
  return lineThrough(
    Array.from({ length: steps + 1 }, (_, i) => [from + ((to - from) * i) / steps, ...new Array<number>(dims - 1).fill(0)]),
  );
}

test('along a normal cloud −ln density is the parabola x²/2, blurred by the stated bandwidth and off by the stated error', () => {
  const random = new Random(1);
  const cloud = cloudOf(Array.from({ length: 4000 }, () => [random.normal(), 0.3 * random.normal()]));
  const { freeEnergy, standardError, bandwidth } = pathProfile(cloud, alongX(-4, 4, 2));
  const blurred = 1 + bandwidth ** 2;
  for (const x of [-2, -1.5, -1, 0, 1, 2]) {
    const at = Math.round((x + 4) * 10);
    // The zero is the highest point of a noisy curve, which adds its own error.
    const allowed = 4 * Math.hypot(standardError[at], standardError[40]);
    assert.ok(Math.abs(freeEnergy[at] - (x * x) / (2 * blurred)) < allowed, `${x}: ${freeEnergy[at]} ± ${standardError[at]}`);
    assert.ok(standardError[at] < 0.2);
  }
});

test('between two peaks the valley is as deep as it is in truth, where a bandwidth for one normal distribution would fill it up', () => {
  const random = new Random(4);
  const cloud = cloudOf(Array.from({ length: 8000 }, (_, i) => [(i % 2 ? 1 : -1) + 0.3 * random.normal()]));
  const density = (x: number) => Math.exp(-(((x - 1) / 0.3) ** 2) / 2) + Math.exp(-(((x + 1) / 0.3) ** 2) / 2);
  // ln of the density at a peak over that halfway: 4.86.
  const depth = Math.log(density(1) / density(0));
  const found = pathProfile(cloud, alongX(-2, 2, 1));
  assert.ok(Math.abs(found.freeEnergy[20] - depth) < 3 * found.standardError[20] + 0.3, `${found.freeEnergy[20]}`);
  const silverman = 0.9 * Math.sqrt(1.09) * 8000 ** -0.2;
  const blurred = pathProfile(cloud, alongX(-2, 2, 1), { bandwidth: silverman });
  assert.ok(blurred.freeEnergy[20] < depth - 1, `${blurred.freeEnergy[20]}`);
});

test('the stated error is that of repeating the measurement', () => {
  const path = lineThrough([[-4], [-1.5], [0], [4]]);
  const random = new Random(5);
  const repeats = Array.from({ length: 60 }, () =>
    pathProfile(cloudOf(Array.from({ length: 1500 }, () => [random.normal()])), path, { bandwidth: 0.2 }),
  );
  // The difference of two points: each has its own error, and where the zero is cancels.
  const values = repeats.map(({ freeEnergy }) => freeEnergy[1] - freeEnergy[2]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
  const stated = Math.hypot(repeats[0].standardError[1], repeats[0].standardError[2]);
  // 60 repeats tell a standard deviation to 9 %; the counts are drawn from a fixed number, which makes them a little steadier than stated.
  assert.ok(deviation / stated > 0.65 && deviation / stated < 1.3, `${deviation} of ${stated}`);
});

test('an even spread stays even up to both ends: what blurring loses there is mirrored back, and the error there is √2 of that inside', () => {
  const random = new Random(2);
  const cloud = cloudOf(Array.from({ length: 6000 }, () => [random.uniform()]));
  const { freeEnergy, standardError, support } = pathProfile(cloud, lineThrough([[0], [0.25], [0.5], [0.75], [1]]), { bandwidth: 0.05 });
  // Without mirrors both ends would stand ln 2 = 0.69 too high.
  freeEnergy.forEach((value, i) => {
    assert.ok(value < 5 * standardError[i], `${value}`);
  });
  // Effective particles in a kernel over an even density: 2√π · bandwidth · density.
  assert.ok(Math.abs(support[2] / (2 * Math.sqrt(Math.PI) * 0.05 * 6000) - 1) < 0.15, `${support[2]}`);
  assert.ok(Math.abs(standardError[0] / standardError[2] / Math.SQRT2 - 1) < 0.15);
});

test('where the kernel holds fewer particles than can speak, the free energy is above the ceiling or near it', () => {
  const random = new Random(3);
  const cloud = cloudOf(Array.from({ length: 2000 }, (_, i) => [(i % 2 ? 4 : -4) + random.normal()]));
  const { freeEnergy, support, ceiling } = pathProfile(cloud, alongX(-5, 5, 1), { bandwidth: 0.15 });
  const thin = [...support.keys()].filter(i => support[i] < LEAST_SUPPORT);
  assert.ok(thin.length > 0 && thin.length < 60);
  // At the edge of a kernel few particles with small weights make the effective number larger than an even density's.
  for (const i of thin) assert.ok(freeEnergy[i] > ceiling - 0.7, `${freeEnergy[i]} of ${ceiling}`);
});

test('populations count each particle at the nearest vertex along the path, and those beyond its ends or out of reach are said', () => {
  const cloud = cloudOf([
    [0.1, 0],
    [0.2, 0.1],
    [0.9, -0.1],
    [1.9, 0],
    [-0.5, 0],
    [2.5, 0],
    [1, 5],
  ]);
  const path = lineThrough([
    [0, 0],
    [1, 0],
    [2, 0],
  ]);
  const near = pathProfile(cloud, path, { reach: 1, bandwidth: 0.5 });
  assert.deepEqual([near.populations, near.counted, near.beyond, near.farther], [[2, 1, 1], 4, 2, 1]);
  assert.deepEqual(near.bandwidth, 0.5);
  assert.deepEqual(pathProfile(cloud, path, { reach: 10 }).populations, [2, 2, 1]);
});

test('around a bend every particle is counted on the nearer arm only', () => {
  const path = lineThrough([
    [0, 0],
    [2, 0],
    [2, 2],
  ]);
  const cloud = cloudOf([
    [0.2, 0.1],
    [2.1, 1.9],
    [1.8, 0.3],
  ]);
  assert.deepEqual(pathProfile(cloud, path, { bandwidth: 1 }).populations, [1, 1, 1]);
});

test('where nobody is the free energy is infinite, not invented', () => {
  const { freeEnergy, counted } = pathProfile(
    cloudOf([[5, 5]]),
    lineThrough([
      [0, 0],
      [1, 0],
    ]),
    { reach: 1 },
  );
  assert.equal(counted, 0);
  assert.ok(freeEnergy.every(value => value === Number.POSITIVE_INFINITY));
});
