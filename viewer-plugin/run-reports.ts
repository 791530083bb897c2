// What the daemon has found out about the current run beside its training: the comparison of halves, and refined orientations.
import { BehaviorSubject } from 'rxjs';
import type { HalvesSummary, OrientationSummary } from '../protocol/messages.js';
import type { DaemonLink } from './daemon-link.js';

export class RunReports {
  /** null: there is none. */
  readonly halves$ = new BehaviorSubject<HalvesSummary | null>(null);
  readonly orientations$ = new BehaviorSubject<OrientationSummary | null>(null);
  private run: string | null = null;

  constructor(
    private readonly link: DaemonLink,
    private readonly failed: (run: string, error: unknown) => void,
  ) {}

  /** Forgets what belongs to another run, and asks anew. */
  async show(run: string | null): Promise<void> {
    if (run !== this.run) {
      this.run = run;
      this.halves$.next(null);
      this.orientations$.next(null);
    }
    if (run === null) return;
    try {
      const [halves, orientations] = await Promise.all([this.link.ask('get-halves', { run }), this.link.ask('get-orientations', { run })]);
      if (this.run !== run) return;
      this.halves$.next(halves.report);
      this.orientations$.next(orientations.report);
    } catch (error) {
      this.failed(run, error);
    }
  }
}
