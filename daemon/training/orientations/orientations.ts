// Refines how particles look at their own decoded models (paper, Methods; method.md section 4.6): rotation and shift by ring correlation.
//
// A small turn of the model by ω moves a Gaussian at c by ω × c, and a shift of its picture by t moves it by Aᵀt, so of the gradient g of the ring
// correlation with respect to every centre, ∂FRC/∂ω = Σ c × g and ∂FRC/∂t = (A · Σ g)_xy: one projection with its gradients tells all five slopes.

import type { Backend, ProjectionGeometry, Tensor } from '../../compute/backend.js';
import type { BatchSource } from '../particle-gradients.js';
import type { ExpectedErrors } from './orientation-spread.js';
import { movedBy, type Pose, PoseAscent, type PoseValue, withPrior } from './pose-ascent.js';

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
  /** How wrong the starts are expected to be: a particle has to say more to be turned further. null: the ring correlation alone decides. */
  expected: ExpectedErrors | null;
}

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
/** Way of the finite difference that curvatures are taken over, pixels: where the correlation is still near its parabola. */
const CURVATURE_STEP_PIXELS = 0.25;

/** Refines batches of particles on one backend. `batch`: most particles at once. */
export class OrientationRefiner {
  private readonly models: Tensor;
  private readonly rotations: Tensor;
  private readonly images: Tensor;
  private readonly frc: Tensor;
  private readonly slopes: Tensor;
  private readonly ringFrc: Tensor;
  private readonly centres: Float32Array;
  private rows: readonly Float32Array[] = [];

  constructor(
    private readonly backend: Backend,
    private readonly geometry: ProjectionGeometry,
    readonly batch: number,
  ) {
    const { gaussians, ringGeometry } = geometry;
    this.models = backend.tensor([batch, 5 * gaussians]);
    this.rotations = backend.tensor([batch, 9]);
    this.images = backend.tensor([batch, 2 * ringGeometry.planeSize]);
    this.frc = backend.tensor([batch]);
    this.slopes = backend.tensor([batch, 5 * gaussians]);
    this.ringFrc = backend.tensor([batch, ringGeometry.rings + 1]);
    this.centres = new Float32Array(3 * gaussians);
  }

  /** Takes the particles `indices` of the source, each with its own model (a planar row of 5N). */
  load(source: BatchSource, indices: ArrayLike<number>, models: readonly Float32Array[]): void {
    if (indices.length > this.batch || models.length !== indices.length)
      throw new Error(`${indices.length} particles and ${models.length} models for a batch of ${this.batch}`);
    source.load(indices, this.rotations, this.images);
    const width = 5 * this.geometry.gaussians;
    models.forEach((row, i) => {
      this.backend.write(this.models, row, i * width);
    });
    this.rows = models;
  }

  /** Ring correlation of each loaded particle at its pose, with its slopes (ω in radians, shift in box fractions). */
  async evaluate(poses: readonly Pose[], ringShares: Float32Array): Promise<PoseValue[]> {
    this.place(poses);
    const { backend, geometry } = this;
    const n = geometry.gaussians;
    backend.projectAndCorrelate(
      poses.length,
      { ...geometry, ringShares },
      this.models,
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
    return poses.map(({ rotation }, i) => ({
      value: values[i],
      slope: slopesOf(this.rows[i], gradients.subarray(5 * n * i, 5 * n * (i + 1)), rotation),
    }));
  }

  /** Correlation of every ring, rings + 1 numbers a loaded particle. */
  async ringCorrelations(poses: readonly Pose[]): Promise<Float32Array> {
    this.place(poses);
    const { backend, geometry } = this;
    backend.projectAndCorrelate(poses.length, geometry, this.models, false, this.rotations, this.images, 1, this.frc, null, this.ringFrc);
    return (await backend.read(this.ringFrc)).subarray(0, poses.length * (geometry.ringGeometry.rings + 1));
  }

  /** The loaded particles' poses after the plan's rounds; by the last round's measure (its prior included) none is worse than its start. */
  async refine(starts: readonly Pose[], { rounds, expected }: OrientationPlan): Promise<RefinedPose[]> {
    const { pixel } = this;
    let poses: readonly Pose[] = starts;
    let before: PoseValue[] = [];
    for (const [r, { ringShares, information }] of rounds.entries()) {
      const isLast = r === rounds.length - 1;
      const judged = (at: readonly Pose[], values: readonly PoseValue[]) =>
        expected ? values.map((value, i) => withPrior(value, at[i], starts[i], expected, 1 / information)) : values;
      if (isLast) {
        before = await this.evaluate(starts, ringShares);
        const found = judged(poses, await this.evaluate(poses, ringShares));
        poses = poses.map((pose, i) => (found[i].value >= before[i].value ? pose : starts[i]));
      }
      const ascents = poses.map(
        (pose, i) => new PoseAscent(pose, gyrationRadius(this.rows[i]), LONGEST_STEP_PIXELS * pixel, SHORTEST_STEP_PIXELS * pixel),
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
    const after = await this.evaluate(poses, rounds[rounds.length - 1].ringShares);
    return poses.map((pose, i) => ({ ...pose, frcBefore: before[i].value, frcAfter: after[i].value }));
  }

  /** Minus the second derivatives of each particle's ring correlation at its pose, 5 × 5, by central differences of the slopes. */
  async curvatures(poses: readonly Pose[], ringShares: Float32Array): Promise<Float64Array[]> {
    const curvatures = poses.map(() => new Float64Array(25));
    const step = CURVATURE_STEP_PIXELS * this.pixel;
    for (let p = 0; p < 5; p++) {
      const lengths = poses.map((_, i) => (p < 3 ? step / gyrationRadius(this.rows[i]) : step));
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
        for (let q = 0; q < 5; q++) curvature[5 * p + q] = (below[i].slope[q] - above[i].slope[q]) / (2 * lengths[i]);
      });
    }
    return curvatures;
  }

  free(): void {
    for (const tensor of [this.models, this.rotations, this.images, this.frc, this.slopes, this.ringFrc]) this.backend.free(tensor);
  }

  /** Of the computing box, in box fractions. */
  private get pixel(): number {
    return 1 / this.geometry.ringGeometry.boxSize;
  }

  /** Brings poses to the device: the rotation as it is, the shift by moving the Gaussians against the view. */
  private place(poses: readonly Pose[]): void {
    const { backend, centres } = this;
    const n = this.geometry.gaussians;
    poses.forEach(({ rotation, shift }, i) => {
      for (let axis = 0; axis < 3; axis++) {
        const move = rotation[axis] * shift[0] + rotation[3 + axis] * shift[1];
        for (let g = axis * n; g < (axis + 1) * n; g++) centres[g] = this.rows[i][g] + move;
      }
      backend.write(this.models, centres, 5 * n * i);
      backend.write(this.rotations, Float32Array.from(rotation), 9 * i);
    });
  }
}

/** Slopes along ω and shift from the gradient of every centre; `row` holds the model's own centres. */
function slopesOf(row: Float32Array, gradient: Float32Array, rotation: ArrayLike<number>): Float64Array {
  const n = row.length / 5;
  const slope = new Float64Array(5);
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
