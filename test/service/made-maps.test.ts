// Maps from particles through the daemon: which particles, first quick and then whole, listed, served and deleted, and nothing outside the project.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createStackWriter, readMap, writeMap } from '../../daemon/formats/mrc.js';
import { Random } from '../../daemon/numerics/random.js';
import { writeClusters } from '../../daemon/project/run-analyses.js';
import type { ClientMessage } from '../../protocol/messages.js';
import { makeProject, makeRun, realLimber, SECRET, type SmallProject, serve, Viewer } from './small-project.js';

const BOX = 8;

/** The small project's five particles, of noise, seen from five sides. */
function writeParticles({ folder }: SmallProject): void {
  const random = new Random(5);
  const stack = createStackWriter(join(folder, 'particles.mrcs'), BOX, BOX, 2);
  const rows: string[] = [];
  for (let i = 0; i < 5; i++) {
    stack.write(Float32Array.from({ length: BOX * BOX }, () => random.uniform() - 0.5));
    rows.push(`${i + 1}@particles.mrcs ${36 * i} ${30 + 20 * i} 0 0 0`);
  }
  stack.close();
  const columns = ['ImageName', 'AngleRot', 'AngleTilt', 'AnglePsi', 'OriginX', 'OriginY'].map((name, i) => `_rln${name} #${i + 1}`);
  writeFileSync(join(folder, 'particles.star'), `data_\n\nloop_\n${columns.join('\n')}\n${rows.join('\n')}\n`);
}

type Request = Extract<ClientMessage, { type: 'start-reconstruction' }>;
const request = (changed: Partial<Request>): Request => ({
  type: 'start-reconstruction',
  id: 1,
  name: 'made',
  run: 'a',
  particles: { which: 'all' },
  ...changed,
});

async function open(t: TestContext, limber?: string[]) {
  const small = makeProject(t);
  writeParticles(small);
  const run = makeRun(small.project, 'a');
  const service = await serve(t, small, limber ?? realLimber(small));
  const viewer = await Viewer.connect(service);
  const get = (path: string) => fetch(`http://127.0.0.1:${service.port}${path}`, { headers: { Authorization: `Bearer ${service.token}` } });
  return { small, run, viewer, get };
}

test('a map of a cluster is made by the command line, quick and then whole, listed with what it is of, served as it lies and deleted whole', async t => {
  const { small, run, viewer, get } = await open(t);
  writeClusters(run, run.latents().particle, Uint32Array.of(1, 1, 2, 1, 2));
  viewer.send(request({ particles: { which: 'cluster', cluster: 1 }, halves: true }));
  assert.match((await viewer.next('started')).job, /^reconstruct-/);
  assert.equal((await viewer.next('job-ended')).error, null);
  const { project } = await viewer.next('project', ({ project }) => project.maps[0]?.source?.quick === false);
  const [map] = project.maps;
  assert.deepEqual(map.source, { run: 'a', which: 'cluster', cluster: 1, z: null, particles: 3, quick: false });
  assert.deepEqual([map.name, map.sizeVoxels, map.voxelSizeAngstrom], ['made', [8, 8, 8], [2, 2, 2]]);
  // Rotation centre to rotation centre: the frame of the consensus map, whose origin this project's is.
  assert.deepEqual(map.originAngstrom, [-4, 0, 6]);
  assert.ok(map.resolutionAngstrom && map.resolutionAngstrom >= 4, 'noise agrees to no better than Nyquist');
  const file = join(small.project.mapsFolder, 'made.mrc');
  const values = readMap(file).data;
  assert.ok(map.contour > Math.min(...values) && map.contour < Math.max(...values), 'the contour lies among the values');
  assert.deepEqual(Buffer.from(await (await get(map.path)).arrayBuffer()), readFileSync(file));
  assert.ok(existsSync(join(small.project.mapsFolder, 'made_half1.mrc')), 'half-maps were asked for');
  viewer.send({ type: 'delete-map', id: 2, name: 'made' });
  assert.deepEqual(await viewer.next('map-deleted'), { type: 'map-deleted', id: 2, name: 'made' });
  await viewer.next('project', ({ project }) => project.maps.length === 0);
  assert.deepEqual(
    readdirSync(small.project.mapsFolder).filter(name => name.startsWith('made')),
    [],
  );
  assert.equal((await get(map.path)).status, 404);
});

test('several points give a map each with its own latent point and one contour for all, and rows are those that were named', async t => {
  const { small, viewer } = await open(t);
  const points = [
    [-1, -0.5],
    [0, 0],
    [1, 0.5],
  ];
  viewer.send(request({ name: 'way', particles: { which: 'points', points, count: 2 } }));
  assert.equal((await viewer.next('job-ended')).error, null);
  const { project } = await viewer.next(
    'project',
    ({ project }) => project.maps.filter(({ source }) => source?.quick === false).length === 3,
  );
  assert.deepEqual(
    project.maps.map(({ name, source }) => [name, source?.z, source?.particles]),
    [
      ['way_001', points[0], 2],
      ['way_002', points[1], 2],
      ['way_003', points[2], 2],
    ],
  );
  assert.equal(new Set(project.maps.map(({ contour }) => contour)).size, 1);
  viewer.send(request({ id: 2, name: 'some', run: null, particles: { which: 'rows', rows: Uint32Array.of(2, 5) } }));
  assert.equal((await viewer.next('job-ended')).error, null);
  await viewer.next('project', ({ project }) => project.maps.some(({ name, source }) => name === 'some' && source?.particles === 2));
  assert.equal(readFileSync(join(small.project.mapsFolder, 'some.particles.tsv'), 'utf8'), 'particle\n2\n5\n');
});

/** Stands for `limber reconstruct`: writes the map it was asked for, keeps its arguments, and with `until` does not end. */
function pretender(small: SmallProject, body: string): string[] {
  const path = join(small.folder, 'pretender.mjs');
  writeFileSync(
    path,
    `import { appendFileSync, copyFileSync } from 'node:fs';
     const args = process.argv.slice(2);
     const file = args[args.indexOf('-o') + 1];
     const quick = args.includes('--quick');
     appendFileSync(${JSON.stringify(join(small.folder, 'calls.jsonl'))}, JSON.stringify(args) + '\\n');
     const say = event => console.log(JSON.stringify(event));
     const write = () => { copyFileSync(${JSON.stringify(join(small.folder, 'map.mrc'))}, file); say({ event: 'done', maps: [{ file, particles: 4 }] }); };
     ${body}`,
  );
  return [process.execPath, path];
}

test('the quick map is listed while the whole one is still made, stays when that is stopped, and says that it is the quick one', async t => {
  const small = makeProject(t);
  makeRun(small.project, 'a');
  const body = `say({ event: 'progress', stage: 'inserting particles', done: 1, total: 2, seconds: 1 });
    if (quick) write(); else setInterval(() => {}, 1000);`;
  const viewer = await Viewer.connect(await serve(t, small, pretender(small, body)));
  viewer.send(request({ particles: { which: 'nearest', z: [-0.5, 0.25], count: 4 }, resolutionAngstrom: 9, halves: true }));
  const { job } = await viewer.next('started');
  await viewer.next('progress', ({ stage }) => stage === 'full map: inserting particles');
  const { project } = await viewer.next('project', ({ project }) => project.maps.length === 1);
  assert.deepEqual(project.maps[0].source, { run: 'a', which: 'nearest', cluster: null, z: [-0.5, 0.25], particles: 4, quick: true });
  viewer.send(request({ id: 2, name: 'other' }));
  assert.equal((await viewer.next('error')).code, 'busy');
  viewer.send({ type: 'cancel-job', id: 3, job });
  assert.equal((await viewer.next('job-ended')).error, null);
  viewer.send(request({ id: 4 }));
  const taken = await viewer.next('error');
  assert.deepEqual([taken.id, taken.code], [4, 'bad-value']);
  const calls = readFileSync(join(small.folder, 'calls.jsonl'), 'utf8').trim().split('\n');
  const common = ['reconstruct', small.project.path, '--run', 'a', '--at=-0.5,0.25', '--particles', '4', '--resolution', '9', '-o'];
  const file = join(small.project.mapsFolder, 'made.mrc');
  assert.deepEqual(
    calls.map(line => JSON.parse(line)),
    [
      [...common, file, '--quick', '--json'],
      [...common, file, '--halves', '--json'],
    ],
  );
});

test('a quick map that fails ends the job with its line, and the whole one is not tried', async t => {
  const small = makeProject(t);
  makeRun(small.project, 'a');
  const program = pretender(
    small,
    `console.error('limber: --cluster 7: run "a" has clusters 1 to 3; take one of them'); process.exitCode = 2;`,
  );
  const viewer = await Viewer.connect(await serve(t, small, program));
  viewer.send(request({ particles: { which: 'cluster', cluster: 7 } }));
  assert.match((await viewer.next('job-ended')).error as string, /^--cluster 7/);
  assert.equal(readFileSync(join(small.folder, 'calls.jsonl'), 'utf8').trim().split('\n').length, 1);
});

test('what cannot be is refused before anything is started: no run, a point of other dimensions, rows that are not there, names that mean something else', async t => {
  const { viewer } = await open(t, ['/no/such/program']);
  const wrong: [Partial<Request>, string, RegExp][] = [
    [{ run: 'none' }, 'no-such-run', /none/],
    [{ run: null, particles: { which: 'cluster', cluster: 1 } }, 'bad-value', /name the run/],
    [{ particles: { which: 'nearest', z: [1, 2, 3] } }, 'bad-value', /3 numbers.*2 latent/],
    [{ particles: { which: 'points', points: [[1, 2], [1]] } }, 'bad-value', /1 numbers.*2 latent/],
    [{ particles: { which: 'rows', rows: Uint32Array.of(1, 6) } }, 'bad-value', /particle 6 is not from 1 to 5/],
    [{ particles: { which: 'rows', rows: new Uint32Array() } }, 'bad-value', /no particles/],
    [{ name: 'consensus' }, 'bad-value', /consensus/],
    [{ name: 'x_half1' }, 'bad-value', /x_half1/],
    [{ name: 'n'.repeat(64) }, 'bad-value', /another name/],
  ];
  for (const [changed, code, message] of wrong) {
    viewer.send(request(changed));
    const error = await viewer.next('error');
    assert.equal(error.code, code, JSON.stringify(changed));
    assert.match(error.message, message);
  }
  assert.equal(viewer.heard.filter(({ type }) => type === 'started').length, 0);
});

test('a map that a person put into maps/ is listed but never deleted, and no address or name reaches a file outside of that folder', async t => {
  const { small, viewer, get } = await open(t);
  const { mapsFolder } = small.project;
  const outside = join(small.folder, 'outside.mrc');
  writeMap(outside, { size: [2, 2, 2], voxelSizeAngstrom: [1, 1, 1], originAngstrom: [0, 0, 0], data: new Float32Array(8) });
  writeMap(join(mapsFolder, 'own.mrc'), readMap(join(small.folder, 'map.mrc')));
  writeFileSync(join(mapsFolder, 'broken.mrc'), SECRET);
  mkdirSync(join(mapsFolder, 'folder.mrc'));
  symlinkSync(join(small.folder, 'secret.txt'), join(mapsFolder, 'link.txt'));
  const { project } = await viewer.next('project', ({ project }) => project.maps.length > 0);
  assert.deepEqual(
    project.maps.map(({ name, source }) => [name, source]),
    [['own', null]],
  );
  viewer.send({ type: 'delete-map', id: 1, name: 'own' });
  assert.match((await viewer.next('error')).message, /by hand/);
  viewer.send({ type: 'delete-map', id: 2, name: 'consensus' });
  assert.equal((await viewer.next('error')).code, 'bad-value');
  assert.ok(existsSync(join(mapsFolder, 'own.mrc')) && existsSync(join(mapsFolder, 'consensus.mrc')));
  for (const name of ['..%2F..%2Fsecret.txt', '..%2F..%2Foutside', '%2e%2e/outside', 'consensus', 'broken', 'link.txt', 'own.mrc', '']) {
    const answer = await get(`/files/maps/${name}`);
    assert.equal(answer.status, 404, name);
    assert.ok(!(await answer.text()).includes(SECRET));
  }
});
