// The grid search against comparing everything with everything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NearestNeighbours } from '../../daemon/numerics/nearest-neighbours.js';
import { Random } from '../../daemon/numerics/random.js';

function between(points: Float32Array, i: number, at: number[]): number {
  return Math.sqrt((points[3 * i] - at[0]) ** 2 + (points[3 * i + 1] - at[1]) ** 2 + (points[3 * i + 2] - at[2]) ** 2);
}

test('the nearest points and their distances are those of a full comparison, in even, flat and clustered clouds and outside them', () => {
  const random = new Random(1);
  const clouds = {
    even: Float32Array.from({ length: 900 }, () => 50 * random.uniform()),
    flat: Float32Array.from({ length: 600 }, (_, i) => (i % 3 === 2 ? 7 : 30 * random.uniform())),
    clustered: Float32Array.from({ length: 600 }, (_, i) => (i < 300 ? 0 : 200) + random.normal()),
    single: Float32Array.of(1, 2, 3),
  };
  for (const [name, points] of Object.entries(clouds)) {
    const search = new NearestNeighbours(points);
    const k = 13;
    const indices = new Int32Array(k);
    const distances = new Float64Array(k);
    for (let query = 0; query < 60; query++) {
      const at = [0, 1, 2].map(() => -40 + 260 * random.uniform() * random.uniform());
      const expected = Array.from({ length: points.length / 3 }, (_, i) => between(points, i, at))
        .sort((a, b) => a - b)
        .slice(0, k);
      const found = search.nearest(at[0], at[1], at[2], k, indices, distances);
      assert.equal(found, expected.length);
      assert.deepEqual([...distances.subarray(0, found)], expected, name);
      assert.equal(new Set(indices.subarray(0, found)).size, found);
      for (let j = 0; j < found; j++) {
        assert.equal(between(points, indices[j], at), distances[j]);
      }
    }
  }
});
