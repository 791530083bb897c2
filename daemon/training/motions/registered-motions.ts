// How regions go from one state of the molecule to another by its density, not by the paths of its Gaussians.
//
// Gaussians are free to change places: one at the rim of a piece that turns often has a shorter way to where the rim will be than along the turn, and the density is the same. Their paths so understate a turn and
// misplace its axis: of two domains that tilt by 22° (test/accuracy/hinge.ts, seed 1, end to end) they told 19.0° and 18.1°, about axes 0.3 and 3.3 Å off the hinges, the density 19.2° and 19.7°, 0.2 and 0.4 Å off.
// So the paths are where the search begins, and the density decides.
import { BodyRegistration } from '../../gaussians/body-registration.js';
import type { GaussianSet } from '../../gaussians/gaussian-set.js';
import type { ModelFrame } from '../../gaussians/model-frame.js';
import { type Superposition, superposeAll } from '../../numerics/superposition.js';
import type { Region } from './region.js';

/** A region of fewer has hardly a shape of its own to be recognised by. */
const LEAST_GAUSSIANS = 12;

/** By region: the motion that carries its density in `before` onto that in `after`, two states of one model in Å; null where it has fewer than 12 Gaussians. All that is in no region is a body too. */
export function registeredMotions(
  before: GaussianSet,
  after: GaussianSet,
  regions: readonly Region[],
  frame: ModelFrame,
): (Superposition | null)[] {
  const owner = Array.from({ length: before.count }, (_, g) =>
    regions.reduce((most, { membership }, k) => (membership[g] > (most < 0 ? 0.5 : regions[most].membership[g]) ? k : most), -1),
  );
  const isLarge = regions.map((_, k) => owner.filter(one => one === k).length >= LEAST_GAUSSIANS);
  // Bodies have numbers without gaps, and none is empty.
  const places = owner.map(k => (k >= 0 && isLarge[k] ? k : -1));
  const bodies = [...new Set(places)];
  const bodyOf = Uint8Array.from(places, place => bodies.indexOf(place));
  const start = bodies.map((_, body) =>
    superposeAll(
      before.positions,
      after.positions,
      before.amplitudes.map((amplitude, g) => (bodyOf[g] === body ? amplitude : 0)),
    ),
  );
  const found = isLarge.some(Boolean) ? new BodyRegistration(before, bodyOf, bodies.length, frame).register(after, start) : [];
  return regions.map((_, k) => (isLarge[k] ? found[bodies.indexOf(k)] : null));
}
