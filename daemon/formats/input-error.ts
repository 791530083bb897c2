// The one error that means "the user's input is wrong": one clear line, exit status 2, no stack.

/** `message` names the file (and line), the wrong value and the cure, in one line. */
export class InputError extends Error {
  override readonly name = 'InputError';
}
