// Particles beside a path: places and distances by geometry, and the width of a stream among others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alongPath, cumulativeLengths, evenlyAlong, smoothThrough, streamReach } from '../../daemon/latent/along-path.js';
import { Random } from '../../daemon/numerics/random.js';
import { cloudOf } from './clouds.js';

const corner = [0, 0, 3, 0, 3, 4];

test('points are even along a bent line, and its ends and corner lie on it', () => {
  const { points, lengths } = evenlyAlong(corner, 3, 2, 8);
  assert.deepEqual([...lengths], [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual([...points], [0, 0, 1, 0, 2, 0, 3, 0, 3, 1, 3, 2, 3, 3, 3, 4]);
});

test('a particle stands where its foot on the line is, at a corner on the plane that halves it, and beyond the ends it has no place', () => {
  const straight = { points: [0, 0, 3, 0], lengths: cumulativeLengths([0, 0, 3, 0], 2, 2) };
  const beside = alongPath(
    cloudOf([
      [1, 2],
      [2.5, -1],
      [-1, 1],
      [4, 0],
    ]),
    straight,
  );
  assert.deepEqual([...beside.places], [1, 2.5, Number.NaN, Number.NaN]);
  assert.deepEqual([...beside.distances], [2, 1, Math.SQRT2, 1]);
  const bent = alongPath(
    cloudOf([
      [4, -1],
      [2, 1],
      [3, 4],
    ]),
    { points: corner, lengths: cumulativeLengths(corner, 3, 2) },
  );
  assert.deepEqual([...bent.places], [3, 3, 7]);
  assert.deepEqual([...bent.distances], [Math.SQRT2, 1, 0]);
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

test('about a bend nothing piles up: particles evenly about a circle stand evenly along a polygon in it, on both sides of it', () => {
  const count = 36_000;
  const cloud = cloudOf(
    Array.from({ length: count }, (_, i) => {
      const angle = (Math.PI * (i + 0.5)) / count;
      const radius = i % 2 ? 0.8 : 1.2;
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    }),
  );
  const polygon = Array.from({ length: 13 }, (_, v) => [Math.cos((Math.PI * v) / 12), Math.sin((Math.PI * v) / 12)]).flat();
  const lengths = cumulativeLengths(polygon, 13, 2);
  const places = alongPath(cloud, { points: polygon, lengths }).places.filter(place => !Number.isNaN(place));
  const bins = new Array<number>(96).fill(0);
  for (const place of places) bins[Math.min(95, Math.floor((96 * place) / lengths[12]))]++;
  // Feet of perpendiculars would put a tenth more than this share, and a pile of half a bin, at every vertex.
  for (const bin of bins.slice(1, -1)) assert.ok(Math.abs(bin / (count / 96) - 1) < 0.05, `${bins}`);
});

test('a smooth curve goes through its vertices, and along a straight line evenly spaced it is the line', () => {
  const line = Float32Array.from([0, 0, 1, 2, 2, 4, 3, 6]);
  const curve = smoothThrough(line, 2, 4);
  assert.equal(curve.length, 2 * 13);
  for (let v = 0; v < 4; v++) assert.deepEqual(curve.slice(8 * v, 8 * v + 2), line.slice(2 * v, 2 * v + 2));
  for (let i = 4; i <= 8; i++) assert.ok(Math.abs(curve[2 * i] - i / 4) < 1e-6 && Math.abs(curve[2 * i + 1] - i / 2) < 1e-6);
});
