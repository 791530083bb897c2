// What noise leaves to a perfect model: on maps whose noise was put in by hand, beside the correlation with the map before it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { lowPass } from '../../daemon/maps/filter.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';
import { ceilingOfHalves, ceilingOfMap } from '../../daemon/maps/noise-ceiling.js';
import { Random } from '../../daemon/numerics/random.js';

const SIZE = 40;
const CONTOUR = 0.3;

/** A few balls with soft borders within a quarter of the box of its centre, in voxels of 4 Å. */
const clean = mapOf((x, y, z) => {
  let value = 0;
  for (const [cx, cy, cz] of [
    [-4, 0, 1],
    [3, 2, -3],
    [1, -4, 4],
    [2, 4, 3],
  ])
    value += Math.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / (2 * 1.3 ** 2));
  return value;
});

function mapOf(value: (x: number, y: number, z: number) => number): DensityMap {
  const data = new Float32Array(SIZE ** 3);
  for (let z = 0, i = 0; z < SIZE; z++)
    for (let y = 0; y < SIZE; y++) for (let x = 0; x < SIZE; x++, i++) data[i] = value(x - SIZE / 2, y - SIZE / 2, z - SIZE / 2);
  return { size: [SIZE, SIZE, SIZE], voxelSizeAngstrom: [4, 4, 4], originAngstrom: [0, 0, 0], data };
}

function noisy(seed: number, deviation = 0.05): DensityMap {
  const random = new Random(seed);
  return { ...clean, data: clean.data.map(value => value + deviation * random.normal()) };
}

/** Shells 3 … 16: enough points in each for its estimate, all of the box's frequencies below its corners. */
const SHELLS = Array.from({ length: 14 }, (_, i) => i + 3);

test('white noise all over the box leaves, shell by shell, what the noisy map still correlates with the clean one', () => {
  const map = noisy(1);
  const ceiling = ceilingOfMap(map, CONTOUR);
  const truth = fourierShellCorrelation(map, clean).correlation;
  assert.ok(truth[3] > 0.9 && truth[14] < 0.6, `the case goes from signal to noise: ${truth[3]}, ${truth[14]}`);
  // The root of a difference of like numbers: where little signal is left, the error of two powers is a large part of it.
  for (const k of SHELLS) {
    const allowed = truth[k] > 0.5 ? 0.02 : 0.15;
    assert.ok(Math.abs(ceiling[k] - truth[k]) < allowed, `shell ${k}: ${ceiling[k]}, truth ${truth[k]}`);
  }
});

test('half-maps tell the same without any solvent, since FSC = S/(S + 2N) means C = √(2·FSC/(1 + FSC))', () => {
  const [first, second] = [noisy(2), noisy(3)];
  const ceiling = ceilingOfHalves(fourierShellCorrelation(first, second).correlation);
  const mean = { ...clean, data: first.data.map((value, i) => (value + second.data[i]) / 2) };
  const truth = fourierShellCorrelation(mean, clean).correlation;
  for (const k of SHELLS.slice(0, 10)) assert.ok(Math.abs(ceiling[k] - truth[k]) < 0.08, `shell ${k}: ${ceiling[k]}, truth ${truth[k]}`);
  assert.equal(ceilingOfHalves([1, 0.143, -0.2])[2], 0);
  assert.ok(Math.abs(ceilingOfHalves([1, 0.143])[1] - 0.5) < 1e-3, 'FSC 0.143 is a correlation of 0.5 with the truth');
});

test('a map without noise is not excused: its ceiling is 1 wherever it has power', () => {
  const ceiling = ceilingOfMap(clean, CONTOUR);
  for (const k of SHELLS.slice(0, 9)) assert.ok(ceiling[k] > 0.999, `shell ${k}: ${ceiling[k]}`);
});

test('beyond the resolution of a low-passed map nothing can be asked of a model: only rounding is there', () => {
  // 160 Å / 20 Å is shell 8; the soft edge is two shells wide on either side.
  const ceiling = ceilingOfMap(lowPass(clean, 20), CONTOUR);
  for (const k of [11, 12, 14, 16]) assert.equal(ceiling[k], 0, `shell ${k}`);
  for (const k of [3, 4, 5]) assert.ok(ceiling[k] > 0.99, `shell ${k}: ${ceiling[k]}`);
});

test('a map cut to a flat background is taken for clean, since its solvent says nothing of noise', () => {
  const map = noisy(4);
  const cut = { ...map, data: map.data.map((value, i) => (clean.data[i] > 0.05 ? value : 0)) };
  const ceiling = ceilingOfMap(cut, CONTOUR);
  for (const k of SHELLS) assert.equal(ceiling[k], 1);
});
