// The training operations through TensorFlow.js: each forward one as an expression of tensors, each backward one by its automatic differentiation.
//
// So the gradients owe nothing to the formulas of the other backends, which are tested against these.

import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core';
import { hash32 } from '../../numerics/integer-hash.js';
import type { Activation, AdamSettings, Backend, ProjectionGeometry, Tensor } from '../backend.js';
import { ComputeError } from '../compute-error.js';
import { equalShares, type RingGeometry } from '../ring-geometry.js';
import { HeldArray, type TensorFlow, type TfTensor } from './array.js';
import { layProjectionTables, type ProjectionTables, ringCorrelations } from './projection.js';

/** TensorFlow.js with the backend of its own that was chosen. */
export interface OpenedTensorFlow {
  tf: TensorFlow;
  /** One line for people: version, what computes, and why nothing faster does. */
  description: string;
  /** Pictures are drawn together as long as their tables of 2·N·b numbers take no more bytes. */
  drawnBytes: number;
  close(): void;
}

const held = (tensor: Tensor) => tensor as HeldArray;
const lastOf = ({ shape }: Tensor) => shape[shape.length - 1];

export class TfjsBackend implements Backend {
  readonly name = 'tfjs';
  readonly description: string;
  private readonly tf: TensorFlow;
  private readonly arrays = new Set<HeldArray>();
  /** By box and rings, which determine the rest of a ring geometry. */
  private readonly tables = new Map<string, ProjectionTables>();

  /** A batch is projected in parts whose tables of 2·N·b numbers together take no more bytes; some twenty arrays of this size are alive at once. */
  constructor(
    private readonly opened: OpenedTensorFlow,
    private readonly mostTableBytes = 2 ** 25,
  ) {
    this.tf = opened.tf;
    this.description = opened.description;
  }

  tensor(shape: readonly number[], data?: Float32Array): Tensor {
    return this.compute(() => {
      const array = new HeldArray(this.tf, shape);
      if (data) array.write(data, 0);
      this.arrays.add(array);
      return array;
    });
  }

  free(tensor: Tensor): void {
    held(tensor).free();
    this.arrays.delete(held(tensor));
  }

  write(tensor: Tensor, data: Float32Array, offset = 0): void {
    this.compute(() => held(tensor).write(data, offset));
  }

  async read(tensor: Tensor): Promise<Float32Array> {
    try {
      return await held(tensor).read();
    } catch (error) {
      throw told(error);
    }
  }

  fill(tensor: Tensor, value: number): void {
    this.write(tensor, new Float32Array(tensor.length).fill(value));
  }

  dense(rows: number, x: Tensor, w: Tensor, bias: Tensor, y: Tensor, activation: Activation): void {
    const { tf } = this;
    const [inputs, outputs] = w.shape;
    this.compute(() => {
      const sums = tf.add(tf.matMul(held(x).first([rows, inputs]), held(w).first([inputs, outputs])), held(bias).first([outputs]));
      held(y).put(activation === 'relu' ? tf.relu(sums) : sums);
    });
  }

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
  ): void {
    const { tf } = this;
    const [inputs, outputs] = w.shape;
    this.compute(() => {
      let gradient = held(dY).first([rows, outputs]);
      if (activation === 'relu') {
        gradient = tf.mul(gradient, tf.step(held(y).first([rows, outputs])));
        held(dY).put(gradient);
      }
      const layer = (input: TfTensor, weights: TfTensor, offset: TfTensor) => tf.add(tf.matMul(input, weights), offset);
      const [input, weights] = [held(x).first([rows, inputs]), held(w).first([inputs, outputs])];
      // The layer is linear in its bias, so that its gradient is the same at any.
      const offset = tf.zeros([outputs]);
      const ofAll = dX
        ? tf.grads(layer)([input, weights, offset], gradient)
        : tf.grads((w, b) => layer(input, w, b))([weights, offset], gradient);
      const [ofWeights, ofBias] = ofAll.slice(-2);
      if (dX) held(dX).put(ofAll[0]);
      held(dW).put(ofWeights);
      held(dBias).put(ofBias);
    });
  }

  dropout(rows: number, x: Tensor, rate: number, key: number): void {
    const { tf } = this;
    const count = rows * lastOf(x);
    const threshold = Math.floor(rate * 2 ** 32);
    // TensorFlow.js has no products of whole numbers that wrap around, so the mask is made here.
    const kept = new Uint8Array(count);
    for (let e = 0; e < count; e++) kept[e] = Number(hash32((hash32(e) + key) >>> 0) >= threshold);
    this.compute(() => {
      const values = held(x).first([count]);
      held(x).put(tf.where(tf.tensor1d(kept, 'bool'), tf.mul(values, Math.fround(1 / (1 - rate))), tf.zerosLike(values)));
    });
  }

  batchStatistics(rows: number, x: Tensor, statistics: Tensor, running: Tensor, momentum: number): void {
    const { tf } = this;
    const width = lastOf(x);
    this.compute(() => {
      const { mean, variance } = tf.moments(held(x).first([rows, width]), 0);
      const both = tf.stack([mean, variance]);
      held(statistics).put(both);
      held(running).put(tf.add(tf.mul(held(running).first([2, width]), momentum), tf.mul(both, 1 - momentum)));
    });
  }

  batchNormalise(rows: number, x: Tensor, statistics: Tensor, epsilon: number, scale: Tensor, shift: Tensor, y: Tensor): void {
    const width = scale.length;
    this.compute(() => {
      const [mean, variance] = this.tf.unstack(held(statistics).first([2, width]));
      const [a, b] = [held(scale).first([width]), held(shift).first([width])];
      held(y).put(this.normalised(held(x).first([rows, width]), mean, variance, epsilon, a, b));
    });
  }

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
  ): void {
    const { tf } = this;
    const width = scale.length;
    this.compute(() => {
      const [givenMean, givenVariance] = tf.unstack(held(statistics).first([2, width]));
      const layer = (values: TfTensor, a: TfTensor, b: TfTensor) => {
        // Taken again of the batch, so that the differentiation sees on what they depend.
        const { mean, variance } =
          batchRows > 0 ? tf.moments(tf.slice(values, [0, 0], [batchRows, width]), 0) : { mean: givenMean, variance: givenVariance };
        return this.normalised(values, mean, variance, epsilon, a, b);
      };
      const at = [held(x).first([rows, width]), held(scale).first([width]), tf.zeros([width])];
      const [ofX, ofScale, ofShift] = tf.grads(layer)(at, held(dY).first([rows, width]));
      held(dX).put(ofX);
      held(dScale).put(ofScale);
      held(dShift).put(ofShift);
    });
  }

  add(count: number, a: Tensor, b: Tensor, out: Tensor): void {
    this.compute(() => held(out).put(this.tf.add(held(a).first([count]), held(b).first([count]))));
  }

  latentPenaltyBackward(rows: number, z: Tensor, dZ: Tensor, weight: number): void {
    const { tf } = this;
    const shape = [rows, lastOf(z)];
    this.compute(() => {
      // max(|z| − 1, 0) = √max(|z|², 1) − 1, which has a gradient at z = 0 too.
      const excess = (points: TfTensor) => tf.sub(tf.sqrt(tf.maximum(tf.sum(tf.square(points), 1), 1)), 1);
      const penalty = (points: TfTensor) => tf.mul(tf.mean(excess(points)), weight);
      held(dZ).put(tf.add(held(dZ).first(shape), tf.grad(penalty)(held(z).first(shape))));
    });
  }

  latentPullBackward(rows: number, z: Tensor, places: Tensor, dZ: Tensor, weight: number): void {
    const { tf } = this;
    const shape = [rows, lastOf(z)];
    this.compute(() => {
      const apart = (points: TfTensor) => tf.mean(tf.sum(tf.square(tf.sub(points, held(places).first(shape))), 1));
      const pull = (points: TfTensor) => tf.mul(apart(points), weight / 2);
      held(dZ).put(tf.add(held(dZ).first(shape), tf.grad(pull)(held(z).first(shape))));
    });
  }

  gaussians(rows: number, offsets: Tensor, hasOrigin: boolean, neutral: Tensor, vary: Tensor, out: Tensor): void {
    const { tf } = this;
    const width = vary.length;
    this.compute(() => {
      const all = held(offsets).first([rows + Number(hasOrigin), width]);
      const logits = held(neutral).first([neutral.length === width ? 1 : rows, width]);
      const shares = this.departed(logits, tf.slice(all, [0, 0], [rows, width]), hasOrigin ? this.row(all, rows) : null, vary);
      held(out).put(tf.add(shares, this.kindShifts(width)));
    });
  }

  gaussiansBackward(rows: number, out: Tensor, dOut: Tensor, hasOrigin: boolean, vary: Tensor, dOffsets: Tensor): void {
    const { tf } = this;
    const width = vary.length;
    this.compute(() => {
      // The logits that `out` came of stand for the neutral model and the offsets, so that all is differentiated where these are 0.
      const shares = tf.sub(held(out).first([rows, width]), this.kindShifts(width));
      const logits = tf.log(tf.div(shares, tf.sub(1, shares)));
      const moved = (all: TfTensor) =>
        this.departed(logits, tf.slice(all, [0, 0], [rows, width]), hasOrigin ? this.row(all, rows) : null, vary);
      const at = tf.zeros([rows + Number(hasOrigin), width]);
      held(dOffsets).put(tf.grads(moved)([at], held(dOut).first([rows, width]))[0]);
    });
  }

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
  ): void {
    const { tf } = this;
    const { gaussians: n, ringGeometry } = geometry;
    const { boxSize, rings, planeSize } = ringGeometry;
    this.compute(() => {
      const tables = this.projectionTables(ringGeometry);
      const shares = tf.tensor2d(geometry.ringShares ?? equalShares(rings), [1, rings + 1]);
      const rowsOf = (array: Tensor, width: number) => held(array).first([rows, width]);
      const models = shared ? tf.tile(held(gaussians).first([1, 5 * n]), [rows, 1]) : rowsOf(gaussians, 5 * n);
      const [views, compared] = [rowsOf(rotations, 9), rowsOf(images, 2 * planeSize)];
      const fitting = (bytes: number) => Math.max(Math.floor(bytes / (4 * 2 * n * boxSize)), 1);
      const [most, drawn] = [this.mostTableBytes, this.opened.drawnBytes].map(fitting);
      const parts: TfTensor[][] = [];
      for (let first = 0; first < rows; first += most) {
        const count = Math.min(most, rows - first);
        parts.push(
          tf.tidy(() => {
            const part = (all: TfTensor) => tf.slice(all, [first, 0], [count, all.shape[1] as number]);
            const correlate = (of: TfTensor) => ringCorrelations(tf, geometry, tables, of, part(views), part(compared), drawn);
            if (!dGaussians) return [correlate(part(models))];
            const weights = tf.tile(tf.mul(shares, scale), [count, 1]);
            const { value, grads } = tf.valueAndGrads(correlate)([part(models)], weights);
            return [value, grads[0]];
          }),
        );
      }
      const whole = (which: 0 | 1) => (parts.length === 1 ? parts[0][which] : tf.concat(parts.map(part => part[which])));
      const correlations = whole(0);
      held(frc).put(tf.sum(tf.mul(correlations, shares), 1));
      if (ringFrc) held(ringFrc).put(correlations);
      if (dGaussians) held(dGaussians).put(whole(1));
    });
  }

  stretchBackward(rows: number, gaussians: Tensor, links: Tensor, dGaussians: Tensor, weight: number, reach: number): void {
    const { tf } = this;
    const [, n, most] = links.shape;
    this.compute(() => {
      const [ends, rests, shares] = tf.unstack(held(links).first([3, n, most]));
      const centres = tf.reshape(tf.slice(held(gaussians).first([rows, 5 * n]), [0, 0], [rows, 3 * n]), [rows, 3, n]);
      const there = tf.reshape(tf.gather(centres, tf.cast(tf.reshape(ends, [n * most]), 'int32'), 2), [rows, 3, n, most]);
      // A link stands with both its ends, and each is moved by itself here: that is the whole gradient.
      const resistance = (here: TfTensor) => {
        const squares = tf.sum(tf.square(tf.sub(tf.reshape(here, [rows, 3, n, 1]), there)), 1);
        const stretched = tf.square(tf.sub(tf.sqrt(tf.add(squares, 1e-18)), rests));
        return tf.mul(tf.sum(tf.mul(shares, tf.div(stretched, tf.add(stretched, reach ** 2)))), weight / rows) as Scalar;
      };
      const pull = tf.reshape(tf.grad(resistance)(centres), [rows, 3 * n]);
      held(dGaussians).put(
        tf.add(
          held(dGaussians).first([rows, 5 * n]),
          tf.pad(pull as Tensor2D, [
            [0, 0],
            [0, 2 * n],
          ]),
        ),
      );
    });
  }

  sumRows(rows: number, x: Tensor, out: Tensor): void {
    this.compute(() => held(out).put(this.tf.sum(held(x).first([rows, out.length]), 0)));
  }

  scaleKinds(rows: number, x: Tensor, factors: readonly number[]): void {
    const { tf } = this;
    const kinds = tf.tensor3d([...factors], [1, 5, 1]);
    this.compute(() => held(x).put(tf.mul(held(x).first([rows, 5, lastOf(x) / 5]), kinds)));
    kinds.dispose();
  }

  adam(parameter: Tensor, gradient: Tensor, m: Tensor, v: Tensor, settings: AdamSettings): void {
    const { tf } = this;
    const { learningRate, beta1, beta2, epsilon, weightDecay, l2 = 0, step } = settings;
    const shape = [parameter.length];
    this.compute(() => {
      const p = held(parameter).first(shape);
      let g = held(gradient).first(shape);
      if (l2 !== 0) g = tf.add(g, tf.mul(p, 2 * l2));
      const mean = tf.add(tf.mul(held(m).first(shape), beta1), tf.mul(g, 1 - beta1));
      const square = tf.add(tf.mul(held(v).first(shape), beta2), tf.mul(tf.square(g), 1 - beta2));
      const unbiasedMean = tf.mul(mean, 1 / (1 - beta1 ** step));
      const unbiasedSquare = tf.mul(square, 1 / (1 - beta2 ** step));
      const direction = tf.div(unbiasedMean, tf.add(tf.sqrt(unbiasedSquare), epsilon));
      const decayed = weightDecay === 0 ? direction : tf.add(direction, tf.mul(p, weightDecay));
      held(parameter).put(tf.sub(p, tf.mul(decayed, learningRate)));
      held(m).put(mean);
      held(v).put(square);
    });
  }

  /** Bytes of all tensors that TensorFlow.js holds in this process. */
  get bytesHeld(): number {
    return this.tf.memory().numBytes;
  }

  async dispose(): Promise<void> {
    for (const array of this.arrays) array.free();
    this.arrays.clear();
    for (const table of this.tables.values()) this.tf.dispose({ ...table });
    this.tables.clear();
    this.opened.close();
  }

  /** sigmoid(logits + vary ⊙ (offsets − origin)): [rows,5N]; without an origin it is 0. */
  private departed(logits: TfTensor, offsets: TfTensor, origin: TfTensor | null, vary: Tensor): TfTensor {
    const { tf } = this;
    const departure = origin ? tf.sub(offsets, origin) : offsets;
    return tf.sigmoid(tf.add(logits, tf.mul(held(vary).first([1, vary.length]), departure)));
  }

  private row(all: TfTensor, index: number): TfTensor {
    return this.tf.slice(all, [index, 0], [1, all.shape[1] as number]);
  }

  /** [1,5N]: −0.5 for centres, 0 for amplitudes, 0.5 for widths. */
  private kindShifts(width: number): TfTensor {
    const { tf } = this;
    return tf.reshape(tf.tile(tf.tensor2d([-0.5, -0.5, -0.5, 0, 0.5], [5, 1]), [1, width / 5]), [1, width]);
  }

  private normalised(x: TfTensor, mean: TfTensor, variance: TfTensor, epsilon: number, scale: TfTensor, shift: TfTensor): TfTensor {
    const { tf } = this;
    return tf.add(tf.div(tf.mul(scale, tf.sub(x, mean)), tf.sqrt(tf.add(variance, epsilon))), shift);
  }

  private projectionTables(geometry: RingGeometry): ProjectionTables {
    const key = `${geometry.boxSize} ${geometry.rings}`;
    let tables = this.tables.get(key);
    if (!tables) this.tables.set(key, (tables = layProjectionTables(this.tf, geometry)));
    return tables;
  }

  /** Gives back every tensor that `operation` makes and does not keep, and tells what the library complains about in one line. */
  private compute<T>(operation: () => T): T {
    const { tf } = this;
    tf.engine().startScope();
    try {
      return operation();
    } catch (error) {
      throw told(error);
    } finally {
      tf.engine().endScope();
    }
  }
}

/** TensorFlow's, WebAssembly's and Dawn's words for the same; V8's for an array that is too long. */
const FULL = /out of memory|OOM|allocat|Invalid typed array length|out of bounds/i;

/** Memory that is full, as one line with its cure; any other error as it is. */
function told(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ComputeError || !FULL.test(message)) return error;
  return new ComputeError(
    `TensorFlow.js is out of memory (${message.split('\n')[0]}): give a smaller --batch, fewer --gaussians, or --backend cpu`,
  );
}
