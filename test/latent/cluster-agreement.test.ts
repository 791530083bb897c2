// Agreement of clusterings: in closed form, by counting pairs, and against chance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adjustedRandIndex, nearestCentres } from '../../daemon/latent/cluster-agreement.js';
import { Random } from '../../daemon/numerics/random.js';
import { adjustedRandIndex as byPairs } from './clouds.js';

test('the same clusters agree fully under other names, and crossed ones as the closed form has it', () => {
  assert.equal(adjustedRandIndex([1, 1, 2, 2, 3], [7, 7, 5, 5, 9]), 1);
  // Two crossed pairs: no pair in common of 2 and 2 among 6, so (0 − 2/3) / (2 − 2/3) = −1/2.
  assert.ok(Math.abs(adjustedRandIndex([1, 1, 2, 2], [1, 2, 1, 2]) + 0.5) < 1e-12);
});

test('it is what counting every pair of particles gives', () => {
  const random = new Random(1);
  const a = Array.from({ length: 200 }, () => random.integer(4));
  const b = a.map(label => (random.uniform() < 0.3 ? random.integer(5) : label));
  assert.ok(Math.abs(adjustedRandIndex(a, b) - byPairs(a, b)) < 1e-12);
});

test('labels drawn apart agree by chance alone, which counts nothing, however unequal the clusters', () => {
  const random = new Random(2);
  const draw = () => Array.from({ length: 5000 }, () => (random.uniform() < 0.9 ? 0 : 1 + random.integer(2)));
  assert.ok(Math.abs(adjustedRandIndex(draw(), draw())) < 0.02);
});

test('one cluster on both sides agrees, one against many says nothing', () => {
  assert.equal(adjustedRandIndex([1, 1, 1], [2, 2, 2]), 1);
  assert.equal(adjustedRandIndex([1, 1, 1], [1, 2, 3]), 0);
});

test('a point belongs to the centre nearest to it, numbered from 1', () => {
  assert.deepEqual([...nearestCentres([0, 0, 4, 4, 9, 0], [0, 1, 8, 0], 2)], [1, 1, 2]);
});
