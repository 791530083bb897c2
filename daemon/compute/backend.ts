// The closed set of operations that training consists of. This is not a tensor library: no broadcasting, no graph, no
// shapes beyond those named here. Each backward operation stands beside its forward one; the gradient of x is named dX.
//
// Arrays are float32 on the device, row-major, the batch B always slowest. A Gaussian row holds 5N numbers, planar:
// x(N) y(N) z(N) amplitude(N) width(N), with x, y, z in box fractions (−0.5, 0.5), amplitude in (0, 1), width relative to
// the model's reference width in (0.5, 1.5) (method.md section 2).
//
// Calls are queued in order and may run later; only `read` waits. An operation never allocates device memory.

import type { RingGeometry } from './ring-geometry.js';

/** An array on the device. Made by `tensor`, given back by `free`. */
export interface Tensor {
  readonly shape: readonly number[];
  /** Product of the shape. */
  readonly length: number;
}

export type Activation = 'linear' | 'relu';

/** Adam (Kingma & Ba 2015). `step` counts from 1. */
export interface AdamSettings {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled weight decay (Loshchilov & Hutter 2019): each step also takes off learningRate · weightDecay · parameter, past the moments. */
  weightDecay: number;
  /**
   * The L2 penalty: 2 · l2 · parameter is added to the gradient, before the moments, which is the gradient of l2 · Σ parameter² in the loss
   * (Keras' kernel_regularizer). Adam divides by the gradient's own size, so this is not weight decay. Left out: 0.
   */
  l2?: number;
  step: number;
}

/** How a row of Gaussians becomes a picture; the same for a whole run. */
export interface ProjectionGeometry {
  gaussians: number;
  ringGeometry: RingGeometry;
  /** σ of relative width 1, in pixels of the computing box. */
  referenceSigmaPixels: number;
  /** σ² added to every Gaussian in the picture, pixels². The same positive radial filter on every Gaussian changes no ring correlation, and keeps narrow ones from aliasing. */
  blurVariancePixels: number;
  /** rings + 1 numbers: share of each ring in the mean, ring 0 having none, sum 1. Left out: every ring counts the same, as in the paper. */
  ringShares?: Float32Array;
}

export interface Backend {
  readonly name: 'cpu' | 'webgpu' | 'tfjs';
  /** One line for people: threads, adapter, instruction set. */
  readonly description: string;

  /** A new array, zero unless `data` is given. */
  tensor(shape: readonly number[], data?: Float32Array): Tensor;
  free(tensor: Tensor): void;
  /** Copies `data` into the tensor, from element `offset` of the tensor on. */
  write(tensor: Tensor, data: Float32Array, offset?: number): void;
  /** Waits for everything queued, and copies out. */
  read(tensor: Tensor): Promise<Float32Array>;
  fill(tensor: Tensor, value: number): void;

  /** y[B,O] = activation(x[B,I]·w[I,O] + bias[O]). B is `rows`, which may be fewer than the tensors hold (a short last batch). */
  dense(rows: number, x: Tensor, w: Tensor, bias: Tensor, y: Tensor, activation: Activation): void;
  /**
   * Given y and dY of `dense`: masks dY in place where relu was off, then dW[I,O] = xᵀ·dY, dBias[O] = Σ_B dY (both
   * overwritten), and, unless dX is null, dX[B,I] = dY·wᵀ.
   */
  denseBackward(
    rows: number,
    x: Tensor,
    w: Tensor,
    y: Tensor,
    dY: Tensor,
    activation: Activation,
    dX: Tensor | null,
    dW: Tensor,
    dBias: Tensor,
  ): void;

  /**
   * Dropout (Srivastava et al. 2014) on the first `rows` rows of x[rows,n], in place: number e = row·n + column becomes 0 where
   * hash32(hash32(e) + key) < ⌊rate·2³²⌋, and otherwise is multiplied by 1/(1 − rate), rounded to single precision, which keeps the
   * expectation. `key` is a 32-bit unsigned number, rate in [0, 1). In 32-bit arithmetic that wraps around (hash32:
   * numerics/integer-hash.ts), so that every backend drops the same numbers. Being a fixed factor for each number it is its own
   * backward operation: the same call on dX. A relu before it may see the dropped x as its y, since there dX is 0 too.
   */
  dropout(rows: number, x: Tensor, rate: number, key: number): void;

  /**
   * statistics[2,n] = mean and variance (Σ(x − mean)² / rows) of each column of x[rows,n] over the first `rows` rows; then
   * running[2,n] = momentum · running + (1 − momentum) · statistics.
   */
  batchStatistics(rows: number, x: Tensor, statistics: Tensor, running: Tensor, momentum: number): void;
  /**
   * Batch normalisation (Ioffe & Szegedy 2015): y = scale · (x − mean) / √(variance + epsilon) + shift, x[rows,n] and y[rows,n], by
   * statistics[2,n]: the batch's own in training, the running ones otherwise. scale[n], shift[n]. Rows need not be among those that the
   * statistics were taken of.
   */
  batchNormalise(rows: number, x: Tensor, statistics: Tensor, epsilon: number, scale: Tensor, shift: Tensor, y: Tensor): void;
  /**
   * dX[rows,n], dScale[n] and dShift[n] (all overwritten) from dY[rows,n]; dX may be dY. `batchRows`: how many of the first rows of x
   * the statistics were taken of and depend on; 0 where they are given from elsewhere.
   */
  batchNormaliseBackward(
    rows: number,
    batchRows: number,
    x: Tensor,
    statistics: Tensor,
    epsilon: number,
    scale: Tensor,
    dY: Tensor,
    dX: Tensor,
    dScale: Tensor,
    dShift: Tensor,
  ): void;

  /** Sum of two arrays, out = a + b over the first `count` elements. */
  add(count: number, a: Tensor, b: Tensor, out: Tensor): void;

  /**
   * Spread penalty on z[rows,d]: weight · mean over the batch of max(|z| − 1, 0). Adds its gradient to dZ
   * (EMAN2 uses this penalty with weight 0.01 to 10).
   */
  latentPenaltyBackward(rows: number, z: Tensor, dZ: Tensor, weight: number): void;

  /** Pull of z[rows,d] to places[rows,d]: weight · mean over the batch of |z − place|²/2. Adds its gradient to dZ. */
  latentPullBackward(rows: number, z: Tensor, places: Tensor, dZ: Tensor, weight: number): void;

  /**
   * Gaussians from the decoder: raw_i = neutral + vary ⊙ (offsets_i − origin), then centre = sigmoid − 0.5, amplitude =
   * sigmoid, width = sigmoid + 0.5. `offsets`[rows(+1),5N]; with `hasOrigin`, row `rows` of offsets is the decoder at z = 0, so that z = 0
   * gives the neutral model exactly; without it origin is 0. `vary`[5N] holds weights in [0,1]. `neutral` holds logits: [5N], shared by all
   * rows, or [at least rows,5N], a neutral model for every row; of exactly 5N numbers it is shared. The backward operation needs neither.
   */
  gaussians(rows: number, offsets: Tensor, hasOrigin: boolean, neutral: Tensor, vary: Tensor, out: Tensor): void;
  /** dOffsets[rows(+1),5N] from dOut[rows,5N] and out[rows,5N]; with `hasOrigin`, row `rows` is minus the sum of the others. */
  gaussiansBackward(rows: number, out: Tensor, dOut: Tensor, hasOrigin: boolean, vary: Tensor, dOffsets: Tensor): void;

  /**
   * Projection with ring correlation, forward and backward at once (method.md sections 2 and 3): for each particle, the
   * Gaussians seen along rotation A are drawn into the computing box (centre at pixel b/2), transformed, and
   * compared with the prepared image over rings 1 … K.
   *
   * gaussians[B or 1,5N] (`shared`: one row serves all particles), rotations[B,9] row-major A, images[B,2·planeSize]
   * (RingGeometry), → frc[B] = mean over rings of the correlation (by `ringShares`), and dGaussians[B,5N] = `scale` · ∂frc/∂gaussians, one row a
   * particle even when shared. With ringFrc (B·(K+1)) also the correlation of every ring, ring 0 being 0.
   */
  projectAndCorrelate(
    rows: number,
    geometry: ProjectionGeometry,
    gaussians: Tensor,
    shared: boolean,
    rotations: Tensor,
    images: Tensor,
    scale: number,
    frc: Tensor,
    dGaussians: Tensor | null,
    ringFrc: Tensor | null,
  ): void;

  /**
   * Resistance against stretching: weight · mean over the rows of gaussians[rows,5N] of Σ over links of share · e²/(e² + reach²), with e how much longer than at rest a link between two centres is
   * (Geman & McClure 1987: a link that is torn pulls no more). Adds its gradient to dGaussians. links[3,N,M], M a multiple of 4: for every Gaussian the other ends of its links, their lengths at rest
   * (box fractions), and their shares; a link stands with both its ends. Places that are left over have share 0, and stand behind those in use. `reach` in box fractions.
   */
  stretchBackward(rows: number, gaussians: Tensor, links: Tensor, dGaussians: Tensor, weight: number, reach: number): void;

  /** out[n] = Σ over the first `rows` rows of x[rows,n]. */
  sumRows(rows: number, x: Tensor, out: Tensor): void;
  /** Per parameter kind (5 planes of N): x[rows,5N] multiplied by factors[5], in place. */
  scaleKinds(rows: number, x: Tensor, factors: readonly number[]): void;

  /** Updates parameter in place from its gradient; m and v are the moments, same shape. */
  adam(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, settings: AdamSettings): void;

  /** Gives back threads, memory, device. */
  dispose(): Promise<void>;
}
