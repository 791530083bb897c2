// The first contour of a consensus map: it must enclose the molecule, whatever the units of the map.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { consensusContour } from '../../daemon/maps/contour.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { Random } from '../../daemon/numerics/random.js';

const n = 48;

/** A solid body of density 1, an ellipsoid with half axes 12, 8 and 6 voxels, seen at 6 voxels' resolution, with noise. */
function body(noise: number): { map: DensityMap; solidVoxels: number } {
  const random = new Random(1);
  const data = new Float32Array(n ** 3);
  let solidVoxels = 0;
  for (let i = 0; i < data.length; i++) {
    const [x, y, z] = [i % n, Math.floor(i / n) % n, Math.floor(i / n / n)].map(value => value - n / 2);
    if ((x / 12) ** 2 + (y / 8) ** 2 + (z / 6) ** 2 < 1) {
      data[i] = 1;
      solidVoxels++;
    }
  }
  const map = lowPass({ size: [n, n, n], voxelSizeAngstrom: [2, 2, 2], originAngstrom: [0, 0, 0], data }, 12);
  return { map: { ...map, data: map.data.map(value => value + noise * random.normal()) }, solidVoxels };
}

function enclosed(map: DensityMap, level: number): number {
  return map.data.reduce((count, value) => count + (value > level ? 1 : 0), 0);
}

test('the contour of a solid body seen at low resolution encloses its volume, with and without noise', () => {
  for (const noise of [0, 0.05, 0.15]) {
    const { map, solidVoxels } = body(noise);
    const level = consensusContour(map);
    // Half-way up a blurred edge is the edge; three deviations of background let 0.13 % of the noise voxels through at most.
    const share = enclosed(map, level) / solidVoxels;
    assert.ok(share > 0.8 && share < 1.2, `noise ${noise}: ${(100 * share).toFixed(0)} % of the true volume`);
  }
});

test('the contour follows the map when its values are scaled and shifted', () => {
  const { map } = body(0.05);
  const level = consensusContour(map);
  const other = consensusContour({ ...map, data: map.data.map(value => 250 * value + 17) });
  assert.ok(Math.abs(other - (250 * level + 17)) < 1e-3 * 250);
});

test('density that fills the box to its corners still gets a level between its lowest and highest value', () => {
  const { map } = body(0);
  const inverted = { ...map, data: map.data.map(value => 1 - value) };
  const level = consensusContour(inverted);
  assert.ok(enclosed(inverted, level) > 0 && enclosed(inverted, level) < n ** 3);
});
