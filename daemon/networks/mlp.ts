// A stack of dense layers with ReLU between, its gradients and its optimiser (paper, Methods: 512, 512, 512; linear last).

import type { AdamSettings, Backend, Tensor } from '../compute/backend.js';
import type { NamedTensor } from '../formats/safetensors.js';
import { hashOf } from '../numerics/integer-hash.js';
import type { Random } from '../numerics/random.js';
import { BatchNormalisation } from './batch-normalisation.js';
import { Parameter } from './parameter.js';

interface Layer {
  w: Parameter;
  bias: Parameter;
  /** Output of the layer for the current batch, and its gradient. */
  y: Tensor;
  dY: Tensor;
}

/** What the paper puts before the last layer of encoder and decoder, dropout first, and on their weights. All off by default. */
export interface MlpOptions {
  /** Share in [0, 1) of the last hidden layer's units that fall out in training (paper: 0.3). */
  dropout: number;
  /** Normalises the last hidden layer over the batch. */
  batchNormalisation: boolean;
  /**
   * Weight of the L2 penalty l2 · Σw² in the loss, on weights and not on biases (paper: 1e-3; AdamSettings.l2). In EMAN2 it is declared, for
   * the encoder alone, and never applied. The decoupled weight decay of AdamSettings is another thing.
   */
  l2: number;
}

/**
 * A batch to learn from. Rows past `batchRows` are passengers, such as the decoder at z = 0 that is taken off every particle: they lose no units,
 * and are normalised by statistics that they do not enter. So what is taken off carries no noise of its own that all particles would share, and on
 * average over the masks the difference is 0 at z = 0, as it is exactly in inference. `seed` (a whole number) and `step` (from 1) name the mask; networks of
 * different names have different masks.
 */
export interface TrainingPass {
  batchRows: number;
  seed: number;
  step: number;
}

/**
 * `forward(rows, x)` infers: no dropout, running statistics; `backward` after it holds the statistics fixed. `forward(rows, x, pass)` is for
 * learning: dropout, and statistics of the batch, which also move the running ones.
 */
export class Mlp {
  private readonly layers: Layer[] = [];
  private readonly options: MlpOptions;
  private readonly normalisation: BatchNormalisation | null;
  private input: Tensor | null = null;
  /** Of the last `forward`; null: inference. */
  private pass: TrainingPass | null = null;

  /**
   * `sizes`: inputs, hidden …, outputs. Hidden layers start uniform in ±1/√inputs (LeCun; PyTorch's default), the last one normal
   * with `lastDeviation` and no bias, so that the network starts near zero (EMAN2: 1e-2 … 1e-3). Dropout and normalisation want a hidden layer.
   */
  constructor(
    private readonly backend: Backend,
    readonly name: string,
    readonly sizes: readonly number[],
    readonly maxRows: number,
    lastDeviation: number,
    random: Random,
    options: Partial<MlpOptions> = {},
  ) {
    this.options = { dropout: 0, batchNormalisation: false, l2: 0, ...options };
    const { dropout, batchNormalisation } = this.options;
    if (!(dropout >= 0 && dropout < 1)) throw new Error(`the dropout must be in [0, 1), not ${dropout}`);
    if (sizes.length < 3 && (dropout > 0 || batchNormalisation)) throw new Error('dropout and batch normalisation need a hidden layer');
    for (let l = 0; l + 1 < sizes.length; l++) {
      const [inputs, outputs] = [sizes[l], sizes[l + 1]];
      const isLast = l + 2 === sizes.length;
      const bound = 1 / Math.sqrt(inputs);
      const draw = isLast ? () => lastDeviation * random.normal() : () => bound * (2 * random.uniform() - 1);
      const w = new Float32Array(inputs * outputs).map(draw);
      const bias = isLast ? new Float32Array(outputs) : new Float32Array(outputs).map(draw);
      this.layers.push({
        w: new Parameter(backend, [inputs, outputs], w),
        bias: new Parameter(backend, [outputs], bias),
        y: backend.tensor([maxRows, outputs]),
        dY: backend.tensor([maxRows, outputs]),
      });
    }
    this.normalisation = batchNormalisation ? new BatchNormalisation(backend, sizes[sizes.length - 2], maxRows) : null;
  }

  /** [maxRows, outputs]: valid after `forward`. */
  get output(): Tensor {
    return this.layers[this.layers.length - 1].y;
  }

  /** [maxRows, outputs]: to be filled before `backward`. */
  get outputGradient(): Tensor {
    return this.layers[this.layers.length - 1].dY;
  }

  /** x[rows, inputs] → `output`: inference, or with `pass` learning. */
  forward(rows: number, x: Tensor, pass: TrainingPass | null = null): void {
    this.input = x;
    this.pass = pass;
    this.layers.forEach(({ w, bias, y }, l) => {
      const isLast = l === this.layers.length - 1;
      if (isLast && l > 0) {
        const hidden = this.layers[l - 1].y;
        this.drop(hidden);
        this.normalisation?.forward(rows, hidden, pass);
      }
      this.backend.dense(rows, this.inputOf(l), w.value, bias.value, y, isLast ? 'linear' : 'relu');
    });
  }

  /** Gradients of all parameters from `outputGradient`, and of the input unless dX is null. */
  backward(rows: number, dX: Tensor | null): void {
    for (let l = this.layers.length - 1; l >= 0; l--) {
      const { w, bias, y, dY } = this.layers[l];
      const isLast = l === this.layers.length - 1;
      const activation = isLast ? 'linear' : 'relu';
      const below = l === 0 ? null : this.layers[l - 1];
      this.backend.denseBackward(rows, this.inputOf(l), w.value, y, dY, activation, below ? below.dY : dX, w.gradient, bias.gradient);
      if (isLast && below) {
        this.normalisation?.backward(rows, below.y, below.dY);
        this.drop(below.dY);
      }
    }
  }

  /** What layer l was last given. */
  private inputOf(l: number): Tensor {
    if (!this.input) throw new Error('backward before forward');
    if (l === 0) return this.input;
    return l === this.layers.length - 1 && this.normalisation ? this.normalisation.y : this.layers[l - 1].y;
  }

  /** Dropout of the pass on the last hidden layer, or on its gradient. */
  private drop(x: Tensor): void {
    if (!this.pass || this.options.dropout === 0) return;
    const { batchRows, seed, step } = this.pass;
    const letters = Array.from(this.name, letter => letter.codePointAt(0) as number);
    this.backend.dropout(batchRows, x, this.options.dropout, hashOf(seed, step, ...letters));
  }

  /** One Adam step on every parameter. Weight decay and the L2 penalty act on weights, not on biases or on scale and shift of the normalisation. */
  step(settings: AdamSettings): void {
    const free = { ...settings, weightDecay: 0, l2: 0 };
    for (const { w, bias } of this.layers) {
      w.step({ ...settings, l2: this.options.l2 });
      bias.step(free);
    }
    for (const parameter of this.normalisation?.parameters ?? []) parameter.step(free);
  }

  /** Forgets the optimiser's moments: for a new loss, whose gradients are of another size. */
  forgetMoments(): void {
    for (const { w, bias } of this.layers) for (const parameter of [w, bias]) parameter.forgetMoments();
    for (const parameter of this.normalisation?.parameters ?? []) parameter.forgetMoments();
  }

  /**
   * Names and arrays for a checkpoint: `name.0.weight`, `name.0.bias`, … and, with moments, `name.0.weight.m` and `.v`; with batch normalisation
   * also `name.normalisation.scale`, `.shift` and `.statistics` (running mean and variance, 2 × width).
   */
  async save(withMoments: boolean): Promise<[string, NamedTensor][]> {
    const saved: [string, NamedTensor][] = [];
    for (const [label, tensor] of this.named(withMoments))
      saved.push([label, { shape: [...tensor.shape], data: await this.backend.read(tensor) }]);
    return saved;
  }

  /** Takes what `save` gave; moments that are missing start at zero. Throws when a shape differs, or where only one of the two is normalised. */
  restore(tensors: ReadonlyMap<string, NamedTensor>): void {
    if (!this.normalisation && tensors.has(`${this.name}.normalisation.scale`))
      throw new Error(`the checkpoint's ${this.name} has batch normalisation, which this network has not`);
    for (const [label, tensor] of this.named(true)) {
      const kept = tensors.get(label);
      if (!kept && /\.[mv]$/.test(label)) continue;
      if (kept?.data.length !== tensor.length) throw new Error(`the checkpoint has no ${label} of shape [${tensor.shape}]`);
      this.backend.write(tensor, kept.data);
    }
  }

  private named(withMoments: boolean): [string, Tensor][] {
    const layers = this.layers.flatMap(({ w, bias }, l) => [
      ...w.named(`${this.name}.${l}.weight`, withMoments),
      ...bias.named(`${this.name}.${l}.bias`, withMoments),
    ]);
    return [...layers, ...(this.normalisation?.named(`${this.name}.normalisation`, withMoments) ?? [])];
  }

  free(): void {
    for (const { w, bias, y, dY } of this.layers) {
      for (const parameter of [w, bias]) parameter.free();
      this.backend.free(y);
      this.backend.free(dY);
    }
    this.normalisation?.free();
  }
}
