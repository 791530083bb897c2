// How the chosen regions of the molecule move in the current run: between the two ends of the path, and by themselves.
import { BehaviorSubject } from 'rxjs';
import type { DaemonLink, Message } from './daemon-link.js';

/** Motions asked for a region: the paper shows one or two. */
const MOST_OWN = 2;
/** Milliseconds that the ends must rest before they are measured. */
const REST_MS = 120;

/** What is asked about. */
export interface MotionQuestion {
  run: string;
  /** The ends of the path; null unless both are set. */
  ends: { from: number[]; to: number[] } | null;
  /** Names of regions. */
  regions: string[];
}

export class Motions {
  /** Names of at most two regions. */
  readonly regions$ = new BehaviorSubject<string[]>([]);
  /** Between the ends; null while not known. */
  readonly between$ = new BehaviorSubject<Message<'motion'> | null>(null);
  /** The regions' own motions; null until asked for. */
  readonly own$ = new BehaviorSubject<Message<'motions'> | null>(null);
  /** Why one of these cannot be had, one line. */
  readonly refusal$ = new BehaviorSubject<string | null>(null);
  readonly asking$ = new BehaviorSubject(false);
  private question: MotionQuestion = { run: '', ends: null, regions: [] };
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly link: DaemonLink) {}

  choose(regions: readonly string[]): void {
    this.regions$.next([...regions]);
    this.own$.next(null);
    this.about({ ...this.question, regions: [...regions] });
  }

  /** Forgets what is not about this any more, and measures anew when the ends rest. */
  follow(run: string, ends: MotionQuestion['ends']): void {
    if (run !== this.question.run) this.own$.next(null);
    this.about({ ...this.question, run, ends });
  }

  /** What is known was of other weights, or of halves that were not compared yet. */
  refresh(): void {
    this.own$.next(null);
    this.about({ ...this.question });
  }

  /** Asks for the regions' own motions. */
  async find(): Promise<void> {
    const { question } = this;
    const { run, regions } = question;
    if (run === '' || regions.length === 0) return;
    this.asking$.next(true);
    const isStill = () => this.question.run === run && this.question.regions === question.regions;
    try {
      const found = await this.link.ask('find-motions', { run, regions, count: MOST_OWN });
      if (isStill()) this.own$.next(found);
    } catch (error) {
      if (isStill()) this.refusal$.next((error as Error).message);
    } finally {
      this.asking$.next(false);
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private about(question: MotionQuestion): void {
    this.question = question;
    this.refusal$.next(null);
    this.between$.next(null);
    clearTimeout(this.timer);
    if (question.run !== '' && question.ends && question.regions.length > 0) this.timer = setTimeout(() => void this.measure(), REST_MS);
  }

  private async measure(): Promise<void> {
    const { question } = this;
    try {
      const motion = await this.link.ask('measure-motion', { run: question.run, ...question.ends!, regions: question.regions });
      if (this.question === question) this.between$.next(motion);
    } catch (error) {
      if (this.question === question) this.refusal$.next((error as Error).message);
    }
  }
}
