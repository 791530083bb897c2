// Training jobs: a process of its own that is heard, can be stopped, and never outlives the daemon.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeProject, runSettings, type SmallProject, serve, Viewer } from './small-project.js';

/** Stands for `limber`: keeps its arguments and number, and then does what `body` says. */
function program(small: SmallProject, body: string): string[] {
  const path = join(small.folder, 'program.mjs');
  writeFileSync(
    path,
    `import { writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(join(small.folder, 'started.json'))}, JSON.stringify({ pid: process.pid, args: process.argv.slice(2) }));
     const say = event => console.log(JSON.stringify(event));
     ${body}`,
  );
  return [process.execPath, path];
}

function started(small: SmallProject): { pid: number; args: string[] } {
  return JSON.parse(readFileSync(join(small.folder, 'started.json'), 'utf8'));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const UNTIL_STOPPED = `
  process.on('SIGTERM', () => { writeFileSync(new URL('saved', import.meta.url), 'yes'); process.exit(143); });
  say({ event: 'progress', stage: 'train', done: 1, total: 10, seconds: 0.5 });
  setInterval(() => {}, 1000);`;

async function open(t: TestContext, body: string, prepare: (small: SmallProject) => void = () => {}) {
  const small = makeProject(t);
  prepare(small);
  const service = await serve(t, small, program(small, body));
  return { small, service, viewer: await Viewer.connect(service) };
}

test('a job tells its progress and epochs as it goes, its settings reach the command line, and its end is told without error', async t => {
  const { small, viewer } = await open(
    t,
    `say({ event: 'progress', stage: 'neutral', done: 2, total: 4, seconds: 1 });
     console.log('not JSON'); console.log('null'); say({ event: 'epoch', run: 'new', epoch: 'one' });
     say({ event: 'epoch', run: 'new', epoch: 1, frc: 0.25, loss: -0.25, seconds: 3 });
     setTimeout(() => {}, 200);`,
    ({ project }) => project.run('new').writeSettings(runSettings('new', { epoch: 0, frc: null })),
  );
  viewer.send({ type: 'start-training', id: 5, run: 'new', settings: { latentDims: 3, epochs: 7, resolutionAngstrom: 9.5, seed: 0 } });
  const { id, job } = await viewer.next('started');
  assert.equal(id, 5);
  await viewer.next('project', ({ project }) => project.jobs[0]?.job === job);
  const progress = await viewer.next('progress');
  assert.deepEqual([progress.job, progress.run, progress.stage, progress.done, progress.total], [job, 'new', 'neutral', 2, 4]);
  const { row, latentsReady } = await viewer.next('epoch');
  assert.deepEqual([row, latentsReady], [{ epoch: 1, frc: 0.25, loss: -0.25, seconds: 3 }, false]);
  const ended = await viewer.next('job-ended');
  assert.deepEqual([ended.job, ended.run, ended.error], [job, 'new', null]);
  await viewer.next('project', ({ project }) => project.jobs.length === 0);
  const args = [
    'train',
    small.project.path,
    '--run',
    'new',
    '--latent-dims',
    '3',
    '--resolution',
    '9.5',
    '--epochs',
    '7',
    '--seed',
    '0',
    '--json',
  ];
  assert.deepEqual(started(small).args, args);
});

test('an epoch is announced once, though the job tells it first and the file has it later', async t => {
  const { small, viewer } = await open(
    t,
    `say({ event: 'epoch', run: 'a', epoch: 1, frc: 0.25, loss: -0.25, seconds: 3 });
     setInterval(() => {}, 1000);`,
    ({ project }) => project.run('a').writeSettings(runSettings('a', { epoch: 0 })),
  );
  viewer.send({ type: 'start-training', id: 1, run: 'a', settings: {} });
  await viewer.next('epoch');
  viewer.send({ type: 'get-epochs', id: 2, run: 'a' });
  assert.equal((await viewer.next('epochs')).epochs.length, 1);
  const rows = [1, 2].map(epoch => ({ epoch, frc: 0.25, loss: -0.25, seconds: 3 }));
  small.project.run('a').writeLosses(rows);
  assert.equal((await viewer.next('epoch')).row.epoch, 2);
  viewer.send({ type: 'get-epochs', id: 3, run: 'a' });
  assert.deepEqual((await viewer.next('epochs')).epochs, rows);
  assert.equal(viewer.heard.filter(({ type }) => type === 'epoch').length, 0);
});

test('one project trains one run at a time, because two would write the same files', async t => {
  const { viewer } = await open(t, UNTIL_STOPPED);
  viewer.send({ type: 'start-training', id: 1, run: 'a', settings: {} });
  const { job } = await viewer.next('started');
  viewer.send({ type: 'start-training', id: 2, run: 'b', settings: {} });
  const error = await viewer.next('error');
  assert.deepEqual([error.id, error.code], [2, 'busy']);
  assert.ok(error.message.includes(job));
});

test('a cancelled job is asked, saves and ends without an error, and another can start', async t => {
  const { small, viewer } = await open(t, UNTIL_STOPPED);
  viewer.send({ type: 'start-training', id: 1, run: 'a', settings: {} });
  const { job } = await viewer.next('started');
  await viewer.next('progress');
  viewer.send({ type: 'cancel-job', id: 2, job });
  assert.deepEqual(await viewer.next('cancelled'), { type: 'cancelled', id: 2, job });
  assert.equal((await viewer.next('job-ended')).error, null);
  assert.ok(existsSync(join(small.folder, 'saved')));
  viewer.send({ type: 'start-training', id: 3, run: 'b', settings: {} });
  assert.notEqual((await viewer.next('started')).job, job);
});

test('a job that fails is told with the line it printed, and one that cannot start with why', async t => {
  const { viewer } = await open(t, `console.error('limber: stack.mrcs is cut short; copy it again'); process.exitCode = 2;`);
  viewer.send({ type: 'start-training', id: 1, run: 'a', settings: {} });
  assert.equal((await viewer.next('job-ended')).error, 'stack.mrcs is cut short; copy it again');

  const other = await Viewer.connect(await serve(t, makeProject(t), ['/no/such/program']));
  other.send({ type: 'start-training', id: 1, run: 'a', settings: {} });
  assert.match((await other.next('job-ended')).error as string, /did not start/);
});

test('closing the daemon stops its job, which saves first, because training without a daemon would hold the project for nobody', async t => {
  const { small, service, viewer } = await open(t, UNTIL_STOPPED);
  viewer.send({ type: 'start-training', id: 1, run: 'a', settings: {} });
  await viewer.next('progress');
  const { pid } = started(small);
  assert.ok(isAlive(pid));
  await service.close();
  await sleep(10);
  assert.ok(!isAlive(pid));
  assert.ok(existsSync(join(small.folder, 'saved')));
});

test('training goes on when every viewer has left', async t => {
  const { small, service, viewer } = await open(t, UNTIL_STOPPED);
  viewer.send({ type: 'start-training', id: 1, run: 'a', settings: {} });
  await viewer.next('progress');
  await viewer.leave();
  assert.ok(isAlive(started(small).pid));
  const back = await Viewer.connect(service);
  const { project } = await back.next('project');
  assert.deepEqual(project.jobs, [{ job: 'train-1', run: 'a', stage: 'train', done: 1, total: 10 }]);
});
