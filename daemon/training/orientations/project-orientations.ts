// Refines the orientations of a run's particles against its decoded models, in pieces that a stopped command goes on from (paper, Methods; method.md section 4.6).

import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../compute/backend.js';
import type { RingGeometry } from '../../compute/ring-geometry.js';
import { encodeSafetensors, type NamedTensor, readSafetensors } from '../../formats/safetensors.js';
import { median, quantile } from '../../numerics/quantile.js';
import { inverseRotation } from '../../numerics/rotations.js';
import { multiply, symmetryRotations } from '../../numerics/symmetry.js';
import { computingRings } from '../../particles/computing-box.js';
import type { ParticleSet } from '../../particles/particle-set.js';
import { prepareImages } from '../../particles/prepare-images.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import {
  type OrientationReport,
  orientationsPath,
  type RefinedAgainst,
  readOrientationReport,
  trainedWith,
  writeOrientationReport,
  writeRefinedOrientations,
} from '../../project/refined-orientations.js';
import type { RunFolder } from '../../project/run-folder.js';
import { writeFileAtomic } from '../../project/write-file-atomic.js';
import { openProjectParticles } from '../neutral/project-neutral.js';
import { Cancelled, type Reporter } from '../progress.js';
import { projectionGeometry } from '../projection-scale.js';
import { storedBatches } from '../stored-batches.js';
import { PLAN_SAMPLE, planOrientations } from './orientation-plan.js';
import { type OrientationPlan, OrientationRefiner } from './orientations.js';
import { type Models, OwnModels } from './own-models.js';
import { changeOfPose, type Pose } from './pose-ascent.js';

/** Particles compared at once: enough to share among threads. */
const BATCH = 32;
/** Particles whose images are prepared at once. */
const PIECE = 1024;
const SAVE_SECONDS = 20;
/** Of what a sitting keeps: one of other rules begins anew. */
const FOUND_FORMAT = 'limber-orienting 3';

/**
 * Writes orientations.star and orientations.json of the run; every particle starts from the orientation that the project's file gives it, so that nothing drifts
 * however often this is done. Where both are there already, and of these weights, they stay. The caller holds the project's lock. Throws Cancelled,
 * with all finished particles kept for the next call; InputError where the run has no weights or latents.
 */
export async function refineRunOrientations(
  project: ProjectFolder,
  backend: Backend,
  run: RunFolder,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<OrientationReport> {
  const particles = openProjectParticles(project);
  try {
    const madeFrom = await digestOf(run, particles);
    const kept = readOrientationReport(run);
    if (kept?.madeFrom === madeFrom && kept.inheritedFrom === null && existsSync(orientationsPath(run))) {
      reporter.note(`run "${run.name}" has its orientations already, refined against the models it has now`);
      return kept;
    }
    const sitting = await OrientationSitting.begin(project, backend, run, particles, madeFrom, reporter, signal);
    try {
      await sitting.refineAll();
      const report = sitting.write();
      rmSync(sitting.folder, { recursive: true, force: true });
      return report;
    } finally {
      sitting.free();
    }
  } finally {
    particles.close();
  }
}

async function digestOf(run: RunFolder, { rotations, shiftsPixels }: ParticleSet): Promise<string> {
  // Where one is missing, reading it says so in a better way.
  run.latents();
  if (!run.hasWeights) run.weights();
  const hash = createHash('sha256');
  for (const path of [run.weightsPath, run.latentsPath]) for await (const bytes of createReadStream(path)) hash.update(bytes as Buffer);
  for (const { buffer, byteOffset, byteLength } of [rotations, shiftsPixels]) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}

/** One row of the run's latents for each particle: where symmetry was expanded, the copy that its model describes best. */
function chooseRows(run: RunFolder): { rows: Uint32Array; particles: Uint32Array; copies: Uint8Array } {
  const { particle, copy, frc } = run.latents();
  const best = new Map<number, number>();
  particle.forEach((number, row) => {
    const other = best.get(number);
    if (other === undefined || frc[row] > frc[other]) best.set(number, row);
  });
  const rows = Uint32Array.from(best.values()).sort();
  return { rows, particles: rows.map(row => particle[row] - 1), copies: Uint8Array.from(rows, row => copy?.[row] ?? 0) };
}

/** What is known of every particle so far, in the order of `chooseRows`. */
interface Found {
  done: number;
  /** n × 9 of the refined copy, n × 2 box fractions. */
  rotations: Float32Array;
  shifts: Float32Array;
  frcBefore: Float32Array;
  frcAfter: Float32Array;
  seconds: number;
  plan: OrientationPlan;
  against: RefinedAgainst;
}

class OrientationSitting {
  private lastSave = performance.now();

  private constructor(
    private readonly project: ProjectFolder,
    private readonly backend: Backend,
    private readonly run: RunFolder,
    private readonly particles: ParticleSet,
    private readonly chosen: ReturnType<typeof chooseRows>,
    private readonly group: readonly Float64Array[],
    private readonly rings: RingGeometry,
    private readonly models: OwnModels,
    private readonly refiner: OrientationRefiner,
    private readonly madeFrom: string,
    private readonly reporter: Reporter,
    private readonly signal: AbortSignal | undefined,
    readonly folder: string,
    private found: Found | null,
  ) {}

  static async begin(
    project: ProjectFolder,
    backend: Backend,
    run: RunFolder,
    particles: ParticleSet,
    madeFrom: string,
    reporter: Reporter,
    signal?: AbortSignal,
  ): Promise<OrientationSitting> {
    const group = symmetryRotations(project.settings.symmetry);
    const models = await OwnModels.create(backend, run, BATCH, group);
    const { frame, resolutionAngstrom, neutral } = models.foundation;
    const rings = computingRings(particles.boxSize, particles.pixelSizeAngstrom, resolutionAngstrom);
    const refiner = new OrientationRefiner(backend, projectionGeometry(neutral.length / 5, rings, frame), BATCH);
    const folder = join(run.path, 'orienting');
    mkdirSync(folder, { recursive: true });
    const chosen = chooseRows(run);
    const found = readFound(join(folder, 'found.safetensors'), madeFrom, chosen.rows.length);
    return new OrientationSitting(
      ...([project, backend, run, particles, chosen, group, rings, models, refiner, madeFrom, reporter, signal, folder, found] as const),
    );
  }

  /** Every particle, from where an earlier sitting stopped. */
  async refineAll(): Promise<void> {
    const count = this.chosen.rows.length;
    if (this.found) this.reporter.note(`${this.found.done} of ${count} particles were refined before the command was stopped`);
    const found = (this.found ??= {
      done: 0,
      rotations: new Float32Array(9 * count),
      shifts: new Float32Array(2 * count),
      frcBefore: new Float32Array(count),
      frcAfter: new Float32Array(count),
      seconds: 0,
      ...(await this.plan()),
    });
    const models = found.against === 'own' ? this.models : this.models.neutralAlone();
    try {
      while (found.done < count) {
        const first = found.done;
        const piece = Array.from({ length: Math.min(PIECE, count - first) }, (_, i) => first + i);
        await this.withImages(piece, async load => {
          for (let at = 0; at < piece.length; at += BATCH) {
            this.checkStop();
            const batch = piece.slice(at, at + BATCH);
            await load(
              batch.map((_, i) => at + i),
              models,
            );
            const poses = await this.refiner.refine(
              batch.map(i => this.start(i, models)),
              found.plan,
            );
            poses.forEach(({ rotation, shift, frcBefore, frcAfter }, i) => {
              found.rotations.set(rotation, 9 * batch[i]);
              found.shifts.set(shift, 2 * batch[i]);
              found.frcBefore[batch[i]] = frcBefore;
              found.frcAfter[batch[i]] = frcAfter;
            });
            found.done = batch[batch.length - 1] + 1;
            this.reporter.progress('refining orientations', found.done, count);
            if (performance.now() - this.lastSave > SAVE_SECONDS * 1000) this.save();
          }
        });
      }
    } finally {
      this.save();
    }
  }

  /** The run's two files, from what `refineAll` found. */
  write(): OrientationReport {
    const { run, particles, chosen, found } = this;
    if (!found) throw new Error('nothing was refined');
    const rotations = particles.rotations.slice();
    const shiftsPixels = particles.shiftsPixels.slice();
    const boxAngstrom = particles.boxSize * particles.pixelSizeAngstrom;
    const degrees: number[] = [];
    const angstrom: number[] = [];
    chosen.particles.forEach((particle, i) => {
      const start = this.start(i, this.models);
      const refined: Pose = {
        ...start,
        rotation: Float64Array.from(found.rotations.subarray(9 * i, 9 * i + 9)),
        shift: Float64Array.from(found.shifts.subarray(2 * i, 2 * i + 2)),
      };
      const change = changeOfPose(start, refined);
      degrees.push((Math.hypot(change[0], change[1], change[2]) * 180) / Math.PI);
      angstrom.push(Math.hypot(change[3], change[4]) * boxAngstrom);
      // A·g was refined; the file speaks of A.
      rotations.set(multiply(refined.rotation, inverseRotation(this.group[chosen.copies[i]])), 9 * particle);
      // What is seen further to the right has its centre there, and rlnOrigin is how far it has to go back.
      for (let k = 0; k < 2; k++) shiftsPixels[2 * particle + k] -= refined.shift[k] * particles.boxSize;
    });
    const refined = new Set(chosen.particles);
    writeRefinedOrientations(orientationsPath(run), particles, { rotations, shiftsPixels }, particle => refined.has(particle));
    const expected = found.plan.expected;
    const report: OrientationReport = {
      format: 'limber-orientations',
      version: 1,
      run: run.name,
      against: found.against,
      particles: chosen.rows.length,
      frcBefore: mean(found.frcBefore),
      frcAfter: mean(found.frcAfter),
      medianDegrees: median(degrees),
      degrees95: quantile(degrees, 0.95),
      medianAngstrom: median(angstrom),
      angstrom95: quantile(angstrom, 0.95),
      expectedDegrees: ((expected?.angleRadians ?? 0) * 180) / Math.PI,
      expectedAngstrom: (expected?.shift ?? 0) * boxAngstrom,
      seconds: found.seconds,
      backend: this.backend.name,
      madeFrom: this.madeFrom,
      trainedWith: trainedWith(readOrientationReport(run)),
      inheritedFrom: null,
    };
    writeOrientationReport(run, report);
    return report;
  }

  free(): void {
    this.refiner.free();
    this.models.free();
  }

  /**
   * A decoder that was trained at wrong orientations may have learned these instead of the motion (of a trimer under C3 the focus then goes wherever its image was turned), and its models turn
   * particles worse than the neutral one does: 2.4° of 3.0° were left by these, 1.6° by that. Which fits the particles better once they are refined shows on the sample.
   */
  private async plan(): Promise<{ plan: OrientationPlan; against: RefinedAgainst }> {
    const count = this.chosen.rows.length;
    const size = Math.min(PLAN_SAMPLE, count);
    const sample = Array.from({ length: size }, (_, i) => Math.floor((i * count) / size));
    const batches = Array.from({ length: Math.ceil(size / BATCH) }, (_, b) => sample.slice(b * BATCH, (b + 1) * BATCH));
    // Two plans of two rounds, each with a look at the rings and a refinement, and a last look.
    const all = 2 * 5 * batches.length;
    let loads = 0;
    return this.withImages(sample, async load => {
      const planFor = (models: Models) =>
        planOrientations(
          this.refiner,
          this.rings,
          batches.map(batch => batch.map(i => this.start(i, models))),
          async b => {
            this.checkStop();
            this.reporter.progress('measuring how wrong the orientations are', Math.min(++loads, all), all);
            await load(
              batches[b].map((_, i) => b * BATCH + i),
              models,
            );
          },
        );
      const [own, neutral] = [await planFor(this.models), await planFor(this.models.neutralAlone())];
      if (neutral.logLikelihood <= own.logLikelihood) return { plan: own, against: 'own' };
      this.reporter.note('the neutral model fits the refined particles better than their own models, which say nothing yet: it is taken');
      return { plan: neutral, against: 'neutral' };
    });
  }

  /** Where entry i starts from: at the orientation of the file, turned to the chosen copy, and at its place among the models. */
  private start(i: number, models: Models): Pose {
    const { particles, copies, rows } = this.chosen;
    return {
      place: models.place(rows[i]),
      rotation: multiply(this.particles.rotations, this.group[copies[i]], 9 * particles[i]),
      shift: new Float64Array(2),
    };
  }

  /** Prepares the images of some entries for `work`, which loads them, with their models, by their numbers in `entries`. */
  private async withImages<T>(
    entries: readonly number[],
    work: (load: (numbers: number[], models: Models) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const { backend, chosen, refiner, project, particles, rings } = this;
    const path = join(this.folder, 'images.rows');
    const quiet: Reporter = { ...this.reporter, progress() {}, epoch() {}, note() {} };
    const images = await prepareImages(
      particles,
      entries.map(i => chosen.particles[i]),
      rings,
      project.settings.contrast,
      path,
      quiet,
      this.signal,
    );
    // The refiner brings its own rotations.
    const source = storedBatches(backend, images, new Float32Array(9 * entries.length), BATCH);
    try {
      return await work(async (numbers, models) => {
        const rows = numbers.map(number => chosen.rows[entries[number]]);
        refiner.load(source, numbers, places => models.near(rows, places));
      });
    } finally {
      images.close();
      rmSync(path, { force: true });
    }
  }

  private checkStop(): void {
    if (this.signal?.aborted) throw new Cancelled('stopped while refining orientations');
  }

  private save(): void {
    const { found } = this;
    if (!found) return;
    found.seconds += (performance.now() - this.lastSave) / 1000;
    this.lastSave = performance.now();
    writeFound(join(this.folder, 'found.safetensors'), this.madeFrom, found);
  }
}

function writeFound(path: string, madeFrom: string, { done, seconds, plan, against, rotations, shifts, frcBefore, frcAfter }: Found): void {
  const n = frcBefore.length;
  const tensors: [string, NamedTensor][] = [
    ['rotations', { shape: [n, 9], data: rotations }],
    ['shifts', { shape: [n, 2], data: shifts }],
    ['frcBefore', { shape: [n], data: frcBefore }],
    ['frcAfter', { shape: [n], data: frcAfter }],
    ...plan.rounds.map(
      ({ ringShares }, r) => [`ringShares.${r}`, { shape: [ringShares.length], data: ringShares }] as [string, NamedTensor],
    ),
  ];
  writeFileAtomic(
    path,
    encodeSafetensors(tensors, {
      format: FOUND_FORMAT,
      madeFrom,
      done: String(done),
      seconds: String(seconds),
      information: JSON.stringify(plan.rounds.map(round => round.information)),
      expected: JSON.stringify(plan.expected),
      against,
    }),
  );
}

/** null where there is nothing to go on from, or it is of other models. */
function readFound(path: string, madeFrom: string, count: number): Found | null {
  if (!existsSync(path)) return null;
  const { tensors, metadata } = readSafetensors(path);
  if (metadata.format !== FOUND_FORMAT || metadata.madeFrom !== madeFrom) return null;
  const data = (name: string) => tensors.get(name)?.data ?? new Float32Array(count);
  const information = JSON.parse(metadata.information) as number[];
  return {
    done: Number(metadata.done),
    rotations: data('rotations'),
    shifts: data('shifts'),
    frcBefore: data('frcBefore'),
    frcAfter: data('frcAfter'),
    seconds: Number(metadata.seconds),
    plan: {
      rounds: information.map((value, r) => ({ ringShares: data(`ringShares.${r}`), information: value })),
      expected: JSON.parse(metadata.expected) as OrientationPlan['expected'],
    },
    against: metadata.against as RefinedAgainst,
  };
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
