// One measurement of the whole pipeline: what it was made on, what came out, what an oracle gets, and how long it took.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import type { LatentsTable } from '../../daemon/formats/latents-table.js';
import { createProject, type NewProject } from '../../daemon/project/create-project.js';
import { type TrainOptions, trainOptions } from '../../daemon/settings/training.js';
import type { Reporter } from '../../daemon/training/progress.js';
import { trainProjectRun } from '../../daemon/training/project-run.js';

export interface Figure {
  measure: string;
  value: number;
  /** The best that can be expected; null where nobody knows. */
  oracle: number | null;
  /** What a guess gets; null where a guess makes no sense. */
  chance: number | null;
  /** The figure must reach this; null: it is reported and not judged. */
  threshold: number | null;
  /** Which side of the threshold is good; above it unless said otherwise. */
  better?: 'higher' | 'lower';
}

export interface Trial {
  set: string;
  settings: string;
  particles: number;
  gaussians: number;
  /** Neutral model and training. */
  seconds: number;
  /** Must not take longer; null: not judged. */
  mostSeconds: number | null;
  figures: Figure[];
}

export interface TrialContext {
  /** A folder that does not exist yet, for data and project; it is removed after the trial. */
  folder: string;
  /** null: all of the machine. */
  threads: number | null;
  /** null: the default of the program or set. */
  epochs: number | null;
  reporter: Reporter;
}

/** What differs from the program's own defaults. */
export type TrainChoice = Partial<TrainOptions>;

/** From a particle file to latents with the program's own defaults but for what is chosen, as `limber new` and `limber train` do. */
export async function trainOn(
  files: Pick<NewProject, 'particles'> & Partial<NewProject>,
  chosen: TrainChoice,
  { folder, threads, epochs, reporter }: TrialContext,
): Promise<{ latents: LatentsTable; settings: string; particles: number; gaussians: number; seconds: number }> {
  const path = join(folder, 'project');
  mkdirSync(folder, { recursive: true });
  const project = await createProject(
    path,
    { imagesDir: null, map: null, mask: null, model: null, symmetry: 'C1', pixelSizeAngstrom: null, ...files },
    reporter,
    new AbortController().signal,
  );
  const options = trainOptions('run1', { threads, ...chosen, epochs: epochs ?? chosen.epochs });
  const lock = project.lock();
  const backend = await chooseBackend(options, reporter);
  const started = performance.now();
  try {
    const result = await trainProjectRun(project, backend, options, reporter);
    return {
      latents: project.run(options.run).latents(),
      settings: `d=${options.latentDims}, ${options.vary.length === 3 ? 'all' : options.vary.join('+')}, ${options.epochs} epochs`,
      particles: result.particles,
      gaussians: result.gaussians,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await backend.dispose();
    lock.release();
  }
}
