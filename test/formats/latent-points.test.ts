// Latent points from a table, and what is refused.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { readLatentPoints } from '../../daemon/formats/latent-points.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-points-'));
after(() => rmSync(folder, { recursive: true }));
const tableOf = (text: string) => {
  const file = join(folder, 'points.tsv');
  writeFileSync(file, text);
  return file;
};

test('columns z0, z1, … are found by name, in any order, among others', () => {
  const points = readLatentPoints(tableOf('# made by hand\nparticles\tz1\tz0\n12\t-1\t0.5\n\n3\t2e-3\t4\n'), 2);
  assert.deepEqual(points, [Float32Array.of(0.5, -1), Float32Array.of(4, 0.002)]);
});

test('what is no table of this many dimensions is refused, with the line', () => {
  for (const [text, pattern] of [
    ['', /is empty/],
    ['z0\n1\n', /:1: the run has 2 latent dimensions/],
    ['z0\tz1\tz2\n1\t2\t3\n', /:1: the run has 2 latent dimensions/],
    ['z0\tz1\n', /no points below its header/],
    ['z0\tz1\n1\t2\n1\tnan\n', /:3: z1 is "nan"/],
    ['z0\tz1\n1\n', /:2: z1 is ""/],
  ] as [string, RegExp][]) {
    assert.throws(
      () => readLatentPoints(tableOf(text), 2),
      (error: Error) => error instanceof InputError && pattern.test(error.message),
      text,
    );
  }
});
