// Takes the latent point smoothly to another one, so that the molecule is seen moving there.
import type { Session } from './session.js';

/** Milliseconds of a flight. */
const LASTS = 700;

export class Flight {
  /** Counts flights: a step of an earlier one does nothing. */
  private flight = 0;

  constructor(
    private readonly session: Session,
    private readonly nextFrame: (callback: (milliseconds: number) => void) => void = callback => requestAnimationFrame(callback),
    private readonly isCalm: () => boolean = () => matchMedia('(prefers-reduced-motion: reduce)').matches,
  ) {}

  /** Where less motion is asked for, at once. */
  to(z: number[]): void {
    const from = this.session.z$.value;
    const flight = ++this.flight;
    if (from.length !== z.length || this.isCalm()) {
      this.session.moveTo(z, false);
      return;
    }
    let begun: number | null = null;
    const step = (now: number) => {
      if (flight !== this.flight) return;
      begun ??= now;
      const share = (now - begun) / LASTS;
      if (share >= 1) {
        this.session.moveTo(z, false);
        return;
      }
      const eased = share * share * (3 - 2 * share);
      this.session.moveTo(
        from.map((value, i) => value + eased * (z[i] - value)),
        true,
      );
      this.nextFrame(step);
    };
    this.nextFrame(step);
  }

  /** Stays where it is. */
  stop(): void {
    this.flight++;
  }
}
