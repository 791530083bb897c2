// The answers to a viewer that drags: only the newest latent point is decoded, and one frame at a time is on its way.
import type { ClientMessage, DecodedFrame, ServerMessage } from '../../protocol/messages.js';
import type { Outbox } from './outbox.js';

export type Scrub = Extract<ClientMessage, { type: 'scrub' }>;

/** A viewer that never says `frame-drawn` (a hidden tab) gets a frame this often at most. */
const PATIENCE_MS = 1000;

export class FrameStream {
  private waiting: Scrub | null = null;
  private highest = -1;
  private decoding = false;
  private inFlight: { sequence: number; timer: NodeJS.Timeout } | null = null;
  private closed = false;

  constructor(
    private readonly outbox: Outbox,
    /** `renewed`: resolves when the same point gives another frame, because weights that are newer have been read. */
    private readonly decode: (scrub: Scrub) => Promise<{ frame: DecodedFrame; renewed: Promise<boolean> | null }>,
    /** The error message for a scrub that cannot be served. */
    private readonly explain: (error: unknown) => ServerMessage,
  ) {}

  /** Takes the place of what waits, unless that is newer. */
  scrub(scrub: Scrub): void {
    if (scrub.sequence < this.highest) return;
    this.highest = scrub.sequence;
    this.waiting = scrub;
    this.advance();
  }

  drawn(sequence: number): void {
    if (this.inFlight && sequence >= this.inFlight.sequence) this.land();
    this.advance();
  }

  /** Also to be called when the socket has room again. */
  advance(): void {
    if (this.closed || !this.waiting || this.decoding || this.inFlight || this.outbox.isFull) return;
    const scrub = this.waiting;
    this.waiting = null;
    this.decoding = true;
    // The stream is busy while it decodes, so this chain never forks; `answer` does not reject.
    void this.answer(scrub).then(() => {
      this.decoding = false;
      this.advance();
    });
  }

  close(): void {
    this.closed = true;
    this.waiting = null;
    this.land();
  }

  private async answer(scrub: Scrub): Promise<void> {
    let message: ServerMessage;
    try {
      const { frame, renewed } = await this.decode(scrub);
      message = { type: 'frame', sequence: scrub.sequence, ...frame };
      // Else a viewer that rests would show the former weights until it is dragged again.
      void renewed?.then(isNew => {
        if (isNew && scrub.sequence === this.highest) this.scrub(scrub);
      });
    } catch (error) {
      message = this.explain(error);
    }
    if (this.closed) return;
    // Errors take their turn like frames: a viewer that drags over what is not there is not flooded.
    const timer = setTimeout(() => {
      this.land();
      this.advance();
    }, PATIENCE_MS);
    this.inFlight = { sequence: scrub.sequence, timer };
    this.outbox.send(message);
  }

  private land(): void {
    if (this.inFlight) clearTimeout(this.inFlight.timer);
    this.inFlight = null;
  }
}
