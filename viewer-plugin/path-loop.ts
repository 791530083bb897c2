// Plays the straight latent path from A to B and back, again and again, at a chosen pace.
import { BehaviorSubject } from 'rxjs';
import type { Session } from './session.js';

/** Place on the path, 0 at A and 1 at B, after `phase` there-and-back loops: eased at the ends, as a molecule is not jerked. */
export function placeOnPath(phase: number): number {
  return 0.5 - 0.5 * Math.cos(2 * Math.PI * phase);
}

/** The phase in 0…½ (on the way from A to B) at which the path is nearest to z. */
export function phaseNearest(z: ArrayLike<number>, a: ArrayLike<number>, b: ArrayLike<number>): number {
  let along = 0;
  let length = 0;
  for (let i = 0; i < a.length; i++) {
    along += (z[i] - a[i]) * (b[i] - a[i]);
    length += (b[i] - a[i]) ** 2;
  }
  const t = length > 0 ? Math.min(1, Math.max(0, along / length)) : 0;
  return Math.acos(1 - 2 * t) / (2 * Math.PI);
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
    const a = this.session.ends.A.value;
    const b = this.session.ends.B.value;
    if (!a || !b || this.playing$.value) return;
    this.phase = phaseNearest(this.session.z$.value, a, b);
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
    const a = this.session.ends.A.value;
    const b = this.session.ends.B.value;
    if (!a || !b || a.length !== b.length) {
      this.stop();
      return;
    }
    // After a pause (a hidden page) the loop goes on where it was instead of jumping.
    const elapsed = this.last === null ? 0 : Math.min(100, time - this.last);
    this.last = time;
    this.phase = (this.phase + elapsed / 2000 / this.legSeconds$.value) % 1;
    const t = placeOnPath(this.phase);
    this.session.moveTo(
      a.map((value, i) => value + t * (b[i] - value)),
      true,
    );
    this.nextFrame(next => this.step(next));
  }
}
