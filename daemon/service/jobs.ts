// start-… and cancel-job: the work of this daemon in processes of their own, one at a time in a project.
import type { ClientMessage, NeutralRequest, ProjectSummary, ServerMessage, TrainingRequest } from '../../protocol/messages.js';
import { type Flagged, flagOf } from '../settings/training.js';
import { JobProcess, type Progress } from './job-process.js';
import type { MadeMaps } from './made-maps.js';
import type { ProjectWatch } from './project-watch.js';
import { checkChoice, mapSources, particleOptions, type ReconstructionRequest } from './reconstruction-request.js';
import { existingRegion, keepSubset } from './regions.js';
import { RequestError } from './request-error.js';

/** Milliseconds between two messages on the progress of a job: often enough for an eye. */
const PROGRESS_INTERVAL_MS = 100;

interface Job extends Progress {
  job: string;
  run: string | null;
  process: JobProcess;
  /** When its progress was last told, and the timer for what came since. */
  told: number;
  timer: NodeJS.Timeout | null;
}

/** One command of a job. */
interface Step {
  options: readonly string[];
  /** Before each stage that the command tells. */
  stage?: string;
  /** What the command said at its end. */
  done?: (result: Record<string, unknown>) => void;
}

/** One of the maps that `limber reconstruct --json` says it has written. */
interface MadeByCommand {
  file: string;
  particles: number;
  resolutionAngstrom?: number;
}

type EmbeddingRequest = Omit<Extract<ClientMessage, { type: 'start-embedding' }>, 'type' | 'id'>;
type ClusteringRequest = Omit<Extract<ClientMessage, { type: 'start-clustering' }>, 'type' | 'id'>;

/** The settings of a request as `limber train` or `limber neutral` takes them. */
function flagsOf(settings: Partial<Record<Flagged, unknown>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => (value === undefined ? [] : [flagOf(name as Flagged), String(value)]));
}

/** A flag with its value; nothing where the request leaves it out. */
function optionally(flag: string, value: number | undefined): string[] {
  return value === undefined ? [] : [flag, String(value)];
}

export class Jobs {
  private readonly running = new Map<string, Job>();
  private count = 0;
  private closing = false;

  constructor(
    private readonly watch: ProjectWatch,
    private readonly maps: MadeMaps,
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
    return this.start('train', run, [{ options: ['--run', run, ...options] }]);
  }

  /** Fits the neutral model. Throws RequestError `busy`. */
  fitNeutral(settings: NeutralRequest): string {
    return this.start('neutral', null, [{ options: flagsOf(settings) }]);
  }

  /** Refines orientations against the run's models. Throws RequestError: `busy`, `no-such-run`. */
  refineOrientations(run: string): string {
    return this.start('orient', this.watch.run(run).summary.name, [{ options: ['--run', run] }]);
  }

  /** Everything once more on each half of the particles. Throws RequestError: `busy`, `no-such-run`. */
  compareHalves(run: string): string {
    return this.start('halves', this.watch.run(run).summary.name, [{ options: ['--run', run] }]);
  }

  /** Lays the run's latents out for looking. Throws RequestError: `busy`, `no-such-run`. */
  embed({ run, method, dims, seed }: EmbeddingRequest): string {
    const options = ['--run', run, '--method', method, ...optionally('--dims', dims), ...optionally('--seed', seed)];
    return this.start('embed', this.watch.run(run).summary.name, [{ options, stage: method.toUpperCase() }]);
  }

  /** Sorts the run's particles into clusters. Throws RequestError: `busy`, `no-such-run`. */
  cluster({ run, method, count, seed }: ClusteringRequest): string {
    const options = ['--run', run, '--method', method, ...optionally('--count', count), ...optionally('--seed', seed)];
    return this.start('cluster', this.watch.run(run).summary.name, [{ options, stage: 'clusters' }]);
  }

  /** Makes a map of particles, twice: soon a small one, then the whole. Throws RequestError: `busy`, `no-such-run`, or `bad-value` on name or particles. */
  reconstruct(request: ReconstructionRequest): string {
    this.refuseWhileBusy();
    const { name, run, particles, halves, resolutionAngstrom } = request;
    checkChoice(particles, run === null ? null : this.watch.run(run).summary.latentDims);
    const file = this.maps.newFile(name);
    const options = [
      ...(run === null ? [] : ['--run', run]),
      ...particleOptions(this.watch.project, this.maps, request),
      ...optionally('--resolution', resolutionAngstrom),
      '-o',
      file,
    ];
    const keep = (quick: boolean) => (result: Record<string, unknown>) => this.recordMaps(request, result, quick);
    return this.start('reconstruct', run, [
      { options: [...options, '--quick'], stage: 'quick map', done: keep(true) },
      { options: [...options, ...(halves ? ['--halves'] : [])], stage: 'full map', done: keep(false) },
    ]);
  }

  /** Writes down what each map is made of that the command says it has written. */
  private recordMaps(request: ReconstructionRequest, { maps, series }: Record<string, unknown>, quick: boolean): void {
    if (!Array.isArray(maps)) return;
    const sources = mapSources(request);
    const contour = (series as { contour: number } | undefined)?.contour ?? null;
    for (const [i, { file, particles, resolutionAngstrom = null }] of (maps as MadeByCommand[]).entries())
      if (i < sources.length) this.maps.record(file, { source: { ...sources[i], particles, quick }, resolutionAngstrom, contour });
    this.maps.look();
  }

  private refuseWhileBusy(): void {
    if (this.closing) throw new RequestError('busy', 'the daemon is ending');
    const [other] = this.running.values();
    if (other)
      throw new RequestError('busy', `${other.job}${other.run ? ` of run "${other.run}"` : ''} is at work; cancel it or wait for it`);
  }

  /** Starts `limber COMMAND` on the project, with each step's options in turn. Returns the job's name. */
  private start(command: string, run: string | null, steps: readonly Step[]): string {
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
      process: this.run(steps, 0, command, () => job),
    };
    this.running.set(name, job);
    this.summaryChanged();
    return name;
  }

  /** Runs one step, and the next when it has come to its end; a step that fails or is stopped ends the job. */
  private run(steps: readonly Step[], at: number, command: string, job: () => Job): JobProcess {
    const { options, stage, done } = steps[at];
    let isDone = false;
    return new JobProcess([...this.limber, command, this.watch.project.path, ...options, '--json'], {
      progress: progress => this.progressed(job(), stage === undefined ? progress : { ...progress, stage: `${stage}: ${progress.stage}` }),
      epoch: row => {
        const { run } = job();
        if (run !== null && command === 'train') this.watch.tell(run, row);
      },
      done: result => {
        isDone = true;
        done?.(result);
      },
      ended: error => {
        if (error === null && isDone && at + 1 < steps.length && !this.closing) job().process = this.run(steps, at + 1, command, job);
        else this.ended(job(), error);
      },
    });
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
