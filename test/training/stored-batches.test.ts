// Batches from disk: images and rotations stay together, in the order that was asked for.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { RowStore } from '../../daemon/particles/row-store.js';
import { rotationsOf, storedBatches } from '../../daemon/training/stored-batches.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-batches-'));
after(() => rmSync(folder, { recursive: true }));

test('row i of a batch holds image and rotation of particle indices[i], and what lies beyond a short batch is left as it was', async () => {
  const backend = new PlainBackend();
  const store = RowStore.create(join(folder, 'rows'), 5, 3);
  store.write(
    0,
    Float32Array.from({ length: 15 }, (_, i) => i),
  );
  const rotations = Float32Array.from({ length: 45 }, (_, i) => 100 + i);
  const source = storedBatches(backend, store, rotations, 4);
  assert.equal(source.count, 5);
  const [images, turns] = [backend.tensor([4, 3]), backend.tensor([4, 9])];
  backend.fill(images, -1);
  backend.fill(turns, -1);
  source.load([4, 0, 2], turns, images);
  assert.deepEqual([...(await backend.read(images))], [12, 13, 14, 0, 1, 2, 6, 7, 8, -1, -1, -1]);
  const kept = await backend.read(turns);
  [4, 0, 2].forEach(
    (particle, i) => void assert.deepEqual([...kept.subarray(9 * i, 9 * i + 9)], [...rotations.subarray(9 * particle, 9 * particle + 9)]),
  );
  assert.deepEqual([...kept.subarray(27)], Array(9).fill(-1));
  store.close();
});

test('rotations of some particles come in the order of the choice', () => {
  const rotations = Float32Array.from({ length: 27 }, (_, i) => i);
  assert.deepEqual([...rotationsOf(rotations, [2, 0])], [...rotations.subarray(18), ...rotations.subarray(0, 9)]);
});
