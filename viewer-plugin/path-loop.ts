// Plays the latent path from A to B and back, again and again, at a chosen pace.
import { BehaviorSubject } from 'rxjs';
import { nearestOn, pointAt } from './path-track.js';
import type { Session } from './session.js';

/** Place on the path, 0 at A and 1 at B, after `phase` there-and-back loops: eased at the ends, as a molecule is not jerked. */
export function placeOnPath(phase: number): number {
  return 0.5 - 0.5 * Math.cos(2 * Math.PI * phase);
}

/** The phase in 0…½ (on the way from A to B) at which the loop is at this share of the path. */
export function phaseAt(share: number): number {
  return Math.acos(1 - 2 * share) / (2 * Math.PI);
}

export class PathLoop {
  readonly playing$ = new BehaviorSubject(false);
  /** Seconds from A to B. */
  readonly legSeconds$ = new BehaviorSubject(3);
  private phase = 0;
  private last: number | null = null;

  constructor(
    private readonly session: Session,
    private readonly nextFrame: (callback: (milliseconds: number) => void) => void = callback => requestAnimationFrame(callback),
  ) {}

  play(): void {
    const track = this.session.paths.track();
    if (!track || this.playing$.value) return;
    this.phase = phaseAt(nearestOn(track, this.session.z$.value).share);
    this.last = null;
    this.playing$.next(true);
    this.nextFrame(time => this.step(time));
  }

  stop(): void {
    if (!this.playing$.value) return;
    this.playing$.next(false);
    this.session.release();
  }

  private step(time: number): void {
    if (!this.playing$.value) return;
    const track = this.session.paths.track();
    if (!track) {
      this.stop();
      return;
    }
    // After a pause (a hidden page) the loop goes on where it was instead of jumping.
    const elapsed = this.last === null ? 0 : Math.min(100, time - this.last);
    this.last = time;
    this.phase = (this.phase + elapsed / 2000 / this.legSeconds$.value) % 1;
    this.session.moveTo(pointAt(track, placeOnPath(this.phase)), true);
    this.nextFrame(next => this.step(next));
  }
}
