// Reproducibility by halves: everything twice, independently, on the two half-sets, and how far latents, clusters and the maps of matched states agree (method.md section 4.7).
//
// Each half has a project of its own (half-project.ts), with other random numbers. Both models then encode all particles, so that every particle has two
// latents; these are equal only up to a smooth map, which is fitted and judged on particles left out (latent/latent-alignment.ts). States are the clusters of
// half 1's own particles, carried over to half 2's by that map; the maps of a state share neither particles nor models.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../compute/backend.js';
import { InputError } from '../../formats/input-error.js';
import type { LatentsTable } from '../../formats/latents-table.js';
import type { LatentCloud } from '../../latent/analysis.js';
import { readParticleSubset } from '../../particles/particle-subset.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import { orientationsPath, withRunOrientations } from '../../project/refined-orientations.js';
import type { RunFolder, RunSettings } from '../../project/run-folder.js';
import { flagOf, type TrainingSettings, type TrainOptions, trainingSettings } from '../../settings/training.js';
import { fitProjectNeutral, openProjectParticles, readProjectNeutral } from '../neutral/project-neutral.js';
import type { Reporter } from '../progress.js';
import { expansion, trainProjectRun } from '../project-run.js';
import { compareHalves, type HalvesOptions, type TwoLatents } from './compare-halves.js';
import { carriedPath, type HalfProject, openHalfProjects } from './half-project.js';
import type { HalvesReport } from './halves-report.js';
import { encodeUnseen } from './unseen-particles.js';

/**
 * Repeats `run` on both halves of the particles and compares; everything goes to runs/NAME/halves. What an earlier, interrupted call has finished is taken
 * up. The caller holds the project's lock. Throws InputError where the halves that lie there are of other settings, Cancelled with all whole epochs saved.
 */
export async function repeatByHalves(
  whole: ProjectFolder,
  run: RunFolder,
  backend: Backend,
  { clusters, threads }: HalvesOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<HalvesReport> {
  const settings = run.settings();
  const folder = join(run.path, 'halves');
  const particles = withRunOrientations(openProjectParticles(whole), run);
  try {
    const star = existsSync(orientationsPath(run)) ? orientationsPath(run) : particles.file;
    const halves = await openHalfProjects(whole, folder, particles, star, threads, reporter, signal);
    const locks = halves.map(({ project }) => project.lock());
    try {
      for (const half of halves) await trainHalf(whole, half, settings, backend, threads, folder, reporter, signal);
      const latents = await latentsByBoth(whole, run, halves, backend, reporter, signal);
      return await compareHalves(whole, run, particles, halves, latents, { clusters, threads }, folder, reporter, signal);
    } finally {
      for (const lock of locks) lock.release();
    }
  } finally {
    particles.close();
  }
}

/** The same work, told as that of one half. */
function of(half: HalfProject, reporter: Reporter): Reporter {
  return {
    progress: (stage, done, total) => reporter.progress(`half ${half.half}: ${stage}`, done, total),
    epoch: report => reporter.epoch({ ...report, run: `${report.run}, half ${half.half}` }),
    note: line => reporter.note(`half ${half.half}: ${line}`),
  };
}

/** Neutral model, the runs that this one continues, and the run, each where it is not there yet. */
async function trainHalf(
  whole: ProjectFolder,
  half: HalfProject,
  settings: RunSettings,
  backend: Backend,
  threads: number | null,
  folder: string,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<void> {
  const { project } = half;
  const told = of(half, reporter);
  if (settings.continueFrom !== null)
    await trainHalf(whole, half, whole.existingRun(settings.continueFrom).settings(), backend, threads, folder, reporter, signal);
  const options = halfOptions(whole, half, settings, threads);
  if (readProjectNeutral(project) === null) {
    const report = readProjectNeutral(whole)?.report;
    const asked = { ...options, gaussians: report?.gaussians ?? null, resolutionAngstrom: report?.resolutionAngstrom ?? null };
    await fitProjectNeutral(project, backend, asked, told, signal);
  }
  const begun = project.run(settings.run);
  if (begun.exists()) {
    const before = begun.settings();
    for (const name of Object.keys(trainingSettings(options)) as (keyof TrainingSettings)[]) {
      if (name === 'epochs' || String(before[name]) === String(options[name])) continue;
      throw new InputError(
        `${begun.path} was made with ${flagOf(name)} ${before[name]}, run "${settings.run}" has ${options[name]}; delete ${folder} and run limber halves again`,
      );
    }
    if (before.state === 'done' && before.epoch >= options.epochs) return;
  }
  await trainProjectRun(project, backend, options, told, signal);
}

/** The run's own settings, with paths as the half sees them and random numbers of its own: equal first weights would make equal latents of nothing. */
function halfOptions(
  whole: ProjectFolder,
  { half, project, rows }: HalfProject,
  settings: RunSettings,
  threads: number | null,
): TrainOptions {
  let subset: string | null = null;
  if (settings.subset !== null) {
    const run = whole.run(settings.run);
    // The run knows its own particles even where the file that named them is gone.
    const wanted = new Set(
      run.hasLatents
        ? run.latents().particle.map(number => number - 1)
        : readParticleSubset(whole.resolve(settings.subset), whole.resolve(whole.settings.particles), whole.settings.particleCount),
    );
    const own = Array.from(rows.keys()).filter(row => wanted.has(rows[row]));
    if (own.length === 0)
      throw new InputError(`${settings.subset}: none of its particles is in half ${half}; halves need particles in both`);
    subset = `${settings.run}.subset.txt`;
    writeFileSync(join(project.path, subset), own.map(row => `${row + 1}\n`).join(''));
  }
  return {
    ...(trainingSettings(settings) as TrainingSettings),
    run: settings.run,
    seed: (settings.seed + half) >>> 0,
    focus: settings.focus && carriedPath(whole, settings.focus, project.path),
    subset,
    backend: settings.backend,
    threads,
  };
}

/** Every entry of either half by both models: by one that has learned from it, and by one that has not. */
async function latentsByBoth(
  whole: ProjectFolder,
  run: RunFolder,
  halves: readonly [HalfProject, HalfProject],
  backend: Backend,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<TwoLatents> {
  const own = halves.map(({ project }) => project.run(run.name).latents());
  const dims = own[0].dims;
  const copies = expansion(whole, run.settings()).length;
  const parts: { half: 0 | 1; table: LatentsTable; other: Float32Array }[] = [];
  for (const half of [0, 1] as const) {
    const table = own[half];
    const rows = Uint32Array.from(new Set(table.particle), number => number - 1);
    const particles = openProjectParticles(halves[half].project);
    const model = halves[1 - half];
    const told = of(model, {
      ...reporter,
      progress: (stage, done, total) => reporter.progress(`${stage} (particles of half ${half + 1})`, done, total),
    });
    try {
      const other = await encodeUnseen(model.project, model.project.run(run.name), { particles, rows }, backend, told, signal);
      parts.push({ half, table, other });
    } finally {
      particles.close();
    }
  }
  const order = parts
    .flatMap(({ half, table }) => Array.from(table.particle, (particle, at) => ({ half, at, row: halves[half].rows[particle - 1] })))
    .sort((a, b) => a.row - b.row || a.at - b.at);
  const cloud = (model: 0 | 1): LatentCloud => {
    const z = new Float32Array(order.length * dims);
    order.forEach(({ half, at }, i) => {
      const { table, other } = parts[half];
      z.set((half === model ? table.z : other).subarray(at * dims, (at + 1) * dims), i * dims);
    });
    return { count: order.length, dims, z };
  };
  return {
    count: order.length,
    row: Uint32Array.from(order, ({ row }) => row),
    copy: copies > 1 ? Uint8Array.from(order, ({ half, at }) => parts[half].table.copy?.[at] ?? 0) : null,
    half: Uint8Array.from(order, ({ half }) => half + 1),
    clouds: [cloud(0), cloud(1)],
  };
}
