// A model that does not lie in its map is noticed, and the shift that cures it is the one it was made with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { checkPlacement } from '../../daemon/models/place.js';
import type { AtomicModel } from '../../daemon/models/read-model.js';
import { Random } from '../../daemon/numerics/random.js';

const random = new Random(1);
/** A lump off the centre of a box, so that a half-turned or shifted copy does not fit by chance. */
const atoms = Float32Array.from({ length: 300 }, (_, i) => [50, 70, 64][i % 3] + 12 * random.normal());

function mapOf(origin: [number, number, number]): DensityMap {
  const n = 40;
  const data = new Float32Array(n ** 3);
  for (let i = 0; i < data.length; i++) {
    const at = [i % n, Math.floor(i / n) % n, Math.floor(i / n / n)];
    for (let a = 0; a < atoms.length; a += 3) {
      const d2 = at.reduce((sum, voxel, axis) => sum + (3 * voxel - atoms[a + axis]) ** 2, 0);
      if (d2 < 150) data[i] += Math.exp(-d2 / 32);
    }
  }
  return { size: [n, n, n], voxelSizeAngstrom: [3, 3, 3], originAngstrom: origin, data };
}

function modelAt(shift: [number, number, number]): AtomicModel {
  const positions = atoms.map((value, i) => value + shift[i % 3]);
  return { file: 'model.pdb', positions, atoms: positions.length / 3 } as AtomicModel;
}

test('a model in its map is left without a word, wherever the map’s origin is', () => {
  for (const origin of [
    [0, 0, 0],
    [-60, -60, -60],
    [100, -20, 7],
  ] as [number, number, number][]) {
    const placement = checkPlacement(modelAt(origin), mapOf(origin));
    assert.equal(placement.note, null);
    assert.equal(placement.cureAngstrom, null);
    assert.ok(placement.score > 3);
    assert.equal(placement.insideFraction, 1);
  }
});

test('a model centred at zero, one that ignores the map’s origin and one that has it twice get the shift that brings them home', () => {
  const cases: [[number, number, number], [number, number, number]][] = [
    [
      [0, 0, 0],
      [-60, -60, -60],
    ],
    [
      [-60, -60, -60],
      [0, 0, 0],
    ],
    [
      [100, -20, 7],
      [0, 0, 0],
    ],
    [
      [100, -20, 7],
      [200, -40, 14],
    ],
    [
      [30, 40, 50],
      [-60, -60, -60],
    ],
  ];
  for (const [origin, misplaced] of cases) {
    const { cureAngstrom, note } = checkPlacement(modelAt(misplaced), mapOf(origin));
    assert.deepEqual(
      cureAngstrom,
      origin.map((value, axis) => value - misplaced[axis]),
    );
    assert.match(note!, /model\.pdb: .* % of the atoms.*shifted by/);
    assert.ok(!note!.includes('\n'));
  }
});

test('a model that no such shift cures is reported without an invented cure', () => {
  const { cureAngstrom, note } = checkPlacement(modelAt([500, 500, 500]), mapOf([0, 0, 0]));
  assert.equal(cureAngstrom, null);
  assert.match(note!, /0 % of the atoms.*check that the model was fitted/);
});
