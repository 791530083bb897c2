// What goes out on one WebSocket, with a bound on what a slow viewer can make wait in memory.
import type { WebSocket } from 'ws';
import { encodeMessage } from '../../protocol/codec.js';
import type { ServerMessage } from '../../protocol/messages.js';

/** Bytes that may wait in a socket before nothing more is added to it; one message may go beyond. */
const FULL_BYTES = 1 << 20;

export class Outbox {
  /** News that wait for room: one a key, the newest. */
  private readonly news = new Map<string, ServerMessage>();

  constructor(
    private readonly socket: WebSocket,
    /** Called whenever something has gone out. */
    private readonly onRoom: () => void,
  ) {}

  /** True: questions and frames have to wait. */
  get isFull(): boolean {
    return this.socket.bufferedAmount > FULL_BYTES;
  }

  /** Sends at once; whoever calls asks `isFull` first. */
  send(message: ServerMessage): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    this.socket.send(encodeMessage(message), error => {
      if (error) return;
      this.flush();
      this.onRoom();
    });
  }

  /** Sends when there is room; until then a newer one with the same key takes its place. */
  sendLatest(key: string, message: ServerMessage): void {
    // Out and in again, so that the order is that of the newest.
    this.news.delete(key);
    this.news.set(key, message);
    this.flush();
  }

  private flush(): void {
    for (const [key, message] of this.news) {
      if (this.isFull) return;
      this.news.delete(key);
      this.send(message);
    }
  }
}
