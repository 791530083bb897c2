// The same states found twice, each in its own half of the particles: their maps, the FSC between them, and whether what sets a state apart comes back.
import type { DensityMap } from '../formats/density-map.js';
import { readMap, writeMap } from '../formats/mrc.js';
import type { ParticleSet } from '../particles/particle-set.js';
import type { Reporter } from '../training/progress.js';
import { lowPass, resampleMap } from './filter.js';
import { fourierShellCorrelation, resolutionAt, type ShellCorrelation } from './fsc.js';
import { type ReconstructionOptions, reconstruct } from './reconstruct.js';

/** Rows of the particle set, from 0, that each half takes for one state. */
export type StateRows = readonly [ArrayLike<number>, ArrayLike<number>];

export interface MatchedStates {
  /** By state; `fsc_masked` where there is a mask, `fsc_difference` of what sets the state apart. Null where one half has no particle of it. */
  curves: (Record<string, ShellCorrelation> | null)[];
  /**
   * states × states: correlation, within the mask, of what sets state i of half 1 apart from the mean of all states with the same of state j of half 2.
   * NaN where either is empty or all that its half has. A real difference stands out on the diagonal; noise, and what all particles share, do not.
   */
  differences: number[][];
  /** Å: up to here differences were compared, where they come back at all (their mean FSC falls below 0.143). */
  differenceResolutionAngstrom: number;
}

export interface StateComparison {
  /** Soft mask on the particles' grid. */
  mask: DensityMap | null;
  /** Differences are compared up to here, Å. */
  resolutionAngstrom: number;
  /** Voxels along each side that hold this resolution. */
  comparisonBox: number;
  /** Where the map of state k (from 0) of a half goes. */
  file: (state: number, half: 1 | 2) => string;
}

/** Shells that differences are compared in at least, so that chance in a single one decides nothing. */
const FEWEST_SHELLS = 4;

/** Reconstructs every state of either half, writes the maps and compares them. Maps are kept on disk, so that memory does not grow with the states. Throws Cancelled after an abort. */
export async function compareMatchedStates(
  particles: ParticleSet,
  states: readonly StateRows[],
  options: ReconstructionOptions,
  { mask, resolutionAngstrom, comparisonBox, file }: StateComparison,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<MatchedStates> {
  const means: (DensityMap | null)[] = [null, null];
  const totals = [0, 1].map(half => states.reduce((sum, rows) => sum + rows[half].length, 0));
  for (let state = 0; state < states.length; state++) {
    for (const half of [0, 1] as const) {
      const rows = states[state][half];
      if (rows.length === 0) continue;
      const staged = (stage: string) => `${stage}, state ${state + 1} of ${states.length}, half ${half + 1}`;
      const told = { ...reporter, progress: (stage: string, done: number, total: number) => reporter.progress(staged(stage), done, total) };
      const { map } = await reconstruct(particles, rows, options, told, signal);
      writeMap(file(state, (half + 1) as 1 | 2), map);
      const share = rows.length / totals[half];
      const mean = (means[half] ??= { ...map, data: new Float32Array(map.data.length) });
      map.data.forEach((value, i) => void (mean.data[i] += share * value));
    }
  }
  const coarse = (map: DensityMap) => resampleMap(lowPass(map, resolutionAngstrom), comparisonBox);
  const curves: MatchedStates['curves'] = [];
  const apart: (DensityMap | null)[][] = [];
  for (let state = 0; state < states.length; state++) {
    const maps = ([1, 2] as const).map(half => (states[state][half - 1].length > 0 ? readMap(file(state, half)) : null));
    const differences = maps.map((map, half) => map && { ...map, data: map.data.map((value, i) => value - means[half]!.data[i]) });
    apart.push(differences.map(difference => difference && coarse(difference)));
    const [first, second] = maps;
    curves.push(
      first &&
        second && {
          fsc: fourierShellCorrelation(first, second),
          ...(mask ? { fsc_masked: fourierShellCorrelation(first, second, mask) } : {}),
          ...(states.length > 1 ? { fsc_difference: fourierShellCorrelation(differences[0]!, differences[1]!, mask) } : {}),
        },
    );
    reporter.progress('comparing maps', state + 1, states.length);
  }
  const differenceResolutionAngstrom = Math.max(resolutionAngstrom, commonResolution(curves));
  const kept = apart.map(pair => pair.map(difference => difference && lowPass(difference, differenceResolutionAngstrom).data));
  const weights = mask && resampleMap(mask, comparisonBox).data;
  const differences = kept.map(([first]) =>
    kept.map(([, second]) => (states.length > 1 && first && second ? correlation(first, second, weights) : Number.NaN)),
  );
  return { curves, differences, differenceResolutionAngstrom };
}

/** Å at which the mean FSC of the differences falls below 0.143: beyond it most of a difference is noise. */
function commonResolution(curves: MatchedStates['curves']): number {
  const all = curves.flatMap(curve => (curve?.fsc_difference ? [curve.fsc_difference] : []));
  if (all.length === 0) return 0;
  const { boxLengthAngstrom, correlation } = all[0];
  const mean = correlation.map((_, shell) => all.reduce((sum, curve) => sum + curve.correlation[shell], 0) / all.length);
  return Math.min(resolutionAt({ correlation: mean, boxLengthAngstrom }, 0.143), boxLengthAngstrom / FEWEST_SHELLS);
}

/** Σ w a b / √(Σ w a² · Σ w b²), w the square of the mask; NaN where either is nothing. */
function correlation(a: Float32Array, b: Float32Array, mask: Float32Array | null): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const w = mask ? mask[i] ** 2 : 1;
    ab += w * a[i] * b[i];
    aa += w * a[i] * a[i];
    bb += w * b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : Number.NaN;
}
