// Who is let in: the daemon's own address with its token, and nobody else, over HTTP and WebSocket alike.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import WebSocket from 'ws';
import { InputError } from '../../daemon/formats/input-error.js';
import { type Service, startService } from '../../daemon/service/server.js';
import { SOCKET_PATH, SUBPROTOCOL } from '../../protocol/messages.js';
import { makeProject, PAGE, SECRET, serve, Viewer } from './small-project.js';

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

function get(service: Service, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: service.port, path, headers, method, agent: false }, response => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', chunk => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The status with which an upgrade is answered: 101 when it is let in. */
function upgrade(service: Service, options: { path?: string; headers?: Record<string, string>; protocol?: string[] }): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${service.port}${options.path ?? SOCKET_PATH}`, options.protocol ?? [SUBPROTOCOL], {
    headers: options.headers,
  });
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      socket.terminate();
      resolve(response.statusCode ?? 0);
    });
    socket.on('error', reject);
  }).finally(() => socket.on('error', () => {})) as Promise<number>;
}

test('without the token nothing is served, not even the page, because any user of the machine can reach the port', async t => {
  const service = await serve(t, makeProject(t));
  for (const path of ['/', '/page.js', '/files/map', '/files/model', '/nowhere']) {
    assert.equal((await get(service, path)).status, 401);
    assert.equal((await get(service, `${path}?token=${'x'.repeat(service.token.length)}`)).status, 401);
    assert.equal((await get(service, `${path}?token=`)).status, 401);
    assert.equal((await get(service, path, { Cookie: `limber-${service.port}=nonsense` })).status, 401);
  }
  assert.equal(await upgrade(service, {}), 401);
  assert.equal(await upgrade(service, { path: `${SOCKET_PATH}?token=wrong` }), 401);
});

test('the printed address opens the page and lets its further requests in by a cookie that no script reads and no other site sends', async t => {
  const service = await serve(t, makeProject(t));
  const page = await get(service, new URL(service.url).pathname + new URL(service.url).search);
  assert.equal(page.status, 200);
  assert.equal(page.body, PAGE);
  const cookie = String(page.headers['set-cookie']);
  assert.match(cookie, /HttpOnly/);
  assert.match(cookie, /SameSite=Strict/);
  const pair = { Cookie: cookie.split(';')[0] };
  for (const path of ['/page.js', '/files/map', '/files/model']) assert.equal((await get(service, path, pair)).status, 200);
  assert.equal(await upgrade(service, { headers: pair }), 101);
  assert.equal(await upgrade(service, { headers: { Authorization: `Bearer ${service.token}` } }), 101);
});

test('two starts have two tokens, because an address of yesterday must not open the daemon of today', async t => {
  const small = makeProject(t);
  const [first, second] = [await serve(t, small), await serve(t, small)];
  assert.notEqual(first.token, second.token);
  assert.ok(first.token.length >= 32);
});

test('a foreign Host is refused even with the token, because a name can be pointed at this address (DNS rebinding)', async t => {
  const service = await serve(t, makeProject(t));
  const token = `?token=${service.token}`;
  for (const Host of [
    'evil.example',
    `evil.example:${service.port}`,
    '127.0.0.1',
    '127.0.0.1:1',
    `127.0.0.1.evil.example:${service.port}`,
  ]) {
    assert.equal((await get(service, `/${token}`, { Host })).status, 403, Host);
    assert.equal(await upgrade(service, { path: SOCKET_PATH + token, headers: { Host } }), 403, Host);
  }
  for (const name of ['127.0.0.1', 'localhost', '[::1]', 'LocalHost']) {
    assert.equal((await get(service, `/${token}`, { Host: `${name}:${service.port}` })).status, 200, name);
  }
});

test('a foreign Origin is refused even with the token, because other pages run in the same browser', async t => {
  const service = await serve(t, makeProject(t));
  const token = `?token=${service.token}`;
  for (const Origin of [
    'http://evil.example',
    'null',
    `https://127.0.0.1:${service.port}`,
    `http://localhost:${service.port}`,
    'http://127.0.0.1:1',
  ]) {
    assert.equal((await get(service, `/files/map${token}`, { Origin })).status, 403, Origin);
    assert.equal(await upgrade(service, { path: SOCKET_PATH + token, headers: { Origin } }), 403, Origin);
  }
  const own = `http://127.0.0.1:${service.port}`;
  assert.equal(await upgrade(service, { path: SOCKET_PATH + token, headers: { Origin: own } }), 101);
});

test('a WebSocket elsewhere or without the sub-protocol is refused in HTTP, so that its writer reads why', async t => {
  const service = await serve(t, makeProject(t));
  const token = `?token=${service.token}`;
  assert.equal(await upgrade(service, { path: `/other${token}` }), 404);
  assert.equal(await upgrade(service, { path: SOCKET_PATH + token, protocol: ['limber.v0'] }), 400);
  assert.equal(await upgrade(service, { path: SOCKET_PATH + token, protocol: [] }), 400);
});

test('no address reaches a file beside the viewer, whatever way it is spelt, because addresses are never paths on disk', async t => {
  const service = await serve(t, makeProject(t));
  const ways = [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/..%5csecret.txt',
    '/%2e%2e%2fsecret.txt',
    '/files/../../secret.txt',
    '/files/map/../../../secret.txt',
    '/files/..%2f..%2fsecret.txt',
    '/files/map%00',
    '/files/project.json',
    '//secret.txt',
    '/./../secret.txt',
    '/files/model/secret.txt',
    '/%c0%ae%c0%ae/secret.txt',
    '/project/project.json',
  ];
  for (const way of ways) {
    const answer = await get(service, `${way}?token=${service.token}`);
    assert.ok(answer.status >= 400 && answer.status < 500, `${way}: ${answer.status}`);
    assert.ok(!answer.body.includes(SECRET));
    assert.ok(!answer.body.includes('    at '), 'no stack');
  }
});

test('every answer, refusals too, confines the page to its own scripts and does not name the software', async t => {
  const service = await serve(t, makeProject(t));
  for (const path of ['/', `/?token=${service.token}`, `/files/map?token=${service.token}`, `/missing?token=${service.token}`]) {
    const { headers } = await get(service, path);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval';/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['referrer-policy'], 'no-referrer');
    assert.equal(headers['x-powered-by'], undefined);
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
});

test('only GET and HEAD are known, because nothing is written over HTTP', async t => {
  const service = await serve(t, makeProject(t));
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])
    assert.equal((await get(service, `/?token=${service.token}`, {}, method)).status, 405);
  assert.equal((await get(service, `/files/map?token=${service.token}`, {}, 'HEAD')).status, 200);
});

test('bytes that are no HTTP do not end the daemon', async t => {
  const service = await serve(t, makeProject(t));
  for (const bytes of [
    '\0\x01\x02\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    `GET http://[ HTTP/1.1\r\nHost: 127.0.0.1:${service.port}\r\n\r\n`,
    'GET /socket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  ]) {
    await new Promise<void>(resolve => {
      const socket = connect(service.port, '127.0.0.1', () => socket.end(bytes));
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.resume();
    });
  }
  await (await Viewer.connect(service)).next('project');
});

test('a port that is taken is one clear line with the cure, or the next free one where that was asked for', async t => {
  const small = makeProject(t);
  const first = await serve(t, small);
  const options = {
    projectDir: small.project.path,
    host: '127.0.0.1',
    port: first.port,
    viewerDir: small.viewerDir,
    limber: [process.execPath],
  };
  await assert.rejects(startService(options), error => {
    assert.ok(error instanceof InputError);
    assert.match(error.message, new RegExp(`port ${first.port} .*--port`));
    return true;
  });
  const second = await startService({ ...options, nextFreePort: true });
  t.after(() => second.close());
  assert.ok(second.port > first.port);
});
