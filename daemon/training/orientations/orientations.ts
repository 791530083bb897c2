// Refines how particles look at their own decoded models (paper, Methods; method.md section 4.6): rotation and shift by ring correlation, and with them the place in the latent
// space that a model is of.
//
// A small turn of the model by ω moves a Gaussian at c by ω × c, and a shift of its picture by t moves it by Aᵀt, so of the gradient g of the ring
// correlation with respect to every centre, ∂FRC/∂ω = Σ c × g and ∂FRC/∂t = (A · Σ g)_xy; a step in the latent space moves all 5N numbers by its tangent T, ∂FRC/∂u = g · T: one projection
// with its gradients tells all slopes.

import type { Backend, ProjectionGeometry, Tensor } from '../../compute/backend.js';
import { WIDTH_RANGE } from '../../gaussians/model-frame.js';
import type { BatchSource } from '../particle-gradients.js';
import type { ExpectedErrors } from './orientation-spread.js';
import type { ModelNear } from './own-models.js';
import { movedBy, type Pose, PoseAscent, type PoseValue, RIGID, withPrior } from './pose-ascent.js';

/** One round over a batch: which rings count, and for how much. */
export interface OrientationRound {
  /** rings + 1, as in ProjectionGeometry. */
  ringShares: Float32Array;
  /** Log-likelihood that a ring correlation higher by one is worth: Σ n·c/(1 − c²) over the rings (ring-shares.ts). */
  information: number;
}

export interface OrientationPlan {
  /** From coarse to fine. */
  rounds: readonly OrientationRound[];
  /** How wrong the starts are expected to be: a particle has to say more to be turned further. null: it may be turned anywhere. */
  expected: ExpectedErrors | null;
}

/** The models of all loaded particles, near one place each. */
export type ModelsNear = (places: readonly Float64Array[]) => Promise<ModelNear[]>;

export interface RefinedPose extends Pose {
  /** By the shares of the last round, at the start and at the end. */
  frcBefore: number;
  frcAfter: number;
}

/** Longest step of an ascent, pixels of the computing box at the model's rim. */
const LONGEST_STEP_PIXELS = 1;
/** Steps below this end an ascent, pixels: a hundredth of the finest error that images show. */
const SHORTEST_STEP_PIXELS = 0.005;
/** Looks at the images in a round: ascents from 3° and 2 pixels away have come to their end after about a dozen. */
const EVALUATIONS = 16;
/** A direction of the latent space is taken to move the model by so much at least, or steps along it had no bounds. */
const LEAST_WAY_PIXELS = 0.1;
/** Way of the finite difference that curvatures are taken over, pixels: where the correlation is still near its parabola. */
const CURVATURE_STEP_PIXELS = 0.25;

/** Refines batches of particles on one backend. `batch`: most particles at once. */
export class OrientationRefiner {
  private readonly rows: Tensor;
  private readonly rotations: Tensor;
  private readonly images: Tensor;
  private readonly frc: Tensor;
  private readonly slopes: Tensor;
  private readonly ringFrc: Tensor;
  /** 5N, of one particle as it is tried. */
  private readonly tried: Float32Array;
  private modelsNear: ModelsNear = async () => [];
  /** Of the loaded particles, near where they were last tried. */
  private models: readonly ModelNear[] = [];

  constructor(
    private readonly backend: Backend,
    private readonly geometry: ProjectionGeometry,
    readonly batch: number,
  ) {
    const { gaussians, ringGeometry } = geometry;
    this.rows = backend.tensor([batch, 5 * gaussians]);
    this.rotations = backend.tensor([batch, 9]);
    this.images = backend.tensor([batch, 2 * ringGeometry.planeSize]);
    this.frc = backend.tensor([batch]);
    this.slopes = backend.tensor([batch, 5 * gaussians]);
    this.ringFrc = backend.tensor([batch, ringGeometry.rings + 1]);
    this.tried = new Float32Array(5 * gaussians);
  }

  /** Takes the particles `indices` of the source, with a model each. */
  load(source: BatchSource, indices: ArrayLike<number>, modelsNear: ModelsNear): void {
    if (indices.length > this.batch) throw new Error(`${indices.length} particles for a batch of ${this.batch}`);
    source.load(indices, this.rotations, this.images);
    this.modelsNear = modelsNear;
  }

  /** Has the models near the places of these poses, one for each loaded particle: what is looked at then is linear about them. */
  async settle(poses: readonly Pose[]): Promise<void> {
    this.models = await this.modelsNear(poses.map(({ place }) => place));
  }

  /** Ring correlation of each loaded particle at its pose, with its slopes (ω in radians, shift in box fractions, coordinates of the place). */
  async evaluate(poses: readonly Pose[], ringShares: Float32Array): Promise<PoseValue[]> {
    this.bring(poses);
    const { backend, geometry } = this;
    const n = geometry.gaussians;
    backend.projectAndCorrelate(
      poses.length,
      { ...geometry, ringShares },
      this.rows,
      false,
      this.rotations,
      this.images,
      1,
      this.frc,
      this.slopes,
      null,
    );
    const values = await backend.read(this.frc);
    const gradients = await backend.read(this.slopes);
    return poses.map((pose, i) => ({
      value: values[i],
      slope: slopesOf(this.models[i], this.rowAt(i, pose), gradients.subarray(5 * n * i, 5 * n * (i + 1)), pose.rotation),
    }));
  }

  /** Correlation of every ring, rings + 1 numbers a loaded particle. */
  async ringCorrelations(poses: readonly Pose[]): Promise<Float32Array> {
    this.bring(poses);
    const { backend, geometry } = this;
    backend.projectAndCorrelate(poses.length, geometry, this.rows, false, this.rotations, this.images, 1, this.frc, null, this.ringFrc);
    return (await backend.read(this.ringFrc)).subarray(0, poses.length * (geometry.ringGeometry.rings + 1));
  }

  /** The loaded particles' poses after the plan's rounds; by the last round's measure (its prior included) none is worse than its start. */
  async refine(starts: readonly Pose[], { rounds, expected }: OrientationPlan): Promise<RefinedPose[]> {
    const { pixel } = this;
    const last = rounds[rounds.length - 1];
    let poses: readonly Pose[] = starts;
    await this.settle(starts);
    const before = await this.evaluate(starts, last.ringShares);
    for (const round of rounds) {
      const { ringShares, information } = round;
      const judged = (at: readonly Pose[], values: readonly PoseValue[]) =>
        values.map((value, i) => withPrior(value, at[i], starts[i], expected, 1 / information));
      if (poses !== starts) await this.settle(poses);
      if (round === last) {
        const [was, found] = [judged(starts, before), judged(poses, await this.evaluate(poses, ringShares))];
        poses = poses.map((pose, i) => (found[i].value >= was[i].value ? pose : starts[i]));
      }
      const ascents = poses.map(
        (pose, i) => new PoseAscent(pose, this.lengths(i), LONGEST_STEP_PIXELS * pixel, SHORTEST_STEP_PIXELS * pixel),
      );
      for (let e = 0; e < EVALUATIONS && ascents.some(ascent => !ascent.isOver); e++) {
        const trials = ascents.map(ascent => ascent.trial());
        const values = judged(trials, await this.evaluate(trials, ringShares));
        ascents.forEach((ascent, i) => {
          ascent.take(values[i]);
        });
      }
      poses = ascents.map(ascent => ascent.best);
    }
    const after = await this.evaluate(poses, last.ringShares);
    return poses.map((pose, i) => ({ ...pose, frcBefore: before[i].value, frcAfter: after[i].value }));
  }

  /** Minus the second derivatives of each particle's ring correlation at its pose, by central differences of the slopes: square, turns, shifts and coordinates of the place in a row. */
  async curvatures(poses: readonly Pose[], ringShares: Float32Array): Promise<Float64Array[]> {
    await this.settle(poses);
    const size = RIGID + this.models[0].tangents.length;
    const curvatures = poses.map(() => new Float64Array(size * size));
    const steps = poses.map((_, i) => this.lengths(i).map(length => (CURVATURE_STEP_PIXELS * this.pixel) / length));
    for (let p = 0; p < size; p++) {
      const lengths = steps.map(step => step[p]);
      const [above, below] = [
        await this.evaluate(
          poses.map((pose, i) => movedBy(pose, p, lengths[i])),
          ringShares,
        ),
        await this.evaluate(
          poses.map((pose, i) => movedBy(pose, p, -lengths[i])),
          ringShares,
        ),
      ];
      curvatures.forEach((curvature, i) => {
        for (let q = 0; q < size; q++) curvature[size * p + q] = (below[i].slope[q] - above[i].slope[q]) / (2 * lengths[i]);
      });
    }
    return curvatures;
  }

  free(): void {
    for (const tensor of [this.rows, this.rotations, this.images, this.frc, this.slopes, this.ringFrc]) this.backend.free(tensor);
  }

  /** Of the computing box, in box fractions. */
  private get pixel(): number {
    return 1 / this.geometry.ringGeometry.boxSize;
  }

  /** How far a unit of each direction moves the model of loaded particle i, box fractions: root mean square over its mass. */
  private lengths(i: number): Float64Array {
    const { row, tangents } = this.models[i];
    const radius = gyrationRadius(row);
    const sigma = this.geometry.referenceSigmaPixels * this.pixel;
    return Float64Array.of(
      radius,
      radius,
      radius,
      1,
      1,
      ...tangents.map(tangent => Math.max(wayOf(row, tangent, sigma), LEAST_WAY_PIXELS * this.pixel)),
    );
  }

  /** The 5N numbers of the model of loaded particle i where the pose has it; valid until the next call. */
  private rowAt(i: number, { place }: Pose): Float32Array {
    const { row, tangents, place: near } = this.models[i];
    const { tried } = this;
    tried.set(row);
    tangents.forEach((tangent, k) => {
      const way = place[k] - near[k];
      if (way !== 0) for (let g = 0; g < tried.length; g++) tried[g] += way * tangent[g];
    });
    // The straight line may leave what a decoder can give.
    const n = tried.length / 5;
    for (let g = 3 * n; g < 4 * n; g++) tried[g] = Math.max(tried[g], 0);
    for (let g = 4 * n; g < 5 * n; g++) tried[g] = Math.min(Math.max(tried[g], 1 - WIDTH_RANGE), 1 + WIDTH_RANGE);
    return tried;
  }

  /** Brings poses to the device: the rotation as it is, the shift by moving the Gaussians against the view. */
  private bring(poses: readonly Pose[]): void {
    const { backend } = this;
    const n = this.geometry.gaussians;
    poses.forEach((pose, i) => {
      const { rotation, shift } = pose;
      const row = this.rowAt(i, pose);
      for (let axis = 0; axis < 3; axis++) {
        const move = rotation[axis] * shift[0] + rotation[3 + axis] * shift[1];
        for (let g = axis * n; g < (axis + 1) * n; g++) row[g] += move;
      }
      backend.write(this.rows, row, 5 * n * i);
      backend.write(this.rotations, Float32Array.from(rotation), 9 * i);
    });
  }
}

/** Slopes along ω, shift and place from the gradient of all 5N numbers; `row` holds the model's own. */
function slopesOf({ tangents }: ModelNear, row: Float32Array, gradient: Float32Array, rotation: ArrayLike<number>): Float64Array {
  const n = row.length / 5;
  const slope = new Float64Array(RIGID + tangents.length);
  const sum = new Float64Array(3);
  for (let i = 0; i < n; i++) {
    const [x, y, z] = [row[i], row[n + i], row[2 * n + i]];
    const [gx, gy, gz] = [gradient[i], gradient[n + i], gradient[2 * n + i]];
    slope[0] += y * gz - z * gy;
    slope[1] += z * gx - x * gz;
    slope[2] += x * gy - y * gx;
    sum[0] += gx;
    sum[1] += gy;
    sum[2] += gz;
  }
  tangents.forEach((tangent, k) => {
    let along = 0;
    for (let g = 0; g < gradient.length; g++) along += gradient[g] * tangent[g];
    slope[RIGID + k] = along;
  });
  for (let k = 0; k < 2; k++) slope[3 + k] = rotation[3 * k] * sum[0] + rotation[3 * k + 1] * sum[1] + rotation[3 * k + 2] * sum[2];
  return slope;
}

/** Root mean square distance of the model's mass from the rotation centre, box fractions: how far a turn by one radian moves it. */
function gyrationRadius(row: Float32Array): number {
  const n = row.length / 5;
  let [sum, mass] = [0, 0];
  for (let i = 0; i < n; i++) {
    sum += row[3 * n + i] * (row[i] ** 2 + row[n + i] ** 2 + row[2 * n + i] ** 2);
    mass += row[3 * n + i];
  }
  return Math.max(Math.sqrt(sum / mass), 1e-3);
}

/**
 * How far a tangent moves the model's mass, root mean square, box fractions. A Gaussian that changes its amplitude by a share, or its width, changes the picture about as much as one that
 * moves by that share of its σ.
 */
function wayOf(row: Float32Array, tangent: Float32Array, referenceSigma: number): number {
  const n = row.length / 5;
  let [sum, mass] = [0, 0];
  for (let i = 0; i < n; i++) {
    const [amplitude, width] = [row[3 * n + i], row[4 * n + i]];
    mass += amplitude;
    sum += amplitude * (tangent[i] ** 2 + tangent[n + i] ** 2 + tangent[2 * n + i] ** 2);
    sum += (width * referenceSigma) ** 2 * tangent[3 * n + i] ** 2 + amplitude * (referenceSigma * tangent[4 * n + i]) ** 2;
  }
  return Math.sqrt(sum / mass);
}
