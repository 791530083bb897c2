// The k-d tree against the distances of all pairs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KdTree, nearestOthers } from '../../daemon/numerics/k-d-tree.js';
import { Random } from '../../daemon/numerics/random.js';

function bruteForce(points: Float32Array, dims: number, query: ArrayLike<number>, k: number): number[] {
  const all = Array.from({ length: points.length / dims }, (_, i) => {
    let square = 0;
    for (let d = 0; d < dims; d++) square += (points[i * dims + d] - query[d]) ** 2;
    return Math.sqrt(square);
  });
  return all.sort((a, b) => a - b).slice(0, k);
}

test('the nearest are those of a search through all points, in every number of dimensions, for queries inside and far outside', () => {
  for (const dims of [1, 2, 3, 4, 8]) {
    const random = new Random(dims);
    const count = 700;
    // Stretched, so that the axes are not split evenly.
    const points = Float32Array.from({ length: count * dims }, (_, i) => random.normal() * (1 + 3 * (i % dims)));
    const tree = new KdTree(points, count, dims);
    const indices = new Int32Array(20);
    const distances = new Float64Array(20);
    for (let q = 0; q < 60; q++) {
      const query = Float64Array.from({ length: dims }, () => random.normal() * (q % 2 ? 1 : 20));
      const k = 1 + (q % 20);
      assert.equal(tree.nearest(query, k, indices, distances), k);
      // Both add up the same squares in the same order.
      assert.deepEqual([...distances.subarray(0, k)], bruteForce(points, dims, query, k));
      for (let j = 0; j < k; j++) {
        const point = points.subarray(indices[j] * dims, (indices[j] + 1) * dims);
        assert.equal(distances[j], bruteForce(point, dims, query, 1)[0]);
      }
    }
  }
});

test("a table of neighbours holds every point's nearest others and never the point itself, coinciding points included", () => {
  const random = new Random(5);
  const count = 400;
  // Coordinates on a coarse lattice: many points coincide and most distances are shared.
  const points = Float32Array.from({ length: count * 2 }, () => random.integer(8));
  const { k, indices, distances } = nearestOthers(points, count, 2, 9);
  assert.equal(k, 9);
  for (let i = 0; i < count; i++) {
    const row: number[] = [...indices.subarray(i * k, (i + 1) * k)];
    assert.ok(!row.includes(i));
    assert.equal(new Set(row).size, k);
    const others = Float32Array.from([...points.subarray(0, 2 * i), ...points.subarray(2 * i + 2)]);
    assert.deepEqual([...distances.subarray(i * k, (i + 1) * k)], bruteForce(others, 2, points.subarray(2 * i, 2 * i + 2), k));
  }
});

test('fewer points than asked for are all found', () => {
  const tree = new KdTree([0, 5, 2], 3, 1);
  const indices = new Int32Array(9);
  const distances = new Float64Array(9);
  assert.equal(tree.nearest([4], 9, indices, distances), 3);
  assert.deepEqual([...indices.subarray(0, 3)], [1, 2, 0]);
  assert.equal(nearestOthers([0, 5, 2], 3, 1, 9).k, 2);
});
