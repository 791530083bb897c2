// A question that cannot be served, with the code that the viewer gets, and what it is told.
import type { ErrorCode, ServerMessage } from '../../protocol/messages.js';

export class RequestError extends Error {
  override readonly name = 'RequestError';
  /** `message` is one line. */
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** What a viewer is told of an error: its code where it has one, and one line. */
export function explain(error: unknown, id: number | null): ServerMessage {
  const message = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  return { type: 'error', id, code: error instanceof RequestError ? error.code : 'failed', message };
}
