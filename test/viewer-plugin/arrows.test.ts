// Arrow matrices: what a unit shaft and a unit head become, checked on points carried through them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DecodedFrame } from '../../protocol/messages.js';
import { longestDisplacements, writeArrowMatrix } from '../../viewer-plugin/layers/arrow-matrices.js';

const frame = (...points: [number, number, number][]): DecodedFrame => ({
  run: 'r',
  epoch: 1,
  z: Float32Array.of(0),
  count: points.length,
  positions: Float32Array.from(points.flat()),
  amplitudes: new Float32Array(points.length).fill(0.5),
  sigmas: new Float32Array(points.length).fill(3),
  atoms: null,
});

function carried(matrix: number[], [x, y, z]: number[]): number[] {
  return [0, 1, 2].map(a => matrix[a] * x + matrix[4 + a] * y + matrix[8 + a] * z + matrix[12 + a]);
}

function near(actual: number[], expected: number[], message: string): void {
  // Positions are float32, in Å up to a few hundred.
  for (const [a, value] of actual.entries()) assert.ok(Math.abs(value - expected[a]) < 1e-4, `${message}: ${actual} against ${expected}`);
}

const from = frame([1, 2, 3], [10, 0, 0], [0, 0, 5], [5, 5, 5], [0, 7, 0]);
const to = frame([1, 2, 9], [10, -8, 0], [0, 0, 5], [2, 1, 5], [0.1, 7.1, -0.1]);

test('the shaft starts at the Gaussian, the head ends at scale displacements from it, and they meet, for any direction and sign of the scale', () => {
  for (const i of [0, 1, 3, 4])
    for (const scale of [1, 2.5, -1]) {
      const [shaft, head] = (['shaft', 'head'] as const).map(part => {
        const matrix = new Array<number>(16).fill(Number.NaN);
        writeArrowMatrix(matrix, 0, part, from, to, i, scale, 0.4);
        return matrix;
      });
      const start = [0, 1, 2].map(a => from.positions[3 * i + a]);
      const tip = [0, 1, 2].map(a => start[a] + scale * (to.positions[3 * i + a] - start[a]));
      near(carried(shaft, [0, 0, 0]), start, 'start');
      near(carried(head, [0, 0, 1]), tip, 'tip');
      near(carried(shaft, [0, 0, 1]), carried(head, [0, 0, 0]), 'joint');
      for (const matrix of [shaft, head]) {
        // A mirrored mesh would be lit from inside.
        const [u, v, w] = [0, 4, 8].map(o => matrix.slice(o, o + 3));
        const triple = u[0] * (v[1] * w[2] - v[2] * w[1]) + u[1] * (v[2] * w[0] - v[0] * w[2]) + u[2] * (v[0] * w[1] - v[1] * w[0]);
        assert.ok(triple > 0, 'right-handed');
        const dot = (a: number[], b: number[]) => a.reduce((sum, x, k) => sum + x * b[k], 0);
        assert.ok(Math.abs(dot(u, v)) + Math.abs(dot(u, w)) + Math.abs(dot(v, w)) < 1e-6, 'no shear');
        assert.ok(Math.abs(Math.hypot(...u) - Math.hypot(...v)) < 1e-9, 'round');
      }
      assert.ok(Math.hypot(...head.slice(0, 3)) > 2 * Math.hypot(...shaft.slice(0, 3)), 'the head is wider than the shaft');
    }
});

test('the longest displacements come first, and a Gaussian that stays has no arrow, because it has no direction', () => {
  assert.deepEqual([...longestDisplacements(from, to, 10)], [1, 0, 3, 4]);
  assert.deepEqual([...longestDisplacements(from, to, 2)], [1, 0]);
  assert.deepEqual([...longestDisplacements(from, from, 10)], []);
});

test('a Gaussian with next to no amplitude has no arrow, because nothing is seen where it goes; one that appears on the way has', () => {
  const at = (frame: typeof from, i: number, amplitude: number) => ({
    ...frame,
    amplitudes: frame.amplitudes.map((a, k) => (k === i ? amplitude : a)),
  });
  assert.ok(!longestDisplacements(at(from, 1, 1e-4), at(to, 1, 1e-4), 10).includes(1));
  assert.ok(longestDisplacements(at(from, 1, 1e-4), to, 10).includes(1));
});
