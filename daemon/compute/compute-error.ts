// What can go wrong while computing that no input explains: a device lost or full, numbers that are none any more.

/** One line that says what happened and what may help. Nothing on disk is harmed: a run keeps its last whole epoch. */
export class ComputeError extends Error {
  override readonly name = 'ComputeError';
}
