// The yardsticks themselves, on clouds whose answer is known: a wrong measure would praise anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import {
  chanceLevel,
  gaussianMixtureAccuracy,
  type Latents,
  linearAccuracy,
  nearestNeighbours,
  neighbourAccuracy,
  neighbourCosine,
  neighbourMeans,
  twoMeansAccuracy,
} from './measures.js';

/** Two round clouds `apart` deviations from each other in `dims` dimensions. */
function clouds(count: number, dims: number, apart: number): { latents: Latents; classes: Uint8Array } {
  const random = new Random(1);
  const classes = Uint8Array.from({ length: count }, () => random.integer(2));
  const z = Float32Array.from(
    { length: count * dims },
    (_, i) => random.normal() + (i % dims === 0 ? apart * classes[Math.floor(i / dims)] : 0),
  );
  return { latents: { count, dims, z }, classes };
}

const alone = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

test('on two round clouds the clusters and the line reach what the best boundary can, the normal integral of half their distance', () => {
  // Φ(1.5) = 0.9332; over 2,000 points its error is 0.0056, three of them allowed.
  const { latents, classes } = clouds(2000, 3, 3);
  for (const accuracy of [
    twoMeansAccuracy(latents, classes),
    gaussianMixtureAccuracy(latents, classes),
    linearAccuracy(latents, classes, alone(2000)),
  ])
    assert.ok(Math.abs(accuracy - 0.9332) < 0.017, `${accuracy}`);
});

test('on a cloud that knows nothing of the classes every measure stays at chance, so that no boundary is fitted to what it is judged on', () => {
  const { latents, classes } = clouds(2000, 3, 0);
  const chance = chanceLevel(classes);
  assert.ok(chance >= 0.5 && chance < 0.53);
  for (const accuracy of [
    twoMeansAccuracy(latents, classes),
    linearAccuracy(latents, classes, alone(2000)),
    neighbourAccuracy(nearestNeighbours(latents), classes),
  ])
    assert.ok(Math.abs(accuracy - 0.5) < 0.045, `${accuracy}`);
});

test('neighbours are the nearest others and none of the own group, or images of one series would vouch for one another', () => {
  const line: Latents = { count: 40, dims: 1, z: Float32Array.from({ length: 40 }, (_, i) => i * i) };
  assert.deepEqual([...nearestNeighbours(line, null, 2).subarray(20, 22)], [9, 11]);
  const pairs = Int32Array.from({ length: 40 }, (_, i) => i >> 1);
  assert.deepEqual([...nearestNeighbours(line, pairs, 2).subarray(20, 22)], [9, 8]);
});

test('on a circle the neighbours tell the angle, also across the seam, where a mean of numbers would fail', () => {
  const random = new Random(2);
  const angles = Float64Array.from({ length: 500 }, () => 2 * Math.PI * random.uniform());
  const z = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? Math.cos : Math.sin)(angles[i >> 1]));
  const neighbours = nearestNeighbours({ count: 500, dims: 2, z });
  assert.ok(neighbourCosine(neighbours, angles) > 0.998);
  const shuffled = random.shuffle(angles.slice());
  assert.ok(Math.abs(neighbourCosine(neighbours, shuffled)) < 0.2);
});

test('the mean over neighbours is that of their values', () => {
  const neighbours = Int32Array.from({ length: 15 }, (_, k) => k + 1);
  assert.ok(
    Math.abs(
      neighbourMeans(
        neighbours,
        Float64Array.from({ length: 16 }, (_, i) => i),
      )[0] - 8,
    ) < 1e-12,
  );
});
