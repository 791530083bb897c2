// Which Gaussians are linked: neighbours that may both move, each link with both its ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { MOST_LINKS, neighbourLinks } from '../../daemon/training/neighbour-links.js';

const N = 200;
const random = new Random(4);
const row = Float32Array.from({ length: 5 * N }, (_, i) => (i < 3 * N ? random.uniform() - 0.5 : 0.1 + 0.9 * random.uniform()));

/** [other end, length, share] of the links of Gaussian a that are in use. */
function linksOf(links: Float32Array, a: number): number[][] {
  return Array.from({ length: MOST_LINKS }, (_, m) => [0, 1, 2].map(plane => links[(plane * N + a) * MOST_LINKS + m])).filter(
    ([, , share]) => share > 0,
  );
}

test('a link stands with both its ends, with its length and its share, and the shares come to about 1 where all may move', () => {
  const links = neighbourLinks(row, new Float32Array(5 * N).fill(1))!;
  let total = 0;
  for (let a = 0; a < N; a++)
    for (const [b, length, share] of linksOf(links, a)) {
      const apart = Math.hypot(...[0, 1, 2].map(k => row[k * N + a] - row[k * N + b]));
      assert.ok(Math.abs(length - apart) < 1e-6);
      assert.ok(linksOf(links, b).some(([back, , same]) => back === a && same === share));
      total += share / 2;
    }
  // Each is among the 8 nearest of some 8 others, but not always of those that are among its own.
  assert.ok(total > 0.9 && total < 1.4, `${total}`);
});

test('each is linked to its very nearest neighbour, since the shortest links are made first', () => {
  const links = neighbourLinks(row, new Float32Array(5 * N).fill(1))!;
  for (let a = 0; a < N; a++) {
    const apart = (b: number) => Math.hypot(...[0, 1, 2].map(k => row[k * N + a] - row[k * N + b]));
    const nearest = [...Array(N).keys()].filter(b => b !== a).reduce((best, b) => (apart(b) < apart(best) ? b : best));
    assert.ok(linksOf(links, a).some(([b]) => b === nearest));
  }
});

test('nothing that must stay where it is holds what moves: a focused domain is free of the rest', () => {
  const vary = Float32Array.from({ length: 5 * N }, (_, i) => Number(i % N < 50));
  const links = neighbourLinks(row, vary)!;
  for (let a = 0; a < N; a++) {
    const ends = linksOf(links, a).map(([b]) => b);
    assert.ok(a < 50 ? ends.length > 0 && ends.every(b => b < 50) : ends.length === 0);
  }
  assert.equal(
    neighbourLinks(
      row,
      Float32Array.from({ length: 5 * N }, (_, i) => Number(i >= 3 * N)),
    ),
    null,
    'amplitudes alone stretch nothing',
  );
});
