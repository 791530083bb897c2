// The trained decoder on its own: one latent point in, the molecule in Å out, within a frame of the screen.

import type { NamedTensor, Safetensors } from '../formats/safetensors.js';
import type { GaussianSet } from '../gaussians/gaussian-set.js';
import { type ModelFrame, toWorld, WIDTH_RANGE } from '../gaussians/model-frame.js';

interface Layer {
  inputs: number;
  outputs: number;
  weight: Float32Array;
  bias: Float32Array;
  y: Float32Array;
}

export class LatentDecoder {
  readonly dims: number;
  /** Gaussians. */
  readonly count: number;
  /** Epoch of the weights. */
  readonly epoch: number;
  readonly frame: ModelFrame;
  private readonly layers: Layer[];
  private readonly neutral: Float32Array;
  private readonly vary: Float32Array;
  private readonly origin: Float32Array;

  /** `weights`: a run's weights.safetensors. Throws when an array is missing. */
  constructor(weights: Safetensors) {
    const tensor = (name: string): NamedTensor => {
      const found = weights.tensors.get(name);
      if (!found) throw new Error(`the weights hold no ${name}`);
      return found;
    };
    this.layers = [];
    for (let l = 0; weights.tensors.has(`decoder.${l}.weight`); l++) {
      const { shape, data } = tensor(`decoder.${l}.weight`);
      this.layers.push({
        inputs: shape[0],
        outputs: shape[1],
        weight: data,
        bias: tensor(`decoder.${l}.bias`).data,
        y: new Float32Array(shape[1]),
      });
    }
    this.neutral = tensor('neutral.logits').data;
    this.vary = tensor('vary').data;
    this.count = this.neutral.length / 5;
    this.dims = this.layers[0].inputs;
    this.epoch = Number(weights.metadata.epoch);
    this.frame = JSON.parse(weights.metadata.frame) as ModelFrame;
    this.origin = this.run(new Float32Array(this.dims)).slice();
  }

  /** Gaussians at latent point z (`dims` numbers), in Å; at z = 0 the neutral model exactly. */
  decode(z: ArrayLike<number>): GaussianSet {
    const offsets = this.run(z);
    const row = new Float32Array(5 * this.count);
    for (let i = 0; i < row.length; i++) {
      const kind = Math.floor(i / this.count);
      const logit = this.neutral[i] + this.vary[i] * (offsets[i] - this.origin[i]);
      row[i] = 1 / (1 + Math.exp(-logit)) - (kind < 3 ? 0.5 : kind === 3 ? 0 : -WIDTH_RANGE);
    }
    return toWorld(row, this.frame);
  }

  private run(z: ArrayLike<number>): Float32Array {
    let x: ArrayLike<number> = z;
    this.layers.forEach(({ inputs, outputs, weight, bias, y }, l) => {
      y.set(bias);
      for (let i = 0; i < inputs; i++) {
        const value = x[i];
        // ReLU leaves about half of the inputs at zero: their rows of weights need not be read.
        if (value === 0) continue;
        const row = weight.subarray(i * outputs, (i + 1) * outputs);
        for (let o = 0; o < outputs; o++) y[o] += value * row[o];
      }
      if (l + 1 < this.layers.length) for (let o = 0; o < outputs; o++) if (y[o] < 0) y[o] = 0;
      x = y;
    });
    return this.layers[this.layers.length - 1].y;
  }
}
