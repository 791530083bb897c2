// What a reconstruction is said to cost, against how its parts must grow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reconstructionOperations } from '../../daemon/maps/reconstruction-arithmetic.js';

test('particles cost alike, and solving for the map costs the same however many there are', () => {
  const [one, two, many] = [1, 2, 1000].map(particles => reconstructionOperations(particles, 64));
  // Sums of whole and fractional numbers below 10¹⁰ in double precision.
  assert.ok(Math.abs(many - one - 999 * (two - one)) < 1e-9 * many);
});

test('a particle costs as its pixels, with a logarithm from its transform; solving as the voxels, with a logarithm', () => {
  const particle = (box: number) => reconstructionOperations(1, box) - reconstructionOperations(0, box);
  const solving = (box: number) => reconstructionOperations(0, box);
  // Twice the side is 4 times the pixels, 8 times the voxels; the logarithms, and edges of a ring, add a few tenths.
  assert.ok(particle(256) / particle(128) > 4 && particle(256) / particle(128) < 4.4);
  assert.ok(solving(256) / solving(128) > 8 && solving(256) / solving(128) < 9.6);
});

test('a particle costs at least its transform, 2.5 n log₂ n, and 78 operations for each of the π/2·rings² samples that are spread', () => {
  const samples = (Math.PI / 2) * 63 ** 2;
  const least = 2.5 * 128 ** 2 * 14 + 78 * samples;
  const cost = reconstructionOperations(1, 128) - reconstructionOperations(0, 128);
  assert.ok(cost > least && cost < 2 * least, `${cost} for at least ${least}`);
});
