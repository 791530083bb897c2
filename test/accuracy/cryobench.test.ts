// `npm run cryobench` as a user runs it on any program's volumes, and with wrong input.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { writeMap } from '../../daemon/formats/mrc.js';
import { Random } from '../../daemon/numerics/random.js';

const root = mkdtempSync(join(tmpdir(), 'limber-cryobench-'));
after(() => rmSync(root, { recursive: true, force: true }));
const PROGRAM = fileURLToPath(new URL('cryobench.js', import.meta.url));
const N = 16;

const run = (...options: string[]) => spawnSync(process.execPath, [PROGRAM, ...options], { encoding: 'utf8' });

function writeNoise(folder: string, name: string, seed: number): void {
  mkdirSync(join(root, folder), { recursive: true });
  const random = new Random(seed);
  const data = Float32Array.from({ length: N ** 3 }, () => random.normal());
  writeMap(join(root, folder, name), { size: [N, N, N], voxelSizeAngstrom: [3, 3, 3], originAngstrom: [0, 0, 0], data });
}

// Twelve states, so that state_10 comes after state_9 only where names are sorted by number; six particles, of which every second is looked at.
for (let state = 0; state < 12; state++) writeNoise('truth', `state_${state}.mrc`, 100 + state);
const states = [10, 3, 9, 1, 2, 5];
writeFileSync(join(root, 'truth.tsv'), ['particle\tstate', ...states.map((state, i) => `${i + 1}\t${state}`), ''].join('\n'));
[10, 9, 2].forEach((state, i) => {
  writeNoise('right', `vol_${i}.mrc`, 100 + state);
  writeNoise('wrong', `vol_${i}.mrc`, 100 + state + (i === 1 ? 50 : 0));
});
const asked = ['--truth', join(root, 'truth'), '--states', join(root, 'truth.tsv'), '--particles', '3'];

test('volumes that are the true ones of their particles get (D/2 − 1)/D; one that is noise pulls the mean and not the median', () => {
  const output = join(root, 'areas.tsv');
  const right = JSON.parse(run(...asked, '--volumes', join(root, 'right'), '--output', output, '--json').stdout);
  assert.ok(Math.abs(right.mean - 7 / 16) < 1e-6 && right.deviation < 1e-6, JSON.stringify(right));
  assert.equal(right.perfect, 7 / 16);
  const rows = readFileSync(output, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map(row => row.split('\t').map(Number));
  assert.deepEqual(
    rows.map(row => row.slice(0, 2)),
    [
      [1, 10],
      [3, 9],
      [5, 2],
    ],
  );
  const wrong = JSON.parse(run(...asked, '--volumes', join(root, 'wrong'), '--json').stdout);
  assert.ok(wrong.mean < 0.4 && Math.abs(wrong.median - 7 / 16) < 1e-6);
  assert.match(
    run(...asked, '--volumes', join(root, 'right')).stdout,
    /3 particles: 0\.4375 ± 0\.0000, median 0\.4375 \(equal volumes: 0\.4375\)/,
  );
});

test('wrong input ends with status 2 and one line that names the file and what is wrong in it', () => {
  writeFileSync(join(root, 'high.tsv'), 'particle\tstate\n1\t0\n2\t12\n');
  for (const [options, message] of [
    [asked, /either --project DIR --run NAME or --volumes FOLDER/],
    [[...asked.slice(0, 2), '--states', join(root, 'high.tsv'), '--volumes', root], /high\.tsv:3: "12" is no state; .* 0 to 11/],
    [[...asked, '--column', 'tilt', '--volumes', root], /truth\.tsv:1: has no column tilt; its columns are particle, state/],
    [[...asked.slice(0, 4), '--volumes', join(root, 'right')], /3 maps .* for 6 particles/],
    [['--truth', join(root, 'none'), '--states', join(root, 'truth.tsv')], /none: cannot be read/],
    [['--tilt'], /--help shows what there is/],
  ] as const) {
    const { status, stderr } = run(...options);
    assert.equal(status, 2, stderr);
    assert.match(stderr, message);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
  }
});
