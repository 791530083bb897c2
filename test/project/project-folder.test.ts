// The project folder: whole at any instant, written by one process at a time, and honest about what it does not understand.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import type { ProjectSettings } from '../../daemon/project/project-settings.js';
import type { RunSettings } from '../../daemon/project/run-folder.js';
import { defaultTrainingSettings } from '../../daemon/settings/training.js';

const scratch = mkdtempSync(join(tmpdir(), 'limber-project-'));
after(() => rmSync(scratch, { recursive: true }));

const SETTINGS: ProjectSettings = {
  format: 'limber-project',
  version: 1,
  name: 'p',
  particles: 'data/p.star',
  imagesDir: null,
  map: null,
  mask: null,
  model: null,
  symmetry: 'C1',
  pixelSizeAngstrom: 2,
  boxSize: 64,
  particleCount: 10,
  contrast: 1,
  contrastCorrelation: null,
  contour: null,
};

const RUN: RunSettings = {
  ...defaultTrainingSettings,
  format: 'limber-run',
  version: 1,
  run: 'a',
  state: 'training',
  epoch: 1,
  epochs: 2,
  latentDims: 4,
  gaussians: 8,
  resolutionAngstrom: 10,
  vary: ['position'],
  batch: 32,
  learningRate: 1e-3,
  seed: 1,
  backend: 'cpu',
  particles: 10,
  copies: 1,
  goesOn: false,
  frc: 0.5,
  seconds: 1,
};

let count = 0;
const make = () => ProjectFolder.create(join(scratch, `p${++count}`), SETTINGS);

/** A process that runs `code` with the project's modules at hand, and says "ready" when it has got as far as that. */
async function startOther(code: string): Promise<ChildProcess> {
  const at = (name: string) => JSON.stringify(new URL(`../../daemon/project/${name}.js`, import.meta.url).href);
  const prelude = `import { ProjectFolder } from ${at('project-folder')}; import { writeFileAtomic } from ${at('write-file-atomic')};`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${prelude}${code}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout!, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

const claims = (project: ProjectFolder) => readdirSync(project.path).filter(name => name.startsWith('.writing'));

test('a project is what was made, from wherever the folder is copied to, since every path inside is relative', () => {
  const project = make();
  const moved = join(scratch, 'moved');
  cpSync(project.path, moved, { recursive: true });
  const opened = ProjectFolder.open(moved);
  assert.deepEqual(opened.settings, SETTINGS);
  assert.equal(opened.resolve(opened.settings.particles), join(moved, 'data', 'p.star'));
});

test('a second project in the same folder is refused and the first stays as it was, byte for byte', () => {
  const project = make();
  const file = join(project.path, 'project.json');
  const before = readFileSync(file);
  assert.throws(() => ProjectFolder.create(project.path, { ...SETTINGS, name: 'other' }), InputError);
  assert.deepEqual(readFileSync(file), before);
});

test('a project.json that is garbled, foreign, newer or lacks a field is refused in one line that names the file', () => {
  const wrong = [
    '{',
    'null',
    '[]',
    '{"format":"other"}',
    JSON.stringify({ ...SETTINGS, version: 2 }),
    JSON.stringify({ ...SETTINGS, pixelSizeAngstrom: -1 }),
    JSON.stringify({ ...SETTINGS, contrast: 0 }),
    JSON.stringify({ ...SETTINGS, map: 3 }),
  ];
  for (const text of wrong) {
    const folder = make().path;
    writeFileSync(join(folder, 'project.json'), text);
    assert.throws(
      () => ProjectFolder.open(folder),
      (error: Error) => error instanceof InputError && error.message.includes('project.json') && !error.message.includes('\n'),
      text,
    );
  }
});

test('no run name leaves the runs folder or hides in it', () => {
  const project = make();
  for (const name of ['..', '.hidden', 'a/b', 'a\\b', '', 'x'.repeat(65), 'a b', '-x', 'a\0'])
    assert.throws(() => project.run(name), InputError, name);
  for (const name of ['a', 'Run_1.2-b', 'x'.repeat(64)]) assert.equal(project.run(name).name, name);
});

test('while one process writes, another is told which one, and may write once it has ended by itself', async () => {
  const project = make();
  const other = await startOther(
    `ProjectFolder.open(${JSON.stringify(project.path)}).lock(); process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000); console.log('ready');`,
  );
  assert.equal(project.writer(), other.pid);
  assert.throws(
    () => project.lock(),
    (error: Error) =>
      error instanceof InputError &&
      error.message.includes(`another limber (process ${other.pid}) writes this project; wait for it or stop it`),
  );
  const gone = once(other, 'exit');
  other.kill('SIGTERM');
  await gone;
  assert.deepEqual(claims(project), [], 'a process that exits takes its claim along');
  project.lock().release();
});

test('the claim of a process that was killed does not stand in the way, nor does one whose number now belongs to another process', async () => {
  const project = make();
  const other = await startOther(
    `ProjectFolder.open(${JSON.stringify(project.path)}).lock(); console.log('ready'); setInterval(() => {}, 1000);`,
  );
  const [claim] = claims(project);
  await kill(other);
  assert.deepEqual(claims(project), [claim], 'a kill leaves the file behind');
  // Our own number with another start: what a reused process number looks like.
  const reused = claim.split('.').with(3, String(process.pid)).with(4, '1').join('.');
  writeFileSync(join(project.path, reused), '');
  const lock = project.lock();
  assert.equal(project.writer(), process.pid);
  lock.release();
  assert.deepEqual(claims(project), []);
});

test('one process does not write twice at once either, and a refused attempt leaves the first lock in place', () => {
  const project = make();
  const lock = project.lock();
  assert.throws(() => project.lock(), InputError);
  assert.equal(project.writer(), process.pid);
  lock.release();
  assert.equal(project.writer(), null);
});

test('a file that is replaced over and over is whole whenever the writer is killed, since the name changes hands only when all is flushed', async () => {
  const project = make();
  const file = join(project.path, 'neutral', 'big.txt');
  const size = 1 << 20;
  for (let round = 0; round < 5; round++) {
    const other = await startOther(
      `const write = n => writeFileAtomic(${JSON.stringify(file)}, (function* () { for (let i = 0; i < 16; i++) yield String.fromCharCode(97 + n % 26).repeat(${size / 16}); })()); write(0); console.log('ready'); for (let n = 1; ; n++) write(n);`,
    );
    await new Promise(resolve => setTimeout(resolve, 20 + 17 * round));
    await kill(other);
    const text = readFileSync(file, 'latin1');
    assert.equal(text.length, size);
    assert.equal(text, text[0].repeat(size), 'all of one write');
  }
});

test('an atomic write that fails half-way leaves the old file and no litter', async () => {
  const { writeFileAtomic } = await import('../../daemon/project/write-file-atomic.js');
  const folder = join(scratch, 'failing');
  mkdirSync(folder);
  const file = join(folder, 'f.txt');
  writeFileAtomic(file, 'old');
  assert.throws(() =>
    writeFileAtomic(
      file,
      (function* () {
        yield 'new';
        throw new Error('no more');
      })(),
    ),
  );
  assert.deepEqual([readFileSync(file, 'utf8'), readdirSync(folder)], ['old', ['f.txt']]);
});

test('a run whose process is gone reads as stopped, and as training while somebody writes', () => {
  const project = make();
  const lock = project.lock();
  project.run('a').writeSettings(RUN);
  assert.equal(project.run('a').settings().state, 'training');
  lock.release();
  assert.equal(project.run('a').settings().state, 'stopped');
});

test('losses, latents and weights of a run come back as they were written', () => {
  const run = make().run('a');
  run.writeSettings(RUN);
  const rows = [
    { epoch: 1, frc: 0.125, loss: -0.1, seconds: 3 },
    { epoch: 2, frc: 0.25, loss: -0.2, seconds: 2.5 },
  ];
  run.writeLosses(rows);
  assert.equal(readFileSync(run.lossesPath, 'utf8').split('\n')[0], 'epoch\tfrc\tloss\tseconds');
  assert.deepEqual(run.losses(), rows);
  const latents = { count: 2, dims: 1, particle: Uint32Array.of(1, 2), z: Float32Array.of(0.5, -0.25), frc: Float32Array.of(0.1, 0.2) };
  run.writeLatents(latents);
  assert.deepEqual(run.latents(), latents);
  run.writeWeights([['w', { shape: [1], data: Float32Array.of(3) }]], { epoch: '2' });
  assert.equal(run.weights().tensors.get('w')?.data[0], 3);
  assert.equal(existsSync(`${run.weightsPath}.partial`), false);
});
