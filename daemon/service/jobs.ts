// start-training and cancel-job: the training jobs of this daemon, one at a time in a project.
import type { ProjectSummary, ServerMessage, TrainingRequest } from '../../protocol/messages.js';
import type { ProjectWatch } from './project-watch.js';
import { RequestError } from './request-error.js';
import { type Progress, TrainingProcess } from './training-process.js';

/** Milliseconds between two messages on the progress of a job: often enough for an eye. */
const PROGRESS_INTERVAL_MS = 100;

interface Job extends Progress {
  job: string;
  run: string;
  process: TrainingProcess;
  /** When its progress was last told, and the timer for what came since. */
  told: number;
  timer: NodeJS.Timeout | null;
}

/** The flag of `limber train` for each setting of a request. */
const FLAGS: { readonly [K in keyof Required<TrainingRequest>]: string } = {
  latentDims: '--latent-dims',
  epochs: '--epochs',
  resolutionAngstrom: '--resolution',
  seed: '--seed',
};

export class Jobs {
  private readonly running = new Map<string, Job>();
  private count = 0;
  private closing = false;

  constructor(
    private readonly projectDir: string,
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

  /** Returns the job's name. Throws RequestError `busy`. */
  start(run: string, settings: TrainingRequest): string {
    if (this.closing) throw new RequestError('busy', 'the daemon is ending');
    const [other] = this.running.values();
    if (other) throw new RequestError('busy', `run "${other.run}" is training (job ${other.job}); cancel it or wait for it`);
    const name = `train-${++this.count}`;
    const options = (Object.keys(FLAGS) as (keyof TrainingRequest)[]).flatMap(key =>
      settings[key] === undefined ? [] : [FLAGS[key], String(settings[key])],
    );
    this.watch.forgetUnsaved(run);
    const job: Job = {
      job: name,
      run,
      stage: 'start',
      done: 0,
      total: 0,
      seconds: 0,
      told: 0,
      timer: null,
      process: new TrainingProcess([...this.limber, 'train', this.projectDir, '--run', run, ...options, '--json'], {
        progress: progress => this.progressed(job, progress),
        epoch: row => this.watch.tell(run, row),
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
    this.broadcast(`job-ended ${job.run}`, { type: 'job-ended', job: job.job, run: job.run, error });
    this.summaryChanged();
  }
}
