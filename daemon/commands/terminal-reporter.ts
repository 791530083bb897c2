// What the user sees of long work: one JSON object a line with --json, else a bar on a terminal; notes and results are lines either way.
import type { EpochReport, Reporter } from '../training/progress.js';

/** Milliseconds between two looks at the same stage: often enough for an eye, rare enough for a log. */
const INTERVAL = 100;
const BAR_WIDTH = 28;

export class TerminalReporter implements Reporter {
  private readonly started = Date.now();
  private stage = '';
  private stageStarted = this.started;
  private shown = 0;
  private hasBar = false;

  constructor(
    private readonly json: boolean,
    private readonly terminal: boolean = process.stderr.isTTY === true && !process.env.CI,
  ) {}

  progress(stage: string, done: number, total: number): void {
    const now = Date.now();
    const isNew = stage !== this.stage;
    if (isNew) {
      this.stage = stage;
      this.stageStarted = now;
    }
    if (!isNew && done < total && now - this.shown < INTERVAL) return;
    this.shown = now;
    if (this.json) this.line({ event: 'progress', stage, done, total, seconds: this.seconds() });
    else if (this.terminal) this.drawBar(stage, done, total, now);
  }

  epoch({ run, epoch, frc, loss, seconds }: EpochReport): void {
    if (this.json) this.line({ event: 'epoch', run, epoch, frc, loss, seconds });
    else this.say(`run ${run}  epoch ${epoch}  ring correlation ${frc.toFixed(4)}  loss ${loss.toFixed(4)}  ${seconds.toFixed(1)} s`);
  }

  note(line: string): void {
    if (this.json) this.line({ event: 'note', text: line });
    else this.say(line);
  }

  /** The last line of a command: an object for programs, sentences for people. */
  done(result: Record<string, unknown>, sentences: string): void {
    if (this.json) this.line({ event: 'done', ...result });
    else this.say(sentences);
  }

  /** One measurement of `limber bench`: an object for programs, a sentence for people. */
  bench(result: Record<string, unknown>, sentence: string): void {
    if (this.json) this.line({ event: 'bench', ...result });
    else this.say(sentence);
  }

  /** The daemon answers at `url` from now on. */
  ready(url: string): void {
    if (this.json) this.line({ event: 'ready', url });
    else this.say(url);
  }

  /** Takes the bar off the terminal, before anything else writes there. */
  clear(): void {
    if (this.hasBar) process.stderr.write('\r\x1b[K');
    this.hasBar = false;
  }

  /** Since the command began. */
  seconds(): number {
    return (Date.now() - this.started) / 1000;
  }

  private drawBar(stage: string, done: number, total: number, now: number): void {
    const part = total > 0 ? Math.min(1, done / total) : 0;
    const full = Math.round(part * BAR_WIDTH);
    const elapsed = (now - this.stageStarted) / 1000;
    const left = part > 0.02 && part < 1 ? `, ${duration((elapsed * (1 - part)) / part)} left` : '';
    const text = `${stage} ${'█'.repeat(full)}${'·'.repeat(BAR_WIDTH - full)} ${done}/${total}${left}`;
    process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    this.hasBar = true;
  }

  private say(text: string): void {
    this.clear();
    process.stdout.write(text + '\n');
  }

  private line(event: Record<string, unknown>): void {
    // JSON has no NaN: a value that is not known is null.
    process.stdout.write(JSON.stringify(event) + '\n');
  }
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
