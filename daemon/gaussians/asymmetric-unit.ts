// One asymmetric unit of a symmetric molecule: of every set of Gaussians that symmetry takes into one another, those of one compact piece.

import type { GaussianSet } from './gaussian-set.js';

/** Rounds of choosing the centre anew; it settles in a few. */
const ROUNDS = 20;

/**
 * N: 1 for the Gaussians nearer to the piece's centre than to any symmetric image of it, else 0 (the Dirichlet domain of that centre). The centre is the
 * mean of its own piece, begun at the heaviest Gaussian far from the axes. `rotations`: the group, the identity first, row-major; `centreAngstrom`: the point it turns about.
 */
export function asymmetricUnit(
  { count, positions, amplitudes }: GaussianSet,
  rotations: readonly ArrayLike<number>[],
  centreAngstrom: readonly [number, number, number],
): Float32Array {
  const places = Array.from({ length: count }, (_, i) => [0, 1, 2].map(axis => positions[3 * i + axis] - centreAngstrom[axis]));
  const images = (point: readonly number[]) => rotations.map(rotation => turn(rotation, point));
  const fromAxes = (point: readonly number[]) =>
    Math.min(
      ...images(point)
        .slice(1)
        .map(image => distance(image, point)),
    );
  let heaviest = 0;
  let most = Number.NEGATIVE_INFINITY;
  places.forEach((place, i) => {
    const weight = amplitudes[i] * fromAxes(place);
    if (weight > most) [heaviest, most] = [i, weight];
  });
  let centre = places[heaviest];
  let unit = new Float32Array(count);
  for (let round = 0; round < ROUNDS; round++) {
    const [self, ...others] = images(centre);
    unit = Float32Array.from(places, place => (others.every(other => distance(place, self) <= distance(place, other)) ? 1 : 0));
    const weights = unit.map((inside, i) => inside * amplitudes[i]);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const next = [0, 1, 2].map(axis => places.reduce((sum, place, i) => sum + weights[i] * place[axis], 0) / total);
    if (!(total > 0) || distance(next, centre) < 1e-6 || !(fromAxes(next) > 0)) break;
    centre = next;
  }
  return unit;
}

function turn(rotation: ArrayLike<number>, [x, y, z]: readonly number[]): number[] {
  return [0, 3, 6].map(row => rotation[row] * x + rotation[row + 1] * y + rotation[row + 2] * z);
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
