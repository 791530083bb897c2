// start-training, start-neutral, start-orientations, start-halves and cancel-job: the work of this daemon in processes of their own, one at a time in a project.
import type { NeutralRequest, ProjectSummary, ServerMessage, TrainingRequest } from '../../protocol/messages.js';
import { type Flagged, flagOf } from '../settings/training.js';
import type { ProjectWatch } from './project-watch.js';
import { existingRegion, keepSubset } from './regions.js';
import { RequestError } from './request-error.js';
import { type Progress, TrainingProcess } from './training-process.js';

/** Milliseconds between two messages on the progress of a job: often enough for an eye. */
const PROGRESS_INTERVAL_MS = 100;

interface Job extends Progress {
  job: string;
  run: string | null;
  process: TrainingProcess;
  /** When its progress was last told, and the timer for what came since. */
  told: number;
  timer: NodeJS.Timeout | null;
}

/** The settings of a request as `limber train` or `limber neutral` takes them. */
function flagsOf(settings: Partial<Record<Flagged, unknown>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [flagOf(name as Flagged), String(value)]));
}

export class Jobs {
  private readonly running = new Map<string, Job>();
  private count = 0;
  private closing = false;

  constructor(
    private readonly watch: ProjectWatch,
    /** Program and first arguments that start limber. */
    private readonly limber: readonly string[],
    /** Tells every viewer; a newer message with the same key may take the place of one that waits. */
    private readonly broadcast: (key: string, message: ServerMessage) => void,
    private readonly summaryChanged: () => void,
  ) {}

  list(): ProjectSummary['jobs'] {
    return [...this.running.values()].map(({ job, run, stage, done, total }) => ({ job, run, stage, done, total }));
  }

  /** Trains a run. Returns the job's name. Throws RequestError: `busy`, or `bad-value` on a region that is not there. */
  train(run: string, { focus, subset, ...settings }: TrainingRequest): string {
    this.refuseWhileBusy();
    const { project } = this.watch;
    const options = flagsOf(settings);
    if (focus !== undefined) options.push('--focus', existingRegion(project, focus));
    if (subset !== undefined) options.push('--subset', keepSubset(project, run, subset));
    this.watch.forgetUnsaved(run);
    return this.start('train', run, ['--run', run, ...options]);
  }

  /** Fits the neutral model. Throws RequestError `busy`. */
  fitNeutral(settings: NeutralRequest): string {
    return this.start('neutral', null, flagsOf(settings));
  }

  /** Refines orientations against the run's models. Throws RequestError: `busy`, `no-such-run`. */
  refineOrientations(run: string): string {
    return this.start('orient', this.watch.run(run).summary.name, ['--run', run]);
  }

  /** Everything once more on each half of the particles. Throws RequestError: `busy`, `no-such-run`. */
  compareHalves(run: string): string {
    return this.start('halves', this.watch.run(run).summary.name, ['--run', run]);
  }

  private refuseWhileBusy(): void {
    if (this.closing) throw new RequestError('busy', 'the daemon is ending');
    const [other] = this.running.values();
    if (other)
      throw new RequestError('busy', `${other.job}${other.run ? ` of run "${other.run}"` : ''} is at work; cancel it or wait for it`);
  }

  /** Starts `limber COMMAND` on the project. Returns the job's name. */
  private start(command: string, run: string | null, options: readonly string[]): string {
    this.refuseWhileBusy();
    const name = `${command}-${++this.count}`;
    const job: Job = {
      job: name,
      run,
      stage: 'start',
      done: 0,
      total: 0,
      seconds: 0,
      told: 0,
      timer: null,
      process: new TrainingProcess([...this.limber, command, this.watch.project.path, ...options, '--json'], {
        progress: progress => this.progressed(job, progress),
        epoch: row => run !== null && command === 'train' && this.watch.tell(run, row),
        ended: error => this.ended(job, error),
      }),
    };
    this.running.set(name, job);
    this.summaryChanged();
    return name;
  }

  /** Asks the job to stop; that it ended is told by `job-ended`. Throws RequestError on a job that is not running. */
  cancel(name: string): void {
    const job = this.running.get(name);
    if (!job) throw new RequestError('bad-value', `no job "${name.slice(0, 64)}" is running`);
    void job.process.stop();
  }

  /** Stops all jobs; resolves when their processes are gone. */
  async close(): Promise<void> {
    this.closing = true;
    await Promise.all([...this.running.values()].map(job => job.process.stop()));
  }

  private progressed(job: Job, progress: Progress): void {
    const isNewStage = progress.stage !== job.stage;
    Object.assign(job, progress);
    if (isNewStage) this.summaryChanged();
    const wait = job.told + PROGRESS_INTERVAL_MS - performance.now();
    if (wait <= 0) this.tell(job);
    else job.timer ??= setTimeout(() => this.tell(job), wait);
  }

  private tell(job: Job): void {
    if (job.timer) clearTimeout(job.timer);
    job.timer = null;
    job.told = performance.now();
    const { stage, done, total, seconds, run } = job;
    this.broadcast(`progress ${job.job}`, { type: 'progress', job: job.job, run, stage, done, total, seconds });
  }

  private ended(job: Job, error: string | null): void {
    if (job.timer) clearTimeout(job.timer);
    this.running.delete(job.job);
    this.watch.look();
    this.broadcast(`job-ended ${job.job}`, { type: 'job-ended', job: job.job, run: job.run, error });
    this.summaryChanged();
  }
}
