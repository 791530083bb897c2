// Wrong input of every kind ends with exit status 2 and one line that names the file, the wrong value and the cure; nothing on disk is harmed.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fingerprint, limber, type Outcome } from './limber-process.js';

const scratch = mkdtempSync(join(tmpdir(), 'limber-input-'));
after(() => rmSync(scratch, { recursive: true }));

before(() => {
  const made = limber(['demo', 'demo', '--kind', 'linear', '--particles', '40'], scratch);
  assert.equal(made.status, 0, made.stderr);
});

let count = 0;

/** A folder with a copy of the demo's data, to be spoilt. */
function freshData(): string {
  const folder = join(scratch, `data${++count}`);
  cpSync(join(scratch, 'demo', 'data'), folder, { recursive: true });
  return folder;
}

const newProject = (data: string, ...more: string[]) =>
  limber(
    ['new', join(data, 'project'), '--particles', join(data, 'particles.star'), '--map', join(data, 'consensus.mrc'), ...more],
    scratch,
  );

/** Exit status 2, nothing on standard output, one line without a stack on standard error that matches every pattern. */
function assertRefused({ status, stderr }: Outcome, ...patterns: RegExp[]): void {
  assert.equal(status, 2, stderr);
  assert.match(stderr, /^limber: [^\n]+\n$/);
  assert.doesNotMatch(stderr, /\bat .*:\d+:\d+|Error:/);
  for (const pattern of patterns) assert.match(stderr, pattern);
}

function rewriteStar(data: string, change: (text: string) => string): void {
  const file = join(data, 'particles.star');
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

test('unspoilt data make a project, so that the refusals below are about what was spoilt', () => {
  const data = freshData();
  const { status, stderr, stdout } = newProject(data);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /40 particles/);
  assert.ok(existsSync(join(data, 'project', 'project.json')));
});

test('a missing particle file, map, mask, model or image folder is named', () => {
  const data = freshData();
  assertRefused(limber(['new', 'p', '--particles', 'absent.star'], scratch), /absent\.star/);
  for (const [flag, name] of [
    ['--map', 'no.mrc'],
    ['--mask', 'no.mrc'],
    ['--model', 'no.pdb'],
    ['--images-dir', 'nowhere'],
  ]) {
    assertRefused(newProject(data, flag, name), new RegExp(name));
  }
  assert.equal(existsSync(join(data, 'project')), false);
});

test('a missing stack is named, and the cure is --images-dir', () => {
  const data = freshData();
  rmSync(join(data, 'particles.mrcs'));
  assertRefused(newProject(data), /particles\.mrcs/, /--images-dir/);
  const elsewhere = join(data, 'elsewhere');
  mkdirSync(elsewhere);
  copyFileSync(join(scratch, 'demo', 'data', 'particles.mrcs'), join(elsewhere, 'particles.mrcs'));
  assert.equal(newProject(data, '--images-dir', elsewhere).status, 0);
});

test('a truncated stack is found before any project is made', () => {
  const data = freshData();
  truncateSync(join(data, 'particles.mrcs'), 1024 + 39.5 * 64 * 64 * 4);
  assertRefused(newProject(data), /particles\.mrcs/);
  assert.equal(existsSync(join(data, 'project')), false);
});

test('one NaN in the middle of the stack is found, with the number of its image', () => {
  const data = freshData();
  const file = openSync(join(data, 'particles.mrcs'), 'r+');
  writeSync(file, Buffer.from(Float32Array.of(Number.NaN).buffer), 0, 4, 1024 + (23 * 64 * 64 + 100) * 4);
  assertRefused(newProject(data), /particles\.mrcs/, /image 24\b/);
  assert.equal(existsSync(join(data, 'project')), false);
});

test('a star file without orientations is refused, naming what it lacks', () => {
  const data = freshData();
  rewriteStar(data, text => text.replace('_rlnAngleTilt', '_rlnSomethingElse'));
  assertRefused(newProject(data), /particles\.star/, /rlnAngleTilt/);
});

test('a pixel size that the map contradicts is refused, naming both', () => {
  const data = freshData();
  const columns = readFileSync(join(data, 'particles.star'), 'utf8');
  assert.match(columns, /_rlnImagePixelSize #3/);
  rewriteStar(data, text => text.replace(/^(1 opticsGroup1) 4 /m, '$1 2.5 '));
  assertRefused(newProject(data), /consensus\.mrc/, /4\.000 Å/, /particles\.star/, /2\.500 Å/);
});

test('a pixel size on the command line that the file contradicts, or that is none, is refused', () => {
  const data = freshData();
  assertRefused(newProject(data, '--pixel-size', '99'), /99/);
  for (const value of ['0', '-1', 'nan', 'Infinity', '0x4', 'four', ''])
    assertRefused(newProject(data, '--pixel-size', value), /--pixel-size/);
});

test('a file that is no map is refused as one', () => {
  const data = freshData();
  writeFileSync(join(data, 'consensus.mrc'), 'not a map');
  assertRefused(newProject(data), /consensus\.mrc/);
});

test('numbers are checked at the door of every command, before anything is opened', () => {
  const wrong: [string, string][] = [
    ['--epochs', '0'],
    ['--epochs', '2.5'],
    ['--batch', '-1'],
    ['--learning-rate', 'NaN'],
    ['--latent-dims', 'x'],
    ['--seed', '-3'],
    ['--seed', '1e12'],
    ['--threads', '0'],
    ['--resolution', '-8'],
    ['--vary', 'position,colour'],
    ['--backend', 'abacus'],
  ];
  for (const [flag, value] of wrong)
    assertRefused(limber(['train', 'demo', flag, value], scratch), new RegExp(flag), /see limber train --help/);
  assertRefused(limber(['serve', 'demo', '--port', '70000'], scratch), /--port/);
});

test('wrong usage is refused in one line as well: unknown commands and options, missing arguments, misspelt options with a suggestion', () => {
  for (const args of [
    ['fly'],
    ['train'],
    ['new', 'p'],
    ['info', 'demo', '--frobnicate'],
    ['train', 'demo', '--epoch', '3'],
    ['info', 'demo', 'more'],
  ])
    assertRefused(limber(args, scratch));
});

test('nothing of an existing project changes when a command on it is refused', () => {
  const project = join(scratch, 'demo');
  const before = fingerprint(project);
  assertRefused(limber(['demo', 'demo', '--kind', 'linear'], scratch), /already holds a project/);
  assertRefused(limber(['new', 'demo', '--particles', join('demo', 'data', 'particles.star')], scratch), /already holds a project/);
  assertRefused(limber(['train', 'demo', '--run', '../evil'], scratch), /run name/);
  assertRefused(limber(['export', 'demo', '--run', 'none', '--latents', 'l.tsv'], scratch), /no run/);
  assertRefused(limber(['neutral', 'demo', '--resolution', '400'], scratch), /resolution/);
  assertRefused(limber(['demo', 'other', '--model', 'absent.pdb', '--moving', 'A:1-5'], scratch), /absent\.pdb/);
  assert.deepEqual(fingerprint(project), before);
});

test('a folder without a project, and a project.json that is garbled, are refused by every command that opens one', () => {
  mkdirSync(join(scratch, 'empty'));
  mkdirSync(join(scratch, 'garbled'));
  writeFileSync(join(scratch, 'garbled', 'project.json'), '{"format":');
  for (const args of [['info'], ['neutral'], ['train'], ['serve', '--no-open'], ['export', '--run', 'a', '--latents', 'l.tsv']]) {
    for (const folder of ['empty', 'garbled', 'absent'])
      assertRefused(limber([args[0], folder, ...args.slice(1)], scratch), /project\.json/);
  }
});
