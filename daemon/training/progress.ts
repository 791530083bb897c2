// How long work tells where it is, and how it is told to stop: the science rooms know no more than this of the world outside.

export interface EpochReport {
  run: string;
  epoch: number;
  frc: number;
  loss: number;
  seconds: number;
}

export interface Reporter {
  /** `done` of `total` steps of `stage`; may be called often, the receiver thins it. */
  progress(stage: string, done: number, total: number): void;
  epoch(report: EpochReport): void;
  /** One line that the user should read (a found contrast, a chosen backend). */
  note(line: string): void;
}

/** Thrown at a safe point after the signal asked for a stop; everything done is saved. */
export class Cancelled extends Error {
  override readonly name = 'Cancelled';
}
