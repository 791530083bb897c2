// Quantiles: the middle of odd and even numbers of values, and the straight lines between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median, quantile } from '../../daemon/numerics/quantile.js';

test('half of an odd number of values lie on either side of the one in the middle; of an even number, of the mean of two', () => {
  assert.equal(median([5, 1, 9]), 5);
  assert.equal(median(Float32Array.of(4, 1, 2, 10)), 3);
  assert.equal(median([7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test('from the least value to the greatest a quantile goes along straight lines, and the values themselves stay as they are', () => {
  const values = [30, 0, 10];
  assert.deepEqual(
    [0, 0.25, 0.5, 0.75, 1].map(share => quantile(values, share)),
    [0, 5, 10, 20, 30],
  );
  assert.deepEqual(values, [30, 0, 10]);
});
