// How much each ring counts, against the derivative of the likelihood that the shares come from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';
import { informationShares, meanRingCorrelation, seenShares } from '../../daemon/training/ring-shares.js';
import { batchesOf, toyGeometry, toyMolecule, toyParticles } from './toy-molecule.js';

const rings = ringGeometry(32, 10);

/** Pixels of ring k in the whole plane, counted one by one. */
function pixelsOf(k: number): number {
  let count = 0;
  for (let x = -20; x <= 20; x++) for (let y = -20; y <= 20; y++) if (Math.floor(Math.hypot(x, y) + 0.5) === k) count++;
  return count;
}

test('shares sum to 1 and follow n·c/(1 − c²), the derivative of −(n/2)·log(1 − c²), with n counted by hand', () => {
  const c = [0, 0.85, 0.8, 0.6, 0.45, 0.3, 0.25, 0.2, 0.15, 0.12, 0.1];
  const shares = informationShares(rings, c, 1000);
  const logLikelihood = (k: number, x: number) => -(pixelsOf(k) / 2) * Math.log(1 - x * x);
  const h = 1e-5;
  const wanted = c.map((x, k) => (k === 0 ? 0 : (logLikelihood(k, x + h) - logLikelihood(k, x - h)) / (2 * h)));
  const sum = wanted.reduce((s, w) => s + w, 0);
  // Float32 storage.
  wanted.forEach((w, k) => void assert.ok(Math.abs(shares[k] - w / sum) < 1e-6, `ring ${k}`));
  assert.ok(Math.abs(shares.reduce((s, w) => s + w, 0) - 1) < 1e-6);
});

test('a ring of pure noise gets nothing: its mean correlation over P particles has standard error √(2/nP), and three of them are asked for', () => {
  const random = new Random(2);
  const particles = 500;
  const noise = Array.from({ length: 11 }, (_, k) => (k === 0 ? 0 : Math.sqrt(2 / (pixelsOf(k) * particles)) * random.normal()));
  const c = noise.map((value, k) => (k === 3 ? 0.5 : Math.max(-1, value)));
  const shares = informationShares(rings, c, particles);
  assert.deepEqual(
    Array.from(shares, share => share > 0),
    c.map((_, k) => k === 3),
  );
  // A negative correlation, as of a wrong hand, is no information either.
  assert.equal(informationShares(rings, [0, 0.5, -0.5, 0, 0, 0, 0, 0, 0, 0, 0], particles)[2], 0);
});

test('alike as far as seen: the finest ring of a third or more and all coarser ones, whatever a filter took from these, share the whole; finer ones have none', () => {
  const shares = seenShares(10, [0, 0.05, 0.9, 0.7, 0.4, 0.3, 0.34, 0.33, 0.2, 0.1, 0]);
  assert.deepEqual(shares, new Float32Array(11).fill(1 / 6, 1, 7));
  assert.deepEqual(seenShares(10, new Float64Array(11).fill(0.5)), new Float32Array(11).fill(0.1, 1));
  assert.deepEqual(seenShares(10, new Float64Array(11)), new Float32Array(11).fill(0.1, 1));
});

test('where no ring says anything every ring counts the same, so that the run can begin', () => {
  const shares = informationShares(rings, new Float64Array(11), 100);
  assert.deepEqual(shares, new Float32Array(11).fill(0.1, 1));
});

test('a correlation above 0.9 counts as 0.9, because what is missing to 1 is then motion and not noise: shares stay finite at 1', () => {
  const of = (c: number) => informationShares(rings, new Float64Array(11).fill(c, 1), 100);
  assert.deepEqual(of(1), of(0.9));
  assert.notDeepEqual(
    informationShares(rings, [0, 0.9, ...Array(9).fill(0.2)], 100),
    informationShares(rings, [0, 0.8, ...Array(9).fill(0.2)], 100),
  );
});

test('the measured mean is 1 in every ring for the molecule itself, and c = √(S/(S+N)) per ring under noise of known power', async () => {
  const backend = new PlainBackend(Number.POSITIVE_INFINITY);
  const geometry = toyGeometry(5);
  const molecule = toyMolecule(5, new Random(3));
  const row = backend.tensor([1, 25], molecule);
  const count = 60;
  const copies = Array.from({ length: count }, () => molecule);
  const clean = toyParticles(copies, geometry, 0, 4);
  const own = await meanRingCorrelation(backend, geometry, row, batchesOf(backend, clean), 16);
  assert.equal(own[0], 0);
  for (let k = 1; k <= 8; k++) assert.ok(Math.abs(own[k] - 1) < 1e-4, `ring ${k}: ${own[k]}`);

  const noise = 0.5;
  const noisy = toyParticles(copies, geometry, noise, 4);
  const measured = await meanRingCorrelation(backend, geometry, row, batchesOf(backend, noisy), 16);
  const g = geometry.ringGeometry;
  for (let k = 1; k <= 8; k++) {
    let wanted = 0;
    clean.images.forEach((image, p) => {
      let [signal, added] = [0, 0];
      for (let i = 0; i < g.planeSize; i++) {
        if (g.ring[i] !== k) continue;
        signal += g.weights[i] * (image[i] ** 2 + image[g.planeSize + i] ** 2);
        added += g.weights[i] * ((noisy.images[p][i] - image[i]) ** 2 + (noisy.images[p][g.planeSize + i] - image[g.planeSize + i]) ** 2);
      }
      wanted += Math.sqrt(signal / (signal + added)) / count;
    });
    // Noise that happens to correlate with the signal: √(2/n) over 60 particles, five deviations.
    assert.ok(Math.abs(measured[k] - wanted) < 5 * Math.sqrt(2 / (pixelsOf(k) * count)), `ring ${k}: ${measured[k]}, ${wanted}`);
  }
});
