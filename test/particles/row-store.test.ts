// Rows on disk: what was written comes back in any order, and a file cut short is said, since training reads nothing else.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RowStore } from '../../daemon/particles/row-store.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-rows-'));
after(() => rmSync(folder, { recursive: true }));

const number = (row: number, column: number) => row + column / 64;

function filled(name: string, rows: number, width: number): RowStore {
  const store = RowStore.create(join(folder, name), rows, width);
  // Views of one array, as training writes them: where they begin in its buffer must be honoured.
  const all = Float32Array.from({ length: rows * width }, (_, i) => number(Math.floor(i / width), i % width));
  for (let first = 0; first < rows; first += 3) store.write(first, all.subarray(first * width, Math.min(first + 3, rows) * width));
  return store;
}

test('rows of numbers that half precision holds come back bit for bit in any order and repeated, whatever the blocks they were written in', () => {
  const store = filled('any', 10, 7);
  const chosen = [9, 0, 4, 4, 3];
  // A view that does not begin at the start of its buffer: byte offsets must be honoured.
  const out = new Float32Array(3 + chosen.length * 7).subarray(3);
  store.read(chosen, out);
  chosen.forEach((row, i) => {
    for (let column = 0; column < 7; column++) assert.equal(out[i * 7 + column], number(row, column));
  });
  store.close();
});

test('a row that was never written is zero, because a new store replaces an old file of the name', () => {
  filled('again', 4, 5).close();
  const store = RowStore.create(join(folder, 'again'), 4, 5);
  const out = new Float32Array(5).fill(1);
  store.read([2], out);
  assert.deepEqual(out, new Float32Array(5));
  store.close();
});

test('a file that was cut short is an error that names it, rather than the rows of an earlier batch', () => {
  const store = filled('short', 6, 5);
  truncateSync(store.path, 4 * store.rowBytes + 6);
  const out = new Float32Array(5);
  store.read([3], out);
  assert.equal(out[0], 3);
  assert.throws(() => store.read([4], out), /short ends before row 4/);
  store.close();
});
