// One training run of a project, from its settings to weights and latents on disk, begun or gone on with.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../compute/backend.js';
import { InputError } from '../formats/input-error.js';
import { logitsToRow } from '../gaussians/model-frame.js';
import { Random } from '../numerics/random.js';
import { computingRings } from '../particles/computing-box.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { prepareImages } from '../particles/prepare-images.js';
import type { ProjectFolder } from '../project/project-folder.js';
import type { RunFolder, RunSettings } from '../project/run-folder.js';
import type { TrainOptions, VaryKind } from '../settings/settings.js';
import { type Checkpoint, type EpochResult, Heterogeneity, type HeterogeneityInput, type HeterogeneitySettings } from './heterogeneity.js';
import { ROOMY_DIMS, scoutDims, scoutLatents } from './latent-scout.js';
import { principalStart } from './latent-start.js';
import { computeParticleGradients } from './particle-gradients.js';
import { drawCandidates, PLACED_DIMS, posteriorLatents } from './posterior-latents.js';
import { Cancelled, type Reporter } from './progress.js';
import { fitProjectNeutral, openProjectParticles, type ProjectNeutral, readProjectNeutral } from './project-neutral.js';
import { projectionGeometry } from './projection-scale.js';
import { informationShares, meanRingCorrelation } from './ring-shares.js';
import { storedBatches } from './stored-batches.js';

/** The final line of `limber train --json` (contract.md). */
export interface RunResult {
  run: string;
  particles: number;
  gaussians: number;
  /** Mean ring correlation of the last epoch. */
  frc: number;
  /** Of training, over all sittings. */
  seconds: number;
  backend: string;
}

/** A checkpoint is written no more often than this, and after the last epoch. */
const CHECKPOINT_SECONDS = 20;
/** Fewer particles make no graph worth following. */
const FEWEST_TO_SCOUT = 64;
const LATENT_NOISE = 0.05;
const SPREAD_PENALTY = 0.01;

/**
 * Trains the run up to `options.epochs`: begins it, or goes on from its checkpoint where there is one. Makes the neutral model first where
 * the project has none. The caller holds the project's lock. Throws Cancelled, with everything up to the last whole epoch saved.
 */
export async function trainProjectRun(
  project: ProjectFolder,
  backend: Backend,
  options: TrainOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<RunResult> {
  const run = project.run(options.run);
  const neutral =
    readProjectNeutral(project) ?? (await fitProjectNeutral(project, backend, { ...options, gaussians: null }, reporter, signal));
  const particles = openProjectParticles(project);
  const checkpoint = readCheckpoint(project, run, options, neutral, reporter);
  const settings: RunSettings = {
    format: 'limber-run',
    version: 1,
    run: options.run,
    state: 'training',
    epoch: checkpoint?.epoch ?? 0,
    epochs: options.epochs,
    latentDims: options.latentDims,
    gaussians: neutral.report.gaussians,
    resolutionAngstrom: options.resolutionAngstrom ?? neutral.report.resolutionAngstrom,
    vary: [...options.vary],
    batch: options.batch,
    learningRate: options.learningRate,
    seed: options.seed,
    backend: backend.name,
    particles: particles.count,
    frc: checkpoint ? run.settings().frc : null,
    seconds: checkpoint ? run.settings().seconds : 0,
  };
  run.writeSettings(settings);
  const scratch = join(run.path, 'scratch');
  mkdirSync(scratch, { recursive: true });
  try {
    await train({ project, run, particles, neutral, backend, options, settings, checkpoint, scratch, reporter, signal });
    run.writeSettings({ ...settings, state: 'done' });
  } catch (error) {
    run.writeSettings({ ...settings, state: error instanceof Cancelled ? 'stopped' : 'failed' });
    throw error;
  } finally {
    particles.close();
    rmSync(scratch, { recursive: true, force: true });
  }
  return {
    run: options.run,
    particles: particles.count,
    gaussians: settings.gaussians,
    frc: settings.frc ?? Number.NaN,
    seconds: settings.seconds,
    backend: backend.name,
  };
}

/** Everything one sitting at a run works with. */
interface Sitting {
  project: ProjectFolder;
  run: RunFolder;
  particles: ParticleSet;
  neutral: ProjectNeutral;
  backend: Backend;
  options: TrainOptions;
  /** As they are written to the run, epoch by epoch. */
  settings: RunSettings;
  checkpoint: Checkpoint | null;
  /** A folder that goes when the sitting ends. */
  scratch: string;
  reporter: Reporter;
  signal?: AbortSignal;
}

async function train(sitting: Sitting): Promise<void> {
  const { project, run, particles, neutral, backend, options, settings, checkpoint, scratch, reporter, signal } = sitting;
  const rings = computingRings(particles.boxSize, particles.pixelSizeAngstrom, settings.resolutionAngstrom);
  const plain = projectionGeometry(settings.gaussians, rings, neutral.frame);
  const chosen = Uint32Array.from({ length: particles.count }, (_, i) => i);
  const images = await prepareImages(particles, chosen, rings, project.settings.contrast, join(scratch, 'images.f32'), reporter, signal);
  const source = storedBatches(backend, images, particles.rotations, options.batch);
  const neutralRow = backend.tensor([1, neutral.logits.length], logitsToRow(neutral.logits));
  const ringShares = informationShares(
    rings,
    await meanRingCorrelation(backend, plain, neutralRow, source, options.batch),
    particles.count,
  );
  const geometry = { ...plain, ringShares };
  const gradients = await computeParticleGradients(
    backend,
    geometry,
    neutralRow,
    source,
    options.batch,
    join(scratch, 'gradients.f32'),
    reporter,
    signal,
  );
  backend.free(neutralRow);
  const science: HeterogeneitySettings = {
    run: options.run,
    latentDims: options.latentDims,
    epochs: options.epochs,
    batch: options.batch,
    learningRate: options.learningRate,
    latentNoise: LATENT_NOISE,
    spreadPenalty: SPREAD_PENALTY,
    weightDecay: 0,
    seed: options.seed,
  };
  const input = { geometry, neutral: neutral.logits, vary: varyMask(settings.gaussians, options.vary), source, gradients };
  const begin = (dims: number) => principalStart(gradients, particles.count, settings.gaussians, dims, new Random(options.seed));
  // A run that goes on has its start behind it.
  const isCramped = options.latentDims < ROOMY_DIMS && checkpoint === null && particles.count >= FEWEST_TO_SCOUT;
  const start = isCramped
    ? await scoutLatents(backend, { ...input, start: begin(scoutDims(options.latentDims)) }, science, reporter, signal)
    : begin(options.latentDims);
  const model = new Heterogeneity(backend, { ...input, start }, science, checkpoint);
  const losses = run.losses().filter(row => row.epoch <= settings.epoch);
  let lastCheckpoint = performance.now();
  // The last whole epoch while it is only in memory: a stop in the middle of the next one writes it, and loses no more than that.
  let unsaved: (() => void) | null = null;
  try {
    await model.train(
      reporter,
      async result => {
        losses.push({ epoch: result.epoch, frc: result.frc, loss: result.loss, seconds: result.seconds });
        Object.assign(settings, { epoch: result.epoch, frc: result.frc, seconds: settings.seconds + result.seconds });
        const checkpoint = await result.checkpoint();
        unsaved = () => keep(sitting, losses, result, checkpoint);
        const isLast = result.epoch === options.epochs;
        // The first epoch is kept too, so that the page has something to show early.
        if (!isLast && result.epoch > 1 && performance.now() - lastCheckpoint < CHECKPOINT_SECONDS * 1000) return;
        lastCheckpoint = performance.now();
        unsaved();
        unsaved = null;
      },
      signal,
    );
    if (options.latentDims <= PLACED_DIMS) await placeParticles(sitting, input, model, science);
  } catch (error) {
    (unsaved as (() => void) | null)?.();
    throw error;
  } finally {
    model.free();
    images.close();
    gradients.store.close();
  }
}

/** The latents that a finished run leaves: the encoder's give the cloud, the decoder and the image the place in it. */
async function placeParticles(
  { run, particles, backend, reporter, signal }: Sitting,
  { geometry, source }: Pick<HeterogeneityInput, 'geometry' | 'source'>,
  model: Heterogeneity,
  { latentDims, batch, seed }: HeterogeneitySettings,
): Promise<void> {
  const z = drawCandidates(await model.encodeAll(), latentDims, new Random(seed));
  const candidates = { z, dims: latentDims, rows: await model.decodedRows(z) };
  const placed = await posteriorLatents(backend, geometry, candidates, source, batch, reporter, signal);
  run.writeLatents({ count: particles.count, dims: latentDims, particle: rowNumbers(particles.count), ...placed });
}

/** Weights first: they carry their own epoch, and the tables are made anew from where they stand. */
function keep(
  { run, neutral, settings, particles }: Sitting,
  losses: EpochRows,
  result: EpochResult,
  { tensors, epoch, step, random }: Checkpoint,
): void {
  const { frame } = neutral;
  const entries = [
    ...tensors,
    ['neutral.logits', { shape: [5, settings.gaussians], data: neutral.logits }] as const,
    ['vary', { shape: [5, settings.gaussians], data: varyMask(settings.gaussians, settings.vary as VaryKind[]) }] as const,
  ];
  run.writeWeights(entries, {
    format: 'limber-weights 1',
    epoch: String(epoch),
    step: String(step),
    random: JSON.stringify(random.map(value => (Number.isNaN(value) ? null : value))),
    frame: JSON.stringify({
      boxAngstrom: frame.boxAngstrom,
      centreAngstrom: frame.centreAngstrom,
      referenceSigmaAngstrom: frame.referenceSigmaAngstrom,
    }),
    settings: JSON.stringify(settings),
  });
  run.writeLatents({
    count: particles.count,
    dims: settings.latentDims,
    particle: rowNumbers(particles.count),
    z: result.z,
    frc: result.particleFrc,
  });
  run.writeLosses(losses);
  run.writeSettings(settings);
}

type EpochRows = { epoch: number; frc: number; loss: number; seconds: number }[];

function readCheckpoint(
  project: ProjectFolder,
  run: RunFolder,
  options: TrainOptions,
  neutral: ProjectNeutral,
  reporter: Reporter,
): Checkpoint | null {
  if (!run.exists() || !run.hasWeights) return null;
  const kept = run.settings();
  const asked: [string, unknown, unknown][] = [
    ['latent dimensions', kept.latentDims, options.latentDims],
    ['Gaussians', kept.gaussians, neutral.report.gaussians],
    ['seed', kept.seed, options.seed],
    ['batch', kept.batch, options.batch],
    ['what varies', kept.vary.join(), options.vary.join()],
  ];
  for (const [what, before, now] of asked) {
    if (before !== now)
      throw new InputError(`run "${run.name}" was begun with ${what} ${before}, not ${now}; give the same, or another name with --run`);
  }
  const { tensors, metadata } = run.weights();
  const begunFrom = tensors.get('neutral.logits')?.data ?? new Float32Array();
  if (!neutral.logits.every((value, i) => value === begunFrom[i]))
    throw new InputError(
      `run "${run.name}" began from another neutral model than ${project.neutralFolder} holds now; give another name with --run`,
    );
  const random = (JSON.parse(metadata.random) as (number | null)[]).map(value => value ?? Number.NaN);
  const epoch = Number(metadata.epoch);
  reporter.note(
    epoch >= options.epochs ? `run "${run.name}" has all of its ${epoch} epochs` : `run "${run.name}" goes on after epoch ${epoch}`,
  );
  return { tensors, epoch, step: Number(metadata.step), random };
}

/** 1-based rows of the input file. */
function rowNumbers(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, i) => i + 1);
}

/** 5N weights: 1 where the kind may vary. */
function varyMask(gaussians: number, vary: readonly VaryKind[]): Float32Array {
  const kinds: VaryKind[] = ['position', 'position', 'position', 'amplitude', 'width'];
  return Float32Array.from({ length: 5 * gaussians }, (_, i) => (vary.includes(kinds[Math.floor(i / gaussians)]) ? 1 : 0));
}
