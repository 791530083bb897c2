// Finished trials in a file, a line each, so that a long table can be measured in pieces.

import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { InputError } from '../../daemon/formats/input-error.js';
import type { Trial } from './trial.js';

/** One finished trial and what it answers: the same set, seed, epochs and backend are not measured twice. */
export interface Result {
  set: string;
  seed: number;
  /** null: the default of the program or set. */
  epochs: number | null;
  /** Left out: what the program takes by itself. */
  backend?: string;
  trial: Trial;
}

export function isSame(a: Omit<Result, 'trial'>, b: Omit<Result, 'trial'>): boolean {
  return a.set === b.set && a.seed === b.seed && a.epochs === b.epochs && a.backend === b.backend;
}

/** What an earlier sitting left; nothing where there is no such file. Throws InputError on a line that is no result. */
export function readResults(file: string): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      const result = JSON.parse(line) as Result;
      // JSON has no NaN, and a figure that is none has to stay one that fails.
      for (const figure of result.trial.figures) figure.value ??= Number.NaN;
      return [result];
    } catch {
      throw new InputError(
        `${file}:${i + 1}: "${line.slice(0, 40)}" is no result of npm run accuracy; remove the line, or give another file`,
      );
    }
  });
}

/** At once, so that a stop loses only the trial under way. */
export function appendResult(file: string, result: Result): void {
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}
