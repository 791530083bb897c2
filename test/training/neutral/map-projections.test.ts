// A map as what Gaussians are fitted to: its centre, its mask, its mass, and the shells that a model is compared in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../../daemon/formats/density-map.js';
import { rowToLogits } from '../../../daemon/gaussians/model-frame.js';
import { Random } from '../../../daemon/numerics/random.js';
import { type Consensus, mapProjections, moleculeVolume, rotationCentre } from '../../../daemon/training/neutral/map-projections.js';

const SIZE = 24;
const VOXEL = 4;
const BOX = SIZE * VOXEL;
const ORIGIN = [-20, 8, 100] as const;
const SIGMA = 6;
/** Å from the rotation centre, and weight. */
const BLOBS = [
  [-16, 0, 4, 1],
  [16, 8, 0, 0.5],
] as const;

/** Two Gaussians in closed form on a map whose corner is not the origin. */
const map: DensityMap = (() => {
  const data = new Float32Array(SIZE ** 3);
  for (let z = 0, i = 0; z < SIZE; z++)
    for (let y = 0; y < SIZE; y++)
      for (let x = 0; x < SIZE; x++, i++)
        for (const [bx, by, bz, weight] of BLOBS) {
          const [dx, dy, dz] = [x, y, z].map((v, axis) => (v - SIZE / 2) * VOXEL - [bx, by, bz][axis]);
          data[i] += weight * Math.exp(-(dx * dx + dy * dy + dz * dz) / (2 * SIGMA ** 2));
        }
  return { size: [SIZE, SIZE, SIZE], voxelSizeAngstrom: [VOXEL, VOXEL, VOXEL], originAngstrom: [...ORIGIN], data };
})();
const consensus: Consensus = {
  name: 'two blobs',
  map,
  mask: null,
  contour: 0.2,
  ceiling: new Float64Array(SIZE / 2 + 1).fill(1),
  centreAngstrom: rotationCentre(map),
};
/** 1 where x is left of the rotation centre. */
const leftHalf: DensityMap = { ...map, data: map.data.map((_, i) => (i % SIZE < SIZE / 2 ? 1 : 0)) };

/** The same two Gaussians as logits of a model, `shift` Å along x. */
function modelOf(shift = 0): Float32Array {
  const columns = [0, 1, 2].map(axis => BLOBS.map(blob => (blob[axis] + (axis === 0 ? shift : 0)) / BOX));
  return rowToLogits([...columns.flat(), ...BLOBS.map(blob => 0.6 * blob[3]), 1, 1]);
}

test('the rotation centre is the world position of voxel n//2, odd sides and origins included', () => {
  const odd: DensityMap = { size: [4, 5, 3], voxelSizeAngstrom: [2, 2, 3], originAngstrom: [-10, 0, 7], data: new Float32Array(60) };
  assert.deepEqual(rotationCentre(odd), [-6, 4, 10]);
});

test('the Gaussians that a map is made of have a shell correlation of 1 with it, and one of cos 2πks in the frame is lost when they are moved', () => {
  const { shellCorrelation } = mapProjections(consensus, BOX);
  const exact = shellCorrelation!(modelOf(), SIGMA);
  for (let k = 1; k <= 6; k++) assert.ok(exact[k] > 0.9999, `shell ${k}: ${exact[k]}`);
  // Moved by s along x, a shell of radius k correlates by the mean of cos 2πk_x s over its sphere for a single blob: sin(q)/q, q = 2πks/box.
  const single = { ...map, data: map.data.slice() };
  const one = rowToLogits([BLOBS[0][0] / BOX + 8 / BOX, BLOBS[0][1] / BOX, BLOBS[0][2] / BOX, 0.6, 1]);
  for (let z = 0, i = 0; z < SIZE; z++)
    for (let y = 0; y < SIZE; y++)
      for (let x = 0; x < SIZE; x++, i++) {
        const [dx, dy, dz] = [x, y, z].map((v, axis) => (v - SIZE / 2) * VOXEL - BLOBS[0][axis]);
        single.data[i] = Math.exp(-(dx * dx + dy * dy + dz * dz) / (2 * SIGMA ** 2));
      }
  const moved = mapProjections({ ...consensus, map: single }, BOX).shellCorrelation!(one, SIGMA);
  for (let k = 2; k <= 5; k++) {
    const q = (2 * Math.PI * k * 8) / BOX;
    // A shell of whole frequencies is no sphere: 0.06.
    assert.ok(Math.abs(moved[k] - Math.sin(q) / q) < 0.06, `shell ${k}: ${moved[k]}, closed form ${Math.sin(q) / q}`);
  }
});

test('seeds fall on the molecule by its volume and not by its mass: as often on a faint blob as on a dense one of the same size, and nowhere else', () => {
  const source = mapProjections(consensus, BOX);
  const random = new Random(1);
  let first = 0;
  for (let i = 0; i < 400; i++) {
    const place = source.seed(random).map(x => x * BOX);
    const [a, b] = BLOBS.map(blob => Math.hypot(place[0] - blob[0], place[1] - blob[1], place[2] - blob[2]));
    assert.ok(Math.min(a, b) < 3.6 * SIGMA, `${place}`);
    if (a < b) first++;
  }
  // The blob of twice the mass reaches somewhat further out before it falls below the floor.
  assert.ok(first > 0.48 * 400 && first < 0.68 * 400, `${first}`);
  const [dense, faint] = BLOBS.map(([x, y, z]) => source.density(x / BOX, y / BOX, z / BOX));
  assert.ok(dense === 1 && faint > 0.3 && faint < 0.9 && source.density(0.45, 0.45, 0.45) < 0.01, `${dense}, ${faint}`);
});

test('under a mask only what is inside is seeded, projected, compared and counted', () => {
  const masked: Consensus = { ...consensus, mask: leftHalf };
  const source = mapProjections(masked, BOX);
  const random = new Random(2);
  for (let i = 0; i < 50; i++) assert.ok(source.seed(random)[0] < 0.01);
  assert.ok(source.inside(-0.2, 0, 0) && !source.inside(0.2, 0, 0) && !source.inside(-0.7, 0, 0));
  // Each blob is a ball of radius σ√(2 ln(weight/contour)) above the contour; a voxel is 64 Å³.
  const ball = (weight: number) => (4 / 3) * Math.PI * (SIGMA * Math.sqrt(2 * Math.log(weight / 0.2))) ** 3;
  assert.ok(Math.abs(moleculeVolume(consensus) / (ball(1) + ball(0.5)) - 1) < 0.1, `${moleculeVolume(consensus)}`);
  assert.ok(Math.abs(moleculeVolume(masked) / ball(1) - 1) < 0.1);
  const alone = source.shellCorrelation!(rowToLogits([BLOBS[0][0] / BOX, BLOBS[0][1] / BOX, BLOBS[0][2] / BOX, 0.6, 1]), SIGMA);
  for (let k = 1; k <= 5; k++) assert.ok(alone[k] > 0.98, `shell ${k}: ${alone[k]}`);
});
