// A made-up piece of a molecule: Gaussians at random places inside an ellipsoid.

import type { Random } from '../../daemon/numerics/random.js';
import type { Vector } from '../quaternion.js';
import type { Scatterer } from '../scatterers.js';

const SIGMA_ANGSTROM = 7;

function randomInside(random: Random, centre: Vector, semiAxes: Vector): [number, number, number] {
  for (;;) {
    const u: Vector = [2 * random.uniform() - 1, 2 * random.uniform() - 1, 2 * random.uniform() - 1];
    if (Math.hypot(...u) <= 1) return [centre[0] + u[0] * semiAxes[0], centre[1] + u[1] * semiAxes[1], centre[2] + u[2] * semiAxes[2]];
  }
}

/** `count` Gaussians at random places of an ellipsoid (centre and semi-axes in Å), each of this weight. */
export function cluster(
  random: Random,
  count: number,
  centre: Vector,
  semiAxes: Vector,
  weight: number,
  tags: { motion?: number; part?: number } = {},
): Scatterer[] {
  return Array.from({ length: count }, () => ({
    position: randomInside(random, centre, semiAxes),
    weight,
    sigmaAngstrom: SIGMA_ANGSTROM,
    ...tags,
  }));
}
