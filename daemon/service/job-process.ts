// One command of limber in a process of its own: what it prints becomes progress, epochs and a result, and it can be asked to stop.
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import type { Readable } from 'node:stream';
import type { EpochRow } from '../../protocol/messages.js';

/** Between asking it to stop, which saves everything, and ending it by force. */
const PATIENCE_MS = 20_000;
/** No line of ours is longer; what is longer is not kept. */
const LONGEST_LINE = 1 << 16;

export interface Progress {
  stage: string;
  done: number;
  total: number;
  seconds: number;
}

export interface JobListener {
  progress(progress: Progress): void;
  epoch(row: EpochRow): void;
  /** What it says at its end, as far as it came there. */
  done(result: Record<string, unknown>): void;
  /** Exactly once. `error` is one line; null when it finished or was stopped as asked. */
  ended(error: string | null): void;
}

export class JobProcess {
  private readonly child: ChildProcess;
  private lastComplaint = '';
  private stopping = false;
  private forced = false;
  private force: NodeJS.Timeout | null = null;
  private readonly gone: Promise<void>;

  /** `command`: program and arguments; never a shell. */
  constructor(
    command: readonly string[],
    private readonly listener: JobListener,
  ) {
    const [program, ...args] = command;
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
    forEachLine(this.child.stdout as Readable, line => this.hear(line));
    forEachLine(this.child.stderr as Readable, line => {
      if (line.trim() !== '') this.lastComplaint = line.trim();
    });
    this.gone = new Promise(resolve => {
      let over = false;
      const end = (error: string | null) => {
        if (over) return;
        over = true;
        if (this.force) clearTimeout(this.force);
        process.removeListener('exit', this.kill);
        resolve();
        listener.ended(error);
      };
      this.child.on('error', error => end(`limber did not start: ${error.message}`));
      this.child.on('close', (status, signal) => end(this.verdict(status, signal)));
    });
    // Should the daemon end without having stopped its jobs, they end with it.
    process.on('exit', this.kill);
    this.stepBack();
  }

  /** Asks it to save and end; resolves when it is gone, by force after twenty seconds. */
  stop(): Promise<void> {
    if (!this.stopping) {
      this.stopping = true;
      this.child.kill('SIGTERM');
      this.force = setTimeout(() => {
        this.forced = true;
        this.child.kill('SIGKILL');
      }, PATIENCE_MS);
    }
    return this.gone;
  }

  private readonly kill = () => void this.child.kill('SIGKILL');

  /** Frames are for eyes and training is for later: with all cores busy the daemon comes first. */
  private stepBack(): void {
    try {
      if (this.child.pid) setPriority(this.child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
    } catch {
      // Gone already, or not allowed here: only the order of service is lost.
    }
  }

  private verdict(status: number | null, signal: NodeJS.Signals | null): string | null {
    if (this.forced) return 'the job did not stop when asked and was ended; work since the last checkpoint is lost';
    if (this.stopping || status === 0) return null;
    if (this.lastComplaint !== '') return this.lastComplaint.replace(/^limber: /, '');
    return status === null ? `the job was ended by ${signal}` : `the job ended with status ${status} and no message`;
  }

  private hear(line: string): void {
    let said: Record<string, unknown>;
    try {
      said = JSON.parse(line) as Record<string, unknown>;
    } catch {
      return;
    }
    if (said?.event === 'progress') {
      const { stage, done, total, seconds } = said;
      if (typeof stage === 'string' && areFinite(done, total, seconds)) this.listener.progress({ stage, done, total, seconds } as Progress);
    } else if (said?.event === 'epoch') {
      const { epoch, frc, loss, seconds } = said;
      if (Number.isInteger(epoch) && areFinite(frc, loss, seconds)) this.listener.epoch({ epoch, frc, loss, seconds } as EpochRow);
    } else if (said?.event === 'done') this.listener.done(said);
  }
}

function areFinite(...values: unknown[]): boolean {
  return values.every(Number.isFinite);
}

function forEachLine(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() as string).slice(0, LONGEST_LINE);
    for (const line of lines) take(line);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}
