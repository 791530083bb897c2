// UMAP, clusters and maps from particles in the viewer, without a browser: what is asked for when, which maps are shown, how points are coloured and stepped between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstValueFrom } from 'rxjs';
import { filter } from 'rxjs/operators';
import { WebSocket } from 'ws';
import type { MadeMap, MapSource } from '../../protocol/messages.js';
import { DaemonLink, type Socket } from '../../viewer-plugin/daemon-link.js';
import { umapColumns } from '../../viewer-plugin/embeddings.js';
import { Flight } from '../../viewer-plugin/flight.js';
import { freeMapName, MadeMaps } from '../../viewer-plugin/made-maps.js';
import { categoryColour, categoryTable } from '../../viewer-plugin/panels/categories.js';
import { particlesOf, rowsInside } from '../../viewer-plugin/panels/lasso.js';
import { describeMap } from '../../viewer-plugin/panels/maps-panel.js';
import { rowTowards } from '../../viewer-plugin/panels/particle-rows.js';
import { rasterisePoints } from '../../viewer-plugin/panels/point-raster.js';
import { Session } from '../../viewer-plugin/session.js';
import { finishedRun, SyntheticDaemon } from './synthetic-daemon.js';

const SOURCE: MapSource = { run: 'a', which: 'cluster', cluster: 2, z: null, particles: 1234, quick: true };
const made = (name: string, changed: Partial<MadeMap> = {}): MadeMap => ({
  name,
  path: `/files/maps/${name}`,
  version: '1',
  contour: 0.5,
  sizeVoxels: [8, 8, 8],
  voxelSizeAngstrom: [2, 2, 2],
  originAngstrom: [0, 0, 0],
  resolutionAngstrom: null,
  source: null,
  ...changed,
});

test('the viewer asks for embeddings when the run says that there are new ones, once for each, and forgets those of another run', async () => {
  const daemon = await new SyntheticDaemon({ runs: [finishedRun('a', 2), finishedRun('b', 2)], particles: 200 }).start();
  const session = new Session(
    new DaemonLink({ url: daemon.socketUrl, open: (url, name) => new WebSocket(url, name) as unknown as Socket }),
  );
  const { tables$ } = session.embeddings;
  const next = <T>(holds: (tables: typeof tables$.value) => boolean) => firstValueFrom(tables$.pipe(filter(holds))) as Promise<T>;
  await firstValueFrom(session.cloud$.pipe(filter(Boolean)));
  assert.equal(tables$.value, null);
  daemon.has.umap = true;
  daemon.tellEmbeddings();
  await next(tables => tables?.columns.length === 2);
  daemon.has.clusters = true;
  daemon.tellEmbeddings();
  await next(tables => tables?.clusters != null);
  daemon.tellEmbeddings();
  daemon.change({ regions: ['x'] });
  await firstValueFrom(session.project$.pipe(filter(project => project?.regions.length === 1)));
  const questions = () => daemon.received.filter(({ type }) => type === 'get-embeddings').length;
  assert.equal(questions(), 2);
  assert.equal(umapColumns(tables$.value, session.cloud$.value).length, 2);
  assert.deepEqual(umapColumns(tables$.value, { run: 'a', count: 199 }), [], 'rows of other latents are no places of these');
  session.chooseRun('a');
  assert.equal(tables$.value, null);
  await next(tables => tables?.run === 'a');
  session.dispose();
  await daemon.stop();
});

test('a map that comes while the page is open is shown, one that was there waits; the whole map after the quick one keeps what a person chose', () => {
  const maps = new MadeMaps();
  const layers = () => maps.layers$.value;
  maps.update([made('old')]);
  maps.update([made('old'), made('new', { source: SOURCE })]);
  assert.deepEqual(
    layers().map(({ map, visible }) => [map.name, visible]),
    [
      ['old', false],
      ['new', true],
    ],
  );
  assert.equal(layers()[1].colour, categoryColour(1), 'a map of cluster 2 has the colour of cluster 2');
  assert.notEqual(layers()[0].colour, layers()[1].colour);
  maps.change('old', { visible: true });
  maps.change('old', { contour: 2 });
  const whole = { version: '2', contour: 0.75 };
  maps.update([made('old', whole), made('new', { ...whole, source: { ...SOURCE, quick: false } })]);
  assert.deepEqual(
    layers().map(({ contour }) => contour),
    [2, 0.75],
  );
  let told = -1;
  maps.layers$.subscribe(() => told++);
  maps.update(layers().map(({ map }) => ({ ...map })));
  assert.equal(told, 0, 'the same list again is no news');
  maps.update([made('way_001'), made('way_002'), made('way_003'), made('new', whole)]);
  assert.deepEqual(
    layers().map(({ visible }) => visible),
    [true, false, false, true],
    'maps of a series would hide each other',
  );
  maps.update([made('new', whole)]);
  assert.deepEqual(
    layers().map(({ map }) => map.name),
    ['new'],
  );
});

test('a new map gets a name that neither a map nor a series of maps has', () => {
  const maps = [made('a'), made('a-2_001'), made('b')];
  assert.equal(freeMapName('a', maps), 'a-3');
  assert.equal(freeMapName('c', maps), 'c');
  assert.ok(freeMapName('n'.repeat(64), []).length <= 60, 'room for _001 within 64');
});

test('a map says of which particles it is and how far its halves agree', () => {
  assert.equal(describeMap(made('m', { source: SOURCE })), 'quick look · 1,234 particles of cluster 2');
  const near = made('m', {
    source: { ...SOURCE, which: 'nearest', cluster: null, z: [0.5, -1.25], quick: false },
    resolutionAngstrom: 7.16,
  });
  assert.equal(describeMap(near), '1,234 particles near z = 0.5, −1.3 · FSC 0.143 at 7.2 Å');
  assert.equal(describeMap(made('m')), 'put into the project by hand');
});

test('where points of several clusters lie on a pixel their colours are mixed, because the mean of two numbers is a third cluster', () => {
  const view = { x0: 0, x1: 1, y0: 0, y1: 1, width: 1, height: 1 };
  const out = new Uint8ClampedArray(4);
  const ramp = categoryTable(3);
  const style = { radius: 2, opacity: 0.5, ramp, categories: true, unknown: [1, 2, 3] as const };
  const middle = (n: number) => new Float32Array(n).fill(0.5);
  rasterisePoints(out, view, middle(2), middle(2), Float32Array.of(0, 2), style);
  for (let c = 0; c < 3; c++) assert.ok(Math.abs(out[c] - (ramp[c] + ramp[6 + c]) / 2) <= 1);
  assert.ok(Math.abs(out[3] - 255 * 0.75) <= 1);
  rasterisePoints(out, view, middle(1), middle(1), Float32Array.of(Number.NaN), style);
  assert.deepEqual([...out.slice(0, 3)], [1, 2, 3]);
});

test('an arrow key goes to the nearest particle on that side, within 45° of the arrow', () => {
  const view = { x0: 0, x1: 10, y0: 0, y1: 10, width: 100, height: 100 };
  const x = [5, 6, 9, 5, 1];
  const y = [5, 7, 5, 1, 5];
  const from = [50, 50] as const;
  assert.equal(rowTowards(x, y, view, from, [1, 0]), 2, 'row 1 is nearer, but rather above than right');
  assert.equal(rowTowards(x, y, view, from, [0, -1]), 1);
  assert.equal(rowTowards(x, y, view, from, [0, 1]), 3);
  assert.equal(rowTowards(x, y, view, from, [-1, 0]), 4);
  assert.equal(rowTowards(x.slice(0, 3), y.slice(0, 3), view, from, [-1, 0]), -1);
});

test('a line drawn around particles holds those inside of it, also where it is bent and crosses itself, and a particle once whatever its copies', () => {
  // A C of unit squares, open to the right, with a point in each of nine cells.
  const line = [
    [0, 0],
    [3, 0],
    [3, 1],
    [1, 1],
    [1, 2],
    [3, 2],
    [3, 3],
    [0, 3],
  ] as const;
  const x = Array.from({ length: 9 }, (_, i) => (i % 3) + 0.5);
  const y = Array.from({ length: 9 }, (_, i) => Math.floor(i / 3) + 0.5);
  assert.deepEqual(rowsInside(x, y, line), [0, 1, 2, 3, 6, 7, 8]);
  assert.deepEqual(rowsInside(x, y, []), []);
  assert.deepEqual([...particlesOf(Uint32Array.of(9, 9, 4, 70_000), [3, 0, 1, 2])], [4, 9, 70_000]);
});

test('a flight to a latent point is smooth, ends exactly there, and a hand that takes the point stops it', () => {
  const moves: { z: number[]; live: boolean }[] = [];
  const z$ = { value: [0, 0] };
  const session = {
    z$,
    moveTo(z: number[], live: boolean) {
      z$.value = z;
      moves.push({ z, live });
    },
  } as unknown as Session;
  let waiting: ((time: number) => void)[] = [];
  const flight = new Flight(
    session,
    callback => void waiting.push(callback),
    () => false,
  );
  const frame = (time: number) => {
    const now = waiting;
    waiting = [];
    for (const callback of now) callback(time);
  };
  flight.to([1, -2]);
  for (let time = 0; time <= 2000 && waiting.length > 0; time += 50) frame(time);
  const last = moves[moves.length - 1];
  assert.deepEqual(last, { z: [1, -2], live: false });
  const way = moves.map(({ z }) => z[0]);
  assert.ok(moves.length > 5 && way.every((value, i) => i === 0 || value >= way[i - 1]));
  assert.ok(
    moves.every(({ z }) => Math.abs(z[1] + 2 * z[0]) < 1e-12),
    'on the straight line',
  );
  flight.to([0, 0]);
  frame(0);
  frame(100);
  flight.stop();
  const count = moves.length;
  frame(200);
  assert.equal(moves.length, count);
});
