// TensorFlow.js's WebAssembly multiplies quickly only two matrices as they lie (XNNPACK); a product with a transposed one, which every gradient
// is, and every product of many pairs runs through a plain loop, ten times slower. Here the transposed one is laid out first, and pair after pair is multiplied.

import type { TensorFlow } from './array.js';

type Registered = NonNullable<ReturnType<TensorFlow['getKernel']>>;
type Arguments = Parameters<Registered['kernelFunc']>[0];
type Info = Arguments['inputs'][string] & object;
type Backend = Arguments['backend'] & {
  disposeData(id: object): void;
  /** Of no values yet. */
  makeOutput(shape: number[], dtype: 'float32'): Info;
  /** Where its values lie; no longer so after anything was made, which may move the memory. */
  typedArrayFromHeap(info: Info): Float32Array;
};

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
    const areMany = [a, b].every(({ shape }) => shape.length === 3 && shape[0] === a.shape[0]);
    const columns = (transposeB ? b.shape.at(-2) : b.shape.at(-1)) as number;
    const size = a.shape.slice(-2).reduce((product, n) => product * n, columns);
    if (size < WORTH || !(isOne ? transposeA || transposeB : areMany)) return product.kernelFunc(given) as Info;
    const turned = (x: Info): Info => {
      const perm = x.shape.map((_, axis) => axis);
      [perm[perm.length - 2], perm[perm.length - 1]] = [perm.length - 1, perm.length - 2];
      return transposition.kernelFunc({ inputs: { x }, backend, attrs: { perm } }) as Info;
    };
    const asLaid = (pair: { a: Info; b: Info }) =>
      product.kernelFunc({ inputs: pair, backend, attrs: { transposeA: false, transposeB: false } }) as Info;
    const laid = { a: transposeA ? turned(a) : a, b: transposeB ? turned(b) : b };
    const out = isOne ? asLaid(laid) : multiplyPairs(backend, laid, asLaid);
    if (transposeA) backend.disposeData(laid.a.dataId);
    if (transposeB) backend.disposeData(laid.b.dataId);
    return out;
  }

  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({ ...product, kernelFunc: multiply, isLaid: true } as Registered);
}

/** a[P,m,k] times b[P,k,n], pair by pair by `multiply`: [P,m,n]. */
function multiplyPairs(backend: Backend, { a, b }: { a: Info; b: Info }, multiply: (pair: { a: Info; b: Info }) => Info): Info {
  const [pairs, m, k] = a.shape;
  const n = b.shape[2];
  const make = (shape: number[]) => backend.makeOutput(shape, 'float32');
  const values = (info: Info) => backend.typedArrayFromHeap(info);
  const all = make([pairs, m, n]);
  const left = make([1, m, k]);
  for (let i = 0; i < pairs; i++) {
    values(left).set(values(a).subarray(i * m * k, (i + 1) * m * k));
    // XNNPACK keeps what it has packed of a right side as long as that lives: each has to be a new one.
    const right = make([1, k, n]);
    values(right).set(values(b).subarray(i * k * n, (i + 1) * k * n));
    const result = multiply({ a: left, b: right });
    values(all).set(values(result), i * m * n);
    for (const { dataId } of [right, result]) backend.disposeData(dataId);
  }
  backend.disposeData(left.dataId);
  return all;
}
