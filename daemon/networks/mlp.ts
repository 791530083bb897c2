// A stack of dense layers with ReLU between, its gradients and its optimiser (paper, Methods: 512, 512, 512; linear last).

import type { AdamSettings, Backend, Tensor } from '../compute/backend.js';
import type { NamedTensor } from '../formats/safetensors.js';
import type { Random } from '../numerics/random.js';

interface Layer {
  w: Parameter;
  bias: Parameter;
  /** Output of the layer for the current batch, and its gradient. */
  y: Tensor;
  dY: Tensor;
}

interface Parameter {
  value: Tensor;
  gradient: Tensor;
  m: Tensor;
  v: Tensor;
}

export class Mlp {
  private readonly layers: Layer[] = [];
  private input: Tensor | null = null;

  /**
   * `sizes`: inputs, hidden …, outputs. Hidden layers start uniform in ±1/√inputs (LeCun; PyTorch's default), the last one normal
   * with `lastDeviation` and no bias, so that the network starts near zero (EMAN2: 1e-2 … 1e-3).
   */
  constructor(
    private readonly backend: Backend,
    readonly name: string,
    readonly sizes: readonly number[],
    readonly maxRows: number,
    lastDeviation: number,
    random: Random,
  ) {
    for (let l = 0; l + 1 < sizes.length; l++) {
      const [inputs, outputs] = [sizes[l], sizes[l + 1]];
      const isLast = l + 2 === sizes.length;
      const bound = 1 / Math.sqrt(inputs);
      const draw = isLast ? () => lastDeviation * random.normal() : () => bound * (2 * random.uniform() - 1);
      const w = new Float32Array(inputs * outputs).map(draw);
      const bias = isLast ? new Float32Array(outputs) : new Float32Array(outputs).map(draw);
      this.layers.push({
        w: this.parameter([inputs, outputs], w),
        bias: this.parameter([outputs], bias),
        y: backend.tensor([maxRows, outputs]),
        dY: backend.tensor([maxRows, outputs]),
      });
    }
  }

  private parameter(shape: number[], data: Float32Array): Parameter {
    return {
      value: this.backend.tensor(shape, data),
      gradient: this.backend.tensor(shape),
      m: this.backend.tensor(shape),
      v: this.backend.tensor(shape),
    };
  }

  /** [maxRows, outputs]: valid after `forward`. */
  get output(): Tensor {
    return this.layers[this.layers.length - 1].y;
  }

  /** [maxRows, outputs]: to be filled before `backward`. */
  get outputGradient(): Tensor {
    return this.layers[this.layers.length - 1].dY;
  }

  forward(rows: number, x: Tensor): void {
    this.input = x;
    this.layers.forEach((layer, l) => {
      const isLast = l === this.layers.length - 1;
      this.backend.dense(rows, l === 0 ? x : this.layers[l - 1].y, layer.w.value, layer.bias.value, layer.y, isLast ? 'linear' : 'relu');
    });
  }

  /** Gradients of all parameters from `outputGradient`, and of the input unless dX is null. */
  backward(rows: number, dX: Tensor | null): void {
    if (!this.input) throw new Error('backward before forward');
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const { w, bias, y, dY } = this.layers[l];
      const x = l === 0 ? this.input : this.layers[l - 1].y;
      const isLast = l === this.layers.length - 1;
      this.backend.denseBackward(
        rows,
        x,
        w.value,
        y,
        dY,
        isLast ? 'linear' : 'relu',
        l === 0 ? dX : this.layers[l - 1].dY,
        w.gradient,
        bias.gradient,
      );
    }
  }

  /** One Adam step on every parameter. Weight decay acts on weights, not on biases. */
  step(settings: AdamSettings): void {
    for (const { w, bias } of this.layers) {
      this.backend.adam(w.value, w.gradient, w.m, w.v, settings);
      this.backend.adam(bias.value, bias.gradient, bias.m, bias.v, { ...settings, weightDecay: 0 });
    }
  }

  /** Forgets the optimiser's moments: for a new loss, whose gradients are of another size. */
  forgetMoments(): void {
    for (const { w, bias } of this.layers) for (const p of [w, bias]) for (const moment of [p.m, p.v]) this.backend.fill(moment, 0);
  }

  /** Names and arrays for a checkpoint: `name.0.weight`, `name.0.bias`, … and, with moments, `name.0.weight.m` and `.v`. */
  async save(withMoments: boolean): Promise<[string, NamedTensor][]> {
    const saved: [string, NamedTensor][] = [];
    for (const [label, tensor] of this.named(withMoments))
      saved.push([label, { shape: [...tensor.shape], data: await this.backend.read(tensor) }]);
    return saved;
  }

  /** Takes what `save` gave; moments that are missing start at zero. Throws when a shape differs. */
  restore(tensors: ReadonlyMap<string, NamedTensor>): void {
    for (const [label, tensor] of this.named(true)) {
      const kept = tensors.get(label);
      if (!kept && /\.[mv]$/.test(label)) continue;
      if (kept?.data.length !== tensor.length) throw new Error(`the checkpoint has no ${label} of shape [${tensor.shape}]`);
      this.backend.write(tensor, kept.data);
    }
  }

  private named(withMoments: boolean): [string, Tensor][] {
    return this.layers.flatMap(({ w, bias }, l) =>
      (
        [
          ['weight', w],
          ['bias', bias],
        ] as const
      ).flatMap(([kind, p]) => {
        const label = `${this.name}.${l}.${kind}`;
        const moments: [string, Tensor][] = [
          [`${label}.m`, p.m],
          [`${label}.v`, p.v],
        ];
        return [[label, p.value] as [string, Tensor], ...(withMoments ? moments : [])];
      }),
    );
  }

  free(): void {
    for (const { w, bias, y, dY } of this.layers) {
      for (const p of [w, bias]) for (const tensor of [p.value, p.gradient, p.m, p.v]) this.backend.free(tensor);
      this.backend.free(y);
      this.backend.free(dY);
    }
  }
}
