// Whether two clusterings of the same particles are one: the adjusted Rand index, and the cluster whose centre is nearest.

/**
 * Adjusted Rand index of two labellings (n each, any whole numbers): 1 for the same clusters whatever their names, 0 on average for no more in common than
 * chance (Hubert & Arabie 1985). 1 where both are trivial alike, all one cluster or all alone.
 */
export function adjustedRandIndex(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`labels of ${a.length} and ${b.length} particles cannot be compared`);
  const cells = new Map<number, Map<number, number>>();
  const [rows, columns] = [new Map<number, number>(), new Map<number, number>()];
  const count = (tally: Map<number, number>, key: number) => void tally.set(key, (tally.get(key) ?? 0) + 1);
  for (let i = 0; i < a.length; i++) {
    let row = cells.get(a[i]);
    if (!row) cells.set(a[i], (row = new Map()));
    count(row, b[i]);
    count(rows, a[i]);
    count(columns, b[i]);
  }
  const pairs = (n: number) => (n * (n - 1)) / 2;
  const pairsIn = (tally: Map<number, number>) => [...tally.values()].reduce((sum, n) => sum + pairs(n), 0);
  const together = [...cells.values()].reduce((sum, row) => sum + pairsIn(row), 0);
  const [inA, inB] = [pairsIn(rows), pairsIn(columns)];
  const expected = (inA * inB) / Math.max(pairs(a.length), 1);
  const most = (inA + inB) / 2;
  return most === expected ? 1 : (together - expected) / (most - expected);
}

/** Number of the nearest centre, from 1, of each point. `z`: n × dims; `centres`: k × dims. */
export function nearestCentres(z: ArrayLike<number>, centres: ArrayLike<number>, dims: number): Uint32Array {
  return Uint32Array.from({ length: z.length / dims }, (_, i) => {
    let nearest = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let k = 0; k < centres.length / dims; k++) {
      let square = 0;
      for (let d = 0; d < dims; d++) square += (z[i * dims + d] - centres[k * dims + d]) ** 2;
      if (square < least) [nearest, least] = [k, square];
    }
    return nearest + 1;
  });
}
