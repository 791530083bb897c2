// Rank correlation: exact where the order is the same, in closed form for permutations, and with ties as the plain definition has it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { spearmanCorrelation } from '../../daemon/numerics/rank-correlation.js';

test('any rising curve gives 1, any falling one −1, since only the order counts', () => {
  const x = [-2, -1, 0.5, 1, 3];
  assert.equal(spearmanCorrelation(x, x.map(Math.exp)), 1);
  assert.equal(
    spearmanCorrelation(
      x,
      x.map(value => -(value ** 3)),
    ),
    -1,
  );
});

test('without ties it is 1 − 6 Σd² / (n³ − n)', () => {
  const random = new Random(1);
  const n = 50;
  const permutation = random.shuffle(Float64Array.from({ length: n }, (_, i) => i));
  const squares = permutation.reduce((sum, rank, i) => sum + (rank - i) ** 2, 0);
  assert.ok(Math.abs(spearmanCorrelation([...permutation.keys()], permutation) - (1 - (6 * squares) / (n ** 3 - n))) < 1e-12);
});

test('equal values share the mean of their ranks', () => {
  // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: Σ of products of deviations 4.5, of squares 4.5 and 5.
  assert.ok(Math.abs(spearmanCorrelation([1, 7, 7, 9], [1, 2, 3, 4]) - 4.5 / Math.sqrt(4.5 * 5)) < 1e-12);
});

test('what does not vary has no order to tell', () => {
  assert.equal(spearmanCorrelation([1, 1, 1], [1, 2, 3]), 0);
});
