// The latents' table: what leaves this program for others, and what the daemon reads back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { formatLatents, parseLatents } from '../../daemon/formats/latents-table.js';

test('float32 values survive the text exactly, since nine digits tell all of them apart', () => {
  const z = Float32Array.of(0.1, -1 / 3, 1e-30, 3.4028234e38, 0, 16777217);
  const table = { count: 3, dims: 2, particle: Uint32Array.of(1, 5, 9), z, frc: Float32Array.of(0.5, Number.NaN, -1) };
  assert.deepEqual(parseLatents([...formatLatents(table)].join(''), 'x.tsv'), table);
});

test('observability stands behind frc where it is known, and comes back', () => {
  const table = {
    count: 2,
    dims: 1,
    particle: Uint32Array.of(1, 2),
    z: Float32Array.of(1, 2),
    frc: Float32Array.of(0.5, 0.6),
    observability: Float32Array.of(0.25, Number.NaN),
  };
  const text = [...formatLatents(table, [{ name: 'cluster', values: [1, 2] }])].join('');
  assert.equal(text.split('\n')[0], 'particle\tz0\tfrc\tobservability\tcluster');
  assert.deepEqual(parseLatents(text, 'x.tsv'), table);
});

test('columns that others have added are passed over, in whatever order they stand', () => {
  const { z, frc } = parseLatents('cluster\tparticle\tfrc\tz1\tz0\n3\t1\t0.5\t2\t1\n', 'x.tsv');
  assert.deepEqual([[...z], [...frc]], [[1, 2], [0.5]]);
});

test('a cut or garbled row is named by file and line', () => {
  for (const row of ['2\t0.5', '2\tx\t0.5', '0\t1\t0.5', '1.5\t1\t0.5']) {
    assert.throws(
      () => parseLatents(`particle\tz0\tfrc\n1\t1\t1\n${row}\n`, 'x.tsv'),
      (error: Error) => error instanceof InputError && error.message.startsWith('x.tsv:3:'),
      row,
    );
  }
});
