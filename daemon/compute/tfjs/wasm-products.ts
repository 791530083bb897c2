// TensorFlow.js's WebAssembly multiplies quickly only two whole matrices as they lie (XNNPACK); a transposed or a batched product runs through
// a plain loop, ten times slower. Here such products are laid out as the quick ones.

import type { TensorFlow } from './array.js';

type Registered = NonNullable<ReturnType<TensorFlow['getKernel']>>;
type Arguments = Parameters<Registered['kernelFunc']>[0];
type Info = Arguments['inputs'][string] & object;

/** Fewer multiplications are not worth laying out anew. */
const WORTH = 2 ** 14;

/** Puts the product in the place of the registered one, for every expression and every gradient; a second call changes nothing. */
export function multiplyWholeMatrices(tf: TensorFlow): void {
  const product = tf.getKernel('BatchMatMul', 'wasm') as Registered & { isWhole?: boolean };
  if (product.isWhole) return;
  const backend = tf.backend() as Arguments['backend'] & { disposeData(id: object): void };
  const run = (name: string, inputs: Arguments['inputs'], attrs: object | undefined): Info => {
    const { kernelFunc } = name === 'BatchMatMul' ? product : (tf.getKernel(name, 'wasm') as Registered);
    return kernelFunc({ inputs, backend, attrs: attrs as Arguments['attrs'] }) as Info;
  };
  const giveBack = (info: Info) => backend.disposeData(info.dataId);

  /** a[…,m,k] as it is used: a copy with the last two axes exchanged where it is transposed. */
  function laid(info: Info, isTransposed: boolean): Info {
    const rank = info.shape.length;
    const axes = Array.from({ length: rank }, (_, i) => i);
    if (isTransposed) axes.splice(rank - 2, 2, rank - 1, rank - 2);
    return run('Transpose', { x: info }, { perm: axes });
  }

  function multiply({ inputs, attrs }: Arguments): Info {
    const { a, b } = inputs as { a: Info; b: Info };
    const { transposeA, transposeB } = attrs as { transposeA: boolean; transposeB: boolean };
    const batchOf = ({ shape }: Info) => shape.slice(0, -2).reduce((count, n) => count * n, 1);
    const batch = batchOf(a);
    const [rows, depth] = transposeA ? [a.shape.at(-1), a.shape.at(-2)] : [a.shape.at(-2), a.shape.at(-1)];
    const columns = transposeB ? b.shape.at(-2) : b.shape.at(-1);
    const size = (rows as number) * (depth as number) * (columns as number);
    const isQuick = batch === 1 && !transposeA && !transposeB;
    if (isQuick || size < WORTH || batchOf(b) !== batch || a.shape.length !== b.shape.length) return run('BatchMatMul', inputs, attrs);
    const [left, right] = [laid(a, transposeA), laid(b, transposeB)];
    try {
      const plain = { transposeA: false, transposeB: false };
      if (batch === 1) return run('BatchMatMul', { a: left, b: right }, plain);
      const flat = (info: Info): Info => ({ ...info, shape: [batch, ...info.shape.slice(-2)] });
      const parts: Info[] = [];
      for (let i = 0; i < batch; i++) {
        const [one, other] = [flat(left), flat(right)].map(x => run('Slice', { x }, { begin: [i, 0, 0], size: [1, ...x.shape.slice(1)] }));
        parts.push(run('BatchMatMul', { a: one, b: other }, plain));
        giveBack(one);
        giveBack(other);
      }
      const whole = run('Concat', parts as unknown as Arguments['inputs'], { axis: 0 });
      parts.forEach(giveBack);
      return { ...whole, shape: [...a.shape.slice(0, -2), rows as number, columns as number] };
    } finally {
      giveBack(left);
      giveBack(right);
    }
  }

  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({ ...product, kernelFunc: multiply, isWhole: true } as Registered);
}
