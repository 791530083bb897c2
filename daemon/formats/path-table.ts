// A path through the latent space as a TSV table, a row a point: z0, z1, …, then how far along it is and what the particles say there.

/** As latent/latent-path.ts finds it. */
export interface PathRows {
  dims: number;
  /** points × dims. */
  points: ArrayLike<number>;
  /** Per point: latent distance from the start; particles nearest to it; −ln density and its error; effective particles behind them. */
  lengths: ArrayLike<number>;
  populations: ArrayLike<number>;
  freeEnergy: ArrayLike<number>;
  standardError: ArrayLike<number>;
  support: ArrayLike<number>;
  /** Latent distance; the same in every row. */
  bandwidth: number;
}

/** Free energy and error are `nan` where fewer than `leastSupport` effective particles are behind them. Nine digits tell every float32 apart. */
export function formatPath(path: PathRows, leastSupport: number): string {
  const { dims, points, lengths, populations, freeEnergy, standardError, support, bandwidth } = path;
  const header = [
    ...Array.from({ length: dims }, (_, d) => `z${d}`),
    ...['length', 'particles', 'freeEnergy', 'standardError', 'support', 'bandwidth'],
  ];
  const rows = Array.from(lengths, (length, i) => {
    const known = support[i] >= leastSupport;
    const place = Array.from({ length: dims }, (_, d) => points[i * dims + d]);
    const profile = [known ? freeEnergy[i] : Number.NaN, known ? standardError[i] : Number.NaN, support[i], bandwidth];
    return [...place, length, populations[i], ...profile].map(digits).join('\t');
  });
  return [header.join('\t'), ...rows, ''].join('\n');
}

function digits(value: number): string {
  return Number.isNaN(value) ? 'nan' : String(Number(value.toPrecision(9)));
}
