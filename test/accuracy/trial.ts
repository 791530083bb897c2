// One measurement of the whole pipeline: what it was made on, what came out, what an oracle gets, and how long it took.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import type { LatentsTable } from '../../daemon/formats/latents-table.js';
import { createProject, type NewProject } from '../../daemon/project/create-project.js';
import type { ProjectFolder } from '../../daemon/project/project-folder.js';
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
  /** null: what the program takes by itself. */
  backend: string | null;
  reporter: Reporter;
}

/** What differs from the program's own defaults. */
export type TrainChoice = Partial<TrainOptions>;

/** What a training run came to. */
export interface Trained {
  latents: LatentsTable;
  settings: string;
  particles: number;
  gaussians: number;
  seconds: number;
}

/** From a particle file to latents with the program's own defaults but for what is chosen, as `limber new` and `limber train` do. */
export async function trainOn(
  files: Pick<NewProject, 'particles'> & Partial<NewProject>,
  chosen: TrainChoice,
  context: TrialContext,
): Promise<Trained> {
  return trainRun(await newProject(files, context), 'run1', chosen, context);
}

/** As `limber new` makes it, in the trial's folder. */
export async function newProject(
  files: Pick<NewProject, 'particles'> & Partial<NewProject>,
  { folder, reporter }: TrialContext,
): Promise<ProjectFolder> {
  mkdirSync(folder, { recursive: true });
  return createProject(
    join(folder, 'project'),
    { imagesDir: null, map: null, mask: null, model: null, symmetry: 'C1', pixelSizeAngstrom: null, ...files },
    reporter,
    new AbortController().signal,
  );
}

/** One run of a project, with the program's own defaults but for what is chosen, as `limber train --run NAME` does. */
export async function trainRun(
  project: ProjectFolder,
  run: string,
  chosen: TrainChoice,
  { threads, epochs, backend: asked, reporter }: Pick<TrialContext, 'threads' | 'epochs' | 'backend' | 'reporter'>,
): Promise<Trained> {
  const options = trainOptions(run, { threads, backend: asked ?? undefined, ...chosen, epochs: epochs ?? chosen.epochs });
  const lock = project.lock();
  const backend = await chooseBackend(options, reporter);
  const started = performance.now();
  try {
    const result = await trainProjectRun(project, backend, options, reporter);
    return {
      latents: project.run(options.run).latents(),
      settings: `d=${options.latentDims}, ${options.vary.length === 3 ? 'all' : options.vary.join('+')}, ${options.epochs} epochs${asked === null ? '' : `, ${result.backend}`}`,
      particles: result.particles,
      gaussians: result.gaussians,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await backend.dispose();
    lock.release();
  }
}
