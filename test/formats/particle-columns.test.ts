// Numbers per particle as text: what is written is read again, and damage is named.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { formatParticleColumns, parseParticleColumns } from '../../daemon/formats/particle-columns.js';

test('every float32 comes back as it was, unknown values too, over more rows than a piece holds', () => {
  const count = 2500;
  const values = Float32Array.from({ length: count }, (_, i) => (i % 7 === 0 ? Number.NaN : Math.sin(i) * 10 ** ((i % 60) - 30)));
  const labels = Uint32Array.from({ length: count }, (_, i) => (i % 5) + 1);
  const particle = Uint32Array.from({ length: count }, (_, i) => 3 * i + 1);
  const text = [
    ...formatParticleColumns({
      particle,
      columns: [
        { name: 'umap0', values },
        { name: 'cluster', values: labels },
      ],
    }),
  ].join('');
  assert.match(text, /^particle\tumap0\tcluster\n1\tnan\t1\n4\t/);
  const read = parseParticleColumns(text, 'a.tsv');
  assert.deepEqual(read.particle, particle);
  assert.deepEqual(
    read.columns.map(({ name }) => name),
    ['umap0', 'cluster'],
  );
  assert.deepEqual(read.columns[0].values, values);
  assert.deepEqual([...Array.from(read.columns[1].values)], [...labels]);
});

test('a damaged table is refused with its file and line', () => {
  const refused = (text: string, message: RegExp) =>
    assert.throws(
      () => parseParticleColumns(text, 'a.tsv'),
      (error: Error) => error instanceof InputError && message.test(error.message),
    );
  refused('', /a\.tsv:1: /);
  refused('umap0\tparticle\n', /a\.tsv:1: .*"particle"/);
  refused('particle\tx\n1\t2\n2\n', /a\.tsv:3: "2"/);
  refused('particle\tx\n1\ttwo\n', /a\.tsv:2: /);
  refused('particle\tx\n0\t2\n', /a\.tsv:2: /);
  refused('particle\tx\n1.5\t2\n', /a\.tsv:2: /);
});
