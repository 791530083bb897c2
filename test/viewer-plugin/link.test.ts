// The link to the daemon over a real WebSocket: ids, latest wins, acknowledgement, and a connection that comes back by itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { filter, firstValueFrom, take, toArray } from 'rxjs';
import { WebSocket, WebSocketServer } from 'ws';
import { decodeClientMessage, encodeMessage } from '../../protocol/codec.js';
import { type ClientMessage, SUBPROTOCOL } from '../../protocol/messages.js';
import { DaemonError, DaemonLink, type LinkOptions, type LinkState, type Socket } from '../../viewer-plugin/daemon-link.js';
import { finishedRun, SyntheticDaemon } from './synthetic-daemon.js';
import { decode } from './synthetic-project.js';

const open = (url: string, subprotocol: string) => new WebSocket(url, subprotocol) as unknown as Socket;
const connect = (url: string, options: Partial<LinkOptions> = {}) =>
  new DaemonLink({ url, open, firstDelay: 20, longestDelay: 50, ...options });
const reaches = (link: DaemonLink, wanted: LinkState) => firstValueFrom(link.state$.pipe(filter(state => state === wanted)));

/** A server whose every answer is written in the test. */
async function scripted(answer: (message: ClientMessage, send: (bytes: Uint8Array) => void) => void) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
  server.on('connection', socket => socket.on('message', data => answer(decodeClientMessage(data as Buffer), bytes => socket.send(bytes))));
  await once(server, 'listening');
  const stop = () => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  };
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

test('each question gets the answer with its own id, also when the answers come in reverse order', async () => {
  const held: (() => void)[] = [];
  const server = await scripted((message, send) => {
    if (message.type !== 'decode') return;
    held.push(() => send(encodeMessage({ type: 'decoded', id: message.id, ...decode(message.run, 1, message.z, false) })));
    if (held.length === 3) for (const one of held.reverse()) one();
  });
  const link = connect(server.url);
  await reaches(link, 'open');
  const answers = await Promise.all([0.25, 0.5, 0.75].map(z => link.ask('decode', { run: 'run1', z: [z], atoms: false })));
  assert.deepEqual(
    answers.map(answer => answer.z[0]),
    [0.25, 0.5, 0.75],
  );
  link.close();
  server.stop();
});

test('of a hundred points scrubbed while one is decoded only the first and the newest travel, because the ones between were never wanted', async () => {
  const daemon = await new SyntheticDaemon({ runs: [finishedRun('run1', 2)] }).start();
  daemon.decodeMilliseconds = 40;
  const link = connect(daemon.socketUrl);
  await reaches(link, 'open');
  const frames = firstValueFrom(link.frames$.pipe(take(2), toArray()));
  for (let k = 0; k < 100; k++) link.scrub({ run: 'run1', z: [k, 0], atoms: false });
  const [first, last] = await frames;
  assert.deepEqual([first.z[0], last.z[0]], [0, 99]);
  assert.ok(last.sequence > first.sequence, 'sequences rise');
  link.frameDrawn(last.sequence);
  await link.ask('get-epochs', { run: 'run1' });
  const scrubs = daemon.received.filter(message => message.type === 'scrub');
  assert.equal(scrubs.length, 2);
  assert.deepEqual(
    daemon.received.filter(message => message.type === 'frame-drawn').map(message => message.sequence),
    [last.sequence],
  );
  link.close();
  await daemon.stop();
});

test('a daemon that goes and comes back finds the link again, with the newest point wanted meanwhile', async () => {
  const daemon = await new SyntheticDaemon({ runs: [finishedRun('run1', 2)] }).start();
  const link = connect(daemon.socketUrl);
  await reaches(link, 'open');
  daemon.decodeMilliseconds = 10_000;
  link.scrub({ run: 'run1', z: [1, 1], atoms: false });
  await daemon.stop();
  await reaches(link, 'away');
  await assert.rejects(link.ask('get-latents', { run: 'run1' }), (error: DaemonError) => error.code === 'away');
  link.scrub({ run: 'run1', z: [2, 2], atoms: false });
  link.scrub({ run: 'run1', z: [3, 3], atoms: false });
  daemon.decodeMilliseconds = 0;
  const frame = firstValueFrom(link.frames$);
  await daemon.start();
  assert.deepEqual([...(await frame).z], [3, 3]);
  link.close();
  await daemon.stop();
});

test('a question whose answer the connection took with it is refused as away, so that nobody waits for ever', async () => {
  const server = await scripted(() => server.stop());
  const link = connect(server.url);
  await reaches(link, 'open');
  await assert.rejects(
    link.ask('get-latents', { run: 'run1' }),
    (error: DaemonError) => error instanceof DaemonError && error.code === 'away',
  );
  link.close();
});

test('an error with an id refuses its question; one without an id is told and frees the scrub stream, as a scrub has no id', async () => {
  const server = await scripted((message, send) => {
    if (message.type === 'get-latents')
      send(encodeMessage({ type: 'error', id: message.id, code: 'not-ready', message: 'no epoch is done' }));
    if (message.type !== 'scrub') return;
    if (message.z[0] === 0) send(encodeMessage({ type: 'error', id: null, code: 'bad-value', message: 'z has 1 number, the run has 2' }));
    else send(encodeMessage({ type: 'frame', sequence: message.sequence, ...decode(message.run, 1, message.z, false) }));
  });
  const link = connect(server.url);
  await reaches(link, 'open');
  await assert.rejects(
    link.ask('get-latents', { run: 'run1' }),
    (error: DaemonError) => error.code === 'not-ready' && error.message === 'no epoch is done',
  );
  const told = firstValueFrom(link.unasked$);
  const frame = firstValueFrom(link.frames$);
  link.scrub({ run: 'run1', z: [0], atoms: false });
  link.scrub({ run: 'run1', z: [0.5], atoms: false });
  assert.equal((await told).type, 'error');
  assert.equal((await frame).z[0], 0.5);
  link.close();
  server.stop();
});

test('a message of a later protocol is passed over and a garbled one is told; neither ends the link', async () => {
  const server = await scripted((message, send) => {
    // {"type":"news"} and the number 7 in msgpack, written by hand.
    send(Uint8Array.of(0x81, 0xa4, ...Buffer.from('type'), 0xa4, ...Buffer.from('news')));
    send(Uint8Array.of(7));
    if (message.type === 'get-epochs') send(encodeMessage({ type: 'epochs', id: message.id, run: message.run, epochs: [] }));
  });
  const link = connect(server.url);
  await reaches(link, 'open');
  const told = firstValueFrom(link.unasked$);
  const answer = await link.ask('get-epochs', { run: 'run1' });
  assert.deepEqual(answer.epochs, []);
  const message = await told;
  assert.ok(message.type === 'error' && message.code === 'malformed');
  link.close();
  server.stop();
});

test('attempts come after 250, 500, 1000, … ms and never more than 5 s apart, so that a daemon that is gone is not hammered', context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let attempts = 0;
  let refuse = () => {};
  const link = new DaemonLink({
    url: 'ws://nowhere',
    open: () => {
      attempts++;
      const socket: Socket = {
        binaryType: '',
        readyState: 3,
        onopen: null,
        onclose: null,
        onerror: null,
        onmessage: null,
        send: () => {},
        close: () => {},
      };
      refuse = () => socket.onclose?.();
      return socket;
    },
  });
  const waits: number[] = [];
  for (let k = 0; k < 7; k++) {
    refuse();
    const before = attempts;
    let waited = 0;
    while (attempts === before) {
      context.mock.timers.tick(50);
      waited += 50;
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 5000, 5000]);
  refuse();
  link.retryNow();
  assert.equal(attempts, 9, 'asked by hand it tries at once');
  link.close();
  context.mock.timers.tick(60_000);
  assert.equal(attempts, 9, 'a closed link rests');
});

test('a scrub that is never answered holds up the next one only for a while', async () => {
  const seen: number[] = [];
  const server = await scripted((message, send) => {
    if (message.type !== 'scrub') return;
    seen.push(message.z[0]);
    if (seen.length > 1) send(encodeMessage({ type: 'frame', sequence: message.sequence, ...decode(message.run, 1, message.z, false) }));
  });
  const link = connect(server.url, { scrubPatience: 30 });
  await reaches(link, 'open');
  const frame = firstValueFrom(link.frames$);
  link.scrub({ run: 'run1', z: [1], atoms: false });
  link.scrub({ run: 'run1', z: [2], atoms: false });
  assert.equal((await frame).z[0], 2);
  assert.deepEqual(seen, [1, 2]);
  link.close();
  server.stop();
});
