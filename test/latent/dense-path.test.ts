// Paths in clouds where the straight line is the wrong way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LatentCloud } from '../../daemon/latent/analysis.js';
import { densePath } from '../../daemon/latent/dense-path.js';
import { Random } from '../../daemon/numerics/random.js';
import { blobs, cloudOf } from './clouds.js';

function distanceToNearest({ z, count, dims }: LatentCloud, point: ArrayLike<number>): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count; i++)
    nearest = Math.min(nearest, Math.hypot(...Array.from({ length: dims }, (_, d) => z[i * dims + d] - point[d])));
  return nearest;
}

/** Three quarters of a ring of radius 3: its ends are near each other across a gap. */
function horseshoe(seed: number): LatentCloud {
  const random = new Random(seed);
  return cloudOf(
    Array.from({ length: 900 }, () => {
      const angle = 1.5 * Math.PI * random.uniform();
      const radius = 3 + 0.15 * random.normal();
      return [radius * Math.cos(angle), radius * Math.sin(angle), 0.15 * random.normal()];
    }),
  );
}

test('between the ends of a horseshoe the path goes all the way round, since the short way is empty', () => {
  const cloud = horseshoe(1);
  const path = densePath(cloud, [3, 0, 0], [0, -3, 0], { points: 60 });
  assert.ok(path !== null);
  const length = path.lengths[59];
  // The arc is 1.5 π · 3 = 14.1 long; a path of particles may cut the bend inside by the ring's width, and the straight way is 4.2.
  assert.ok(length > 12 && length < 16, `${length}`);
  for (let i = 0; i < 60; i++) {
    const point = path.points.subarray(3 * i, 3 * i + 3);
    const radius = Math.hypot(point[0], point[1]);
    assert.ok(radius > 2.6 && radius < 3.4, `${radius}`);
    assert.ok(distanceToNearest(cloud, point) < 0.3);
  }
});

test('points are even along the path, the lengths are theirs, and the ends are the particles nearest to what was asked', () => {
  const cloud = horseshoe(2);
  const path = densePath(cloud, [3, 0, 0], [0, -3, 0], { points: 40 })!;
  const { points, lengths, rows } = path;
  for (let i = 1; i < 40; i++) assert.ok(Math.abs(lengths[i] - lengths[i - 1] - lengths[39] / 39) < 1e-9);
  assert.deepEqual([...points.subarray(0, 3)], [...cloud.z.subarray(3 * rows[0], 3 * rows[0] + 3)]);
  const last = 3 * rows[rows.length - 1];
  for (let d = 0; d < 3; d++) assert.ok(Math.abs(points[39 * 3 + d] - cloud.z[last + d]) < 1e-5);
  assert.ok(Math.abs(Math.hypot(points[0] - 3, points[1], points[2]) - distanceToNearest(cloud, [3, 0, 0])) < 1e-6);
});

test('between two islands there is no path, rather than one through emptiness', () => {
  const { cloud } = blobs(
    [
      [0, 0],
      [20, 0],
    ],
    [200, 200],
    1,
    3,
  );
  assert.equal(densePath(cloud, [0, 0], [20, 0]), null);
});

test('a dense detour is taken in place of a thin bridge', () => {
  const random = new Random(4);
  const dense = (x: number, y: number) => [x + 0.1 * random.normal(), y + 0.1 * random.normal()];
  const points: number[][] = [];
  // Three sides of a square, 700 particles each; across the open side a bridge of 40.
  for (let i = 0; i < 700; i++) points.push(dense(0, 4 * random.uniform()), dense(4 * random.uniform(), 4), dense(4, 4 * random.uniform()));
  for (let i = 0; i < 40; i++) points.push(dense(4 * random.uniform(), 0));
  const path = densePath(cloudOf(points), [0, 0], [4, 0], { points: 30 })!;
  assert.ok(path.points.some((value, i) => i % 2 === 1 && value > 3.5));
  // Along the bridge it would be 4 long.
  assert.ok(path.lengths[29] > 10);
});

test('from a particle to itself the path stays, and a single particle is a path', () => {
  const alone = densePath(cloudOf([[1, 2]]), [0, 0], [5, 5], { points: 3 })!;
  assert.deepEqual([...alone.points], [1, 2, 1, 2, 1, 2]);
  const path = densePath(horseshoe(5), [3, 0, 0], [3, 0, 0], { points: 4 })!;
  assert.equal(path.rows.length, 1);
  assert.equal(path.lengths[3], 0);
});
