// A layer that normalises each of its inputs over the batch (Ioffe & Szegedy 2015), with the constants of Keras, which the paper's networks use.

import type { Backend, Tensor } from '../compute/backend.js';
import { Parameter } from './parameter.js';

/** Added to the variance. */
const EPSILON = 1e-3;
/** Share of the running statistics that a step leaves. */
const MOMENTUM = 0.99;
/**
 * A batch of fewer rows is normalised by the running statistics, which it then leaves alone: the variance of a few rows is off by
 * √(2/(rows − 1)) of itself, and that of one row is 0, which would throw a row outside the batch (the decoder at z = 0) far away.
 */
const FEWEST_ROWS = 8;

/** The first `batchRows` rows give the statistics; `step` counts from 1. */
export interface NormalisedBatch {
  batchRows: number;
  step: number;
}

export class BatchNormalisation {
  /** [maxRows, width]: valid after `forward`. */
  readonly y: Tensor;
  private readonly scale: Parameter;
  private readonly shift: Parameter;
  /** [2, width]: mean and variance of the batch; the same, running. */
  private readonly statistics: Tensor;
  private readonly running: Tensor;
  /** Of the last `forward`: rows that its statistics depend on, none where they are the running ones. */
  private batchRows = 0;

  constructor(
    private readonly backend: Backend,
    width: number,
    maxRows: number,
  ) {
    this.y = backend.tensor([maxRows, width]);
    this.scale = new Parameter(backend, [width], new Float32Array(width).fill(1));
    this.shift = new Parameter(backend, [width], new Float32Array(width));
    this.statistics = backend.tensor([2, width]);
    this.running = backend.tensor([2, width], new Float32Array(2 * width).fill(1, width));
  }

  /** x[rows, width] → y, by the statistics of the `batch`, or by the running ones for null (inference) and for a batch too short. */
  forward(rows: number, x: Tensor, batch: NormalisedBatch | null): void {
    const { backend, scale, shift } = this;
    this.batchRows = batch && batch.batchRows >= FEWEST_ROWS ? batch.batchRows : 0;
    if (batch && this.batchRows > 0) {
      // Keras starts from mean 0 and variance 1 and forgets them in some hundred steps, more than an epoch of a small set. The first steps
      // are averaged instead, so that what the network says between epochs is never due to that start.
      const momentum = Math.min(MOMENTUM, (batch.step - 1) / batch.step);
      backend.batchStatistics(this.batchRows, x, this.statistics, this.running, momentum);
    }
    backend.batchNormalise(rows, x, this.applied, EPSILON, scale.value, shift.value, this.y);
  }

  /** Turns dY[rows, width], the gradient of y, into that of x, in place; x is what `forward` was given. */
  backward(rows: number, x: Tensor, dY: Tensor): void {
    const { scale, shift } = this;
    this.backend.batchNormaliseBackward(
      rows,
      this.batchRows,
      x,
      this.applied,
      EPSILON,
      scale.value,
      dY,
      dY,
      scale.gradient,
      shift.gradient,
    );
  }

  get parameters(): Parameter[] {
    return [this.scale, this.shift];
  }

  /** What a checkpoint keeps: `label.scale`, `label.shift` with their moments, `label.statistics` (running mean and variance). */
  named(label: string, withMoments: boolean): [string, Tensor][] {
    return [
      ...this.scale.named(`${label}.scale`, withMoments),
      ...this.shift.named(`${label}.shift`, withMoments),
      [`${label}.statistics`, this.running],
    ];
  }

  free(): void {
    for (const parameter of this.parameters) parameter.free();
    for (const tensor of [this.y, this.statistics, this.running]) this.backend.free(tensor);
  }

  private get applied(): Tensor {
    return this.batchRows > 0 ? this.statistics : this.running;
  }
}

/** A dense layer: `weight`[inputs,outputs] row-major, `bias`[outputs]. */
export interface DenseWeights {
  inputs: number;
  outputs: number;
  weight: Float32Array;
  bias: Float32Array;
}

/** Trained arrays of a normalisation, as `BatchNormalisation.named` names them. */
export interface NormalisationWeights {
  scale: Float32Array;
  shift: Float32Array;
  statistics: Float32Array;
}

/** The dense layer that does what normalisation by running statistics and the layer behind it do together: both are affine. */
export function foldNormalisation({ scale, shift, statistics }: NormalisationWeights, layer: DenseWeights): DenseWeights {
  const { inputs, outputs } = layer;
  const weight = new Float32Array(layer.weight.length);
  const bias = Float64Array.from(layer.bias);
  for (let i = 0; i < inputs; i++) {
    const factor = scale[i] / Math.sqrt(statistics[inputs + i] + EPSILON);
    const constant = shift[i] - factor * statistics[i];
    for (let o = 0; o < outputs; o++) {
      weight[i * outputs + o] = factor * layer.weight[i * outputs + o];
      bias[o] += constant * layer.weight[i * outputs + o];
    }
  }
  return { inputs, outputs, weight, bias: Float32Array.from(bias) };
}
