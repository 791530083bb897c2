// An array of the contract made of TensorFlow.js's tensors, which never change: whoever writes puts another tensor in its place.

import type { Tensor1D } from '@tensorflow/tfjs-core';
import type { Tensor } from '../backend.js';

export type TensorFlow = typeof import('@tensorflow/tfjs-core');
export type TfTensor = import('@tensorflow/tfjs-core').Tensor;

/** Holds the numbers as they were last written from here, as a flat tensor, or as both; at least one while it is not given back. */
export class HeldArray implements Tensor {
  readonly length: number;
  /** null once an operation has changed the array. */
  private written: Float32Array | null;
  /** null while `written` is ahead. */
  private flat: Tensor1D | null = null;

  constructor(
    private readonly tf: TensorFlow,
    readonly shape: readonly number[],
  ) {
    this.length = shape.reduce((product, n) => product * n, 1);
    this.written = new Float32Array(this.length);
  }

  get isFree(): boolean {
    return this.written === null && this.flat === null;
  }

  /** The first elements, as a tensor of this shape, to be used at once. */
  first(shape: readonly number[]): TfTensor {
    const { tf } = this;
    const count = shape.reduce((product, n) => product * n, 1);
    if (this.isFree) throw new Error('a tensor was used after it was given back');
    if (count > this.length)
      throw new Error(`a tensor of shape ${this.shape.join(' × ')} is too small for an operation on ${count} numbers`);
    if (!this.flat) this.flat = tf.keep(tf.tensor1d((this.written as Float32Array).slice()));
    return tf.reshape(count === this.length ? this.flat : tf.slice(this.flat, 0, count), shape as number[]);
  }

  /** Puts all numbers of `values` in the place of the first ones; those after them stay. */
  put(values: TfTensor): void {
    const { tf } = this;
    const rest = this.length - values.size;
    const flat = tf.reshape(values, [values.size]) as Tensor1D;
    this.replace(tf.keep(rest === 0 ? flat : tf.concat([flat, tf.slice(this.first([this.length]) as Tensor1D, values.size, rest)])));
  }

  write(data: Float32Array, offset: number): void {
    if (this.isFree) throw new Error('a tensor was used after it was given back');
    const after = this.length - offset - data.length;
    if (after < 0)
      throw new RangeError(`${data.length} numbers from ${offset} on do not fit into a tensor of shape ${this.shape.join(' × ')}`);
    if (data.length === this.length) this.written ??= new Float32Array(this.length);
    const { tf, written, flat } = this;
    if (written) {
      written.set(data, offset);
      flat?.dispose();
      this.flat = null;
    } else if (flat) {
      const parts = [tf.slice(flat, 0, offset), tf.tensor1d(data.slice()), tf.slice(flat, offset + data.length, after)];
      this.replace(tf.keep(tf.concat(parts)));
    }
  }

  async read(): Promise<Float32Array> {
    if (this.written) return this.written.slice();
    if (!this.flat) throw new Error('a tensor was used after it was given back');
    return (await this.flat.data<'float32'>()).slice();
  }

  free(): void {
    if (this.isFree) throw new Error('a tensor was given back twice');
    this.flat?.dispose();
    this.flat = this.written = null;
  }

  private replace(flat: Tensor1D): void {
    this.flat?.dispose();
    this.flat = flat;
    this.written = null;
  }
}
