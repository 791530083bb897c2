// Orientations and networks in turn (paper, Methods; method.md section 4.6): better orientations give better models, and these better orientations.

import type { Backend } from '../../compute/backend.js';
import { InputError } from '../../formats/input-error.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import {
  inheritOrientations,
  type OrientationReport,
  orientationsPath,
  readOrientationReport,
  trainedWith,
} from '../../project/refined-orientations.js';
import type { RunFolder } from '../../project/run-folder.js';
import { trainOptions } from '../../settings/training.js';
import type { Reporter } from '../progress.js';
import { trainProjectRun } from '../project-run.js';
import { refineRunOrientations } from './project-orientations.js';

export interface OrientOptions {
  run: string;
  /** Refinements; before each but the first a run of the same settings is trained with the orientations of the one before. */
  cycles: number;
  backend: string;
  threads: number | null;
}

export interface OrientResult {
  /** One a cycle. */
  reports: OrientationReport[];
  /** The star file of the last. */
  file: string;
  seconds: number;
}

/**
 * Refines a run's orientations. Cycle 2 trains runs/NAME-cycle2 from the beginning, by the settings of runs/NAME, with what cycle 1 found, and refines against its models; and so
 * on. What is done already is not done again. The caller holds the project's lock. Throws Cancelled, everything done being kept.
 */
export async function orientProjectRun(
  project: ProjectFolder,
  backend: Backend,
  { run: name, cycles, ...machine }: OrientOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<OrientResult> {
  const started = performance.now();
  const first = project.existingRun(name);
  const reports: OrientationReport[] = [];
  let run = first;
  for (let cycle = 1; cycle <= cycles; cycle++) {
    if (cycle > 1) {
      const next = project.run(`${name}-cycle${cycle}`);
      checkOrigin(next, run, reports[cycle - 2]);
      inheritOrientations(run, next);
      const begun = next.exists() ? next.settings() : null;
      if (begun?.state !== 'done')
        await trainProjectRun(project, backend, { ...trainOptions(next.name, {}, first.settings()), ...machine }, reporter, signal);
      run = next;
    }
    reports.push(await refineRunOrientations(project, backend, run, reporter, signal));
  }
  return { reports, file: orientationsPath(run), seconds: (performance.now() - started) / 1000 };
}

/** Throws InputError where a run of that name was trained with other orientations. */
function checkOrigin(next: RunFolder, before: RunFolder, { madeFrom }: OrientationReport): void {
  const exists = next.exists() || readOrientationReport(next) !== null;
  if (exists && trainedWith(readOrientationReport(next)) !== madeFrom)
    throw new InputError(
      `run "${next.name}" was not trained with the orientations that run "${before.name}" has now; delete ${next.path}, and give the same command again`,
    );
}
