// The daemon's network side: one HTTP server for the viewer and its files, one WebSocket for messages, behind one access check.
import { randomBytes } from 'node:crypto';
import { createServer, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_MESSAGE_BYTES, type ServerMessage, SOCKET_PATH, SUBPROTOCOL, type TrainingRequest } from '../../protocol/messages.js';
import { InputError } from '../formats/input-error.js';
import { readModel } from '../models/read-model.js';
import { ProjectFolder } from '../project/project-folder.js';
import { Access, bracketed, parseAddress } from './access.js';
import { createFileServer } from './files.js';
import { Jobs } from './jobs.js';
import { Latents } from './latents.js';
import { MadeMaps } from './made-maps.js';
import { Molecules } from './molecules.js';
import { Motions } from './motions.js';
import { Paths } from './paths.js';
import { type ServedModel, summariseProject } from './project-summary.js';
import { ProjectWatch } from './project-watch.js';
import { Regions } from './regions.js';
import type { Features } from './requests.js';
import { RunReader } from './run-reader.js';
import { prepareServedMap } from './served-map.js';
import { Session } from './session.js';

/** Ports tried after the first when the next free one may be taken. */
const MORE_PORTS = 50;

export interface ServiceOptions {
  projectDir: string;
  host: string;
  /** 0: any free one. */
  port: number;
  /** Where the port is taken, take the next free one instead of failing. */
  nextFreePort?: boolean;
  /** The start's secret; a random one unless given. Letters, digits, - and _. */
  token?: string;
  /** Folder of the built viewer, with index.html. */
  viewerDir: string;
  /** Program and first arguments that start limber, for training in a process of its own. */
  limber: readonly string[];
}

export interface Service {
  /** With the token: whoever has it may use the daemon. */
  url: string;
  port: number;
  token: string;
  /** As a viewer's start-training; returns the job's name. Throws RequestError `busy`. */
  startTraining(run: string, settings?: TrainingRequest): string;
  /** Stops the jobs (they save first), closes every connection and the port. */
  close(): Promise<void>;
}

/** Throws InputError: no project, a broken map or model, a port that is taken. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const project = ProjectFolder.open(options.projectDir);
  const map = prepareServedMap(project);
  const modelPath = project.settings.model && project.resolve(project.settings.model);
  const model = modelPath ? await placesOf(modelPath) : null;

  const server = createServer();
  const port = await listen(server, options);
  const token = options.token ?? randomBytes(24).toString('base64url');
  const access = new Access(token, options.host, port);

  const watch = new ProjectWatch(project);
  const reader = new RunReader();
  const sessions = new Set<Session>();
  const broadcast = (key: string, message: ServerMessage) => {
    for (const session of sessions) session.tell(key, message);
  };
  const projectMessage = (): ServerMessage => ({ type: 'project', project: summariseProject(watch, jobs, map, maps, model) });
  const tellProject = () => broadcast('project', projectMessage());
  const maps = new MadeMaps(project, reader, tellProject);
  const jobs = new Jobs(watch, maps, options.limber, broadcast, tellProject);
  const latents = new Latents(watch, reader);
  const features: Features = {
    watch,
    jobs,
    maps,
    reader,
    latents,
    paths: new Paths(latents),
    regions: new Regions(project, tellProject),
    molecules: new Molecules(watch, reader, model?.positions ?? null),
    motions: new Motions(watch),
  };
  watch.on('changed', tellProject);
  watch.on('epoch', (run, row, latentsReady) => broadcast(`epoch ${run} ${latentsReady}`, { type: 'epoch', run, row, latentsReady }));
  watch.on('looked', () => maps.look());
  watch.start();
  maps.look();

  server.on(
    'request',
    createFileServer(access, { viewerDir: options.viewerDir, map: map?.path ?? null, model: modelPath, madeMap: name => maps.file(name) }),
  );
  const sockets = acceptSockets(server, access, socket => {
    const session = new Session(socket, features);
    sessions.add(session);
    socket.on('close', () => sessions.delete(session));
    session.tell('project', projectMessage());
  });

  return {
    url: `http://${bracketed(reachable(options.host))}:${port}/?token=${token}`,
    port,
    token,
    startTraining: (run, settings = {}) => jobs.train(run, settings),
    async close() {
      watch.stop();
      await jobs.close();
      for (const socket of sockets.clients) socket.close(1001, 'the daemon is ending');
      await reader.close();
      await features.motions.close();
      await shut(server, sockets);
    },
  };
}

/** What is needed of the fitted model; its text and tables are let go. */
async function placesOf(path: string): Promise<ServedModel & { positions: Float32Array }> {
  const { format, atoms, positions } = await readModel(path);
  return { format, atoms, positions };
}

/** Upgrades what may come in to a WebSocket; says why to the rest, in HTTP. */
function acceptSockets(server: Server, access: Access, welcome: (socket: WebSocket) => void): WebSocketServer {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_MESSAGE_BYTES,
    perMessageDeflate: false,
    handleProtocols: () => SUBPROTOCOL,
  });
  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy());
    const refusal = access.refusal(request);
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim());
    if (refusal) refuse(stream, refusal.status, refusal.reason);
    else if (parseAddress(request)?.pathname !== SOCKET_PATH) refuse(stream, 404, `the WebSocket is at ${SOCKET_PATH}`);
    else if (!offered.includes(SUBPROTOCOL)) refuse(stream, 400, `the sub-protocol is ${SUBPROTOCOL}`);
    else sockets.handleUpgrade(request, stream, head, welcome);
  });
  return sockets;
}

function refuse(stream: Duplex, status: number, reason: string): void {
  const body = `${reason}\n`;
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** Returns the port. */
async function listen(server: Server, { host, port, nextFreePort }: ServiceOptions): Promise<number> {
  const last = nextFreePort && port > 0 ? Math.min(port + MORE_PORTS, 65_535) : port;
  for (let candidate = port; ; candidate++) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(candidate, host, () => {
          server.removeListener('error', reject);
          resolve();
        });
      });
      return (server.address() as AddressInfo).port;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRINUSE' && candidate < last) continue;
      throw portError(code, host, candidate) ?? error;
    }
  }
}

function portError(code: string | undefined, host: string, port: number): InputError | null {
  if (code === 'EADDRINUSE')
    return new InputError(`port ${port} on ${host} is taken by another program; stop it or choose another port with --port`);
  if (code === 'EACCES') return new InputError(`port ${port} may not be used by this user; choose one above 1023 with --port`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new InputError(`${host} is no address of this machine; leave out --host for 127.0.0.1`);
  return null;
}

/** An address a browser can open, where the daemon is bound to all of them. */
function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** A viewer that does not answer the closing is cut off after a second. */
async function shut(server: Server, sockets: WebSocketServer): Promise<void> {
  const cutOff = setTimeout(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
  }, 1000);
  await new Promise<void>(resolve => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cutOff);
}
