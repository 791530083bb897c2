// Orientations and networks in turn (paper, Methods; method.md section 4.6): better orientations give better models, and these better orientations, until they stay.

import type { Backend } from '../../compute/backend.js';
import { InputError } from '../../formats/input-error.js';
import { median } from '../../numerics/quantile.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import {
  inheritOrientations,
  type OrientationReport,
  orientationsPath,
  type RefinedOrientations,
  readOrientationReport,
  trainedWith,
  withRunOrientations,
} from '../../project/refined-orientations.js';
import type { RunFolder } from '../../project/run-folder.js';
import { trainOptions } from '../../settings/training.js';
import { openProjectParticles } from '../neutral/project-neutral.js';
import type { Reporter } from '../progress.js';
import { trainProjectRun } from '../project-run.js';
import { changeOfPose, type Pose } from './pose-ascent.js';
import { refineRunOrientations } from './project-orientations.js';

export interface OrientOptions {
  run: string;
  /** Refinements at most; before each but the first a run of the same settings is trained with the orientations of the one before. */
  cycles: number;
  backend: string;
  threads: number | null;
}

export interface OrientResult {
  /** One a cycle. */
  reports: OrientationReport[];
  /** What each cycle changed in the orientations of the one before, the first in the project's. */
  changes: OrientationChange[];
  /** Whether they stay: another cycle would hardly change them. */
  stays: boolean;
  /** The star file of the last. */
  file: string;
  seconds: number;
}

/** Medians over the particles of a run. */
export interface OrientationChange {
  degrees: number;
  angstrom: number;
}

/**
 * They stay when a cycle changes them by less than this share of what they were found wrong by. Of simulated slides whose poses are wrong by 3° it is 0.5 after two cycles, and 0.1 after three, when
 * 1.60° are left to be 1.55°; of six states of a ribosome in kind 0.4 after two.
 */
const STAYS = 0.15;
/** Nor is so little worth another training: good sets change by as much at tenfold noise. */
const LEAST: OrientationChange = { degrees: 0.2, angstrom: 0.2 };

/**
 * Refines a run's orientations. Cycle 2 trains runs/NAME-cycle2 from the beginning, by the settings of runs/NAME, with what cycle 1 found, and refines against its models; and so
 * on, until they stay or `cycles` are done. What is done already is not done again. The caller holds the project's lock. Throws Cancelled, everything done being kept.
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
  const changes: OrientationChange[] = [];
  let stays = false;
  let run = first;
  for (let cycle = 1; cycle <= cycles && !stays; cycle++) {
    const before = run;
    if (cycle > 1) {
      const next = project.run(`${name}-cycle${cycle}`);
      checkOrigin(next, run, reports[cycle - 2]);
      inheritOrientations(run, next);
      const begun = next.exists() ? next.settings() : null;
      if (begun?.state !== 'done')
        await trainProjectRun(project, backend, { ...trainOptions(next.name, {}, first.settings()), ...machine }, reporter, signal);
      run = next;
    }
    const report = await refineRunOrientations(project, backend, run, reporter, signal);
    reports.push(report);
    const whole = { degrees: report.medianDegrees, angstrom: report.medianAngstrom };
    const change = cycle > 1 ? changeBetween(project, before, run) : whole;
    changes.push(change);
    stays = isLittle(change, whole);
    const much = `cycle ${cycle} changed the orientations by ${change.degrees.toFixed(2)}° and ${change.angstrom.toFixed(2)} Å (medians)`;
    reporter.note(stays ? `${much}: they stay` : `${much}${cycle < cycles ? ': once more' : ''}`);
  }
  return { reports, changes, stays, file: orientationsPath(run), seconds: (performance.now() - started) / 1000 };
}

/** By how much the orientations of `run` differ from those of the run before it. */
function changeBetween(project: ProjectFolder, before: RunFolder, run: RunFolder): OrientationChange {
  const particles = openProjectParticles(project);
  try {
    const [from, to] = [withRunOrientations(particles, before), withRunOrientations(particles, run)];
    const changes = Array.from(new Set(run.latents().particle), number => changeOfPose(poseOf(from, number - 1), poseOf(to, number - 1)));
    return {
      degrees: (median(changes.map(([x, y, z]) => Math.hypot(x, y, z))) * 180) / Math.PI,
      angstrom: median(changes.map(([, , , x, y]) => Math.hypot(x, y))) * particles.pixelSizeAngstrom,
    };
  } finally {
    particles.close();
  }
}

function isLittle(change: OrientationChange, whole: OrientationChange): boolean {
  return (['degrees', 'angstrom'] as const).every(what => change[what] < Math.max(STAYS * whole[what], LEAST[what]));
}

/** The shift in pixels. */
function poseOf({ rotations, shiftsPixels }: RefinedOrientations, particle: number): Pose {
  return {
    rotation: Float64Array.from(rotations.subarray(9 * particle, 9 * particle + 9)),
    shift: Float64Array.from(shiftsPixels.subarray(2 * particle, 2 * particle + 2)),
    place: new Float64Array(),
  };
}

/** Throws InputError where a run of that name was trained with other orientations. */
function checkOrigin(next: RunFolder, before: RunFolder, { madeFrom }: OrientationReport): void {
  const exists = next.exists() || readOrientationReport(next) !== null;
  if (exists && trainedWith(readOrientationReport(next)) !== madeFrom)
    throw new InputError(
      `run "${next.name}" was not trained with the orientations that run "${before.name}" has now; delete ${next.path}, and give the same command again`,
    );
}
