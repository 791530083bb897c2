// Rigid motions that are known because the test made them, by Rodrigues' formula.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { rigidMotion, screwAxis } from '../../daemon/numerics/rigid-motion.js';

const random = new Random(1);
const COUNT = 40;
const from = Float64Array.from({ length: 3 * COUNT }, () => 20 * random.normal());
const weights = Float64Array.from({ length: COUNT }, () => random.uniform());

/** x cos θ + (u × x) sin θ + u (u·x)(1 − cos θ), about the point `pivot`. */
function turned(points: Float64Array, u: number[], degrees: number, pivot: number[]): Float64Array {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  return points.map((_, at) => {
    const axis = at % 3;
    const x = [0, 1, 2].map(d => points[at - axis + d] - pivot[d]);
    const [p, q] = [(axis + 1) % 3, (axis + 2) % 3];
    const dot = u[0] * x[0] + u[1] * x[1] + u[2] * x[2];
    return pivot[axis] + x[axis] * c + (u[p] * x[q] - u[q] * x[p]) * s + u[axis] * dot * (1 - c);
  });
}

test('angle, axis and shift of a known turn come back, from a hundredth of a degree to a half turn', () => {
  const u = [2 / 7, 3 / 7, -6 / 7];
  for (const degrees of [0.01, 1, 8, 90, 179]) {
    const to = turned(from, u, degrees, [5, -3, 30]);
    const { angleDegrees, axis, residual, shift } = rigidMotion(from, to, weights);
    // Doubles; at a hundredth of a degree the sine is 1e-4 of an eigenvector of size 1.
    assert.ok(Math.abs(angleDegrees - degrees) < 1e-7, `${angleDegrees}`);
    axis.forEach((value, d) => {
      assert.ok(Math.abs(value - u[d]) < 1e-6);
    });
    assert.ok(residual < 1e-4);
    // The centre turns as every point does.
    const centre = [0, 1, 2].map(d => weights.reduce((sum, w, i) => sum + w * from[3 * i + d], 0) / weights.reduce((a, b) => a + b));
    const moved = turned(Float64Array.from(centre), u, degrees, [5, -3, 30]);
    shift.forEach((value, d) => {
      assert.ok(Math.abs(value - (moved[d] - centre[d])) < 1e-9);
    });
  }
});

test('points of weight zero are not asked, and a mirror image is no rotation: it leaves a residual', () => {
  const to = turned(from, [0, 0, 1], 30, [0, 0, 0]);
  const stray = to.map((value, at) => (at < 30 ? value + 50 : value));
  const share = weights.map((w, i) => (i < 10 ? 0 : w));
  assert.ok(Math.abs(rigidMotion(from, stray, share).angleDegrees - 30) < 1e-7);
  const mirrored = from.map((value, at) => (at % 3 === 0 ? -value : value));
  assert.ok(rigidMotion(from, mirrored, weights).residual > 5);
});

test('the residual is the root mean square that scatter adds to a rigid motion', () => {
  const noise = new Random(2);
  const many = Float64Array.from({ length: 30_000 }, () => 20 * noise.normal());
  const to = turned(many, [0, 1, 0], 12, [0, 0, 0]).map(value => value + 0.5 * noise.normal());
  const { residual, angleDegrees } = rigidMotion(many, to, new Float64Array(10_000).fill(1));
  // 0.5 Å along each of three axes; 10,000 points know it to 1 %.
  assert.ok(Math.abs(residual / (0.5 * Math.sqrt(3)) - 1) < 0.03);
  assert.ok(Math.abs(angleDegrees - 12) < 0.05);
});

test('what stays turns by nothing, one point only shifts, and no point is refused', () => {
  assert.equal(rigidMotion(from, from, weights).angleDegrees, 0);
  assert.deepEqual(rigidMotion([1, 2, 3], [2, 2, 5], [0.5]), {
    angleDegrees: 0,
    axis: [0, 0, 1],
    centre: [1, 2, 3],
    shift: [1, 0, 2],
    residual: 0,
  });
  assert.throws(() => rigidMotion([1, 2, 3], [1, 2, 3], [0]), RangeError);
});

test('the screw axis goes through the pivot that the points were turned about, and what they slid along it is its slide', () => {
  const u = [2 / 7, 3 / 7, -6 / 7];
  const pivot = [5, -3, 30];
  for (const degrees of [0.1, 8, 120]) {
    const to = turned(from, u, degrees, pivot).map((value, at) => value + 4 * u[at % 3]);
    const { point, slide } = screwAxis(rigidMotion(from, to, weights))!;
    const away = point.map((value, d) => value - pivot[d]);
    const along = away.reduce((sum, value, d) => sum + value * u[d], 0);
    // Doubles; at a tenth of a degree the distance of the axis magnifies rounding 600 times.
    assert.ok(Math.hypot(...away.map((value, d) => value - along * u[d])) < 1e-4, `${point}`);
    assert.ok(Math.abs(slide - 4) < 1e-6);
  }
});

test('what hardly turns has no axis: it would lie anywhere', () => {
  assert.equal(
    screwAxis(
      rigidMotion(
        from,
        from.map(value => value + 3),
        weights,
      ),
    ),
    null,
  );
  assert.equal(screwAxis(rigidMotion(from, turned(from, [0, 0, 1], 0.01, [0, 0, 0]), weights)), null);
});
