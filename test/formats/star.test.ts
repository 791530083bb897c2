// STAR files: both of RELION's dialects, every oddity of spacing, and the promise that what is written back is the input's own text.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { parseStar, readStar, writeStarColumns, writeStarRows } from '../../daemon/formats/star.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-star-'));
after(() => rmSync(folder, { recursive: true }));
const shared = join('..', 'shared', 'data');
const skip = existsSync(shared) ? false : `${shared} is not there`;

const relion31 = `
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
           1 "optics group 1"

# version 30001

data_particles

loop_
_rlnAnglePsi #1
_rlnImageName #2
_rlnNote #3
  1.500000 000001@a.mrcs 'it''s' \t
 -2.5e-1   000002@a.mrcs  ""
# a comment in between
  3        000003@b.mrcs  plain   # a comment behind

`;

for (const [name, text] of [
  ['line feeds', relion31],
  ['carriage returns and line feeds', relion31.replaceAll('\n', '\r\n')],
  ['no line feed at the end', relion31.trimEnd()],
  ['a byte order mark', '\ufeff' + relion31],
] as const) {
  test(`with ${name}, blocks, columns and quoted values come out the same`, () => {
    const star = parseStar(text, 'test.star');
    assert.deepEqual([...star.blocks.keys()], ['optics', 'particles']);
    assert.equal(star.blocks.get('optics')!.value(0, 'rlnOpticsGroupName'), 'optics group 1');
    const particles = star.blocks.get('particles')!;
    assert.deepEqual(particles.columns, ['rlnAnglePsi', 'rlnImageName', 'rlnNote']);
    assert.deepEqual([...particles.numbers('rlnAnglePsi')], [1.5, -0.25, 3]);
    // A quote closes only before a blank.
    assert.deepEqual(particles.strings('rlnNote'), ["it''s", '', 'plain']);
    assert.equal(particles.line(0), 19);
    assert.equal(particles.line(2), 22);
  });
}

test('a block of single values is a table of one row', () => {
  const star = parseStar('data_general\n_rlnFinalResolution   3.2 # Å\n_rlnName "a b"\n', 'general.star');
  const general = star.blocks.get('general')!;
  assert.equal(general.rowCount, 1);
  assert.deepEqual([...general.numbers('rlnFinalResolution')], [3.2]);
  assert.equal(general.value(0, 'rlnName'), 'a b');
});

test('the old dialect: one block without a name, and blocks may come in any order', () => {
  assert.deepEqual([...parseStar('data_\nloop_\n_a #1\n1\n2\n', 'old.star').blocks.get('')!.numbers('a')], [1, 2]);
  assert.deepEqual(
    [...parseStar('data_particles\nloop_\n_a\n1\ndata_optics\nloop_\n_b\n2\n', 'o.star').blocks.keys()],
    ['particles', 'optics'],
  );
});

for (const [what, text, expected] of [
  ['a row with too few values', 'data_\nloop_\n_a\n_b\n1 2\n3\n', /bad\.star, line 6: 1 values in a table of 2 columns/],
  ['a row with too many values', 'data_\nloop_\n_a\n_b\n1 2\n3 4 5\n', /bad\.star, line 6: 3 values/],
  ['a quote that is not closed', 'data_\nloop_\n_a\n"open\n', /line 4: a quote/],
  ['an open quote that a later line would close', 'data_\nloop_\n_a\n"open\nclosed"\n', /line 4: a quote/],
  ['values outside any table', 'data_\n1 2 3\n', /line 2: "1 2 3" belongs to no table/],
  ['text before any block', 'hello world\n', /line 1: "hello world" stands before any data_ block/],
  ['a name without value', 'data_\n_a\n', /line 2: _a has no value/],
  ['two tables in a block', 'data_\nloop_\n_a\n1\nloop_\n_b\n2\n', /line 5: a second table/],
  ['two blocks of one name', 'data_x\n_a 1\ndata_x\n_a 2\n', /line 3: a second block data_x/],
  ['an empty file', '', /no data_ block/],
] as const) {
  test(`${what}: refused in one line with the place`, () => {
    assert.throws(
      () => parseStar(text, 'bad.star'),
      (error: Error) => error instanceof InputError && expected.test(error.message) && !error.message.includes('\n'),
    );
  });
}

test('a value that is not a number is named with its line: an empty one, a word, nan and inf alike', () => {
  for (const word of ['""', 'word', 'nan', 'inf', '1.2.3']) {
    const star = parseStar(`data_\nloop_\n_a\n1\n${word}\n`, 'bad.star');
    assert.throws(() => star.blocks.get('')!.numbers('a'), /bad\.star, line 5: a is ".*", not a number/);
  }
});

test('all rows written back give the input, character for character, but for comments between rows', () => {
  const star = parseStar(relion31, 'test.star');
  const path = join(folder, 'all.star');
  writeStarRows(path, star, 'particles', [0, 1, 2]);
  assert.equal(readFileSync(path, 'utf8'), relion31.replace('# a comment in between\n', ''));
});

test('chosen rows keep their own text, digits and spaces included, in the order asked for', () => {
  const star = parseStar(relion31, 'test.star');
  const path = join(folder, 'some.star');
  writeStarRows(path, star, 'particles', [2, 0]);
  const rows = relion31.split('\n');
  assert.equal(readFileSync(path, 'utf8'), [...rows.slice(0, 18), rows[21], rows[18], ...rows.slice(22)].join('\n'));
});

test("RELION's own file comes back byte for byte", { skip }, () => {
  for (const name of ['relion31.star', 'rln_proj_64.star', 'rln_proj_64_shifted.star']) {
    const input = join(shared, 'relion', name);
    const star = readStar(input);
    const path = join(folder, name);
    writeStarRows(
      path,
      star,
      'particles',
      Array.from({ length: star.blocks.get('particles')!.rowCount }, (_, row) => row),
    );
    assert.deepEqual(readFileSync(path), readFileSync(input));
  }
});

test('300,000 rows of 30 columns pass through without a copy of each value: names and numbers at both ends are right', () => {
  const row = (i: number) => `${i}@stack.mrcs ${Array.from({ length: 29 }, (_, c) => (i + c / 100).toFixed(2)).join(' ')}\n`;
  const names = Array.from({ length: 30 }, (_, c) => `_c${c} #${c + 1}\n`).join('');
  const pieces = [`data_particles\nloop_\n${names}`];
  for (let i = 0; i < 300_000; i++) pieces.push(row(i));
  const star = parseStar(pieces.join(''), 'large.star');
  const table = star.blocks.get('particles')!;
  assert.equal(table.rowCount, 300_000);
  const last = table.numbers('c29');
  assert.equal(last[0], 0.28);
  assert.equal(last[299_999], 299_999.28);
  assert.equal(table.value(299_999, 'c0'), '299999@stack.mrcs');
});

test('other values go into their own places and nothing else changes, so that a program finds every column where it was', () => {
  for (const text of [relion31, relion31.replaceAll('\n', '\r\n'), relion31.trimEnd()]) {
    const path = join(folder, 'columns.star');
    writeStarColumns(path, parseStar(text, 'test.star'), 'particles', new Map([['rlnAnglePsi', ['10', '-20.125', '30']]]));
    const expected = text
      .replace('1.500000', '10')
      .replace('-2.5e-1', '-20.125')
      .replace(/^( *)3( +)000003/m, '$130$2000003');
    assert.equal(readFileSync(path, 'utf8'), expected);
  }
});

test('a column that is missing is the last one of its table, before a comment behind the row', () => {
  const path = join(folder, 'added.star');
  const values = new Map([
    ['rlnOriginX', ['1', '2', '3']],
    ['rlnOriginY', ['4', '5', '6']],
  ]);
  writeStarColumns(path, parseStar(relion31, 'test.star'), 'particles', values);
  const text = readFileSync(path, 'utf8');
  assert.match(text, /_rlnNote #3\n_rlnOriginX #4\n_rlnOriginY #5\n/);
  assert.match(text, /plain 3 6 {3}# a comment behind\n/);
  const table = readStar(path).blocks.get('particles')!;
  assert.deepEqual([...table.numbers('rlnOriginY')], [4, 5, 6]);
  assert.deepEqual(table.strings('rlnNote'), ["it''s", '', 'plain']);
});

test('a table of single values takes a changed value and a new one on lines of their own', () => {
  const path = join(folder, 'single.star');
  writeStarColumns(
    path,
    parseStar('data_x\n_rlnA 1\n_rlnB  two\n', 'test.star'),
    'x',
    new Map([
      ['rlnA', ['5']],
      ['rlnC', ['6']],
    ]),
  );
  assert.equal(readFileSync(path, 'utf8'), 'data_x\n_rlnA 5\n_rlnB  two\n_rlnC 6\n');
});
