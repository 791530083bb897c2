// The trained decoder on its own: one latent point in, the molecule in Å out, within a frame of the screen.

import type { NamedTensor, Safetensors } from '../formats/safetensors.js';
import type { GaussianSet } from '../gaussians/gaussian-set.js';
import { type ModelFrame, toWorld } from '../gaussians/model-frame.js';
import { movableGaussians } from '../gaussians/movable.js';
import { type DenseWeights, foldNormalisation } from './batch-normalisation.js';
import type { DecoderWeights, RowDecoder } from './plain-row-decoder.js';
import { SimdRowDecoder } from './simd-row-decoder.js';

export class LatentDecoder {
  readonly dims: number;
  /** Gaussians. */
  readonly count: number;
  /** Epoch of the weights. */
  readonly epoch: number;
  readonly frame: ModelFrame;
  /** A number for each Gaussian: 0 where its place is held, by a focus or because positions do not vary. */
  readonly movable: Uint8Array;
  private readonly decoder: RowDecoder;

  /** `weights`: a run's weights.safetensors. Throws when an array is missing. */
  constructor({ tensors, metadata }: Safetensors) {
    const weights = decoderWeights(tensors);
    this.count = weights.neutral.length / 5;
    this.dims = weights.layers[0].inputs;
    this.movable = movableGaussians(weights.vary);
    this.epoch = Number(metadata.epoch);
    this.frame = JSON.parse(metadata.frame) as ModelFrame;
    this.decoder = new SimdRowDecoder(weights);
  }

  /** Gaussians at latent point z (`dims` numbers), in Å, in `set` where one of `count` is given; at z = 0 the neutral model exactly. */
  decode(z: ArrayLike<number>, set?: GaussianSet): GaussianSet {
    return toWorld(this.decoder.row(z), this.frame, set);
  }
}

/** The decoder's arrays out of a run's, batch normalisation folded into the last layer. Throws when one is missing. */
export function decoderWeights(tensors: ReadonlyMap<string, NamedTensor>): DecoderWeights {
  const tensor = (name: string): NamedTensor => {
    const found = tensors.get(name);
    if (!found) throw new Error(`the weights hold no ${name}`);
    return found;
  };
  const layers: DenseWeights[] = [];
  for (let l = 0; l === 0 || tensors.has(`decoder.${l}.weight`); l++) {
    const { shape, data } = tensor(`decoder.${l}.weight`);
    layers.push({ inputs: shape[0], outputs: shape[1], weight: data, bias: tensor(`decoder.${l}.bias`).data });
  }
  if (tensors.has('decoder.normalisation.scale')) {
    const data = (name: string) => tensor(`decoder.normalisation.${name}`).data;
    layers.push(foldNormalisation({ scale: data('scale'), shift: data('shift'), statistics: data('statistics') }, layers.pop()!));
  }
  return { layers, neutral: tensor('neutral.logits').data, vary: tensor('vary').data };
}
