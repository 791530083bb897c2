// TensorFlow.js's WebAssembly multiplies quickly only matrices as they lie (XNNPACK); a product with a transposed one, which every gradient
// is, runs through a plain loop, ten times slower. Here the transposed one is laid out first.

import type { TensorFlow } from './array.js';

type Registered = NonNullable<ReturnType<TensorFlow['getKernel']>>;
type Arguments = Parameters<Registered['kernelFunc']>[0];
type Info = Arguments['inputs'][string] & object;
type Backend = Arguments['backend'] & { disposeData(id: object): void };

/** Fewer multiplications are not worth laying out anew. */
const WORTH = 2 ** 14;

/** Puts the product in the place of the registered one, for every expression and every gradient; a second call changes nothing. */
export function multiplyAsLaid(tf: TensorFlow): void {
  const product = tf.getKernel('BatchMatMul', 'wasm') as Registered & { isLaid?: boolean };
  const transposition = tf.getKernel('Transpose', 'wasm') as Registered;
  if (product.isLaid) return;

  function multiply(given: Arguments): Info {
    const backend = given.backend as Backend;
    const { a, b } = given.inputs as { a: Info; b: Info };
    const { transposeA, transposeB } = given.attrs as unknown as { transposeA: boolean; transposeB: boolean };
    const isOne = [a, b].every(({ shape }) => shape.slice(0, -2).every(n => n === 1));
    const columns = (transposeB ? b.shape.at(-2) : b.shape.at(-1)) as number;
    const size = a.shape.reduce((product, n) => product * n, columns);
    if (!isOne || size < WORTH || !(transposeA || transposeB)) return product.kernelFunc(given) as Info;
    const turned = (x: Info): Info => {
      const perm = x.shape.map((_, axis) => axis);
      [perm[perm.length - 2], perm[perm.length - 1]] = [perm.length - 1, perm.length - 2];
      return transposition.kernelFunc({ inputs: { x }, backend, attrs: { perm } }) as Info;
    };
    const [left, right] = [transposeA ? turned(a) : a, transposeB ? turned(b) : b];
    const out = product.kernelFunc({ inputs: { a: left, b: right }, backend, attrs: { transposeA: false, transposeB: false } });
    if (transposeA) backend.disposeData(left.dataId);
    if (transposeB) backend.disposeData(right.dataId);
    return out as Info;
  }

  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({ ...product, kernelFunc: multiply, isLaid: true } as Registered);
}
