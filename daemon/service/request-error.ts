// A question that cannot be served, with the code that the viewer gets.
import type { ErrorCode } from '../../protocol/messages.js';

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
