// find-motions and measure-motion: how regions of the project move in a run, worked out on a thread of its own, so that frames go on meanwhile.
import { join } from 'node:path';
import type { MotionBetween, StepMotion } from '../../protocol/messages.js';
import { fileVersion } from './file-version.js';
import type { ProjectWatch, WatchedRun } from './project-watch.js';
import { QuestionThread, ThreadInputError } from './question-thread.js';
import { existingRegion } from './regions.js';
import { RequestError } from './request-error.js';

export interface NamedMask {
  name: string;
  path: string;
  /** Changes when the file is replaced. */
  version: string;
}

interface MotionContext {
  project: string;
  run: string;
  /** Changes when anything changes that the answer depends on. */
  version: string;
  regions: NamedMask[];
}
export type MotionQuestion = MotionContext & ({ kind: 'find'; count: number } | { kind: 'measure'; from: number[]; to: number[] });

export interface FoundMotions {
  own: StepMotion[][];
  joint: { together: StepMotion; apart: StepMotion } | null;
}
export type MotionAnswer = { epoch: number } & (FoundMotions | MotionBetween);

export class Motions {
  private readonly thread = new QuestionThread<MotionQuestion, MotionAnswer>(
    new URL('./motions-worker.js', import.meta.url),
    'measuring motions',
  );

  constructor(private readonly watch: ProjectWatch) {}

  /** The fields of `motions` but its id. Throws RequestError: no such run, not ready, no such region, or one that is no part of the molecule. */
  async find(run: string, regions: readonly string[], count: number) {
    const answer = await this.ask({ kind: 'find', count, ...this.context(this.watch.run(run), regions) });
    return { run, ...(answer as { epoch: number } & FoundMotions) };
  }

  /** The fields of `motion` but its id. Throws RequestError as `find` does, and on points of the wrong dimension. */
  async measure(run: string, from: number[], to: number[], regions: readonly string[]) {
    const watched = this.watch.run(run);
    const { latentDims } = watched.summary;
    for (const [field, point] of Object.entries({ from, to }))
      if (point.length !== latentDims)
        throw new RequestError('bad-value', `${field} has ${point.length} numbers, run "${run}" has ${latentDims} latent dimensions`);
    const answer = await this.ask({ kind: 'measure', from, to, ...this.context(watched, regions) });
    return { run, ...(answer as { epoch: number } & MotionBetween) };
  }

  close(): Promise<void> {
    return this.thread.close();
  }

  private context({ folder, weightsVersion, latentsVersion }: WatchedRun, names: readonly string[]): MotionContext {
    if (weightsVersion === '' || latentsVersion === '')
      throw new RequestError('not-ready', `run "${folder.name}" has no latents and weights yet`);
    const { project } = this.watch;
    const twice = names.find((name, k) => names.indexOf(name) !== k);
    if (twice !== undefined) throw new RequestError('bad-value', `region "${twice}" is named twice`);
    const regions = names.map(name => {
      const path = existingRegion(project, name);
      return { name, path, version: fileVersion(path) };
    });
    const halves = fileVersion(join(folder.path, 'halves', 'report.json'));
    return { project: project.path, run: folder.name, version: `${weightsVersion} ${latentsVersion} ${halves}`, regions };
  }

  private async ask(question: MotionQuestion): Promise<MotionAnswer> {
    try {
      return await this.thread.ask(question);
    } catch (error) {
      throw error instanceof ThreadInputError ? new RequestError('bad-value', error.message) : error;
    }
  }
}
