// Transforms of many lines by the SIMD kernel, against the sum that defines them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadMapKernels } from '../../daemon/compute/cpu/kernel-module.js';
import { LineTransforms } from '../../daemon/compute/cpu/line-transforms.js';
import { Random } from '../../daemon/numerics/random.js';

/** X(k) = Σ x(j) e^(∓2πi jk/n), over n for the inverse. */
function definition(re: number[], im: number[], inverse: boolean): [number, number][] {
  const n = re.length;
  return re.map((_, k) => {
    let [a, b] = [0, 0];
    for (let j = 0; j < n; j++) {
      const angle = ((inverse ? 2 : -2) * Math.PI * j * k) / n;
      a += re[j] * Math.cos(angle) - im[j] * Math.sin(angle);
      b += re[j] * Math.sin(angle) + im[j] * Math.cos(angle);
    }
    return inverse ? [a / n, b / n] : [a, b];
  });
}

test('every line becomes its transform and nothing else is touched, for any length, count, stride and direction', () => {
  const random = new Random(1);
  // 46 has the prime 23, which no kernel takes; counts that four does not divide leave a rest.
  for (const n of [1, 4, 6, 15, 16, 46]) {
    for (const count of [1, 4, 7]) {
      for (const [stride, lineStride] of [
        [1, n + 1],
        [count, 1],
        [2 * count, 2],
      ]) {
        for (const inverse of [false, true]) {
          const transforms = new LineTransforms(loadMapKernels().module);
          const offset = 3;
          const length = offset + (count - 1) * lineStride + (n - 1) * stride + 4;
          const [re, im] = [0, 1].map(() => transforms.floats(length));
          re.forEach((_, i) => {
            re[i] = random.normal();
            im[i] = random.normal();
          });
          const [oldRe, oldIm] = [re.slice(), im.slice()];
          transforms.lines(n, re, im, offset, stride, count, lineStride, inverse);
          const touched = new Set<number>();
          for (let line = 0; line < count; line++) {
            const places = Array.from({ length: n }, (_, j) => offset + line * lineStride + j * stride);
            const expected = definition(
              places.map(p => oldRe[p]),
              places.map(p => oldIm[p]),
              inverse,
            );
            places.forEach((p, k) => {
              touched.add(p);
              // Single precision, sums of n terms of size 1.
              assert.ok(
                Math.hypot(re[p] - expected[k][0], im[p] - expected[k][1]) < 1e-5 * Math.sqrt(n),
                `n ${n}, line ${line}, element ${k}`,
              );
            });
          }
          for (let i = 0; i < length; i++) if (!touched.has(i)) assert.deepEqual([re[i], im[i]], [oldRe[i], oldIm[i]]);
        }
      }
    }
  }
});

test('arrays from elsewhere are refused, since the kernel would write over other things', () => {
  const transforms = new LineTransforms(loadMapKernels().module);
  assert.throws(() => transforms.lines(4, new Float32Array(4), transforms.floats(4), 0, 1, 1, 4, false), /own memory/);
});
