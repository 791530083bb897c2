// A viewer that drags gets the newest frame, and one that does not read costs no more than a bounded piece of memory.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket, { WebSocketServer } from 'ws';
import { Outbox } from '../../daemon/service/outbox.js';
import { decodeServerMessage } from '../../protocol/codec.js';
import { makeProject, makeRun, serve, Viewer } from './small-project.js';

/** Draws each frame at once, and keeps their sequences. */
function drawing(viewer: Viewer): number[] {
  const drawn: number[] = [];
  viewer.socket.on('message', data => {
    const message = decodeServerMessage(data as Buffer);
    if (message.type !== 'frame') return;
    drawn.push(message.sequence);
    viewer.send({ type: 'frame-drawn', sequence: message.sequence });
  });
  return drawn;
}

async function dragging(t: TestContext) {
  const small = makeProject(t);
  makeRun(small.project, 'run-1');
  const service = await serve(t, small);
  const viewer = await Viewer.connect(service);
  return {
    service,
    viewer,
    scrub: (sequence: number, run = 'run-1') => viewer.send({ type: 'scrub', sequence, run, z: [sequence / 100, 0], atoms: false }),
  };
}

test('of two hundred scrubs at once few are answered, in rising order, and always the last, since only the newest is what the hand shows', async t => {
  const { viewer, scrub } = await dragging(t);
  const drawn = drawing(viewer);
  for (let sequence = 1; sequence <= 200; sequence++) scrub(sequence);
  const last = await viewer.next('frame', ({ sequence }) => sequence === 200);
  assert.deepEqual(last.z, Float32Array.of(2, 0));
  assert.ok(drawn.length < 20, `${drawn.length} frames`);
  assert.deepEqual(
    drawn,
    [...drawn].sort((a, b) => a - b),
  );
});

test('a second frame waits until the first is drawn, or for a second where the page is hidden and draws nothing', async t => {
  const { viewer, scrub } = await dragging(t);
  scrub(1);
  await viewer.next('frame');
  const before = performance.now();
  scrub(2);
  scrub(3);
  const { sequence } = await viewer.next('frame');
  assert.equal(sequence, 3);
  // A lower bound: the daemon's timer cannot be early by more than a millisecond or so; it began just before `before`.
  assert.ok(performance.now() - before > 800);
  viewer.send({ type: 'frame-drawn', sequence: 3 });
  scrub(4);
  assert.equal((await viewer.next('frame')).sequence, 4);
});

test('a scrub that cannot be served is said, at most once a second, and does not end the stream', async t => {
  const { viewer, scrub } = await dragging(t);
  for (let sequence = 1; sequence <= 100; sequence++) scrub(sequence, 'nobody');
  const error = await viewer.next('error');
  assert.deepEqual([error.id, error.code], [null, 'no-such-run']);
  scrub(101);
  assert.equal((await viewer.next('frame')).sequence, 101);
  assert.ok(viewer.heard.filter(({ type }) => type === 'error').length <= 1);
});

test('an older scrub that comes late is not drawn over a newer one', async t => {
  const { viewer, scrub } = await dragging(t);
  scrub(10);
  await viewer.next('frame');
  viewer.send({ type: 'frame-drawn', sequence: 10 });
  scrub(9);
  scrub(11);
  assert.equal((await viewer.next('frame')).sequence, 11);
});

test('a viewer that asks and does not read makes no memory grow: its questions wait in its own socket', async t => {
  const small = makeProject(t);
  // An answer of 16 bytes a particle and more: half a megabyte, so two hundred of them are a hundred megabytes.
  makeRun(small.project, 'large', 30_000);
  const service = await serve(t, small);
  const viewer = await Viewer.connect(service);
  viewer.send({ type: 'get-latents', id: 0, run: 'large' });
  await viewer.next('latents');
  viewer.socket.pause();
  const memory = () => process.memoryUsage().arrayBuffers;
  const before = memory();
  for (let id = 1; id <= 200; id++) viewer.send({ type: 'get-latents', id, run: 'large' });
  let most = 0;
  for (let i = 0; i < 20; i++) {
    await sleep(50);
    most = Math.max(most, memory() - before);
  }
  assert.ok(most < 30e6, `${(most / 1e6).toFixed(0)} MB more`);
  // It goes on as soon as the viewer reads, in order and with nothing lost.
  viewer.socket.resume();
  for (let id = 1; id <= 200; id++) assert.equal((await viewer.next('latents')).id, id);
});

test('news for a viewer that does not read are kept one a kind, the newest, and reach it when it reads again', async t => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  t.after(() => server.close());
  await once(server, 'listening');
  const accepted = new Promise<WebSocket>(resolve => server.once('connection', resolve));
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  // A client that is still connecting cannot be paused.
  const [socket] = await Promise.all([accepted, once(client, 'open')]);
  t.after(() => client.terminate());
  client.pause();
  const outbox = new Outbox(socket, () => {});
  const message = 'x'.repeat(10_000);
  let most = 0;
  for (let i = 0; i <= 20_000; i++) {
    outbox.sendLatest('epoch', { type: 'job-ended', job: `job-${i}`, run: null, error: message });
    most = Math.max(most, socket.bufferedAmount);
    // Lets the system's own buffers fill.
    if (i % 100 === 0) await sleep(0);
  }
  assert.ok(most < 2 * (1 << 20), `${most} bytes`);
  const heard: string[] = [];
  const last = new Promise<void>(resolve =>
    client.on('message', data => {
      const news = decodeServerMessage(data as Buffer);
      if (news.type === 'job-ended') heard.push(news.job);
      if (heard.at(-1) === 'job-20000') resolve();
    }),
  );
  client.resume();
  await last;
  assert.ok(heard.length < 10_000);
});
