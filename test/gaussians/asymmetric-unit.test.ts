// One asymmetric unit: a piece that symmetry turns into the whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asymmetricUnit } from '../../daemon/gaussians/asymmetric-unit.js';
import { emptySet, type GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { Random } from '../../daemon/numerics/random.js';
import { symmetryRotations } from '../../daemon/numerics/symmetry.js';

const CENTRE: [number, number, number] = [30, -10, 5];

/** Every rotation of the group on every place (Å about the centre): place p under rotation g is Gaussian p · |G| + g. */
function symmetric(places: number[][], group: readonly Float64Array[]): GaussianSet {
  const set = emptySet(places.length * group.length);
  places.forEach((place, p) => {
    group.forEach((g, k) => {
      const i = p * group.length + k;
      for (let row = 0; row < 3; row++)
        set.positions[3 * i + row] = CENTRE[row] + g[3 * row] * place[0] + g[3 * row + 1] * place[1] + g[3 * row + 2] * place[2];
      set.amplitudes[i] = 0.5;
    });
  });
  return set;
}

for (const symbol of ['C2', 'C3', 'C7', 'D2', 'D5', 'T', 'O', 'I'])
  test(`${symbol}: of every Gaussian and its images the unit holds exactly one, since its turned copies tile space`, () => {
    const random = new Random(4);
    const group = symmetryRotations(symbol);
    const places = Array.from({ length: 60 }, () => [0, 1, 2].map(() => 40 * random.normal()));
    const unit = asymmetricUnit(symmetric(places, group), group, CENTRE);
    const chosen = places.map((_, p) => unit.slice(p * group.length, (p + 1) * group.length).reduce((sum, value) => sum + value, 0));
    assert.deepEqual(new Set(chosen), new Set([1]));
  });

test('a subunit that stands apart from its images is not cut, wherever its neighbours begin', () => {
  const random = new Random(5);
  const group = symmetryRotations('C3');
  const subunit = Array.from({ length: 50 }, () => [60 + 10 * random.normal(), 12 + 10 * random.normal(), 25 * random.normal()]);
  const unit = asymmetricUnit(symmetric(subunit, group), group, CENTRE);
  const copies = [0, 1, 2].map(k => subunit.filter((_, p) => unit[3 * p + k] === 1).length);
  assert.deepEqual(
    copies.sort((a, b) => b - a),
    [50, 0, 0],
  );
});
