// The memory and the judge of the accuracy table: what was measured is not measured again, and what falls short is said.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { appendResult, isSame, type Result, readResults } from './results.js';
import { SETS, setsNamed } from './sets.js';
import { failures, table } from './table.js';
import type { Figure, Trial } from './trial.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-results-'));
after(() => rmSync(folder, { recursive: true }));

function trial(figures: Partial<Figure>[], more: Partial<Trial> = {}): Trial {
  const whole = { measure: 'rank', value: 0.5, oracle: 0.9, chance: 0, threshold: null };
  return {
    set: 'linear, seed 1',
    settings: 'd=1',
    particles: 10,
    gaussians: 5,
    seconds: 100,
    mostSeconds: null,
    figures: figures.map(figure => ({ ...whole, ...figure })),
    ...more,
  };
}

test('results come back as they were kept, a figure that is no number still being none, so that it fails again', () => {
  const file = join(folder, 'kept.jsonl');
  assert.deepEqual(readResults(file), []);
  const kept: Result[] = [
    { set: 'linear', seed: 1, epochs: null, trial: trial([{ value: 0.25, threshold: 0.2 }]) },
    { set: 'linear', seed: 2, epochs: 3, trial: trial([{ value: Number.NaN, threshold: 0.2 }]) },
  ];
  for (const result of kept) appendResult(file, result);
  const read = readResults(file);
  assert.deepEqual(read, kept);
  assert.deepEqual(
    read.map(result => failures(result.trial).length),
    [0, 1],
  );
});

test('a trial is the same only with the same set, seed and epochs, since each changes the figures', () => {
  const one = { set: 'linear', seed: 1, epochs: null };
  assert.ok(isSame(one, { ...one }));
  for (const other of [{ set: 'cyclic' }, { seed: 2 }, { epochs: 5 }]) assert.ok(!isSame(one, { ...one, ...other }));
});

test('a line that is no result is named with its file and number, as any bad input is', () => {
  const file = join(folder, 'broken.jsonl');
  appendResult(file, { set: 'linear', seed: 1, epochs: null, trial: trial([]) });
  appendFileSync(file, '{"set":"lin');
  assert.throws(
    () => readResults(file),
    (error: Error) => error instanceof InputError && error.message.startsWith(`${file}:2: `),
  );
});

test('a figure is judged on the side that is good for it, time on its own, and the table says the same', () => {
  const missed = trial([
    { value: 0.979, threshold: 0.98 },
    { measure: 'error', value: 1.1, threshold: 1, better: 'lower' },
  ]);
  const reached = trial([{ value: 0.98, threshold: 0.98 }, { measure: 'error', value: 0.9, threshold: 1, better: 'lower' }, { value: 0 }]);
  assert.equal(failures(missed).length, 2);
  assert.equal(failures(reached).length, 0);
  assert.equal(failures({ ...reached, mostSeconds: 99 }).length, 1);
  const rows = table([missed, reached]).split('\n').slice(2);
  assert.deepEqual(
    rows.map(row => row.split('|')[8].trim()),
    ['NO', 'NO', 'yes', 'yes', ''],
  );
});

test('a name means its set and a word every set that has it, so that one kind or one difficulty can be measured alone', () => {
  assert.deepEqual(
    setsNamed('linear').map(({ name }) => name),
    ['linear'],
  );
  assert.deepEqual(
    setsNamed('hard'),
    SETS.filter(({ name }) => /(^|-)hard(-|$)/.test(name)),
  );
  assert.ok(setsNamed('hard').length >= 6);
  assert.deepEqual(setsNamed('nothing'), []);
  assert.equal(new Set(SETS.map(({ name }) => name)).size, SETS.length);
});
