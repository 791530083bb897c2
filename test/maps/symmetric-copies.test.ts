// Symmetric copies as particles of their own: the orientation that each is meant in, and the half that it belongs to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { symmetricCopies } from '../../daemon/maps/symmetric-copies.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import type { ParticleSet } from '../../daemon/particles/particle-set.js';

const ANGLES: [number, number, number][] = [
  [10, 40, 70],
  [-100, 120, 5],
];
const particles: ParticleSet = {
  file: 'made by the test',
  count: 2,
  boxSize: 4,
  pixelSizeAngstrom: 1,
  rotations: Float32Array.from(ANGLES.flatMap(angles => [...eulerToMatrix(...angles)])),
  shiftsPixels: new Float32Array(4),
  ctf: null,
  phaseFlipped: false,
  ctfPremultiplied: false,
  halfSet: new Uint8Array(2),
  notes: [],
  readImage: (i, out) => out.fill(i),
  close: () => {},
};

test('copy k of a Cn particle is seen as one whose rot is larger by k·360°/n, which is what a turn about z is in RELION angles', () => {
  const copies = symmetricCopies(particles, [0, 0, 0, 1], [0, 1, 2, 1], 'C3');
  const turns = [0, 1, 2].map(i => [...copies.rotations.subarray(9 * i, 9 * i + 9)]);
  const expected = [0, 120, 240].map(degrees => [...eulerToMatrix(ANGLES[0][0] + degrees, ANGLES[0][1], ANGLES[0][2])]);
  const isOf = (turn: number[], other: number[]) => turn.every((value, i) => Math.abs(value - other[i]) < 1e-6);
  assert.ok(isOf(turns[0], expected[0]));
  // Which of the two other turns comes first is the group's affair.
  assert.ok((isOf(turns[1], expected[1]) && isOf(turns[2], expected[2])) || (isOf(turns[1], expected[2]) && isOf(turns[2], expected[1])));
  const image = new Float32Array(16);
  copies.readImage(3, image);
  assert.equal(image[0], 1, 'the image of its own particle');
});

test('all copies of a particle are in its half, for half-maps share no image', () => {
  assert.deepEqual([...symmetricCopies(particles, [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], 'C3').halfSet], [1, 1, 1, 2, 2, 2]);
  const named = { ...particles, halfSet: Uint8Array.of(2, 2) };
  assert.deepEqual([...symmetricCopies(named, [0, 1], null, 'C1').halfSet], [2, 2]);
});
