// The neutral model settled on the particles themselves, so that their mean gradient vanishes and only differences between them are left to learn.

import type { Backend, ProjectionGeometry, Tensor } from '../../compute/backend.js';
import type { Random } from '../../numerics/random.js';
import type { BatchSource } from '../particle-gradients.js';
import { Cancelled, type Reporter } from '../progress.js';

export const SETTLE_BATCH = 64;
const STEPS = 300;
const LEARNING_RATE = 0.02;
/** Weight of the map beside the particles: enough to hold the rings that particles say nothing about, too little to move the others. */
const MAP_WEIGHT = 0.1;

export interface SettleInput {
  /** With the ring shares of the particles. */
  geometry: ProjectionGeometry;
  /** 5N logits. */
  start: Float32Array;
  particles: BatchSource;
  /** Of the map; null: nothing holds the model but the particles. */
  projections: BatchSource | null;
  /** Of the rings of the projections; alike unless given. */
  projectionShares?: Float32Array;
  random: Random;
}

/**
 * A map's best Gaussians are not quite those that correlate best with noisy, moving particles. What is left would pull every particle's z the
 * same way at the start of training, and hide how they differ (rank correlation on simulated slides 0.91 without, 0.985 with).
 *
 * Returns 5N logits.
 */
export async function settleNeutral(
  backend: Backend,
  { geometry, start, particles, projections, projectionShares, random }: SettleInput,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const width = start.length;
  const mapGeometry: ProjectionGeometry = { ...geometry, ringShares: projectionShares };
  const held = {
    logits: backend.tensor([1, width], start),
    zero: backend.tensor([width]),
    ones: backend.tensor([width], new Float32Array(width).fill(1)),
    m: backend.tensor([1, width]),
    v: backend.tensor([1, width]),
    gradient: backend.tensor([1, width]),
    row: backend.tensor([1, width]),
    dRow: backend.tensor([1, width]),
    dRowOfMap: backend.tensor([1, width]),
    perImage: backend.tensor([SETTLE_BATCH, width]),
    images: backend.tensor([SETTLE_BATCH, 2 * geometry.ringGeometry.planeSize]),
    rotations: backend.tensor([SETTLE_BATCH, 9]),
    frc: backend.tensor([SETTLE_BATCH]),
  };
  const gradientOn = (source: BatchSource, seen: ProjectionGeometry, weight: number, dRow: Tensor) => {
    const rows = Math.min(SETTLE_BATCH, source.count);
    const chosen = Array.from({ length: rows }, () => random.integer(source.count));
    source.load(chosen, held.rotations, held.images);
    backend.projectAndCorrelate(rows, seen, held.row, true, held.rotations, held.images, -weight / rows, held.frc, held.perImage, null);
    backend.sumRows(rows, held.perImage, dRow);
  };
  try {
    for (let step = 1; step <= STEPS; step++) {
      if (signal?.aborted) throw new Cancelled('stopped while settling the neutral model');
      backend.gaussians(1, held.logits, false, held.zero, held.ones, held.row);
      gradientOn(particles, geometry, 1, held.dRow);
      if (projections) {
        gradientOn(projections, mapGeometry, MAP_WEIGHT, held.dRowOfMap);
        backend.add(width, held.dRow, held.dRowOfMap, held.dRow);
      }
      backend.gaussiansBackward(1, held.row, held.dRow, false, held.ones, held.gradient);
      const learningRate = LEARNING_RATE * 0.5 * (1 + Math.cos((Math.PI * step) / (STEPS + 1)));
      backend.adam(held.logits, held.gradient, held.m, held.v, {
        learningRate,
        beta1: 0.9,
        beta2: 0.99,
        epsilon: 1e-10,
        weightDecay: 0,
        step,
      });
      if (step % 10 === 0) {
        await backend.read(held.frc);
        reporter.progress('settling the neutral model on the particles', step, STEPS);
      }
    }
    return await backend.read(held.logits);
  } finally {
    for (const tensor of Object.values(held)) backend.free(tensor);
  }
}
