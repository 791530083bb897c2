// A daemon in a process of its own, as a user starts it, and a viewer connected to it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { decodeServerMessage } from '../../protocol/codec.js';
import type { ServerMessage, TrainingRequest } from '../../protocol/messages.js';
import { Viewer } from '../service/small-project.js';
import { LAUNCHER } from './made-project.js';

type Progress = Extract<ServerMessage, { type: 'progress' }>;

export class ServedProject {
  private questions = 0;
  private job: string | null = null;

  private constructor(
    readonly project: string,
    private readonly daemon: ChildProcess,
    readonly viewer: Viewer,
  ) {}

  /** `limber serve` on the project, once it answers. */
  static async start(project: string): Promise<ServedProject> {
    const daemon = spawn(process.execPath, [LAUNCHER, 'serve', project, '--no-open', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    // Whatever ends the benchmark ends the daemon, which ends its training.
    process.once('exit', () => daemon.kill('SIGTERM'));
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
    for await (const line of createInterface({ input: daemon.stdout as Readable })) {
      const { event, url } = JSON.parse(line) as { event: string; url: string };
      if (event !== 'ready') continue;
      const { port, searchParams } = new URL(url);
      const viewer = await Viewer.connect({ port: Number(port), token: searchParams.get('token') as string });
      return new ServedProject(project, daemon, viewer);
    }
    throw new Error(`limber serve ${project} ended before it answered`);
  }

  /** Of the daemon. */
  get pid(): number {
    return this.daemon.pid as number;
  }

  /** Trains a run, or goes on with it; resolves when the job has ended. `watch` sees all that is told meanwhile. Throws what the job says of its failure. */
  async train(run: string, settings: TrainingRequest, watch: (progress: Progress) => void = () => {}): Promise<void> {
    const { socket } = this.viewer;
    const listen = (data: Buffer) => {
      const message = decodeServerMessage(data);
      if (message.type === 'progress') watch(message);
    };
    socket.on('message', listen);
    const id = this.nextId();
    this.viewer.send({ type: 'start-training', id, run, settings });
    const answer = await Promise.race([
      this.viewer.next('started', message => message.id === id),
      this.viewer.next('error', message => message.id === id),
    ]);
    if (answer.type === 'error') throw new Error(answer.message);
    const { job } = answer;
    this.job = job;
    const { error } = await this.viewer.next('job-ended', message => message.job === job);
    this.job = null;
    socket.off('message', listen);
    if (error) throw new Error(error);
  }

  /** A run of that name then begins anew. */
  forget(run: string): void {
    rmSync(join(this.project, 'runs', run), { recursive: true, force: true });
  }

  /** Asks the training to save and end, which `train` tells. */
  cancel(): void {
    if (this.job) this.viewer.send({ type: 'cancel-job', id: this.nextId(), job: this.job });
  }

  /** Milliseconds until a decoded molecule is here. */
  async decode(run: string, z: number[]): Promise<number> {
    const id = this.nextId();
    const asked = performance.now();
    this.viewer.send({ type: 'decode', id, run, z, atoms: false });
    await this.viewer.next('decoded', message => message.id === id);
    return performance.now() - asked;
  }

  /** Ends the daemon with its jobs. */
  async stop(): Promise<void> {
    await this.viewer.leave();
    this.daemon.kill('SIGTERM');
    await once(this.daemon, 'exit');
  }

  private nextId(): number {
    return this.questions++;
  }
}
