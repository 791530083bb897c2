// The viewer's one WebSocket to the daemon: questions with answers, the latest-wins scrub stream, and a connection that comes back by itself. Knows no Mol* and no DOM.
import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import { decodeServerMessage, encodeMessage, ProtocolError } from '../protocol/codec.js';
import { type ClientMessage, type ErrorCode, type ServerMessage, SUBPROTOCOL } from '../protocol/messages.js';

/** connecting: before the first outcome; away: no connection, tries again by itself. */
export type LinkState = 'connecting' | 'open' | 'away';

interface Answers {
  'get-latents': 'latents';
  'get-epochs': 'epochs';
  'get-halves': 'halves';
  'get-orientations': 'orientations';
  decode: 'decoded';
  'start-training': 'started';
  'start-neutral': 'started';
  'start-orientations': 'started';
  'start-halves': 'started';
  'get-embeddings': 'embeddings';
  'start-embedding': 'started';
  'start-clustering': 'started';
  'start-reconstruction': 'started';
  'delete-map': 'map-deleted';
  'save-region': 'region-saved';
  'find-motions': 'motions';
  'measure-motion': 'motion';
  'find-path': 'path';
  'cancel-job': 'cancelled';
}
export type Message<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;
type Question<T extends keyof Answers> = Extract<ClientMessage, { type: T }>;
type Fields<T extends keyof Answers> = Omit<Question<T>, 'type' | 'id'>;
export type Unasked = Message<'path-progress' | 'project' | 'progress' | 'epoch' | 'job-ended' | 'error'>;
export type ScrubTarget = Omit<Extract<ClientMessage, { type: 'scrub' }>, 'type' | 'sequence'>;

/** The daemon's own refusal of a question, or `away` where the connection went before the answer came. */
export class DaemonError extends Error {
  override readonly name = 'DaemonError';
  constructor(
    readonly code: ErrorCode | 'away',
    message: string,
  ) {
    super(message);
  }
}

/** What the link needs of a WebSocket: the browser's own, or the one of `ws` in Node. */
export interface Socket {
  binaryType: string;
  readyState: number;
  onopen: (() => void) | null;
  onclose: (() => void) | null;
  onerror: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
}

export interface LinkOptions {
  /** ws://… with the token. */
  url: string;
  open?: (url: string, subprotocol: string) => Socket;
  /** Milliseconds before the first new attempt; doubles up to `longestDelay`. */
  firstDelay?: number;
  longestDelay?: number;
  /** Milliseconds after which an unanswered scrub no longer holds up the next one. */
  scrubPatience?: number;
}

const OPEN = 1;

export class DaemonLink {
  readonly state$: Observable<LinkState>;
  /** Messages that no question asked for, and errors that belong to none. */
  readonly unasked$: Observable<Unasked>;
  /** Answers to `scrub`, in rising sequence. Whoever draws one calls `frameDrawn` with its sequence. */
  readonly frames$: Observable<Message<'frame'>>;

  private readonly state = new BehaviorSubject<LinkState>('connecting');
  private readonly unasked = new Subject<Unasked>();
  private readonly frames = new Subject<Message<'frame'>>();
  private readonly options: Required<LinkOptions>;
  private readonly questions = new Map<number, { resolve: (answer: ServerMessage) => void; reject: (error: DaemonError) => void }>();
  private socket: Socket | null = null;
  private closed = false;
  private nextId = 1;
  private nextSequence = 1;
  private delay: number;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private waitingScrub: ScrubTarget | null = null;
  private scrubInFlight: { sequence: number; timer: ReturnType<typeof setTimeout> } | null = null;

  constructor(options: LinkOptions) {
    this.options = {
      open: (url, subprotocol) => new WebSocket(url, subprotocol) as unknown as Socket,
      firstDelay: 250,
      longestDelay: 5000,
      scrubPatience: 3000,
      ...options,
    };
    this.delay = this.options.firstDelay;
    this.state$ = this.state.asObservable();
    this.unasked$ = this.unasked.asObservable();
    this.frames$ = this.frames.asObservable();
    this.connect();
  }

  get isOpen(): boolean {
    return this.state.value === 'open';
  }

  /** Asks and waits for the answer with the same id; rejects with DaemonError. */
  ask<T extends keyof Answers>(type: T, fields: Fields<T>): Promise<Message<Answers[T]>> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) {
        reject(new DaemonError('away', 'the daemon does not answer'));
        return;
      }
      const id = this.nextId++;
      this.questions.set(id, { resolve: resolve as (answer: ServerMessage) => void, reject });
      this.send({ type, id, ...fields } as unknown as ClientMessage);
    });
  }

  /** Asks for the molecule at a latent point; of the points given while one is on its way only the newest is sent, also after a lost connection. */
  scrub(target: ScrubTarget): void {
    this.waitingScrub = target;
    this.sendWaitingScrub();
  }

  /** Tells the daemon that the frame is on the screen, so that it sends the next. */
  frameDrawn(sequence: number): void {
    if (this.isOpen) this.send({ type: 'frame-drawn', sequence });
  }

  /** Ends the search of a path; it is answered with an error. */
  stopPath(): void {
    if (this.isOpen) this.send({ type: 'stop-path' });
  }

  /** Tries to connect at once instead of when the delay is over. */
  retryNow(): void {
    if (this.closed || this.socket) return;
    if (this.retryTimer) clearTimeout(this.retryTimer);
    this.delay = this.options.firstDelay;
    this.connect();
  }

  /** Ends the link for good. */
  close(): void {
    this.closed = true;
    if (this.retryTimer) clearTimeout(this.retryTimer);
    this.dropConnection();
    this.state.complete();
    this.unasked.complete();
    this.frames.complete();
  }

  private connect(): void {
    this.retryTimer = null;
    const socket = this.options.open(this.options.url, SUBPROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => {
      this.delay = this.options.firstDelay;
      this.state.next('open');
      this.sendWaitingScrub();
    };
    socket.onmessage = event => {
      if (event.data instanceof ArrayBuffer) this.receive(new Uint8Array(event.data));
    };
    // A close event always follows an error event; only the close counts.
    socket.onerror = () => {};
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.dropConnection();
      if (this.closed) return;
      this.retryTimer = setTimeout(() => this.connect(), this.delay);
      this.delay = Math.min(2 * this.delay, this.options.longestDelay);
      this.state.next('away');
    };
  }

  private dropConnection(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.releaseScrub();
    const unanswered = [...this.questions.values()];
    this.questions.clear();
    for (const question of unanswered) question.reject(new DaemonError('away', 'the connection to the daemon was lost'));
  }

  private send(message: ClientMessage): void {
    if (this.socket?.readyState === OPEN) this.socket.send(encodeMessage(message));
  }

  private sendWaitingScrub(): void {
    if (!this.isOpen || this.scrubInFlight || !this.waitingScrub) return;
    const target = this.waitingScrub;
    this.waitingScrub = null;
    const sequence = this.nextSequence++;
    const timer = setTimeout(() => {
      this.scrubInFlight = null;
      this.sendWaitingScrub();
    }, this.options.scrubPatience);
    this.scrubInFlight = { sequence, timer };
    this.send({ type: 'scrub', sequence, ...target });
  }

  private releaseScrub(): void {
    if (this.scrubInFlight) clearTimeout(this.scrubInFlight.timer);
    this.scrubInFlight = null;
  }

  private receive(bytes: Uint8Array): void {
    const message = this.read(bytes);
    if (!message) return;
    switch (message.type) {
      case 'frame':
        // The next point goes out before this one is drawn, so the daemon decodes while the browser draws.
        if (this.scrubInFlight && message.sequence >= this.scrubInFlight.sequence) this.releaseScrub();
        this.sendWaitingScrub();
        this.frames.next(message);
        return;
      case 'latents':
      case 'epochs':
      case 'halves':
      case 'orientations':
      case 'path':
      case 'decoded':
      case 'started':
      case 'cancelled':
      case 'region-saved':
      case 'motions':
      case 'motion':
      case 'embeddings':
      case 'map-deleted':
        this.takeQuestion(message.id)?.resolve(message);
        return;
      case 'error': {
        const question = message.id === null ? undefined : this.takeQuestion(message.id);
        if (question) question.reject(new DaemonError(message.code, message.message));
        else {
          // A scrub has no id: an error without one may be its answer, and must not hold up the next.
          this.releaseScrub();
          this.unasked.next(message);
          this.sendWaitingScrub();
        }
        return;
      }
      default:
        this.unasked.next(message);
    }
  }

  /** What cannot be read is told as an error of the message it was; what is merely new to this viewer is passed over. */
  private read(bytes: Uint8Array): ServerMessage | null {
    try {
      return decodeServerMessage(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      if (error.code === 'unknown-type') return null;
      return { type: 'error', id: error.id, code: error.code, message: `the daemon's answer cannot be read: ${error.message}` };
    }
  }

  private takeQuestion(id: number) {
    const question = this.questions.get(id);
    this.questions.delete(id);
    return question;
  }
}
