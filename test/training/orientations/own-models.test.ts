// A run on disk whose decoder knows one piece of a trimer: the models that particles are refined against must have all three as their copies' places say.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { Random } from '../../../daemon/numerics/random.js';
import { symmetryRotations } from '../../../daemon/numerics/symmetry.js';
import { OwnModels } from '../../../daemon/training/orientations/own-models.js';
import { writeLinearRun } from '../linear-run.js';

const [CORE, PIECE, COPIES] = [60, 12, 3];
const N = CORE + PIECE * COPIES;
const PARTICLES = 20;
const FRAME = { boxAngstrom: 128, centreAngstrom: [64, 64, 64] as [number, number, number], referenceSigmaAngstrom: 4 };
const group = symmetryRotations('C3');

const scratch = mkdtempSync(join(tmpdir(), 'limber-own-models-'));
after(() => rmSync(scratch, { recursive: true }));

const turn = (r: ArrayLike<number>, v: readonly number[]) =>
  [0, 1, 2].map(k => r[3 * k] * v[0] + r[3 * k + 1] * v[1] + r[3 * k + 2] * v[2]);
const placeOf = (row: ArrayLike<number>, g: number) => [row[g], row[N + g], row[2 * N + g]];

/** A core and three exact copies of a piece about z, planar 5N. */
function trimer(): Float32Array {
  const random = new Random(1);
  const row = new Float32Array(5 * N);
  const put = (g: number, place: readonly number[], amplitude: number) => {
    for (const [axis, value] of place.entries()) row[axis * N + g] = value;
    row[3 * N + g] = amplitude;
    row[4 * N + g] = 1;
  };
  for (let g = 0; g < CORE / COPIES; g++) {
    const place = [0.1, 0, -0.05].map(middle => middle + 0.12 * (random.uniform() - 0.5));
    group.forEach((rotation, copy) => {
      put(COPIES * g + copy, turn(rotation, place), 0.5);
    });
  }
  for (let g = 0; g < PIECE; g++) {
    const place = [0.25, 0, 0.15].map(middle => middle + 0.06 * (random.uniform() - 0.5));
    group.forEach((rotation, copy) => {
      put(CORE + PIECE * copy + g, turn(rotation, place), 0.5);
    });
  }
  return row;
}

const neutral = trimer();
// It shifts the first piece's logits along z; every copy of every particle has its own place.
const random = new Random(2);
const run = writeLinearRun(join(scratch, 'run'), {
  frame: FRAME,
  neutral,
  weight: Float32Array.from({ length: 5 * N }, (_, i) => (i >= 2 * N + CORE && i < 2 * N + CORE + PIECE ? 0.15 : 0)),
  z: Array.from({ length: PARTICLES * COPIES }, () => random.normal()),
  copies: COPIES,
});
const backend = await createCpuBackend({ threads: 1 });
after(() => backend.dispose());
const rises = (row: ArrayLike<number>, copy: number) =>
  Array.from({ length: PIECE }, (_, g) => row[2 * N + CORE + PIECE * copy + g] - neutral[2 * N + CORE + PIECE * copy + g]);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('under symmetry a model has every piece where the copy that knows it says, or the others would be where they are on average', async () => {
  const models = await OwnModels.create(backend, run, 4, group);
  const place = models.place(0);
  assert.equal(place.length, COPIES);
  const [{ row }] = await models.near([0], [place]);
  const apart = await OwnModels.create(backend, run, 4);
  const said = (await apart.decoded([0, 1, 2])).map(decoded => mean(rises(decoded, 0)));
  said.forEach((rise, copy) => {
    assert.ok(
      Math.abs(mean(rises(row, copy)) - rise) < 0.03 * Math.abs(rise) + 1e-4,
      `copy ${copy}: ${mean(rises(row, copy))} and ${rise}`,
    );
  });
  const [alone] = await apart.near([0], [apart.place(0)]);
  assert.ok(Math.abs(mean(rises(alone.row, 1))) < 1e-4);
  models.free();
  apart.free();
});

test('the models of a particle in its symmetric orientations are one molecule, turned, so that it does not matter which of them is refined', async () => {
  const models = await OwnModels.create(backend, run, 4, group);
  const entries = [3, 4, 5];
  const near = await models.near(
    entries,
    entries.map(entry => models.place(entry)),
  );
  // As the particle is seen: at A·g of copy g.
  const [first, ...others] = near.map(({ row }, copy) => Array.from({ length: N }, (_, g) => turn(group[copy], placeOf(row, g))));
  const moved = Math.max(...[0, 1, 2].map(copy => Math.abs(mean(rises(near[0].row, copy)))));
  for (const other of others)
    for (const place of other) {
      const distance = Math.min(...first.map(each => Math.hypot(...each.map((value, k) => value - place[k]))));
      assert.ok(distance < 0.05 * moved, `${distance} of ${moved}`);
    }
  models.free();
});

test('tangents tell how a model changes with the place of every copy, by Taylor: what is left of a small step is of its second order', async () => {
  const models = await OwnModels.create(backend, run, 4, group);
  const place = models.place(7);
  const [{ row, tangents }] = await models.near([7], [place]);
  assert.equal(tangents.length, COPIES);
  for (const [k, tangent] of tangents.entries()) {
    const left = async (step: number) => {
      const [{ row: there }] = await models.near([7], [place.map((value, j) => (j === k ? value + step : value))]);
      return Math.hypot(...there.map((value, g) => value - row[g] - step * tangent[g]));
    };
    const size = Math.hypot(...tangent);
    assert.ok(size > 0.01, `${size}`);
    assert.ok((await left(0.2)) < 0.02 * 0.2 * size, `coordinate ${k}: ${await left(0.2)} of ${0.2 * size}`);
  }
  models.free();
});
