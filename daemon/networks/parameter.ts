// An array that learns: its value, its gradient, and Adam's two moments.

import type { AdamSettings, Backend, Tensor } from '../compute/backend.js';

export class Parameter {
  readonly value: Tensor;
  readonly gradient: Tensor;
  private readonly m: Tensor;
  private readonly v: Tensor;

  constructor(
    private readonly backend: Backend,
    shape: number[],
    data: Float32Array,
  ) {
    this.value = backend.tensor(shape, data);
    this.gradient = backend.tensor(shape);
    this.m = backend.tensor(shape);
    this.v = backend.tensor(shape);
  }

  step(settings: AdamSettings): void {
    this.backend.adam(this.value, this.gradient, this.m, this.v, settings);
  }

  forgetMoments(): void {
    for (const moment of [this.m, this.v]) this.backend.fill(moment, 0);
  }

  /** What a checkpoint keeps: `label` and, with moments, `label.m` and `label.v`. */
  named(label: string, withMoments: boolean): [string, Tensor][] {
    const moments: [string, Tensor][] = [
      [`${label}.m`, this.m],
      [`${label}.v`, this.v],
    ];
    return [[label, this.value], ...(withMoments ? moments : [])];
  }

  free(): void {
    for (const tensor of [this.value, this.gradient, this.m, this.v]) this.backend.free(tensor);
  }
}
