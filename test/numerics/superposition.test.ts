// Laying points on points: exact where they are one body, and led by the body where a part of it has gone its own way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { rotationVector, vectorToRotation } from '../../daemon/numerics/rotations.js';
import { moved, type Superposition, superpose } from '../../daemon/numerics/superposition.js';

const random = new Random(3);
const N = 200;
const points = Float64Array.from({ length: 3 * N }, () => random.normal());
const ones = new Float64Array(N).fill(1);
const turn = vectorToRotation([0.1, -0.2, 0.15]);

/** turn · x + (1, 2, 3). */
function away(p: ArrayLike<number>, i: number): number[] {
  return [0, 1, 2].map(k => turn[3 * k] * p[3 * i] + turn[3 * k + 1] * p[3 * i + 1] + turn[3 * k + 2] * p[3 * i + 2] + k + 1);
}

/** Largest distance of a coordinate from where it belongs, over the points from `first` on by `step`. */
function worst(laid: Superposition, there: ArrayLike<number>, first: number, step: number): number {
  let largest = 0;
  for (let i = first; i < N; i += step)
    for (const [k, x] of moved(laid, there, 3 * i).entries()) largest = Math.max(largest, Math.abs(x - points[3 * i + k]));
  return largest;
}

test('a body that was turned and shifted is laid back exactly', () => {
  const there = Array.from({ length: N }, (_, i) => away(points, i)).flat();
  const laid = superpose(there, points, ones);
  assert.ok(worst(laid, there, 0, 1) < 1e-9);
});

test('where a fifth of the points slide away, the rest is laid on itself ten times as well as by least squares, since what moves has little say', () => {
  const slide = (i: number) => (i % 5 === 0 ? 1.5 : 0);
  const scatter = Float64Array.from({ length: 3 * N }, () => 0.01 * random.normal());
  const there = Float64Array.from({ length: 3 * N }, (_, j) => points[j] + scatter[j] + (j % 3 === 0 ? slide(Math.floor(j / 3)) : 0));
  const laid = superpose(there, points, ones);
  const offset = moved(laid, [0, 0, 0], 0);
  // Least squares would shift everything by the mean slide, 0.3.
  assert.ok(Math.hypot(...offset) < 0.03, `${offset}`);
  assert.ok(Math.hypot(...rotationVector(laid.rotation)) < 0.03);
});

test('points that a mask holds exactly decide alone, whatever the others do', () => {
  const there = points.map((x, j) => (Math.floor(j / 3) % 3 === 0 ? x + 0.8 * Math.sin(j) : x));
  const laid = superpose(there, points, ones);
  assert.ok(worst(laid, there, 1, 3) < 1e-6);
});
