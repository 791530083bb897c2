// Prepared images against the closed form of a projected Gaussian's transform.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type RingGeometry, ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import { ctfValue } from '../../daemon/particles/ctf.js';
import type { CtfParameters, ParticleSet } from '../../daemon/particles/particle-set.js';
import { ImagePreparer, prepareImages } from '../../daemon/particles/prepare-images.js';
import { Cancelled, type Reporter } from '../../daemon/training/progress.js';
import { type Blob, type DrawnParticle, drawnParticles, seenAt } from './drawn-particles.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-prepare-'));
after(() => rmSync(folder, { recursive: true }));
const silent: Reporter = { progress() {}, epoch() {}, note() {} };

const A = eulerToMatrix(35, 70, 120);
const blobs: Blob[] = [
  { centre: [3.2, -1.7, 2.5], amplitude: 0.8, sigma: 1.9 },
  { centre: [-4.1, 2.2, 0.4], amplitude: 0.5, sigma: 2.6 },
];

/** Σ A exp(−2π²σ²|k|²) exp(−2πi k·t), with the centre at pixel b/2 of the computing box: a factor (−1)^(kx+ky). k in cycles per box. */
function closedForm(boxPixels: number, geometry: RingGeometry, rotation: ArrayLike<number>, kx: number, ky: number): [number, number] {
  let [re, im] = [0, 0];
  for (const blob of blobs) {
    const [tx, ty] = seenAt(blob, rotation);
    const size = blob.amplitude * Math.exp((-2 * Math.PI ** 2 * blob.sigma ** 2 * (kx * kx + ky * ky)) / boxPixels ** 2);
    const angle = (-2 * Math.PI * (kx * tx + ky * ty)) / boxPixels;
    re += size * Math.cos(angle);
    im += size * Math.sin(angle);
  }
  const sign = (kx + ky) % 2 === 0 ? 1 : -1;
  assert.ok(geometry.rings >= Math.abs(kx));
  return [sign * re, sign * im];
}

function prepared(particles: ParticleSet, geometry: RingGeometry, contrast: 1 | -1 = 1, i = 0): Float32Array {
  const out = new Float32Array(2 * geometry.planeSize);
  new ImagePreparer(particles, geometry, contrast).prepare(i, -1, out, null);
  return out;
}

/** Float32 pixels near 0.05 with 1,000 of them in a sum: 1e-6 is some tens of roundings. */
const TOLERANCE = 2e-6;

function assertEqualsClosedForm(
  boxPixels: number,
  geometry: RingGeometry,
  row: Float32Array,
  factor = (_kx: number, _ky: number) => 1,
): void {
  for (let kx = -geometry.rings; kx <= geometry.rings; kx++) {
    for (let ky = 0; ky <= geometry.rings; ky++) {
      const index = (kx + geometry.rings) * geometry.stride + ky;
      if (geometry.weights[index] === 0) continue;
      const [re, im] = closedForm(boxPixels, geometry, A, kx, ky).map(value => value * factor(kx, ky));
      assert.ok(Math.abs(row[index] - re) < TOLERANCE && Math.abs(row[geometry.planeSize + index] - im) < TOLERANCE, `(${kx}, ${ky})`);
    }
  }
}

for (const [box, shift] of [
  [32, [0, 0]],
  [33, [0, 0]],
  [32, [2, -3]],
  [32, [1.37, -2.81]],
  [33, [-0.45, 3.6]],
] as const) {
  test(`in a box of ${box} with origin ${shift.join(', ')} px the prepared image is the closed form of the centred projection: the particle turns about pixel b//2 and lies at −origin`, () => {
    const geometry = ringGeometry(28, 11);
    assertEqualsClosedForm(box, geometry, prepared(drawnParticles(box, [{ rotation: A, shift, blobs }]), geometry));
  });
}

test('the computing box changes nothing but which frequencies are kept, since both boxes have the same extent', () => {
  const particles = drawnParticles(32, [{ rotation: A, shift: [1.5, 0.25], blobs }]);
  for (const [size, rings] of [
    [32, 15],
    [24, 9],
    [16, 5],
  ] as const) {
    const geometry = ringGeometry(size, rings);
    assertEqualsClosedForm(32, geometry, prepared(particles, geometry));
  }
});

test('contrast −1 is the negative, exactly', () => {
  const geometry = ringGeometry(24, 9);
  const particles = drawnParticles(32, [{ rotation: A, shift: [1.5, 0.25], blobs }]);
  assert.deepEqual(
    prepared(particles, geometry, -1),
    prepared(particles, geometry, 1).map(value => 0 - value),
  );
});

const microscope: CtfParameters = {
  defocusUAngstrom: 16000,
  defocusVAngstrom: 14500,
  defocusAngleDegrees: 25,
  voltageKv: 300,
  sphericalAberrationMm: 2.7,
  amplitudeContrast: 0.1,
  phaseShiftDegrees: 0,
};

test('where the CTF is negative the sign is turned, so that phase-flipped particles look as without a CTF; images flipped or premultiplied already are left alone', () => {
  const geometry = ringGeometry(28, 11);
  const one: DrawnParticle[] = [{ rotation: A, shift: [0.5, -1], blobs }];
  const sign = (kx: number, ky: number) => (ctfValue(microscope, kx / 64, ky / 64) < 0 ? -1 : 1);
  const signs = Array.from({ length: 121 }, (_, i) => sign((i % 11) - 5, Math.floor(i / 11)));
  assert.ok(signs.includes(1) && signs.includes(-1), 'the rings hold both signs');
  assertEqualsClosedForm(32, geometry, prepared(drawnParticles(32, one, { ctf: [microscope] }), geometry), sign);
  for (const done of ['phaseFlipped', 'ctfPremultiplied'])
    assertEqualsClosedForm(32, geometry, prepared(drawnParticles(32, one, { ctf: [microscope], [done]: true }), geometry));
});

/** Particles with images of white noise, seeded by their number. */
function noisy(count: number): ParticleSet {
  const set = drawnParticles(
    32,
    Array.from({ length: count }, (_, i) => ({ rotation: A, shift: [i / 7, -i / 5] as const, blobs })),
  );
  return {
    ...set,
    readImage(i, out) {
      const random = new Random(i);
      out.forEach((_, pixel) => {
        out[pixel] = random.normal();
      });
    },
  };
}

test('two images that share one complex transform come apart as two alone: a real image is the Hermitian part', () => {
  const geometry = ringGeometry(32, 15);
  const particles = noisy(2);
  const pair = [0, 1].map(() => new Float32Array(2 * geometry.planeSize));
  new ImagePreparer(particles, geometry, 1).prepare(0, 1, pair[0], pair[1]);
  for (const i of [0, 1]) {
    // Transforms of noise are about 32; the two ways round differ in float64 only, so float32 storage rounds alike but for ties.
    prepared(particles, geometry, 1, i).forEach((value, at) => void assert.ok(Math.abs(value - pair[i][at]) <= 4e-6));
  }
});

test('the store holds the chosen particles in their order, an odd last one included', async () => {
  const geometry = ringGeometry(16, 5);
  const width = 2 * geometry.planeSize;
  const particles = noisy(6);
  const chosen = [5, 0, 3];
  const store = await prepareImages(particles, chosen, geometry, 1, join(folder, 'rows'), silent);
  assert.equal(store.rows, 3);
  const rows = new Float32Array(3 * width);
  store.read([0, 1, 2], rows);
  chosen.forEach((particle, i) => {
    const alone = prepared(particles, geometry, 1, particle);
    // Kept in half precision: off by 2⁻¹¹ of itself, and 2⁻⁴⁰ of the row's largest.
    rows
      .subarray(i * width, (i + 1) * width)
      .forEach((value, at) => void assert.ok(Math.abs(value - alone[at]) <= 4e-6 + 2 ** -11 * Math.abs(alone[at])));
  });
  store.close();
});

test('a stop is obeyed between images', async () => {
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(
    prepareImages(noisy(3), [0, 1, 2], ringGeometry(16, 5), 1, join(folder, 'stopped'), silent, abort.signal),
    Cancelled,
  );
});
