// Spearman's rank correlation: how well one number tells the order of another, whatever the smooth rising curve between them.

/** Correlation of the ranks of `a` and `b` (n each, finite), equal values sharing their mean rank; in [−1, 1]. 0 where either does not vary. */
export function spearmanCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} numbers cannot be ranked against ${b.length}`);
  const [ranksA, ranksB] = [ranks(a), ranks(b)];
  // Mean ranks keep the sum of 1 … n, so both means are the same.
  const mean = (a.length + 1) / 2;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [da, db] = [ranksA[i] - mean, ranksB[i] - mean];
    ab += da * db;
    aa += da * da;
    bb += db * db;
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}

/** Ranks from 1; equal values share the mean of theirs. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i] - values[j]);
  const ranked = new Float64Array(values.length);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && values[order[last + 1]] === values[order[first]]) last++;
    for (let at = first; at <= last; at++) ranked[order[at]] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return ranked;
}
