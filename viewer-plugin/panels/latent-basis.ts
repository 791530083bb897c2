// The coordinates in which the latent space is shown: the latent coordinates themselves, or their principal components (z = mean + Σ c_k axes_k).
import type { LatentPca } from '../../protocol/messages.js';

export type Basis = 'latent' | 'pca';

/** Every particle's place in the latent space of a run. */
export interface LatentCloud {
  run: string;
  epoch: number;
  dims: number;
  count: number;
  /** count × dims */
  z: Float32Array;
  /** count; NaN where unknown */
  frc: Float32Array;
  /** count; 1-based row of the input file */
  particle: Uint32Array;
  /** count; which symmetric orientation of the particle, from 1, those of one particle following one another; null where each has one place */
  copy: Uint32Array | null;
  /** count; how well the motion can be seen in the particle's image, 0 to 1, NaN where unknown; null where nobody asked */
  observability: Float32Array | null;
  pca: LatentPca;
}

/** `z2`, or `PC 3`: latent coordinates count from 0 as in the latent TSV, components from 1 as everywhere in the field. */
export function coordinateName(basis: Basis, k: number): string {
  return basis === 'latent' ? `z${k}` : `PC ${k + 1}`;
}

/** The dims coordinates of z in a basis. */
export function toBasis(z: ArrayLike<number>, basis: Basis, pca: LatentPca): number[] {
  const dims = z.length;
  if (basis === 'latent') return Array.from(z);
  return Array.from({ length: dims }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < dims; i++) sum += pca.axes[k * dims + i] * (z[i] - pca.mean[i]);
    return sum;
  });
}

/** z with its coordinates k → value (of one basis) replaced and all other coordinates of that basis kept. */
export function withCoordinates(z: ArrayLike<number>, basis: Basis, pca: LatentPca, changed: ReadonlyMap<number, number>): number[] {
  const next = Array.from(z);
  if (basis === 'latent') {
    for (const [k, value] of changed) next[k] = value;
    return next;
  }
  const dims = next.length;
  const current = toBasis(z, basis, pca);
  for (const [k, value] of changed) {
    const step = value - current[k];
    for (let i = 0; i < dims; i++) next[i] += step * pca.axes[k * dims + i];
  }
  return next;
}

/** Coordinate k of every particle (count values). */
export function coordinateOfAll(cloud: LatentCloud, basis: Basis, k: number): Float32Array {
  const { count, dims, z, pca } = cloud;
  const values = new Float32Array(count);
  if (basis === 'latent') {
    for (let p = 0; p < count; p++) values[p] = z[p * dims + k];
    return values;
  }
  let offset = 0;
  for (let i = 0; i < dims; i++) offset -= pca.axes[k * dims + i] * pca.mean[i];
  for (let p = 0; p < count; p++) {
    let sum = offset;
    for (let i = 0; i < dims; i++) sum += pca.axes[k * dims + i] * z[p * dims + i];
    values[p] = sum;
  }
  return values;
}

/** Quantiles (0 to 1) of the finite values, by nearest rank; [] when there are none. */
export function quantiles(values: Float32Array, at: readonly number[]): number[] {
  const sorted = values.filter(Number.isFinite).sort();
  if (!sorted.length) return [];
  return at.map(q => sorted[Math.round(q * (sorted.length - 1))]);
}

/** The range a plot or slider gives to a coordinate: all but the outermost 0.05 % of particles on each side, a margin, and always the neutral point. */
export function shownRange(values: Float32Array, neutral: number): [number, number] {
  const [low, high] = quantiles(values, [0.0005, 0.9995]);
  if (low === undefined) return [neutral - 1, neutral + 1];
  const from = Math.min(low, neutral);
  const to = Math.max(high, neutral);
  const margin = 0.06 * (to - from) || Math.max(1e-3, 0.5 * Math.abs(to));
  return [from - margin, to + margin];
}
