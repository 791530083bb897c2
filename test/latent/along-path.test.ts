// Particles beside a path: places and distances by geometry, and the width of a stream among others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alongPath, cumulativeLengths, evenlyAlong, streamReach } from '../../daemon/latent/along-path.js';
import { Random } from '../../daemon/numerics/random.js';
import { cloudOf } from './clouds.js';

const corner = [0, 0, 3, 0, 3, 4];

test('points are even along a bent line, and its ends and corner lie on it', () => {
  const { points, lengths } = evenlyAlong(corner, 3, 2, 8);
  assert.deepEqual([...lengths], [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...points], [0, 0, 1, 0, 2, 0, 3, 0, 3, 1, 3, 2, 3, 3, 3, 4]);
});

test('a particle stands where its foot on the line is, and beyond the ends it has no place', () => {
  const line = { points: corner, lengths: cumulativeLengths(corner, 3, 2) };
  const { places, distances } = alongPath(
    cloudOf([
      [1, 1],
      [5, 3],
      [4, -1],
      [-1, 1],
    ]),
    line,
  );
  assert.deepEqual([...places], [1, 6, 3, Number.NaN]);
  assert.deepEqual([...distances], [1, 2, Math.SQRT2, Math.SQRT2]);
});

test('the reach of a stream takes it in whole and leaves out another ten widths away, however many particles that has', () => {
  const random = new Random(1);
  for (const dims of [2, 4]) {
    const at = (offset: number) => [
      10 * random.uniform(),
      offset + 0.5 * random.normal(),
      ...Array.from({ length: dims - 2 }, () => 0.5 * random.normal()),
    ];
    const cloud = cloudOf([...Array.from({ length: 1000 }, () => at(0)), ...Array.from({ length: 9000 }, () => at(5))]);
    const path = evenlyAlong([0, ...new Array<number>(dims - 1).fill(0), 10, ...new Array<number>(dims - 1).fill(0)], 2, dims, 2);
    const beside = alongPath(cloud, path);
    const reach = streamReach(beside);
    const within = (from: number, to: number) => beside.distances.slice(from, to).filter(distance => distance <= reach).length;
    assert.ok(within(0, 1000) > 930, `${reach}`);
    assert.ok(within(1000, 10_000) < 200, `${reach}`);
  }
  assert.equal(streamReach(alongPath(cloudOf([[1], [2]]), evenlyAlong([0, 3], 2, 1, 2))), Number.POSITIVE_INFINITY);
});
