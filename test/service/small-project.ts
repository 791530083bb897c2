// A whole small project on disk, with a map, a fitted model and a run whose decoder is real, and a viewer that speaks the protocol.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import WebSocket from 'ws';
import { writeMap } from '../../daemon/formats/mrc.js';
import { Random } from '../../daemon/numerics/random.js';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import type { ProjectSettings } from '../../daemon/project/project-settings.js';
import type { RunFolder, RunSettings } from '../../daemon/project/run-folder.js';
import { type Service, startService } from '../../daemon/service/server.js';
import { defaultTrainingSettings } from '../../daemon/settings/training.js';
import { decodeServerMessage, encodeMessage } from '../../protocol/codec.js';
import { type ClientMessage, type ServerMessage, SOCKET_PATH, SUBPROTOCOL } from '../../protocol/messages.js';

export const GAUSSIANS = 6;
export const DIMS = 2;
export const PAGE = '<!doctype html><title>viewer</title>';
export const SECRET = 'not for the network';

/** Two atoms of a PDB file, columns as the format has them. */
const PDB = [
  'ATOM      1  CA  ALA A   1       1.000   2.000   3.000  1.00  0.00           C  ',
  'ATOM      2  CA  GLY A   2       4.000   5.000   6.000  1.00  0.00           C  ',
  'END',
  '',
].join('\n');

export interface SmallProject {
  /** Holds the project, and beside it a secret that must never be served. */
  folder: string;
  project: ProjectFolder;
  viewerDir: string;
}

export function makeProject(t: TestContext, changed: Partial<ProjectSettings> = {}): SmallProject {
  const folder = mkdtempSync(join(tmpdir(), 'limber-service-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'secret.txt'), SECRET);
  writeFileSync(join(folder, 'model.pdb'), PDB);
  const random = new Random(3);
  const data = Float32Array.from({ length: 8 * 8 * 8 }, () => random.uniform());
  writeMap(join(folder, 'map.mrc'), { size: [8, 8, 8], voxelSizeAngstrom: [2, 2, 2], originAngstrom: [-4, 0, 6], data });
  const viewerDir = join(folder, 'viewer');
  mkdirSync(viewerDir);
  writeFileSync(join(viewerDir, 'index.html'), PAGE);
  writeFileSync(join(viewerDir, 'page.js'), 'export {};');
  const project = ProjectFolder.create(join(folder, 'project'), {
    format: 'limber-project',
    version: 1,
    name: 'small',
    particles: '../particles.star',
    imagesDir: null,
    map: '../map.mrc',
    mask: null,
    model: '../model.pdb',
    symmetry: 'C1',
    pixelSizeAngstrom: 2,
    boxSize: 8,
    particleCount: 5,
    contrast: -1,
    contrastCorrelation: null,
    contour: 0.75,
    ...changed,
  });
  return { folder, project, viewerDir };
}

/** Program and first arguments that start the command line as it was built with these tests. */
export function realLimber({ folder }: SmallProject): string[] {
  const main = new URL('../../daemon/main.js', import.meta.url).href;
  const path = join(folder, 'limber.mjs');
  writeFileSync(path, `import { main } from ${JSON.stringify(main)};\nawait main(process.argv.slice(2));\n`);
  return [process.execPath, path];
}

export function runSettings(run: string, changed: Partial<RunSettings> = {}): RunSettings {
  return {
    ...defaultTrainingSettings,
    format: 'limber-run',
    version: 1,
    run,
    state: 'stopped',
    epoch: 2,
    epochs: 10,
    latentDims: DIMS,
    gaussians: GAUSSIANS,
    resolutionAngstrom: 8,
    vary: ['position'],
    batch: 8,
    learningRate: 1e-3,
    seed: 1,
    backend: 'cpu',
    particles: 5,
    copies: 1,
    goesOn: false,
    frc: 0.5,
    seconds: 4,
    ...changed,
  };
}

/** A run with settings, two epochs, latents of `particles` rows and weights. */
export function makeRun(project: ProjectFolder, name: string, particles = 5): RunFolder {
  const run = project.run(name);
  const random = new Random(11);
  const numbers = (n: number) => Float32Array.from({ length: n }, () => random.uniform() - 0.5);
  run.writeSettings(runSettings(name, { particles }));
  run.writeLosses([1, 2].map(epoch => ({ epoch, frc: epoch / 10, loss: -epoch / 10, seconds: epoch })));
  run.writeLatents({
    count: particles,
    dims: DIMS,
    particle: Uint32Array.from({ length: particles }, (_, i) => i + 1),
    z: numbers(particles * DIMS),
    frc: numbers(particles).fill(Number.NaN, 0, 1),
  });
  writeWeights(run, 2);
  return run;
}

export function writeWeights(run: RunFolder, epoch: number): void {
  const random = new Random(epoch);
  const tensor = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.uniform() - 0.5),
  });
  const parameters = 5 * GAUSSIANS;
  run.writeWeights(
    [
      ['decoder.0.weight', tensor(DIMS, 4)],
      ['decoder.0.bias', tensor(4)],
      ['decoder.1.weight', tensor(4, parameters)],
      ['decoder.1.bias', tensor(parameters)],
      ['neutral.logits', tensor(5, GAUSSIANS)],
      ['vary', { shape: [5, GAUSSIANS], data: new Float32Array(parameters).fill(1) }],
    ],
    { epoch: String(epoch), frame: JSON.stringify({ boxAngstrom: 16, centreAngstrom: [4, 8, 14], referenceSigmaAngstrom: 3 }) },
  );
}

export async function serve(
  t: TestContext,
  { project, viewerDir }: SmallProject,
  limber: readonly string[] = [process.execPath, '--version'],
): Promise<Service> {
  const service = await startService({ projectDir: project.path, host: '127.0.0.1', port: 0, viewerDir, limber });
  t.after(() => service.close());
  return service;
}

/** A viewer: keeps what it is told and hands it out in order of asking. */
export class Viewer {
  readonly heard: ServerMessage[] = [];
  readonly closed: Promise<number>;
  private readonly waiting: { fits: (message: ServerMessage) => boolean; resolve: (message: never) => void }[] = [];

  private constructor(readonly socket: WebSocket) {
    this.closed = new Promise(resolve => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.on('message', data => {
      const message = decodeServerMessage(data as Buffer);
      const index = this.waiting.findIndex(({ fits }) => fits(message));
      if (index >= 0) this.waiting.splice(index, 1)[0].resolve(message as never);
      else this.heard.push(message);
    });
  }

  static async connect(service: Pick<Service, 'port' | 'token'>): Promise<Viewer> {
    const viewer = new Viewer(new WebSocket(`ws://127.0.0.1:${service.port}${SOCKET_PATH}?token=${service.token}`, SUBPROTOCOL));
    await new Promise((resolve, reject) => viewer.socket.once('open', resolve).once('error', reject));
    return viewer;
  }

  send(message: ClientMessage): void {
    this.socket.send(encodeMessage(message));
  }

  /** The first message of this type, heard already or still to come, that also `fits`. */
  next<T extends ServerMessage['type']>(
    type: T,
    fits: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const both = (message: ServerMessage) => message.type === type && fits(message as never);
    const index = this.heard.findIndex(both);
    if (index >= 0) return Promise.resolve(this.heard.splice(index, 1)[0] as never);
    return new Promise(resolve => void this.waiting.push({ fits: both, resolve }));
  }

  async leave(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}
