// Alignment of latent spaces: smooth maps are undone, unrelated latents stay unrelated, and no particle vouches for itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LatentCloud } from '../../daemon/latent/analysis.js';
import { alignLatents } from '../../daemon/latent/latent-alignment.js';
import { Random } from '../../daemon/numerics/random.js';
import { cloudOf } from './clouds.js';

const COUNT = 800;

function normalCloud(dims: number, seed: number, count = COUNT): LatentCloud {
  const random = new Random(seed);
  return { count, dims, z: Float32Array.from({ length: count * dims }, () => random.normal()) };
}

const mapped = ({ count, dims, z }: LatentCloud, f: (...point: number[]) => number[]) =>
  cloudOf(Array.from({ length: count }, (_, i) => f(...z.subarray(i * dims, (i + 1) * dims))));

/** A turn by 40°, a bend, and another unit: nothing that a straight map could undo. */
const warp = (x: number, y: number) => {
  const [u, v] = [x * Math.cos(0.7) - y * Math.sin(0.7), x * Math.sin(0.7) + y * Math.cos(0.7)];
  return [3 * (u + 0.25 * v * v), 3 * Math.tanh(0.8 * v) + 5];
};

test('a turned, bent and scaled copy of a cloud is told almost perfectly by a map fitted to other particles, in either direction', () => {
  const cloud = normalCloud(2, 1);
  const copy = mapped(cloud, warp);
  for (const [from, to] of [
    [cloud, copy],
    [copy, cloud],
  ]) {
    const { explained, coordinates, map, predicted } = alignLatents(from, to, null, new Random(2));
    assert.ok(explained > 0.99, `${explained}`);
    for (const { explained, rankCorrelation } of coordinates) assert.ok(explained > 0.98 && rankCorrelation > 0.995);
    assert.ok(Math.abs(coordinates.reduce((sum, { varianceShare }) => sum + varianceShare, 0) - 1) < 1e-6);
    assert.deepEqual([map(from.z).length, predicted.length], [2 * COUNT, 2 * COUNT]);
  }
});

test('a ring that each model draws its own way, one with uneven speed, is one ring after alignment', () => {
  const random = new Random(3);
  const angles = Array.from({ length: COUNT }, () => 2 * Math.PI * random.uniform());
  const noisy = (x: number) => x + 0.05 * random.normal();
  const ring = cloudOf(angles.map(a => [noisy(Math.cos(a)), noisy(Math.sin(a))]));
  const uneven = cloudOf(angles.map(a => [noisy(-2 * Math.sin(a + 0.4 * Math.sin(a))), noisy(0.7 * Math.cos(a + 0.4 * Math.sin(a)))]));
  const { explained } = alignLatents(uneven, ring, null, new Random(4));
  // Noise of 0.05 on either side against a variance of 1 in two coordinates leaves 0.5 % to the target's own and as much again of the source's.
  assert.ok(explained > 0.97, `${explained}`);
});

test('of a sum of signal and noise no more is explained than the signal’s share, and nearly all of that', () => {
  const signal = normalCloud(1, 5, 4000);
  const random = new Random(6);
  const noisy = mapped(signal, x => [x + random.normal()]);
  const { explained } = alignLatents(signal, noisy, null, new Random(7));
  // Half of the variance is signal; 0.02 is twice the standard error of a variance of 4,000 particles.
  assert.ok(Math.abs(explained - 0.5) < 0.04, `${explained}`);
});

test('unrelated latents explain nothing of each other, since what is told was not seen', () => {
  for (const seed of [8, 18, 28]) {
    const { explained, coordinates } = alignLatents(normalCloud(2, seed), normalCloud(2, seed + 1), null, new Random(seed));
    assert.ok(Math.abs(explained) < 0.03, `${explained}`);
    for (const { rankCorrelation } of coordinates) assert.ok(Math.abs(rankCorrelation) < 0.15);
  }
});

test('a map from one dimension to two, or from two to one, fits what there is', () => {
  const line = normalCloud(1, 10);
  const curve = mapped(line, x => [x, x * x]);
  assert.ok(alignLatents(line, curve, null, new Random(1)).explained > 0.99);
  assert.ok(alignLatents(curve, line, null, new Random(1)).explained > 0.99);
});

test('copies of one particle are left out together, or a particle would vouch for itself through its copy', () => {
  // 60 particles with 10 equal copies each, source and target unrelated: without groups every particle's answer is known from its copies.
  const [source, target] = [normalCloud(2, 11, 60), normalCloud(2, 12, 60)];
  const repeated = ({ z, dims }: LatentCloud) =>
    cloudOf(Array.from({ length: 600 }, (_, i) => [...z.subarray(dims * (i % 60), dims * (i % 60) + dims)]));
  const groups = Uint32Array.from({ length: 600 }, (_, i) => i % 60);
  const [from, to] = [repeated(source), repeated(target)];
  const alone = alignLatents(from, to, null, new Random(13)).explained;
  const together = alignLatents(from, to, groups, new Random(13)).explained;
  assert.ok(alone > 0.5, `copies seen: ${alone}`);
  assert.ok(together < 0.1, `copies left out: ${together}`);
});

test('the map of all particles goes through the places that new particles of the same warp have', () => {
  const cloud = normalCloud(2, 14);
  const { map } = alignLatents(cloud, mapped(cloud, warp), null, new Random(15));
  const points = [0, 0, 0.5, -0.5, 1, 1, -1, 0.3];
  const found = map(points);
  for (let i = 0; i < points.length; i += 2)
    warp(points[i], points[i + 1]).forEach(
      (value, d) => void assert.ok(Math.abs(found[i + d] - value) < 0.1, `${found[i + d]} for ${value}`),
    );
});

test('a cloud that does not vary, or only along one of its coordinates, is aligned without a number that is none', () => {
  const still: LatentCloud = { count: COUNT, dims: 2, z: new Float32Array(2 * COUNT).fill(0.5) };
  const flat = mapped(normalCloud(1, 16), x => [x, 2]);
  for (const [from, to] of [
    [still, flat],
    [flat, still],
    [flat, flat],
    [still, still],
  ]) {
    const { explained, coordinates, predicted } = alignLatents(from, to, null, new Random(17));
    assert.ok(Number.isFinite(explained) && predicted.every(Number.isFinite) && coordinates.every(c => Number.isFinite(c.explained)));
  }
  assert.ok(alignLatents(flat, flat, null, new Random(17)).explained > 0.99);
});

test('clouds of different particles, or too few, are refused', () => {
  assert.throws(() => alignLatents(normalCloud(2, 1, 50), normalCloud(2, 1, 51), null, new Random(1)), RangeError);
  assert.throws(() => alignLatents(normalCloud(2, 1, 9), normalCloud(2, 1, 9), null, new Random(1)), RangeError);
});
