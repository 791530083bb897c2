// The command line as contract.md has it: help, JSON lines, one writer at a time, stopping and resuming, and what is exported.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { limber, startLimber } from './limber-process.js';

const scratch = mkdtempSync(join(tmpdir(), 'limber-line-'));
after(() => rmSync(scratch, { recursive: true }));

const SMALL = ['--threads', '1', '--latent-dims', '2'];

before(() => {
  const made = limber(['demo', 'demo', '--kind', 'linear', '--particles', '64'], scratch);
  assert.equal(made.status, 0, made.stderr);
  const fitted = limber(['neutral', 'demo', '--gaussians', '32', '--resolution', '40', '--threads', '1'], scratch);
  assert.equal(fitted.status, 0, fitted.stderr);
});

/** Starts `limber train --json` and waits for its first epoch to be told. */
async function startTraining(run: string) {
  const child = startLimber(['train', 'demo', '--run', run, '--epochs', '10000', ...SMALL, '--json'], scratch);
  let stderr = '';
  child.stderr!.on('data', (data: Buffer) => {
    stderr += data.toString();
  });
  const lines = createInterface(child.stdout!);
  let last = 0;
  await new Promise<void>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`ended before its first epoch: ${stderr}`)));
    lines.on('line', line => {
      const event = JSON.parse(line) as { event: string; epoch: number };
      if (event.event !== 'epoch') return;
      last = event.epoch;
      resolve();
    });
  });
  return { child, lastEpoch: () => last, stderr: () => stderr };
}

const settingsOf = (run: string) =>
  JSON.parse(readFileSync(join(scratch, 'demo', 'runs', run, 'settings.json'), 'utf8')) as { epoch: number; state: string };

test('every command has help that ends well and names the command', () => {
  const overview = limber(['--help'], scratch);
  assert.equal(overview.status, 0);
  for (const name of ['demo', 'new', 'neutral', 'train', 'embed', 'cluster', 'motions', 'halves', 'export', 'info', 'serve']) {
    assert.match(overview.stdout, new RegExp(`^ {2}${name} `, 'm'));
    const { status, stdout, stderr } = limber([name, '--help'], scratch);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, new RegExp(`^Usage: limber ${name} `));
  }
});

test('with --json every line is an object, epochs count from 1, and the last line is the result that scripts rely on', () => {
  const { status, stderr, events } = limber(['train', 'demo', '--run', 'json', '--epochs', '3', ...SMALL, '--json'], scratch);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  const epochs = events().filter(event => event.event === 'epoch');
  assert.deepEqual(
    epochs.map(({ run, epoch }) => [run, epoch]),
    [
      ['json', 1],
      ['json', 2],
      ['json', 3],
    ],
  );
  for (const { frc, loss, seconds } of epochs) assert.ok([frc, loss, seconds].every(Number.isFinite));
  const progress = events().filter(event => event.event === 'progress');
  assert.ok(progress.length > 0);
  for (const { stage, done, total, seconds } of progress)
    assert.ok(typeof stage === 'string' && (done as number) <= (total as number) && (seconds as number) >= 0);
  const result = events().at(-1)!;
  assert.deepEqual(Object.keys(result), ['event', 'run', 'particles', 'gaussians', 'frc', 'seconds', 'backend']);
  assert.deepEqual([result.event, result.run, result.particles, result.backend], ['done', 'json', 64, 'cpu']);
});

test('Ctrl-C ends training at once with the last whole epoch kept, says how to go on, and the same command goes on from there', async () => {
  const { child, lastEpoch, stderr } = await startTraining('stopped');
  child.kill('SIGINT');
  const [status] = (await once(child, 'exit')) as [number];
  assert.equal(status, 130);
  assert.match(stderr(), /^limber: [^\n]*limber train demo --run stopped[^\n]*\n$/);
  const kept = settingsOf('stopped');
  assert.equal(kept.state, 'stopped');
  assert.ok(kept.epoch >= lastEpoch() - 1, `${kept.epoch} of ${lastEpoch()} epochs kept`);
  const resumed = limber(['train', 'demo', '--run', 'stopped', '--epochs', String(kept.epoch + 2), '--threads', '1', '--json'], scratch);
  assert.equal(resumed.status, 0, resumed.stderr);
  assert.deepEqual(
    resumed
      .events()
      .filter(event => event.event === 'epoch')
      .map(event => event.epoch),
    [kept.epoch + 1, kept.epoch + 2],
  );
  const losses = readFileSync(join(scratch, 'demo', 'runs', 'stopped', 'losses.tsv'), 'utf8')
    .trim()
    .split('\n')
    .slice(1);
  assert.deepEqual(
    losses.map(line => Number(line.split('\t')[0])),
    Array.from({ length: kept.epoch + 2 }, (_, i) => i + 1),
    'every epoch once',
  );
});

test('SIGTERM, as a scheduler sends it, stops as gently, with a status of its own', async () => {
  const { child } = await startTraining('terminated');
  child.kill('SIGTERM');
  assert.equal(((await once(child, 'exit')) as [number])[0], 143);
  assert.equal(settingsOf('terminated').state, 'stopped');
});

test('while a run trains, a second one is refused with the number of the first; after kill -9 the project reads and trains on', async () => {
  const { child } = await startTraining('killed');
  const refused = limber(['train', 'demo', '--run', 'second', ...SMALL], scratch);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, new RegExp(`another limber \\(process ${child.pid}\\) writes this project; wait for it or stop it`));
  assert.equal(existsSync(join(scratch, 'demo', 'runs', 'second')), false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const info = limber(['info', 'demo', '--json'], scratch).events()[0] as {
    runs: { run: string; state: string; epoch: number }[];
    writer: number | null;
  };
  const run = info.runs.find(candidate => candidate.run === 'killed')!;
  assert.deepEqual([run.state, info.writer], ['stopped', null]);
  const resumed = limber(['train', 'demo', '--run', 'killed', '--epochs', String(run.epoch + 1), '--threads', '1'], scratch);
  assert.equal(resumed.status, 0, resumed.stderr);
});

test('options that contradict the run they would resume are refused, since the weights would not fit them', () => {
  const { status, stderr } = limber(['train', 'demo', '--run', 'json', '--epochs', '5', '--latent-dims', '3'], scratch);
  assert.equal(status, 2);
  assert.match(stderr, /--latent-dims 2, not 3/);
});

test('the same seed gives the same latents, digit for digit', () => {
  for (const run of ['seed-a', 'seed-b'])
    assert.equal(limber(['train', 'demo', '--run', run, '--epochs', '2', ...SMALL], scratch).status, 0);
  const [a, b] = ['seed-a', 'seed-b'].map(run => readFileSync(join(scratch, 'demo', 'runs', run, 'latents.tsv'), 'utf8'));
  assert.equal(a, b);
});

test('exports are what contract.md says: latents by row of the input, Gaussians in Å, a map on the grid of the consensus map, the star file token by token', () => {
  const args = [
    '--latents',
    'l.tsv',
    '--star',
    's.star',
    '--at',
    '0,0',
    '--gaussians',
    'g.txt',
    '--map',
    'm.mrc',
    '--vectors',
    '-1,0:1,0',
    'v.bild',
  ];
  const { status, stderr } = limber(['export', 'demo', '--run', 'json', ...args], scratch);
  assert.equal(status, 0, stderr);
  const read = (name: string) => readFileSync(join(scratch, name));
  const latents = read('l.tsv')
    .toString()
    .trim()
    .split('\n')
    .map(line => line.split('\t'));
  assert.deepEqual(latents[0], ['particle', 'z0', 'z1', 'frc', 'observability']);
  assert.deepEqual(
    latents.slice(1).map(row => Number(row[0])),
    Array.from({ length: 64 }, (_, i) => i + 1),
  );
  assert.deepEqual(read('s.star'), read(join('demo', 'data', 'particles.star')));
  // z = 0 is the neutral model, which neutral/ holds as text of its own.
  const numbers = (text: string) =>
    text
      .trim()
      .split('\n')
      .slice(1)
      .map(line => line.split(' ').map(Number));
  const neutral = numbers(read(join('demo', 'neutral', 'gaussians.txt')).toString());
  numbers(read('g.txt').toString()).forEach((row, i) => {
    row.forEach((value, j) => {
      // float32 logits through a sigmoid and back: six digits of a coordinate of some hundred Å.
      assert.ok(Math.abs(value - neutral[i][j]) < 1e-3, `Gaussian ${i}: ${value} and ${neutral[i][j]}`);
    });
  });
  // Words 1–3 (size) and 11–13 (cell) of the MRC header, and 50–52 (origin).
  for (const [from, to] of [
    [0, 12],
    [40, 52],
    [196, 208],
  ]) {
    assert.deepEqual(read('m.mrc').subarray(from, to), read(join('demo', 'data', 'consensus.mrc')).subarray(from, to));
  }
  assert.match(read('v.bild').toString(), /^\.comment /);
});
