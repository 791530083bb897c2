// Point groups by what makes them groups, and by where RELION puts their axes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiply, symmetryRotations } from '../../daemon/numerics/symmetry.js';

const ORDERS: [symbol: string, order: number][] = [
  ['C1', 1],
  ['C2', 2],
  ['C7', 7],
  ['C99', 99],
  ['D1', 2],
  ['D2', 4],
  ['D6', 12],
  ['T', 12],
  ['O', 24],
  ['I', 60],
  ['I1', 60],
  ['I2', 60],
  ['I3', 60],
  ['I4', 60],
];

const near = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-9) =>
  Array.from(a).every((value, i) => Math.abs(value - b[i]) < tolerance);

/** Whether the group holds a turn by 2π/fold about the axis: it keeps the axis, and its trace is 1 + 2 cos(2π/fold). */
function hasAxis(group: Float64Array[], fold: number, axis: number[]): boolean {
  return group.some(m => {
    const moved = [0, 1, 2].map(row => m[3 * row] * axis[0] + m[3 * row + 1] * axis[1] + m[3 * row + 2] * axis[2]);
    return near(moved, axis, 1e-6) && Math.abs(m[0] + m[4] + m[8] - 1 - 2 * Math.cos((2 * Math.PI) / fold)) < 1e-6;
  });
}

test('each group has its order, the identity first, and the product of any two of its rotations is one of them', () => {
  for (const [symbol, order] of ORDERS) {
    const group = symmetryRotations(symbol);
    assert.equal(group.length, order, symbol);
    assert.ok(near(group[0], [1, 0, 0, 0, 1, 0, 0, 0, 1]));
    for (const a of group)
      for (const b of group)
        assert.ok(
          group.some(c => near(multiply(a, b), c)),
          `${symbol} is not closed`,
        );
  }
});

test('every element is a proper rotation: its transpose is its inverse and its determinant is +1, so handedness stays', () => {
  for (const [symbol] of ORDERS) {
    for (const m of symmetryRotations(symbol)) {
      const transposed = [m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]];
      assert.ok(near(multiply(m, transposed), [1, 0, 0, 0, 1, 0, 0, 0, 1]));
      const determinant = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
      assert.ok(Math.abs(determinant - 1) < 1e-9, symbol);
    }
  }
});

test("axes lie where RELION has them, so that its star files and maps fit: Cn about z, D's twofold along x, I's twofolds along x, y, z", () => {
  assert.ok(hasAxis(symmetryRotations('C5'), 5, [0, 0, 1]));
  assert.ok(hasAxis(symmetryRotations('D4'), 2, [1, 0, 0]));
  assert.ok(hasAxis(symmetryRotations('T'), 3, [0, 0, 1]));
  for (const axis of [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]) {
    assert.ok(hasAxis(symmetryRotations('O'), 4, axis));
    assert.ok(hasAxis(symmetryRotations('I1'), 2, axis));
    assert.ok(hasAxis(symmetryRotations('I2'), 2, axis));
  }
  // Fivefold axes of the setting with three twofold axes along x, y, z: (0, 1, golden ratio) and its permutations in one of two orders.
  const golden = (1 + Math.sqrt(5)) / 2;
  assert.ok(hasAxis(symmetryRotations('I2'), 5, [1, 0, golden]) && !hasAxis(symmetryRotations('I2'), 5, [golden, 0, 1]));
  assert.ok(hasAxis(symmetryRotations('I1'), 5, [golden, 0, 1]) && !hasAxis(symmetryRotations('I1'), 5, [1, 0, golden]));
  assert.ok(hasAxis(symmetryRotations('I3'), 5, [0, 0, 1]) && hasAxis(symmetryRotations('I4'), 5, [0, 0, 1]));
});

test('an unknown symbol is named together with those that are known', () => {
  for (const symbol of ['', 'C0', 'X3', 'I5', 'C100', 'D']) assert.throws(() => symmetryRotations(symbol), /is not known; take C1/);
});
