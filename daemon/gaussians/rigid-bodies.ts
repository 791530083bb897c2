// A flexible model as a few rigid bodies: which Gaussians move together, and how each body has moved in a state (the bodies of RELION's multi-body refinement, found).
//
// Bodies are split as in k-means, with a rigid motion a state in place of a mean: the body that leaves the most unexplained is split where it does, and every Gaussian goes to the
// body whose motions carry it best, over all states; until all is explained as well as asked, or a split explains hardly more.
import { NearestNeighbours } from '../numerics/nearest-neighbours.js';
import { moved, type Superposition, superposeAll } from '../numerics/superposition.js';
import type { GaussianSet } from './gaussian-set.js';

export interface RigidBodies {
  count: number;
  /** N: body of each Gaussian, from 0. */
  bodyOf: Uint8Array;
  /** Å, root mean square over Gaussians (by amplitude) and states of what the bodies' motions leave unexplained. */
  residualAngstrom: number;
}

export interface BodyLimits {
  /** Bodies at most. */
  most: number;
  /** Å; no more bodies once no neighbourhood is left worse explained than this. */
  toleranceAngstrom: number;
}

/** A rigid motion needs three points; of fewer than this a decoder's own errors would turn it. */
const FEWEST_GAUSSIANS = 4;
/** A Gaussian goes with the body that suits it and its neighbours: by itself one next to a hinge would go either way. */
const NEIGHBOURHOOD = 4;
const MOST_ROUNDS = 12;
/** A split that takes less than this share of the squared residual away is none. */
const WORTHWHILE = 0.1;

/** `states`: the model in other conformations than `target`, Gaussian for Gaussian; some dozens of them that span the motion. */
export function findRigidBodies(target: GaussianSet, states: readonly GaussianSet[], { most, toleranceAngstrom }: BodyLimits): RigidBodies {
  const fit = new BodyFit(target, states);
  let best = fit.describe(new Uint8Array(target.count), 1);
  while (best.count < most && fit.worst(best) > toleranceAngstrom) {
    const split = fit.split(best);
    if (!split || split.square > (1 - WORTHWHILE) * best.square) break;
    best = split;
  }
  return { count: best.count, bodyOf: best.bodyOf, residualAngstrom: Math.sqrt(best.square) };
}

/** How body `body` has moved from `target` to `state`; Gaussians count by the amplitude that they have in both. The whole model's motion where nothing of the body is left. */
export function bodyMotion(target: GaussianSet, state: GaussianSet, bodyOf: Uint8Array, body: number): Superposition {
  const weights = Float64Array.from(target.amplitudes, (amplitude, g) =>
    bodyOf[g] === body ? Math.min(amplitude, state.amplitudes[g]) : 0,
  );
  const all = weights.some(weight => weight > 0) ? weights : new Float64Array(target.count).fill(1);
  return superposeAll(target.positions, state.positions, all);
}

interface Division {
  count: number;
  bodyOf: Uint8Array;
  /** N: mean square over the states of what its body's motion leaves of the displacements in its neighbourhood, Å². */
  squares: Float64Array;
  /** The same of all Gaussians, by amplitude. */
  square: number;
}

/** N each: squared distances summed over states by weight, Å², and the weights. */
interface Left {
  sum: Float64Array;
  weight: Float64Array;
}

class BodyFit {
  private readonly near: Int32Array;
  private readonly far: NearestNeighbours;

  constructor(
    private readonly target: GaussianSet,
    private readonly states: readonly GaussianSet[],
  ) {
    this.far = new NearestNeighbours(target.positions);
    const k = Math.min(NEIGHBOURHOOD, target.count);
    this.near = new Int32Array(k * target.count);
    const found = new Int32Array(k);
    const distances = new Float64Array(k);
    for (let g = 0; g < target.count; g++) {
      this.far.nearest(...this.place(g), k, found, distances);
      this.near.set(found, g * k);
    }
  }

  describe(bodyOf: Uint8Array, count: number): Division {
    const all = Array.from({ length: count }, (_, body) => this.left(bodyOf, body));
    const own: Left = { sum: new Float64Array(bodyOf.length), weight: all[0].weight };
    bodyOf.forEach((body, g) => {
      own.sum[g] = all[body].sum[g];
    });
    const total = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0);
    return { count, bodyOf, squares: this.aroundEach(own), square: total(own.sum) / total(own.weight) };
  }

  /** Å, of the worst explained Gaussian that counts for at least half of the mean one. */
  worst({ squares }: Division): number {
    return Math.sqrt(squares[this.worstGaussian(squares)]);
  }

  /** One body more, begun around the worst explained Gaussian; null where no such body can be had. */
  split(from: Division): Division | null {
    const bodyOf = from.bodyOf.slice();
    const size = Math.max(FEWEST_GAUSSIANS, Math.min(2 * FEWEST_GAUSSIANS, this.target.count >> 1));
    const seeds = new Int32Array(size);
    const found = this.far.nearest(...this.place(this.worstGaussian(from.squares)), size, seeds, new Float64Array(size));
    const count = from.count + 1;
    for (const g of seeds.subarray(0, found)) bodyOf[g] = from.count;
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const squares = Array.from({ length: count }, (_, body) => this.aroundEach(this.left(bodyOf, body)));
      let changes = 0;
      for (let g = 0; g < bodyOf.length; g++) {
        let best = bodyOf[g];
        for (let body = 0; body < count; body++) if (squares[body][g] < squares[best][g]) best = body;
        if (best === bodyOf[g]) continue;
        bodyOf[g] = best;
        changes++;
      }
      if (changes === 0) break;
    }
    const sizes = new Uint32Array(count);
    for (const body of bodyOf) sizes[body]++;
    return sizes.every(n => n >= FEWEST_GAUSSIANS) ? this.describe(bodyOf, count) : null;
  }

  private worstGaussian(squares: Float64Array): number {
    const { amplitudes, count } = this.target;
    const floor = amplitudes.reduce((sum, amplitude) => sum + amplitude, 0) / count / 2;
    let worst = 0;
    for (let g = 0; g < count; g++) if (amplitudes[g] >= floor && (amplitudes[worst] < floor || squares[g] > squares[worst])) worst = g;
    return worst;
  }

  /** What the motions of body `body` would leave of every Gaussian's displacements, its own or not. */
  private left(bodyOf: Uint8Array, body: number): Left {
    const { target, states } = this;
    const sum = new Float64Array(target.count);
    const weight = new Float64Array(target.count);
    for (const state of states) {
      const motion = bodyMotion(target, state, bodyOf, body);
      for (let g = 0; g < target.count; g++) {
        const [x, y, z] = moved(motion, target.positions, 3 * g);
        const p = state.positions;
        // One that has faded from either state says nothing of how the density there moves.
        const counts = Math.min(target.amplitudes[g], state.amplitudes[g]) + 1e-9;
        sum[g] += counts * ((x - p[3 * g]) ** 2 + (y - p[3 * g + 1]) ** 2 + (z - p[3 * g + 2]) ** 2);
        weight[g] += counts;
      }
    }
    return { sum, weight };
  }

  /** N: the mean square over each Gaussian's neighbourhood, Å². */
  private aroundEach({ sum, weight }: Left): Float64Array {
    const { near, target } = this;
    const k = near.length / target.count;
    return sum.map((_, g) => {
      let [total, counted] = [0, 0];
      for (let j = g * k; j < (g + 1) * k; j++) {
        total += sum[near[j]];
        counted += weight[near[j]];
      }
      return total / counted;
    });
  }

  private place(g: number): [number, number, number] {
    const p = this.target.positions;
    return [p[3 * g], p[3 * g + 1], p[3 * g + 2]];
  }
}
