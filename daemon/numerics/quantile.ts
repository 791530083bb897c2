// Quantiles of a few numbers, as R, NumPy and most papers mean them.

/** The value that `share` (0 to 1) of the values lie below, by a straight line between the two nearest in order (Hyndman & Fan 1996, definition 7); NaN of none. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  if (sorted.length === 0) return Number.NaN;
  return below + 1 < sorted.length ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) : sorted[below];
}

export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}
