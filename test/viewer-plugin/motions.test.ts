// Motions of regions in the session and in the panel's words: what is shown is of the ends, the run and the regions that are chosen now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filter, firstValueFrom, type Observable } from 'rxjs';
import { WebSocket } from 'ws';
import type { RegionTurn } from '../../protocol/messages.js';
import { DaemonLink, type Socket } from '../../viewer-plugin/daemon-link.js';
import { describeAxis, describeStep, describeTurn } from '../../viewer-plugin/panels/motions-panel.js';
import { Session } from '../../viewer-plugin/session.js';
import { finishedRun, SyntheticDaemon } from './synthetic-daemon.js';

const when = <T>(source: Observable<T>, wanted: (value: T) => boolean) => firstValueFrom(source.pipe(filter(wanted)));

async function start() {
  const daemon = await new SyntheticDaemon({ particles: 100, runs: [finishedRun('run1', 2), finishedRun('run2', 2)] }).start();
  const open = (url: string, subprotocol: string) => new WebSocket(url, subprotocol) as unknown as Socket;
  const session = new Session(new DaemonLink({ url: daemon.socketUrl, open, firstDelay: 20, longestDelay: 50 }));
  await when(session.run$, run => run !== null);
  const measured = () => daemon.received.filter(message => message.type === 'measure-motion');
  const stop = async () => {
    session.dispose();
    await daemon.stop();
  };
  return { daemon, session, measured, stop };
}

test('a region is measured once both ends are set, and again for other ends; what is known of the old ones is forgotten at once', async () => {
  const { session, measured, stop } = await start();
  const { motions } = session;
  motions.choose(['head']);
  session.setEnd('A', [-1, 0]);
  assert.equal(measured().length, 0);
  session.setEnd('B', [1, 0]);
  const first = await when(motions.between$, motion => motion !== null);
  // The hinge turns by 0.35 radians for each unit of z0.
  assert.ok(Math.abs(first!.regions[0].angleDegrees - (0.7 * 180) / Math.PI) < 1e-9);
  session.setEnd('B', [0.5, 0]);
  assert.equal(motions.between$.value, null);
  session.setEnd('B', [0, 0]);
  const second = await when(motions.between$, motion => motion !== null);
  assert.ok(Math.abs(second!.regions[0].angleDegrees - (0.35 * 180) / Math.PI) < 1e-9);
  // The end that rested only for a moment was never asked about.
  assert.equal(measured().length, 2);
  session.setEnd('A', null);
  assert.equal(motions.between$.value, null);
  await stop();
});

test('own motions are of the regions that were asked about: others, or another run, take them away', async () => {
  const { session, stop } = await start();
  const { motions } = session;
  motions.choose(['head', 'tail']);
  await motions.find();
  assert.equal(motions.own$.value!.own.length, 2);
  assert.ok(motions.own$.value!.joint);
  motions.choose(['head']);
  assert.equal(motions.own$.value, null);
  await motions.find();
  assert.equal(motions.own$.value!.joint, null);
  session.chooseRun('run1');
  assert.equal(motions.own$.value, null);
  await stop();
});

const TURN: RegionTurn = {
  region: 'head',
  angleDegrees: 8.21,
  axis: [0, 0.8, -0.6],
  axisPoint: [80, 50.04, -26],
  shiftAngstrom: [3, 0, 0.8],
  residualAngstrom: 0.44,
  rmsAngstrom: 4,
  errorAngstrom: 0.3,
  angleErrorDegrees: 0.25,
  halvesDegrees: [8, 8.5],
};

test('a turn is told in degrees and Å, with its errors where halves were compared and without where not', () => {
  assert.equal(describeTurn(TURN), 'head turns by 8.2 ± 0.3°; its centre moves 3.1 ± 0.3 Å, 0.4 Å not rigid');
  assert.equal(
    describeTurn({ ...TURN, errorAngstrom: null, angleErrorDegrees: null }),
    'head turns by 8.2°; its centre moves 3.1 Å, 0.4 Å not rigid',
  );
  assert.equal(describeAxis(TURN), 'about (0.00, 0.80, −0.60) through (80.0, 50.0, −26.0) Å');
  assert.equal(describeAxis({ ...TURN, axisPoint: null }), 'about (0.00, 0.80, −0.60)');
  const motion = {
    step: new Float32Array(2),
    insideAngstrom: [6.6, 5],
    outsideAngstrom: 0.31,
    turns: [TURN, { ...TURN, angleDegrees: 4 }],
  };
  assert.equal(describeStep(motion), '8.2° · 6.6 Å and 4.0° · 5.0 Å, elsewhere 0.3 Å');
});
