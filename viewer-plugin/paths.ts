// The path between A and B: straight or through dense regions, with what the particles say along it, asked for whenever an end moves.
import { BehaviorSubject, type Subscription } from 'rxjs';
import type { FoundPath } from '../protocol/messages.js';
import type { DaemonLink } from './daemon-link.js';
import { type PathTrack, trackThrough, verticesOf } from './path-track.js';

export type PathShape = FoundPath['shape'];

/** Milliseconds that the ends must rest before a path is asked for. */
const REST_MS = 200;
/** Points with populations of their own: bars that can be told apart in a panel. */
const POINTS = 17;

export interface PathEnds {
  run: string;
  from: number[];
  to: number[];
}

export type PathState =
  /** Not both ends are set. */
  | { kind: 'none' }
  | { kind: 'finding'; stage: string; share: number | null }
  | { kind: 'found'; path: FoundPath }
  /** Nothing joins the ends. */
  | { kind: 'empty' }
  | { kind: 'refused'; message: string };

export class Paths {
  readonly shape$ = new BehaviorSubject<PathShape>('line');
  readonly state$ = new BehaviorSubject<PathState>({ kind: 'none' });
  private ends: PathEnds | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = 0;
  private walked: { path: FoundPath; track: PathTrack } | null = null;
  private readonly subscription: Subscription;

  constructor(private readonly link: DaemonLink) {
    this.subscription = link.unasked$.subscribe(message => {
      if (message.type !== 'path-progress' || this.state$.value.kind !== 'finding') return;
      this.state$.next({ kind: 'finding', stage: message.stage, share: message.total > 0 ? message.done / message.total : null });
    });
  }

  /** What is walked from A to B: straight at once, through dense regions when that is found; null while there is none. */
  track(): PathTrack | null {
    if (!this.ends) return null;
    return this.shape$.value === 'line' ? trackThrough([this.ends.from, this.ends.to]) : this.denseTrack();
  }

  /** The path through dense regions, where one is shown. */
  denseTrack(): PathTrack | null {
    const state = this.state$.value;
    if (state.kind !== 'found' || state.path.shape !== 'dense') return null;
    if (this.walked?.path !== state.path)
      this.walked = { path: state.path, track: trackThrough(verticesOf(state.path.track.points, state.path.dims)) };
    return this.walked.track;
  }

  choose(shape: PathShape): void {
    if (shape === this.shape$.value) return;
    this.shape$.next(shape);
    this.refresh();
  }

  /** `ends`: null unless both are set. */
  follow(ends: PathEnds | null): void {
    if (JSON.stringify(ends) === JSON.stringify(this.ends)) return;
    this.ends = ends;
    this.refresh();
  }

  /** What is known was of other latents, or another shape. */
  refresh(): void {
    clearTimeout(this.timer);
    if (this.state$.value.kind === 'finding') this.link.stopPath();
    this.asked++;
    if (!this.ends) {
      this.state$.next({ kind: 'none' });
      return;
    }
    this.state$.next({ kind: 'finding', stage: '', share: null });
    this.timer = setTimeout(() => void this.find(), REST_MS);
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscription.unsubscribe();
  }

  private async find(): Promise<void> {
    const asked = this.asked;
    try {
      const { path } = await this.link.ask('find-path', { ...this.ends!, shape: this.shape$.value, points: POINTS });
      if (this.asked === asked) this.state$.next(path ? { kind: 'found', path } : { kind: 'empty' });
    } catch (error) {
      if (this.asked === asked) this.state$.next({ kind: 'refused', message: (error as Error).message });
    }
  }
}
