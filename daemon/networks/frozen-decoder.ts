// A trained decoder on a backend, for a batch of latent points, which learns no more.

import type { Backend, Tensor } from '../compute/backend.js';
import type { DecoderWeights } from './plain-row-decoder.js';

interface Layer {
  w: Tensor;
  bias: Tensor;
  y: Tensor;
}

export class FrozenDecoder {
  private readonly layers: Layer[];
  private readonly input: Tensor;
  private constructor(
    private readonly backend: Backend,
    { layers, vary }: DecoderWeights,
    maxRows: number,
  ) {
    this.input = backend.tensor([maxRows, layers[0].inputs]);
    this.layers = layers.map(({ inputs, outputs, weight, bias }, l) => {
      const isLast = l === layers.length - 1;
      return {
        w: backend.tensor([inputs, outputs], isLast ? weight.map((value, i) => value * vary[i % outputs]) : weight),
        bias: backend.tensor([outputs], isLast ? new Float32Array(outputs) : bias),
        y: backend.tensor([maxRows, outputs]),
      };
    });
  }

  static async create(backend: Backend, weights: DecoderWeights, maxRows: number): Promise<FrozenDecoder> {
    const decoder = new FrozenDecoder(backend, weights, maxRows);
    // The last layer gives vary ⊙ its outputs without bias; what that is at z = 0 is taken off, so that there nothing is added.
    const { bias } = decoder.layers[decoder.layers.length - 1];
    const atOrigin = await backend.read(decoder.offsets(1, new Float32Array(decoder.input.shape[1])));
    backend.write(
      bias,
      atOrigin.subarray(0, bias.length).map(value => -value),
    );
    return decoder;
  }

  /** vary ⊙ (decoder(z) − decoder(0)) for each of z[rows, d], in [maxRows, 5N]: valid until the next call. */
  offsets(rows: number, z: Float32Array): Tensor {
    const { backend, layers, input } = this;
    backend.write(input, z);
    let x = input;
    layers.forEach(({ w, bias, y }, l) => {
      backend.dense(rows, x, w, bias, y, l === layers.length - 1 ? 'linear' : 'relu');
      x = y;
    });
    return x;
  }

  free(): void {
    this.backend.free(this.input);
    for (const { w, bias, y } of this.layers) for (const tensor of [w, bias, y]) this.backend.free(tensor);
  }
}
