// The plain decoder of one latent point, beside the SIMD one: what the network says, as the paper writes it.

import { logitsToRow } from '../gaussians/model-frame.js';
import type { DenseWeights } from './batch-normalisation.js';

/** A trained decoder: dense layers with ReLU between, its neutral model and what may vary. */
export interface DecoderWeights {
  /** The last layer's outputs are 5N. */
  layers: readonly DenseWeights[];
  /** 5N logits. */
  neutral: Float32Array;
  /** 5N weights in [0, 1]. */
  vary: Float32Array;
}

/** One row of Gaussians at a time, on one thread. */
export interface RowDecoder {
  /** Latent point → planar row of 5N (compute/backend.ts), which the next call may overwrite; at z = 0 the neutral model exactly. */
  row(z: ArrayLike<number>): Float32Array;
}

export class PlainRowDecoder implements RowDecoder {
  private readonly origin: Float32Array;

  constructor(private readonly weights: DecoderWeights) {
    this.origin = this.offsets(new Float32Array(weights.layers[0].inputs));
  }

  row(z: ArrayLike<number>): Float32Array {
    const { neutral, vary } = this.weights;
    const offsets = this.offsets(z);
    return logitsToRow(offsets.map((offset, i) => neutral[i] + vary[i] * (offset - this.origin[i])));
  }

  /** The network's output. */
  private offsets(z: ArrayLike<number>): Float32Array {
    let x = Float32Array.from(z);
    this.weights.layers.forEach(({ inputs, outputs, weight, bias }, l) => {
      const y = bias.slice();
      for (let i = 0; i < inputs; i++) for (let o = 0; o < outputs; o++) y[o] += x[i] * weight[i * outputs + o];
      const isLast = l === this.weights.layers.length - 1;
      x = isLast ? y : y.map(value => Math.max(value, 0));
    });
    return x;
  }
}
