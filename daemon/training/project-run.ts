// One training run of a project, from its settings to weights and latents on disk, begun or gone on with.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend, ProjectionGeometry } from '../compute/backend.js';
import type { NamedTensor } from '../formats/safetensors.js';
import { logitsToRow } from '../gaussians/model-frame.js';
import { symmetryRotations } from '../numerics/symmetry.js';
import { computingRings } from '../particles/computing-box.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { readParticleSubset } from '../particles/particle-subset.js';
import { prepareImages } from '../particles/prepare-images.js';
import type { ProjectFolder } from '../project/project-folder.js';
import { inheritOrientations, readOrientationReport, withRunOrientations } from '../project/refined-orientations.js';
import type { RunFolder, RunSettings } from '../project/run-folder.js';
import { type TrainingSettings, type TrainOptions, trainingSettings } from '../settings/training.js';
import { Departure, saveBases } from './departure.js';
import { continuedFoundation, type Foundation, keptFoundation, neutralFoundation } from './foundation.js';
import { type Checkpoint, type EpochResult, Heterogeneity, type HeterogeneityInput } from './heterogeneity.js';
import { checkpointMetadata, checkpointOf, keptPlacing } from './kept-checkpoint.js';
import { latentRelaying, latentSettling, latentStart, placedLatents } from './latents/course.js';
import { fitProjectNeutral, openProjectParticles, type ProjectNeutral, readProjectNeutral } from './neutral/project-neutral.js';
import { type BatchSource, computeParticleGradients } from './particle-gradients.js';
import { Cancelled, type Reporter } from './progress.js';
import { projectionGeometry } from './projection-scale.js';
import { checkResumable } from './resume.js';
import { informationShares, meanRingCorrelation, seenShares } from './ring-shares.js';
import { entryNames, type RunEntries, runEntries } from './run-entries.js';
import { storedBatches } from './stored-batches.js';
import { varyingGaussians, varyWeights } from './what-varies.js';

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
const IDENTITY = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

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
  const checkpoint = readCheckpoint(run, options, reporter);
  const parent = checkpoint || options.continueFrom === null ? null : project.existingRun(options.continueFrom);
  const neutral = checkpoint || parent ? null : await projectNeutral(project, backend, options, reporter, signal);
  // Orientations that were refined for this run, or for the one that it goes on from, are better than the project's.
  const oriented = parent && !readOrientationReport(run) ? parent : run;
  const particles = withRunOrientations(openProjectParticles(project), oriented);
  try {
    const entries = chooseEntries(project, particles, options, checkpoint ? run : parent);
    const start = checkpoint ? keptFoundation(run) : parent ? keptFoundation(parent) : neutralFoundation(neutral as ProjectNeutral);
    const varying = whatVaries(project, start, options);
    const foundation = parent ? continuedFoundation(parent, start, entries, options, varying.parameters) : start;
    const settings: RunSettings = {
      format: 'limber-run',
      version: 1,
      run: options.run,
      state: 'training',
      ...(trainingSettings(options) as TrainingSettings),
      epoch: checkpoint?.epoch ?? 0,
      gaussians: foundation.neutral.length / 5,
      resolutionAngstrom: options.resolutionAngstrom ?? foundation.resolutionAngstrom,
      backend: backend.name,
      particles: entries.particles.length,
      copies: entries.copies,
      goesOn: checkpoint ? run.settings().goesOn : foundation.networks !== null,
      frc: checkpoint ? run.settings().frc : null,
      seconds: checkpoint ? run.settings().seconds : 0,
    };
    run.writeSettings(settings);
    inheritOrientations(oriented, run);
    const scratch = join(run.path, 'scratch');
    mkdirSync(scratch, { recursive: true });
    try {
      await train({ project, run, particles, entries, foundation, varying, backend, settings, checkpoint, scratch, reporter, signal });
      run.writeSettings({ ...settings, state: 'done' });
    } catch (error) {
      run.writeSettings({ ...settings, state: error instanceof Cancelled ? 'stopped' : 'failed' });
      throw error;
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return {
      run: options.run,
      particles: settings.particles,
      gaussians: settings.gaussians,
      frc: settings.frc ?? Number.NaN,
      seconds: settings.seconds,
      backend: backend.name,
    };
  } finally {
    particles.close();
  }
}

async function projectNeutral(
  project: ProjectFolder,
  backend: Backend,
  options: TrainOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<ProjectNeutral> {
  return readProjectNeutral(project) ?? (await fitProjectNeutral(project, backend, { ...options, gaussians: null }, reporter, signal));
}

/** The rotations that every particle is used in: of the project's symmetry where it is expanded, else one. */
export function expansion(project: ProjectFolder, { symmetryExpansion }: Pick<TrainingSettings, 'symmetryExpansion'>): Float64Array[] {
  return symmetryExpansion === 'on' ? symmetryRotations(project.settings.symmetry) : [IDENTITY];
}

/** Those of the subset; without one those that `known` knows, the run itself as it was begun or the one it continues, or all. */
function chooseEntries(project: ProjectFolder, particles: ParticleSet, options: TrainOptions, known: RunFolder | null): RunEntries {
  let chosen: Uint32Array = Uint32Array.from({ length: particles.count }, (_, i) => i);
  const isBegun = known?.name === options.run;
  if (options.subset !== null && !isBegun) chosen = readParticleSubset(project.resolve(options.subset), particles.file, particles.count);
  else if (known) chosen = Uint32Array.from(new Set(known.latents().particle), number => number - 1).sort();
  return runEntries(particles.rotations, chosen, expansion(project, options));
}

/** What may vary of the neutral model, of which Gaussians and of all parameters. */
interface Varying {
  /** N weights. */
  gaussians: Float32Array;
  /** 5N weights. */
  parameters: Float32Array;
}

export function whatVaries(
  project: ProjectFolder,
  { neutral, frame }: Pick<Foundation, 'neutral' | 'frame'>,
  options: TrainingSettings,
): Varying {
  const gaussians = varyingGaussians(project, neutral, frame, options.focus, expansion(project, options));
  return { gaussians, parameters: varyWeights(gaussians, options.vary) };
}

/** Everything one sitting at a run works with. */
interface Sitting {
  project: ProjectFolder;
  run: RunFolder;
  particles: ParticleSet;
  entries: RunEntries;
  foundation: Foundation;
  varying: Varying;
  backend: Backend;
  /** As they are written to the run, epoch by epoch. */
  settings: RunSettings;
  checkpoint: Checkpoint | null;
  /** A folder that goes when the sitting ends. */
  scratch: string;
  reporter: Reporter;
  signal?: AbortSignal;
}

async function train(sitting: Sitting): Promise<void> {
  const { project, run, particles, entries, foundation, varying, backend, settings, checkpoint, scratch, reporter, signal } = sitting;
  const { batch } = settings;
  const rings = computingRings(particles.boxSize, particles.pixelSizeAngstrom, settings.resolutionAngstrom);
  const plain = projectionGeometry(settings.gaussians, rings, foundation.frame);
  const file = (name: string) => join(scratch, name);
  const images = await prepareImages(particles, entries.particles, rings, project.settings.contrast, file('images.rows'), reporter, signal);
  const source = storedBatches(backend, images, entries.rotations, batch, entries.copies);
  const departure = await Departure.create(backend, foundation, batch);
  const geometry = { ...plain, ringShares: await ringShares(sitting, plain, departure.centre, source) };
  const isWhole = varying.gaussians.every(weight => weight === 1);
  const gradients = await computeParticleGradients(
    backend,
    { geometry, departure, seen: isWhole ? null : varying.gaussians, source },
    batch,
    file('gradients.rows'),
    reporter,
    signal,
  );
  const input = { geometry, departure, vary: varying.parameters, source, gradients, networks: withoutMoments(foundation.networks) };
  const start = await latentStart(sitting, input);
  const turns = { relaying: latentRelaying(sitting, input), settling: latentSettling(sitting, input) };
  const model = new Heterogeneity(backend, { ...input, start, ...turns }, settings, checkpoint);
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
        unsaved = () => keep(sitting, input, losses, result, checkpoint);
        const isLast = result.epoch === settings.epochs;
        // The first epoch is kept too, so that the page has something to show early.
        if (!isLast && result.epoch > 1 && performance.now() - lastCheckpoint < CHECKPOINT_SECONDS * 1000) return;
        lastCheckpoint = performance.now();
        unsaved();
        unsaved = null;
      },
      signal,
    );
    const placed = await placedLatents(backend, model, input, settings, reporter, signal, keptPlacing(run));
    if (placed) run.writeLatents({ ...entryNames(entries), dims: settings.latentDims, ...placed });
    run.removeKept('placing');
  } catch (error) {
    (unsaved as (() => void) | null)?.();
    throw error;
  } finally {
    model.free();
    departure.free();
    images.close();
    gradients.store.close();
  }
}

/** Undefined where every ring counts the same. */
async function ringShares(
  { backend, settings, entries }: Sitting,
  geometry: ProjectionGeometry,
  logits: Float32Array,
  source: BatchSource,
): Promise<Float32Array | undefined> {
  if (settings.ringWeights === 'equal') return undefined;
  const row = backend.tensor([1, logits.length], logitsToRow(logits));
  const correlation = await meanRingCorrelation(backend, geometry, row, source, settings.batch);
  backend.free(row);
  return settings.ringWeights === 'seen'
    ? seenShares(geometry.ringGeometry.rings, correlation)
    : informationShares(geometry.ringGeometry, correlation, entries.particles.length);
}

/** Weights first: they carry their own epoch, and the tables are made anew from where they stand. */
function keep(
  { run, foundation, varying, settings, entries }: Sitting,
  { geometry, gradients, departure }: Pick<HeterogeneityInput, 'geometry' | 'gradients' | 'departure'>,
  losses: EpochRows,
  result: EpochResult,
  checkpoint: Checkpoint,
): void {
  const shape = [5, settings.gaussians];
  const arrays: [string, NamedTensor][] = [
    ...checkpoint.tensors,
    ['neutral.logits', { shape, data: departure.centre }],
    ['vary', { shape, data: varying.parameters }],
    ...saveBases(foundation.neutral, foundation.bases),
  ];
  const { boxAngstrom, centreAngstrom, referenceSigmaAngstrom } = foundation.frame;
  run.writeWeights(arrays, {
    format: 'limber-weights 1',
    ...checkpointMetadata(checkpoint),
    frame: JSON.stringify({ boxAngstrom, centreAngstrom, referenceSigmaAngstrom }),
    // The units in which the encoder learned, for particles that it has not seen.
    gradientScales: JSON.stringify(gradients.scales),
    ringShares: JSON.stringify(geometry.ringShares ? [...geometry.ringShares] : null),
    settings: JSON.stringify(settings),
  });
  run.writeLatents({ ...entryNames(entries), dims: settings.latentDims, z: result.z, frc: result.particleFrc });
  run.writeLosses(losses);
  run.writeSettings(settings);
  run.removeKept('scout');
}

type EpochRows = { epoch: number; frc: number; loss: number; seconds: number }[];

/** null for a run that is to begin. Throws InputError where it was begun with other settings than `options`. */
function readCheckpoint(run: RunFolder, options: TrainOptions, reporter: Reporter): Checkpoint | null {
  if (!run.exists() || !run.hasWeights) return null;
  checkResumable(run.settings(), options);
  const checkpoint = checkpointOf(run.weights());
  const { epoch } = checkpoint;
  reporter.note(
    epoch >= options.epochs ? `run "${run.name}" has all of its ${epoch} epochs` : `run "${run.name}" goes on after epoch ${epoch}`,
  );
  return checkpoint;
}

/** Adam of a run that is continued starts anew. */
function withoutMoments(networks: Foundation['networks']): ReadonlyMap<string, NamedTensor> | undefined {
  return networks ? new Map([...networks].filter(([name]) => !/\.[mv]$/.test(name))) : undefined;
}
