// Whether a fitted model lies in its map, and what would put it there; nothing is ever moved by itself (method.md section 1).
import { type DensityMap, valueAt } from '../formats/density-map.js';
import type { AtomicModel } from './read-model.js';

export interface ModelPlacement {
  /** Share of the atoms inside the map's box. */
  insideFraction: number;
  /** Mean map value at the atoms, in standard deviations of the map above its mean; atoms outside count as the mean. */
  score: number;
  /** A shift of the model, Å, that would put it into the map, where one is much better than none. */
  cureAngstrom: [number, number, number] | null;
  /** One line for the user; null when the model lies where it should. */
  note: string | null;
}

/** A well-fitted model scores several; below this an average atom is hardly in density at all. */
const GOOD_SCORE = 1;

type Triple = [number, number, number];

export function checkPlacement(model: AtomicModel, map: DensityMap): ModelPlacement {
  const statistics = meanAndDeviation(map.data);
  const scoreAt = (shift: Triple) => scoreOf(model.positions, map, shift, statistics);
  const here = scoreAt([0, 0, 0]);
  const best = candidateShifts(map)
    .map(candidate => ({ ...candidate, ...scoreAt(candidate.shift) }))
    .reduce((a, b) => (b.score > a.score ? b : a));
  const fits = here.insideFraction > 0.9 && here.score > GOOD_SCORE;
  // A cure must be good by itself and beat what is there clearly: neighbouring density scores a little as well.
  const cured = best.score > GOOD_SCORE && best.insideFraction > 0.9 && best.score > 2 * Math.max(here.score, 0);
  if (fits && !cured) return { ...here, cureAngstrom: null, note: null };
  const state = `${model.file}: ${percent(here.insideFraction)} of the atoms lie inside the map and the density there is ${here.score.toFixed(1)} standard deviations above the map's mean`;
  const shift = best.shift.map(value => Number(value.toFixed(2))).join(', ');
  const note = cured
    ? `${state}; shifted by (${shift}) Å (${best.reason}) it would be ${percent(best.insideFraction)} and ${best.score.toFixed(1)}: move the model by that, or correct the map's origin`
    : `${state}; check that the model was fitted into this map, at this pixel size and hand`;
  return { ...here, cureAngstrom: cured ? best.shift : null, note };
}

/** The shifts by which programs commonly disagree about where a map begins. */
function candidateShifts(map: DensityMap): { shift: Triple; reason: string }[] {
  const axes = [0, 1, 2] as const;
  const origin = map.originAngstrom;
  const centre = axes.map(axis => (map.size[axis] >> 1) * map.voxelSizeAngstrom[axis]);
  const triple = (f: (axis: 0 | 1 | 2) => number) => axes.map(f) as Triple;
  return [
    { shift: triple(axis => origin[axis] + centre[axis]), reason: 'the model counts from the centre of the box' },
    { shift: triple(axis => origin[axis]), reason: 'the model counts from the first voxel and ignores the origin in the map' },
    { shift: triple(axis => -origin[axis]), reason: 'the model has the origin of the map twice' },
    {
      shift: triple(axis => -origin[axis] - centre[axis]),
      reason: 'the map is centred at zero and the model counts from the corner of the box',
    },
    { shift: triple(axis => -centre[axis]), reason: 'the model is half a box too far' },
    { shift: triple(axis => centre[axis]), reason: 'the model is half a box too near' },
  ].filter(({ shift }) => shift.some(value => Math.abs(value) > 1e-3)) as { shift: Triple; reason: string }[];
}

function scoreOf(
  positions: Float32Array,
  map: DensityMap,
  shift: Triple,
  { mean, deviation }: { mean: number; deviation: number },
): { insideFraction: number; score: number } {
  const atoms = positions.length / 3;
  let inside = 0;
  let sum = 0;
  for (let a = 0; a < atoms; a++) {
    const value = valueAt(map, positions[3 * a] + shift[0], positions[3 * a + 1] + shift[1], positions[3 * a + 2] + shift[2]);
    if (value === null) continue;
    inside++;
    sum += value - mean;
  }
  return { insideFraction: inside / atoms, score: deviation > 0 ? sum / atoms / deviation : 0 };
}

function meanAndDeviation(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}
