// Lays a weighted neighbour graph out by attraction along its edges and repulsion between chance pairs (UMAP, arXiv 1802.03426, section 4.2).
import type { Random } from '../numerics/random.js';
import type { UmapGraph } from './umap-graph.js';

/**
 * 1 / (1 + A d^(2B)) follows the wanted closeness: 1 up to d = 0.1, then exp(−(d − 0.1)); umap-learn's defaults min_dist 0.1, spread 1.
 * The values are the least-squares fit.
 */
const A = 1.576943460405378;
const B = 0.8950608781227859;
/** Chance pairs per attraction, learning rate and longest step along an axis: umap-learn's defaults. */
const NEGATIVE_SAMPLES = 5;
const LEARNING_RATE = 1;
const LONGEST_STEP = 4;

/**
 * Both forces as functions of distance, read from tables by linear interpolation: a power a pair is most of the work otherwise.
 * Entries a unit of distance; beyond a distance of 0.1, below which pairs have settled or the step is clipped, the error is 1e-3 at most.
 */
const TABLE_DENSITY = 256;
/** Farther pairs are rare and their forces computed. */
const TABLE_REACH = 64;

const attraction = (square: number) => (-2 * A * B * square ** (B - 1)) / (1 + A * square ** B);
const repulsion = (square: number) => (2 * B) / ((0.001 + square) * (1 + A * square ** B));

function tabulate(force: (square: number) => number): Float64Array {
  return Float64Array.from({ length: TABLE_DENSITY * TABLE_REACH + 2 }, (_, i) => force((Math.max(i, 0.25) / TABLE_DENSITY) ** 2));
}

const attractions = tabulate(attraction);
const repulsions = tabulate(repulsion);

/** Moves `places` (count × dims) in place, through `epochs` rounds. `progress` is told the rounds done. */
export function layOut(
  graph: UmapGraph,
  places: Float32Array,
  count: number,
  dims: number,
  epochs: number,
  random: Random,
  progress: (done: number) => void,
): void {
  const { heads, tails, interval } = scheduleOf(graph, epochs);
  const next = Float64Array.from(interval);
  const nextNegative = Float64Array.from(interval, value => value / NEGATIVE_SAMPLES);
  for (let epoch = 0; epoch < epochs; epoch++) {
    const rate = LEARNING_RATE * (1 - epoch / epochs);
    for (let e = 0; e < heads.length; e++) {
      if (next[e] > epoch) continue;
      const head = heads[e] * dims;
      attract(places, head, tails[e] * dims, dims, rate);
      next[e] += interval[e];
      const between = interval[e] / NEGATIVE_SAMPLES;
      const negatives = Math.floor((epoch - nextNegative[e]) / between);
      for (let s = 0; s < negatives; s++) {
        const other = Math.floor((random.bits() / 2 ** 32) * count) * dims;
        if (other !== head) repel(places, head, other, dims, rate);
      }
      nextNegative[e] += negatives * between;
    }
    progress(epoch + 1);
  }
}

/** Every edge is visited once in `interval` epochs, the heaviest in each; those too light to be visited at all are left out. */
function scheduleOf({ heads, tails, weights }: UmapGraph, epochs: number) {
  const heaviest = weights.reduce((a, b) => Math.max(a, b), 0);
  const kept = weights.reduce((n, weight) => n + (weight >= heaviest / epochs ? 1 : 0), 0);
  const schedule = { heads: new Int32Array(kept), tails: new Int32Array(kept), interval: new Float64Array(kept) };
  for (let e = 0, at = 0; e < weights.length; e++) {
    if (weights[e] < heaviest / epochs) continue;
    schedule.heads[at] = heads[e];
    schedule.tails[at] = tails[e];
    schedule.interval[at++] = heaviest / weights[e];
  }
  return schedule;
}

function attract(places: Float32Array, head: number, tail: number, dims: number, rate: number): void {
  const square = squaredDistance(places, head, tail, dims);
  if (square === 0) return;
  const coefficient = square < TABLE_REACH ** 2 ? interpolate(attractions, square) : attraction(square);
  for (let d = 0; d < dims; d++) {
    const step = rate * clip(coefficient * (places[head + d] - places[tail + d]));
    places[head + d] += step;
    places[tail + d] -= step;
  }
}

function repel(places: Float32Array, head: number, other: number, dims: number, rate: number): void {
  const square = squaredDistance(places, head, other, dims);
  const coefficient = square < TABLE_REACH ** 2 ? interpolate(repulsions, square) : repulsion(square);
  // Two points on one place have no direction to part in: any will do.
  for (let d = 0; d < dims; d++)
    places[head + d] += rate * (square === 0 ? LONGEST_STEP : clip(coefficient * (places[head + d] - places[other + d])));
}

function interpolate(table: Float64Array, square: number): number {
  const at = TABLE_DENSITY * Math.sqrt(square);
  const below = at | 0;
  return table[below] + (at - below) * (table[below + 1] - table[below]);
}

function squaredDistance(places: Float32Array, a: number, b: number, dims: number): number {
  let square = 0;
  for (let d = 0; d < dims; d++) {
    const difference = places[a + d] - places[b + d];
    square += difference * difference;
  }
  return square;
}

function clip(value: number): number {
  return value > LONGEST_STEP ? LONGEST_STEP : value < -LONGEST_STEP ? -LONGEST_STEP : value;
}
