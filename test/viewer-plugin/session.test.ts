// What the viewer holds and does as the daemon speaks: which run, which point, when a frame is acknowledged, when the scene settles, how it resumes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filter, firstValueFrom, type Observable, Subject } from 'rxjs';
import { WebSocket } from 'ws';
import type { DecodedFrame, RegionTurn, RunSummary } from '../../protocol/messages.js';
import { DaemonLink, type Socket } from '../../viewer-plugin/daemon-link.js';
import type { MapLayer } from '../../viewer-plugin/made-maps.js';
import { shareDone, situationOf } from '../../viewer-plugin/panels/situation.js';
import type { SceneOptions } from '../../viewer-plugin/scene.js';
import type { SelectionCount } from '../../viewer-plugin/scene-selection.js';
import { Session, type SessionScene } from '../../viewer-plugin/session.js';
import { finishedRun, SyntheticDaemon, type SyntheticOptions } from './synthetic-daemon.js';

const OPTIONS: SceneOptions = {
  atomicModel: true,
  consensusMap: true,
  gaussians: false,
  density: true,
  arrows: true,
  mapContour: 1,
  densityContour: 1,
  mapOpacity: 0.3,
  densityOpacity: 0.6,
  gaussianScale: 1,
  arrowScale: 1,
  arrowCount: 100,
  background: 'light',
};

/** Writes down what it is asked; draws only when the test says so. */
class RecordingScene implements SessionScene {
  readonly drawn = new Subject<number>();
  readonly shown: DecodedFrame[] = [];
  readonly settled: DecodedFrame[] = [];
  readonly arrows: (readonly [DecodedFrame | null, DecodedFrame | null])[] = [];
  readonly axes: RegionTurn[][] = [];
  readonly loads: string[] = [];
  readonly maps: MapLayer[][] = [];
  options: SceneOptions = { ...OPTIONS };
  /** As if a person had clicked. */
  readonly selection = {
    changed: new Subject<SelectionCount>(),
    chosen: { atoms: new Float32Array(), gaussians: [] as number[] },
    picking: [] as boolean[],
    setPicking(on: boolean): void {
      this.picking.push(on);
    },
    clear(): void {
      this.chosen = { atoms: new Float32Array(), gaussians: [] };
    },
    count(): SelectionCount {
      return { atoms: this.chosen.atoms.length / 3, gaussians: this.chosen.gaussians.length };
    },
    atoms(): Float32Array {
      return this.chosen.atoms;
    },
    gaussians(): number[] {
      return this.chosen.gaussians;
    },
  };
  load(_project: unknown, fetchUrl: (path: string) => string): Promise<void> {
    this.loads.push(fetchUrl('/files/map'));
    return Promise.resolve();
  }
  setFrameSource(): void {}
  setOptions(changed: Partial<SceneOptions>): void {
    this.options = { ...this.options, ...changed };
  }
  showFrame(frame: DecodedFrame): void {
    this.shown.push(frame);
  }
  settle(frame: DecodedFrame): void {
    this.settled.push(frame);
  }
  setArrows(from: DecodedFrame | null, to: DecodedFrame | null): void {
    this.arrows.push([from, to]);
  }
  showMaps(layers: readonly MapLayer[]): Promise<void> {
    this.maps.push([...layers]);
    return Promise.resolve();
  }
  setAxes(turns: readonly RegionTurn[]): void {
    this.axes.push([...turns]);
  }
  suggestDensityContour(): Promise<number> {
    return Promise.resolve(0.0123);
  }
}

async function start(options: SyntheticOptions) {
  const daemon = await new SyntheticDaemon({ particles: 200, ...options }).start();
  const open = (url: string, subprotocol: string) => new WebSocket(url, subprotocol) as unknown as Socket;
  const session = new Session(new DaemonLink({ url: daemon.socketUrl, open, firstDelay: 20, longestDelay: 50 }));
  const scene = new RecordingScene();
  session.attach({ scene, fetchUrl: path => `there${path}`, options: scene.options });
  const stop = async () => {
    session.dispose();
    await daemon.stop();
  };
  return { daemon, session, scene, stop };
}

const when = <T>(source: Observable<T>, wanted: (value: T) => boolean) => firstValueFrom(source.pipe(filter(wanted)));
const acknowledgements = (daemon: SyntheticDaemon) => daemon.received.filter(message => message.type === 'frame-drawn');

test('a page that opens shows the run that is training, or else the last, at its neutral point', async () => {
  const { daemon, session, scene, stop } = await start({ runs: [finishedRun('early', 2), finishedRun('late', 3)] });
  const cloud = await when(session.cloud$, value => value !== null);
  assert.equal(cloud!.run, 'late');
  assert.deepEqual(session.z$.value, [0, 0, 0]);
  assert.equal(session.epochs$.value.length || (await when(session.epochs$, rows => rows.length > 0)).length, 20);
  assert.deepEqual(scene.loads, ['there/files/map']);
  daemon.change({ runs: [{ ...finishedRun('early', 2), state: 'training' }, finishedRun('late', 3)] });
  await when(session.project$, project => project!.runs[0].state === 'training');
  assert.equal(session.run$.value!.name, 'late', 'what the user looks at stays');
  session.chooseRun('early');
  assert.deepEqual(session.z$.value, [0, 0]);
  assert.equal((await when(session.cloud$, value => value?.run === 'early'))!.dims, 2);
  await stop();
});

test('a frame is acknowledged when the scene has drawn it and not before, once', async () => {
  const { daemon, session, scene, stop } = await start({ runs: [finishedRun('run1', 2)] });
  await firstValueFrom(session.frame$);
  await session.link.ask('get-epochs', { run: 'run1' });
  assert.deepEqual(acknowledgements(daemon), []);
  scene.drawn.next(1);
  scene.drawn.next(2);
  await session.link.ask('get-epochs', { run: 'run1' });
  assert.deepEqual(
    acknowledgements(daemon).map(message => message.sequence),
    [1],
  );
  await stop();
});

test('the scene settles at the point where a drag ended, and not on the way', async () => {
  const { session, scene, stop } = await start({ runs: [finishedRun('run1', 2)] });
  await firstValueFrom(session.frame$);
  await when(session.cloud$, value => value !== null);
  scene.settled.length = 0;
  for (let k = 1; k <= 5; k++) {
    session.moveTo([k / 10, 0.3], true);
    await when(session.frame$, frame => frame.z[0] === Math.fround(k / 10));
  }
  assert.equal(scene.settled.length, 0);
  session.release();
  assert.deepEqual(
    scene.settled.map(frame => [...frame.z]),
    [[Math.fround(0.5), Math.fround(0.3)]],
  );
  session.moveTo([0, 0], false);
  await when(session.frame$, frame => frame.z[0] === 0);
  assert.deepEqual([...scene.settled.at(-1)!.z], [0, 0], 'a single step settles when its frame comes');
  await stop();
});

test('arrows go from the molecule at A to the molecule at B as soon as both are set, and go with either', { timeout: 10_000 }, async () => {
  const { session, scene, stop } = await start({ runs: [finishedRun('run1', 2)] });
  await when(session.cloud$, value => value !== null);
  session.setEnd('A', [-0.5, 0]);
  session.setEnd('B', [0.5, 0.25]);
  while (!scene.arrows.at(-1)?.[0]) await new Promise(resolve => setImmediate(resolve));
  const [from, to] = scene.arrows.at(-1)!;
  assert.deepEqual([...from!.z, ...to!.z], [-0.5, 0, 0.5, 0.25]);
  session.setEnd('A', null);
  assert.deepEqual(scene.arrows.at(-1), [null, null]);
  await stop();
});

test('training started here becomes the run that is shown, its curve grows and its molecule renews with each epoch', async () => {
  const { daemon, session, stop } = await start({});
  await when(session.project$, project => project !== null);
  assert.equal(session.run$.value, null);
  await session.startTraining('first', { latentDims: 2, epochs: 3 });
  await when(session.run$, run => run?.name === 'first');
  assert.equal(session.jobs$.value.length, 1);
  for (let epoch = 1; epoch <= 3; epoch++) {
    const frame = when(session.frame$, one => one.epoch === epoch);
    const cloud = when(session.cloud$, one => one?.epoch === epoch);
    daemon.finishEpoch('first');
    await Promise.all([frame, cloud]);
    assert.deepEqual(
      session.epochs$.value.map(row => row.epoch),
      Array.from({ length: epoch }, (_, k) => k + 1),
    );
  }
  await when(session.run$, run => run?.state === 'done');
  assert.deepEqual(session.jobs$.value, []);
  await stop();
});

test('a refused start and a failed job are told in the daemon’s one line', async () => {
  const { daemon, session, stop } = await start({ runs: [finishedRun('run1', 2)] });
  await when(session.cloud$, value => value !== null);
  daemon.refusal = 'another process trains in this project';
  await session.startTraining('run2', {});
  assert.deepEqual(session.failure$.value, { run: 'run2', message: 'another process trains in this project' });
  daemon.tell({ type: 'job-ended', job: 'x', run: 'run3', error: 'particles.star: 12 images are missing' });
  await when(session.failure$, failure => failure?.run === 'run3');
  assert.equal(session.failure$.value!.message, 'particles.star: 12 images are missing');
  await stop();
});

test('orientations, halves and the neutral model are jobs like training, and what they found is there when they end', async () => {
  const { daemon, session, stop } = await start({ runs: [finishedRun('run1', 2)] });
  await when(session.cloud$, value => value !== null);
  await session.compareHalves('run1');
  await when(session.jobs$, jobs => jobs[0]?.job === 'halves-1' && jobs[0].run === 'run1');
  assert.equal(session.reports.halves$.value, null);
  daemon.halves = {
    particles: [100, 100],
    latentsExplained: [0.75, 0.5],
    latentsByChance: 0,
    clusters: { count: 2, adjustedRandIndex: 1, adjustedRandIndexAnew: null },
    states: [],
    motion: null,
  };
  daemon.endJob('halves-1', 'run1');
  assert.deepEqual(await when(session.reports.halves$, report => report !== null), daemon.halves);
  await session.refineOrientations('run1');
  await session.fitNeutral({ gaussians: 64 });
  const asked = daemon.received.filter(message => /^start-/.test(message.type)).map(message => ({ ...message, id: 0 }));
  assert.deepEqual(asked, [
    { type: 'start-halves', id: 0, run: 'run1' },
    { type: 'start-orientations', id: 0, run: 'run1' },
    { type: 'start-neutral', id: 0, settings: { gaussians: 64 } },
  ]);
  await stop();
});

test('what is selected in the view becomes a region in the frame of the resting molecule, although another point is shown', async () => {
  const { daemon, session, scene, stop } = await start({ runs: [finishedRun('run1', 2)] });
  await when(session.cloud$, value => value !== null);
  session.moveTo([0.9, -0.4], false);
  scene.selection.chosen = { atoms: Float32Array.of(48, 48, 60), gaussians: [125] };
  scene.selection.changed.next(scene.selection.count());
  assert.deepEqual(session.selected$.value, { atoms: 1, gaussians: 1 });
  assert.ok((await session.saveRegion('head'))! >= 1, 'the Gaussian that was chosen lies inside');
  const saved = daemon.received.find(message => message.type === 'save-region')!;
  const { positions, sigmas } = await session.link.ask('decode', { run: 'run1', z: [0, 0], atoms: false });
  assert.deepEqual(saved.spheres, Float32Array.of(48, 48, 60, 4, ...positions.subarray(375, 378), 2 * sigmas[125]));
  await when(session.project$, project => project!.regions.includes('head'));
  session.clearSelection();
  assert.deepEqual(session.selected$.value, { atoms: 0, gaussians: 0 });
  await stop();
});

test('after the daemon was away everything is as it was: run, point, ends of the path', async () => {
  const { daemon, session, scene, stop } = await start({ runs: [finishedRun('run1', 2), finishedRun('run2', 2)] });
  await when(session.project$, project => project !== null);
  session.chooseRun('run1');
  await when(session.cloud$, value => value?.run === 'run1');
  session.moveTo([0.25, -0.5], false);
  session.setEnd('A', [0.25, -0.5]);
  await when(session.frame$, frame => frame.z[0] === 0.25);
  await daemon.stop();
  await when(session.link$, state => state === 'away');
  scene.shown.length = 0;
  const frame = firstValueFrom(session.frame$);
  await daemon.start();
  assert.deepEqual([(await frame).run, ...(await frame).z], ['run1', 0.25, -0.5]);
  assert.equal(session.run$.value!.name, 'run1');
  assert.deepEqual(session.ends.A.value, [0.25, -0.5]);
  assert.equal(scene.shown.length, 1);
  assert.equal(scene.loads.length, 1, 'map and model are not loaded again');
  await stop();
});

test('the density contour waits for the map, because the volume inside the map decides it', async () => {
  const { daemon, session, scene, stop } = await start({ runs: [finishedRun('run1', 2)] });
  let mapIsThere = () => {};
  scene.load = () => new Promise(resolve => (mapIsThere = resolve));
  await firstValueFrom(session.frame$);
  await session.link.ask('get-epochs', { run: 'run1' });
  assert.equal(session.suggestedDensityContour$.value, null);
  mapIsThere();
  assert.equal(await when(session.suggestedDensityContour$, contour => contour !== null), 0.0123);
  assert.equal(session.options$.value!.mapContour, daemon.project.map!.contour);
  await stop();
});

test('the density contour is suggested once for each run and stays absolute while z moves', async () => {
  const { session, scene, stop } = await start({ runs: [finishedRun('run1', 2)] });
  await when(session.suggestedDensityContour$, contour => contour !== null);
  assert.equal(scene.options.densityContour, 0.0123);
  session.setOptions({ densityContour: 0.02 });
  await when(session.cloud$, value => value !== null);
  session.moveTo([0.4, 0.1], false);
  await when(session.frame$, frame => frame.z[0] === Math.fround(0.4));
  assert.equal(scene.options.densityContour, 0.02);
  await stop();
});

test('every reason why there is nothing to scrub has its own words', () => {
  const training: RunSummary = { ...finishedRun('run1', 2), state: 'training', epoch: 0 };
  const { project } = new SyntheticDaemon({});
  const job = { job: 'j', run: 'run1', stage: 'gradients', done: 40, total: 100 };
  const titles = [
    situationOf({ link: 'connecting', project: null, run: null, hasLatents: false, jobs: [] }),
    situationOf({ link: 'away', project: null, run: null, hasLatents: false, jobs: [] }),
    situationOf({ link: 'open', project: { ...project, neutral: null }, run: null, hasLatents: false, jobs: [] }),
    situationOf({ link: 'open', project, run: null, hasLatents: false, jobs: [] }),
    situationOf({ link: 'open', project, run: training, hasLatents: false, jobs: [job] }),
    situationOf({ link: 'open', project, run: training, hasLatents: false, jobs: [] }),
    situationOf({ link: 'open', project, run: { ...training, state: 'failed' }, hasLatents: false, jobs: [] }),
  ].map(situation => situation!.title);
  assert.equal(new Set(titles).size, titles.length);
  assert.equal(titles[4], 'Training run1: gradients, 40 %');
  assert.equal(titles[5], 'Training run1: epoch 1 of 20');
  assert.equal(situationOf({ link: 'away', project, run: training, hasLatents: true, jobs: [] }), null);
});

test('a job in its third of ten epochs, half done, is a quarter done in all; other stages count by themselves', () => {
  const job = { job: 'j', run: 'run1', done: 50, total: 100 };
  assert.equal(shareDone({ ...job, stage: 'epoch 3 of 10' }), 0.25);
  assert.equal(shareDone({ ...job, stage: 'gradients at the neutral model' }), 0.5);
  assert.equal(shareDone({ ...job, stage: 'starting', total: 0 }), null);
});
