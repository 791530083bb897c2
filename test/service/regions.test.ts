// Regions that viewers mark become masks of the project, and nothing outside of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readMap } from '../../daemon/formats/mrc.js';
import { makeProject, serve, Viewer } from './small-project.js';

test("a sphere becomes a mask on the map's own grid and in its frame: 1 within the radius, falling to 0 outside; and the project tells its name", async t => {
  const small = makeProject(t);
  const viewer = await Viewer.connect(await serve(t, small));
  // The map begins at (−4, 0, 6) and has 8 voxels of 2 Å along each side.
  viewer.send({ type: 'save-region', id: 3, name: 'head', spheres: Float32Array.of(4, 8, 14, 3) });
  assert.deepEqual(await viewer.next('region-saved'), { type: 'region-saved', id: 3, name: 'head', gaussians: null });
  assert.deepEqual((await viewer.next('project', ({ project }) => project.regions.length > 0)).project.regions, ['head']);
  const mask = readMap(join(small.project.mapsFolder, 'regions', 'head.mrc'));
  assert.deepEqual(
    [mask.size, mask.originAngstrom],
    [
      [8, 8, 8],
      [-4, 0, 6],
    ],
  );
  for (let k = 0; k < 8; k++)
    for (let j = 0; j < 8; j++)
      for (let i = 0; i < 8; i++) {
        const distance = Math.hypot(-4 + 2 * i - 4, 2 * j - 8, 6 + 2 * k - 14);
        const value = mask.data[(k * 8 + j) * 8 + i];
        if (distance <= 3) assert.equal(value, 1);
        else if (distance >= 9) assert.equal(value, 0);
        else assert.ok(value > 0 && value < 1, `${value} at ${distance} Å`);
      }
});

test('names that climb out of the folder, spheres without sense and regions that are not there are refused', async t => {
  const small = makeProject(t);
  const viewer = await Viewer.connect(await serve(t, small));
  const one = Float32Array.of(4, 8, 14, 3);
  for (const [name, spheres] of [
    ['../evil', one],
    ['a/b', one],
    ['a', new Float32Array()],
    ['a', Float32Array.of(1, 2, 3)],
    ['a', Float32Array.of(0, 0, 0, -1)],
    ['a', Float32Array.of(Number.NaN, 0, 0, 1)],
    ['a', Float32Array.of(5000, 0, 0, 1)],
  ] as [string, Float32Array][]) {
    viewer.send({ type: 'save-region', id: 1, name, spheres });
    const { code } = await viewer.next('error');
    assert.equal(code, 'bad-value');
  }
  assert.ok(!existsSync(join(small.project.mapsFolder, 'regions')));
  viewer.send({ type: 'start-training', id: 2, run: 'a', settings: { focus: 'tail' } });
  assert.match((await viewer.next('error')).message, /no region "tail"; mark one first/);
  viewer.send({ type: 'start-training', id: 3, run: 'a', settings: { subset: Uint32Array.of(1, 6) } });
  assert.match((await viewer.next('error')).message, /particle 6 is not from 1 to 5/);
});

test('a focus, a subset and a run to continue reach the command line as files of the project and names', async t => {
  const small = makeProject(t);
  const service = await serve(t, small, [
    process.execPath,
    '-e',
    'require("fs").writeFileSync(process.argv[2] + "/args.json", JSON.stringify(process.argv.slice(1)))',
  ]);
  const viewer = await Viewer.connect(service);
  viewer.send({ type: 'save-region', id: 1, name: 'head', spheres: Float32Array.of(4, 8, 14, 3) });
  await viewer.next('region-saved');
  const settings = {
    focus: 'head',
    subset: Uint32Array.of(2, 4),
    continueFrom: 'first',
    vary: ['position' as const],
    preset: 'paper' as const,
  };
  viewer.send({ type: 'start-training', id: 2, run: 'second', settings });
  assert.equal((await viewer.next('job-ended')).error, null);
  const args: string[] = JSON.parse(readFileSync(join(small.project.path, 'args.json'), 'utf8'));
  const after = (flag: string) => args[args.indexOf(flag) + 1];
  assert.equal(args[0], 'train');
  assert.deepEqual(['--run', '--continue', '--vary', '--preset'].map(after), ['second', 'first', 'position', 'paper']);
  assert.equal(after('--focus'), join(small.project.mapsFolder, 'regions', 'head.mrc'));
  assert.equal(readFileSync(after('--subset'), 'utf8'), 'particle\n2\n4\n');
});

test('orientations and halves are jobs of a run that is there, the neutral model one of the project', async t => {
  const small = makeProject(t);
  const service = await serve(t, small, [
    process.execPath,
    '-e',
    'require("fs").writeFileSync(process.argv[2] + "/args.json", JSON.stringify(process.argv.slice(1)))',
  ]);
  const viewer = await Viewer.connect(service);
  for (const type of ['start-orientations', 'start-halves'] as const) {
    viewer.send({ type, id: 1, run: 'nobody' });
    assert.equal((await viewer.next('error')).code, 'no-such-run');
  }
  viewer.send({ type: 'start-neutral', id: 2, settings: { gaussians: 64 } });
  const { job } = await viewer.next('started');
  assert.deepEqual(await viewer.next('job-ended'), { type: 'job-ended', job, run: null, error: null });
  const args: string[] = JSON.parse(readFileSync(join(small.project.path, 'args.json'), 'utf8'));
  assert.deepEqual(args, ['neutral', small.project.path, '--gaussians', '64', '--json']);
});
