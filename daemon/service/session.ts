// One viewer's connection: takes its messages in order, answers no faster than they are read, and lets go of a viewer that is gone or talks nonsense.
import type { RawData, WebSocket } from 'ws';
import { decodeClientMessage, ProtocolError } from '../../protocol/codec.js';
import type { ServerMessage } from '../../protocol/messages.js';
import { FrameStream } from './frame-stream.js';
import { Outbox } from './outbox.js';
import type { PathFinder } from './paths.js';
import { explain } from './request-error.js';
import { answer, type Features, type Question } from './requests.js';

const HEARTBEAT_MS = 15_000;
/** Questions that may wait before no more is read from the socket. */
const MAX_WAITING = 64;
/** Messages that are none of the protocol, before the connection is closed with 1008. */
const MAX_MALFORMED = 100;

export class Session {
  private readonly outbox: Outbox;
  private readonly frames: FrameStream;
  private readonly paths: PathFinder;
  private readonly questions: Question[] = [];
  private answering = false;
  private malformed = 0;
  private alive = true;
  private readonly heartbeat: NodeJS.Timeout;

  constructor(
    private readonly socket: WebSocket,
    private readonly features: Features,
  ) {
    this.outbox = new Outbox(socket, () => {
      this.frames.advance();
      this.answerNext();
    });
    this.frames = new FrameStream(
      this.outbox,
      scrub => features.molecules.preview(scrub.run, scrub.z, scrub.atoms),
      error => explain(error, null),
    );
    this.paths = features.paths.forViewer((key, message) => this.outbox.sendLatest(key, message));
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    socket.on('message', (data, isBinary) => this.receive(data, isBinary));
    socket.on('pong', () => {
      this.alive = true;
    });
    // Too large a message, a broken frame: ws closes the connection with the right code, `close` follows.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearInterval(this.heartbeat);
      this.frames.close();
      this.paths.stop();
      this.questions.length = 0;
    });
  }

  /** News for every viewer; a slow one gets the newest of each key when it has room. */
  tell(key: string, message: ServerMessage): void {
    this.outbox.sendLatest(key, message);
  }

  private receive(data: RawData, isBinary: boolean): void {
    this.alive = true;
    // Messages of a connection that is being closed are not served.
    if (this.socket.readyState !== this.socket.OPEN) return;
    let message: ReturnType<typeof decodeClientMessage>;
    try {
      if (!isBinary) throw new ProtocolError('malformed', null, 'messages are binary (msgpack), not text');
      message = decodeClientMessage(data as Buffer);
    } catch (error) {
      this.refuse(error as ProtocolError);
      return;
    }
    if (message.type === 'scrub') this.frames.scrub(message);
    else if (message.type === 'frame-drawn') this.frames.drawn(message.sequence);
    else if (message.type === 'find-path') void this.paths.find(message);
    else if (message.type === 'stop-path') this.paths.stop();
    else {
      this.questions.push(message);
      this.answerNext();
      if (this.questions.length >= MAX_WAITING) this.socket.pause();
    }
  }

  private refuse({ id, code, message }: ProtocolError): void {
    this.outbox.send({ type: 'error', id, code, message });
    if (++this.malformed >= MAX_MALFORMED) this.socket.close(1008, 'too many malformed messages');
  }

  /** One question at a time and in order; none while the answers before are still waiting to be read. */
  private answerNext(): void {
    if (this.answering || this.outbox.isFull) return;
    const question = this.questions.shift();
    if (!question) return;
    if (this.socket.isPaused && this.questions.length < MAX_WAITING / 2) this.socket.resume();
    this.answering = true;
    void answer(this.features, question).then(message => {
      this.answering = false;
      this.outbox.send(message);
      this.answerNext();
    });
  }

  /** A viewer that gave no sign of life for a whole beat is gone; its browser connects again if it is not. */
  private beat(): void {
    if (!this.alive) {
      this.socket.terminate();
      return;
    }
    this.alive = false;
    this.socket.ping();
  }
}
