// RELION's angles, matrices and rotation vectors, each against what the others say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix, matrixToEuler, rotationVector, vectorToRotation } from '../../daemon/numerics/rotations.js';
import { multiply } from '../../daemon/numerics/symmetry.js';

const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number, message?: string) => {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) assert.ok(Math.abs(a[i] - b[i]) <= tolerance, message ?? `${a[i]} and ${b[i]} at ${i}`);
};

test('angles of a matrix are the angles it was made of, whose signs and ranges are thereby known', () => {
  const random = new Random(1);
  for (let i = 0; i < 500; i++) {
    const angles = [360 * random.uniform() - 180, 0.01 + 179.98 * random.uniform(), 360 * random.uniform() - 180] as const;
    // Near the poles rot and psi hang on sines of a hundredth of a degree: 1e-16 / 1e-4 rad, in degrees.
    close(matrixToEuler(eulerToMatrix(...angles)), angles, 1e-9);
  }
});

test('at the poles, where only rot ± psi has a meaning, the angles still give the matrix back', () => {
  for (const tilt of [0, 180])
    for (const [rot, psi] of [
      [30, 50],
      [-170, -20],
      [0, 0],
    ]) {
      const matrix = eulerToMatrix(rot, tilt, psi);
      const angles = matrixToEuler(matrix);
      assert.equal(angles[2], 0);
      close(eulerToMatrix(...angles), matrix, 1e-12);
    }
});

test('a turn about z by a vector is RELION’s rot the other way round, since RELION turns the axes', () => {
  for (const degrees of [0.001, 20, 179]) close(vectorToRotation([0, 0, (degrees * Math.PI) / 180]), eulerToMatrix(-degrees, 0, 0), 1e-12);
});

test('rotation vectors: the exponential series for small turns, inverse to its logarithm for all, and half turns about one axis make a whole', () => {
  const random = new Random(2);
  for (let i = 0; i < 200; i++) {
    const direction = [random.normal(), random.normal(), random.normal()];
    const length = Math.PI * 0.999 * random.uniform() ** 3;
    const v = direction.map(x => (x * length) / Math.hypot(...direction)) as [number, number, number];
    close(rotationVector(vectorToRotation(v)), v, 1e-9);
    const half = vectorToRotation(v.map(x => x / 2) as [number, number, number]);
    close(multiply(half, half), vectorToRotation(v), 1e-12);
  }
  const [x, y, z] = [1e-8, -2e-8, 3e-8];
  close(vectorToRotation([x, y, z]), [1, -z, y, z, 1, -x, -y, x, 1], 1e-15);
});
