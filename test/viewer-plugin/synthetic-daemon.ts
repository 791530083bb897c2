// A daemon for the page's tests: the real protocol through the real codec, over a real WebSocket, about a molecule whose motion is known.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeClientMessage, encodeMessage } from '../../protocol/codec.js';
import {
  type ClientMessage,
  type EpochRow,
  type HalvesSummary,
  type MapSource,
  type OrientationSummary,
  type ProjectSummary,
  type RegionTurn,
  type RunSummary,
  type ServerMessage,
  SOCKET_PATH,
  type StepMotion,
  SUBPROTOCOL,
  type TrainingDefaults,
} from '../../protocol/messages.js';
import { madePath } from './made-path.js';
import { ATOMS, CENTRE, decode, embeddings, latents, MAP_VOXEL_ANGSTROM, MAP_VOXELS, mapFile, modelFile } from './synthetic-project.js';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

export interface SyntheticOptions {
  /** Where the built page lies; without it only the socket is served. */
  viewerDir?: string;
  particles?: number;
  neutral?: boolean;
  runs?: RunSummary[];
  port?: number;
}

const DEFAULTS: TrainingDefaults = {
  latentDims: 4,
  vary: ['position', 'amplitude', 'width'],
  resolutionAngstrom: null,
  epochs: 20,
  batch: 16,
  learningRate: 1e-3,
  seed: 0,
  symmetryExpansion: 'on',
};

/** What all runs here have in common. */
const SAME: Pick<RunSummary, 'gaussians' | 'backend' | 'particles' | 'copies' | 'vary' | 'focus' | 'continueFrom' | 'embeddingsVersion'> = {
  gaussians: 126,
  backend: 'cpu',
  particles: 4000,
  copies: 1,
  vary: ['position', 'amplitude', 'width'],
  focus: null,
  continueFrom: null,
  embeddingsVersion: '',
};

/** z0 at the end of the regions' own motion. */
const OWN_STEP = 0.6;

/** How all above the hinge turns where z0 alone changes; every region is taken to lie there. */
function turnOf(region: string, from: readonly number[], to: readonly number[]): RegionTurn {
  const radians = 0.35 * (to[0] - from[0]);
  return {
    region,
    angleDegrees: (Math.abs(radians) * 180) / Math.PI,
    axis: [Math.sign(radians) || 1, 0, 0],
    axisPoint: radians === 0 ? null : CENTRE,
    shiftAngstrom: [0, 3, -0.5],
    residualAngstrom: 0.4,
    rmsAngstrom: 4,
    errorAngstrom: null,
    angleErrorDegrees: null,
    halvesDegrees: null,
  };
}

export function finishedRun(name: string, latentDims: number, epochs = 20): RunSummary {
  return { name, latentDims, epoch: epochs, epochs, state: 'done', frc: 0.21, ...SAME };
}

export class SyntheticDaemon {
  readonly received: ClientMessage[] = [];
  project: ProjectSummary;
  /** Frames wait for this many milliseconds, as if decoding took so long. */
  decodeMilliseconds = 0;
  /** Paths are begun and never found. */
  holdsPaths = false;
  /** Neighbouring particles join any two points. */
  isJoined = true;
  /** What start-training answers instead of starting, if anything. */
  refusal: string | null = null;
  /** What comparing halves and refining orientations have found out about every run. */
  halves: HalvesSummary | null = null;
  orientations: OrientationSummary | null = null;
  /** Whether every run has a UMAP, and clusters. */
  has = { umap: false, clusters: false };
  private mapVersion = 0;
  private readonly madeMaps = new Map<string, Buffer>();
  private readonly particles: number;
  private readonly map = mapFile();
  private readonly sockets = new Set<WebSocket>();
  private readonly rows = new Map<string, EpochRow[]>();
  private server: Server | null = null;
  port: number;

  constructor(private readonly options: SyntheticOptions) {
    this.particles = options.particles ?? 4000;
    this.port = options.port ?? 0;
    const size: [number, number, number] = [MAP_VOXELS, MAP_VOXELS, MAP_VOXELS];
    const voxel: [number, number, number] = [MAP_VOXEL_ANGSTROM, MAP_VOXEL_ANGSTROM, MAP_VOXEL_ANGSTROM];
    this.project = {
      name: 'synthetic hinge',
      particles: this.particles,
      boxSize: MAP_VOXELS,
      pixelSizeAngstrom: MAP_VOXEL_ANGSTROM,
      contrast: 1,
      symmetry: 'C1',
      map: { path: '/files/map', contour: this.map.contour, sizeVoxels: size, voxelSizeAngstrom: voxel, originAngstrom: [0, 0, 0] },
      model: { path: '/files/model', format: 'mmcif', atoms: ATOMS.length },
      neutral: options.neutral === false ? null : { gaussians: 126, resolutionAngstrom: 8 },
      runs: options.runs ?? [],
      maps: [],
      regions: [],
      trainingDefaults: { default: DEFAULTS, paper: { ...DEFAULTS, learningRate: 1e-4 } },
      jobs: [],
    };
    for (const run of this.project.runs)
      this.rows.set(
        run.name,
        Array.from({ length: run.epoch }, (_, k) => epochRow(k + 1)),
      );
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  get socketUrl(): string {
    return `ws://127.0.0.1:${this.port}${SOCKET_PATH}`;
  }

  async start(): Promise<this> {
    this.server = createServer((request, response) => this.serve(request, response));
    const sockets = new WebSocketServer({
      server: this.server,
      path: SOCKET_PATH,
      handleProtocols: offered => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    sockets.on('connection', socket => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
      socket.on('message', data => void this.answer(socket, decodeClientMessage(data as Buffer)));
      this.send(socket, { type: 'project', project: this.project });
    });
    await new Promise<void>(resolve => this.server!.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  /** Goes away as a killed process does: every connection is cut, the port is free. */
  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    const server = this.server!;
    this.server = null;
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  }

  tell(message: ServerMessage): void {
    for (const socket of this.sockets) this.send(socket, message);
  }

  /** Adds or replaces runs and jobs, and tells every viewer. */
  change(changed: Partial<ProjectSummary>): void {
    this.project = { ...this.project, ...changed };
    this.tell({ type: 'project', project: this.project });
  }

  /** The job on this run ends well. */
  endJob(job: string, run: string | null): void {
    this.tell({ type: 'job-ended', job, run, error: null });
    this.change({ jobs: [] });
  }

  /** The run finishes its next epoch; with the last one its job ends. */
  finishEpoch(name: string): void {
    const run = this.project.runs.find(candidate => candidate.name === name)!;
    const row = epochRow(run.epoch + 1);
    this.rows.set(name, [...(this.rows.get(name) ?? []), row]);
    const done = row.epoch === run.epochs;
    const next: RunSummary = { ...run, epoch: row.epoch, frc: row.frc, state: done ? 'done' : 'training' };
    this.project = { ...this.project, runs: this.project.runs.map(one => (one === run ? next : one)), jobs: done ? [] : this.project.jobs };
    this.tell({ type: 'epoch', run: name, row, latentsReady: true });
    this.tell({
      type: 'progress',
      job: 'job-1',
      run: name,
      stage: `epoch ${row.epoch} of ${run.epochs}`,
      done: this.particles,
      total: this.particles,
      seconds: row.epoch * 4,
    });
    if (done) {
      this.tell({ type: 'job-ended', job: 'job-1', run: name, error: null });
      this.tell({ type: 'project', project: this.project });
    }
  }

  /** The run has what `has` says, of a new version. */
  tellEmbeddings(): void {
    const version = JSON.stringify(this.has);
    this.change({ runs: this.project.runs.map(run => ({ ...run, embeddingsVersion: version })) });
  }

  /** A map of the molecule at a latent point comes, or takes the place of the one of that name. */
  addMap(name: string, latent: number[], source: MapSource, resolutionAngstrom: number | null = null): void {
    const { bytes, contour } = mapFile(latent);
    this.madeMaps.set(`/files/maps/${name}`, bytes);
    const map = {
      ...this.project.map!,
      name,
      path: `/files/maps/${name}`,
      version: String(++this.mapVersion),
      contour,
      resolutionAngstrom,
      source,
    };
    this.change({ maps: [...this.project.maps.filter(known => known.name !== name), map] });
  }

  private send(socket: WebSocket, message: ServerMessage): void {
    socket.send(encodeMessage(message));
  }

  private async answer(socket: WebSocket, message: ClientMessage): Promise<void> {
    this.received.push(message);
    const send = (answer: ServerMessage) => this.send(socket, answer);
    const run = 'run' in message ? this.project.runs.find(candidate => candidate.name === message.run) : undefined;
    if ('run' in message && message.type !== 'start-training' && (!run || (run.epoch === 0 && message.type !== 'get-epochs'))) {
      send({
        type: 'error',
        id: 'id' in message ? message.id : null,
        code: run ? 'not-ready' : 'no-such-run',
        message: `${message.run} has no latents yet`,
      });
      return;
    }
    switch (message.type) {
      case 'get-latents': {
        const { latentDims: dims, epoch, epochs, copies } = run!;
        send({
          type: 'latents',
          id: message.id,
          run: run!.name,
          epoch,
          dims,
          count: this.particles,
          ...latents(this.particles, dims, Math.sqrt(epoch / epochs), 7, copies),
        });
        return;
      }
      case 'get-epochs':
        send({ type: 'epochs', id: message.id, run: message.run, epochs: this.rows.get(message.run) ?? [] });
        return;
      case 'decode':
        send({ type: 'decoded', id: message.id, ...decode(message.run, run!.epoch, message.z, message.atoms) });
        return;
      case 'scrub':
        if (this.decodeMilliseconds) await new Promise(resolve => setTimeout(resolve, this.decodeMilliseconds).unref());
        if (socket.readyState === socket.OPEN)
          send({ type: 'frame', sequence: message.sequence, ...decode(message.run, run!.epoch, message.z, message.atoms) });
        return;
      case 'start-training': {
        if (this.refusal) {
          send({ type: 'error', id: message.id, code: 'failed', message: this.refusal });
          return;
        }
        const { latentDims = 4, epochs = 20 } = message.settings;
        send({ type: 'started', id: message.id, job: 'job-1' });
        this.change({
          runs: [...this.project.runs, { name: message.run, latentDims, epoch: 0, epochs, state: 'training', frc: null, ...SAME }],
          jobs: [{ job: 'job-1', run: message.run, stage: 'gradients', done: 0, total: 100 }],
        });
        return;
      }
      case 'get-halves':
        send({ type: 'halves', id: message.id, run: message.run, report: this.halves });
        return;
      case 'get-orientations':
        send({ type: 'orientations', id: message.id, run: message.run, report: this.orientations });
        return;
      case 'get-embeddings': {
        const { latentDims: dims, epoch, epochs, copies } = run!;
        const { z } = latents(this.particles, dims, Math.sqrt(epoch / epochs), 7, copies);
        const { columns, clusters, ...rest } = embeddings(z, this.particles, dims);
        send({
          type: 'embeddings',
          id: message.id,
          run: run!.name,
          ...rest,
          columns: this.has.umap ? columns : [],
          clusters: this.has.clusters ? clusters : null,
        });
        return;
      }
      case 'delete-map':
        send({ type: 'map-deleted', id: message.id, name: message.name });
        this.change({ maps: this.project.maps.filter(({ name }) => name !== message.name) });
        return;
      case 'start-embedding':
      case 'start-clustering':
      case 'start-reconstruction':
      case 'start-neutral':
      case 'start-orientations':
      case 'start-halves': {
        const job = `${message.type.slice('start-'.length)}-1`;
        send({ type: 'started', id: message.id, job });
        this.change({ jobs: [{ job, run: run?.name ?? null, stage: 'start', done: 0, total: 0 }] });
        return;
      }
      case 'find-path': {
        const { id, shape, from, to, points = 10 } = message;
        if (this.holdsPaths) send({ type: 'path-progress', id, stage: 'neighbours', done: 1, total: 4 });
        else
          send({
            type: 'path',
            id,
            run: run!.name,
            epoch: run!.epoch,
            path: this.isJoined || shape === 'line' ? madePath(shape, from, to, points) : null,
          });
        return;
      }
      case 'measure-motion':
        send({
          type: 'motion',
          id: message.id,
          run: run!.name,
          epoch: run!.epoch,
          rmsAngstrom: 2,
          errorAngstrom: null,
          regions: message.regions.map(name => turnOf(name, message.from, message.to)),
        });
        return;
      case 'find-motions': {
        const along = (sign: number) => Array.from({ length: run!.latentDims }, (_, d) => (d === 0 ? sign * OWN_STEP : 0));
        const turns = message.regions.map(name => turnOf(name, along(-1), along(1)));
        const motion = { step: Float32Array.from(along(1)), insideAngstrom: turns.map(() => 5), outsideAngstrom: 0.5, turns };
        const own = turns.map((turn): StepMotion[] => [{ ...motion, insideAngstrom: [5], turns: [turn] }]);
        send({
          type: 'motions',
          id: message.id,
          run: run!.name,
          epoch: run!.epoch,
          own,
          joint: own.length > 1 ? { together: motion, apart: motion } : null,
        });
        return;
      }
      case 'save-region': {
        const { positions } = decode('', 0, [0, 0], false);
        const inside = Array.from({ length: positions.length / 3 }, (_, i) => positions.subarray(3 * i, 3 * i + 3)).filter(([x, y, z]) =>
          Array.from({ length: message.spheres.length / 4 }, (_, k) => message.spheres.subarray(4 * k, 4 * k + 4)).some(
            ([cx, cy, cz, radius]) => Math.hypot(x - cx, y - cy, z - cz) <= radius,
          ),
        ).length;
        this.change({ regions: [...this.project.regions, message.name] });
        send({ type: 'region-saved', id: message.id, name: message.name, gaussians: inside });
        return;
      }
      case 'cancel-job': {
        send({ type: 'cancelled', id: message.id, job: message.job });
        this.tell({ type: 'job-ended', job: message.job, run: null, error: null });
        this.change({ jobs: [], runs: this.project.runs.map(one => (one.state === 'training' ? { ...one, state: 'stopped' } : one)) });
      }
    }
  }

  private serve(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url!, 'http://daemon').pathname;
    if (this.madeMaps.has(path)) response.end(this.madeMaps.get(path));
    else if (path === '/files/map') response.end(this.map.bytes);
    else if (path === '/files/model') response.end(modelFile());
    else {
      const file = join(this.options.viewerDir ?? '', normalize(path === '/' ? 'index.html' : path));
      if (!this.options.viewerDir || !existsSync(file) || !statSync(file).isFile()) {
        response.writeHead(404).end();
        return;
      }
      response.setHeader('Content-Type', TYPES[extname(file)] ?? 'application/octet-stream');
      createReadStream(file).pipe(response);
    }
  }
}

/** A curve that rises and levels off. */
function epochRow(epoch: number): EpochRow {
  const frc = 0.215 - 0.09 * Math.exp(-epoch / 4) + 0.0015 * Math.sin(5 * epoch);
  return { epoch, frc, loss: -frc, seconds: 4 + 0.2 * Math.sin(epoch) };
}
