// Paths through the daemon: what a viewer gets is what the particles say, the newest question counts, and other questions do not wait for it.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Random } from '../../daemon/numerics/random.js';
import { makeProject, makeRun, serve, Viewer } from './small-project.js';

/** Half a ring of radius 2 with `count` particles, and an island of a hundred beside it. */
async function ringAndIsland(t: TestContext, count: number): Promise<Viewer> {
  const small = makeProject(t);
  const random = new Random(1);
  const rows = Array.from({ length: count + 100 }, (_, i) => {
    const angle = Math.PI * random.uniform();
    const [x, y] = i < count ? [2 * Math.cos(angle), 2 * Math.sin(angle)] : [0, -30];
    return [x + 0.1 * random.normal(), y + 0.1 * random.normal()];
  });
  makeRun(small.project, 'ring').writeLatents({
    count: rows.length,
    dims: 2,
    particle: Uint32Array.from(rows, (_, i) => i + 1),
    z: Float32Array.from(rows.flat()),
    frc: new Float32Array(rows.length),
  });
  return Viewer.connect(await serve(t, small));
}

const ends = { run: 'ring', from: [2, 0], to: [-2, 0] };

test('a dense path goes round the half ring, a straight one across its empty middle, where nothing is said', async t => {
  const viewer = await ringAndIsland(t, 2000);
  viewer.send({ type: 'find-path', id: 1, ...ends, shape: 'dense', points: 5 });
  const { id, epoch, path: dense } = await viewer.next('path');
  assert.deepEqual([id, epoch, dense!.populations.length, dense!.dims], [1, 2, 5, 2]);
  // π · 2 long.
  assert.ok(Math.abs(dense!.lengths[4] / (2 * Math.PI) - 1) < 0.1, `${dense!.lengths[4]}`);
  const radii = Array.from(dense!.track.lengths, (_, v) => Math.hypot(dense!.track.points[2 * v], dense!.track.points[2 * v + 1]));
  assert.ok(radii.every(radius => Math.abs(radius - 2) < 0.3));
  assert.ok(dense!.track.freeEnergy.every(Number.isFinite));
  assert.ok(viewer.heard.some(message => message.type === 'path-progress' && message.id === 1));
  viewer.send({ type: 'find-path', id: 2, ...ends, shape: 'line', reach: 0.5 });
  const { path: line } = await viewer.next('path');
  assert.equal(line!.populations.length, 10);
  const middle = line!.track.lengths.length >> 1;
  assert.ok(line!.track.support[middle] < line!.leastSupport);
  assert.ok(Number.isNaN(line!.track.freeEnergy[middle]) && Number.isNaN(line!.track.standardError[middle]));
  assert.deepEqual([line!.reach, line!.longestLink], [0.5, null]);
  await viewer.leave();
});

test('to an island there is no path, which is an answer, and not an error', async t => {
  const viewer = await ringAndIsland(t, 500);
  viewer.send({ type: 'find-path', id: 1, run: 'ring', shape: 'dense', from: [2, 0], to: [0, -30] });
  assert.equal((await viewer.next('path')).path, null);
  await viewer.leave();
});

test('a newer question ends the one before, stop-path the last; each is answered, and a question meanwhile is answered at once', async t => {
  const viewer = await ringAndIsland(t, 30_000);
  viewer.send({ type: 'find-path', id: 1, ...ends, shape: 'dense' });
  await viewer.next('path-progress');
  viewer.send({ type: 'get-epochs', id: 2, run: 'ring' });
  await viewer.next('epochs');
  // Not yet found: thirty thousand neighbours take longer than a table of two rows.
  assert.ok(!viewer.heard.some(({ type }) => type === 'path'));
  viewer.send({ type: 'find-path', id: 3, ...ends, shape: 'dense' });
  const first = await viewer.next('error');
  assert.deepEqual([first.id, first.code], [1, 'cancelled']);
  viewer.send({ type: 'stop-path' });
  const second = await viewer.next('error');
  assert.deepEqual([second.id, second.code], [3, 'cancelled']);
  viewer.send({ type: 'find-path', id: 4, ...ends, shape: 'line' });
  assert.equal((await viewer.next('path')).id, 4);
  await viewer.leave();
});

test('ends that cannot be are refused with their code', async t => {
  const viewer = await ringAndIsland(t, 200);
  const refused = async (question: { run?: string; from?: number[]; to?: number[] }) => {
    viewer.send({ type: 'find-path', id: 9, ...ends, shape: 'dense', ...question });
    return (await viewer.next('error')).code;
  };
  assert.equal(await refused({ run: 'nobody' }), 'no-such-run');
  assert.equal(await refused({ from: [1, 2, 3] }), 'bad-value');
  assert.equal(await refused({ from: [-2, 0] }), 'bad-value');
  // Both nearest to the same particle of the island.
  assert.equal(await refused({ from: [0, -90], to: [0, -91] }), 'bad-value');
  await viewer.leave();
});
