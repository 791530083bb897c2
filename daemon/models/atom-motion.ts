// Atoms that follow the Gaussians: each atom's displacement is read from those of the Gaussians around it.
//
// Moving least squares (Levin, Math. Comp. 67, 1517, 1998): around atom x the displacements d_j of the nearest Gaussians c_j
// are fitted by an affine field d(c) = d₀ + G(c − x), weighted by amplitude and nearness, and the atom takes d₀. The fit is
// linear in the d_j, so d₀ = Σ_j L_j d_j with scalars L_j that depend on the neutral state alone: they are computed once. The
// L_j sum to 1, so a rigid translation is exact; a rigid rotation is an affine field, so helices and rings stay what they are.
//
// Where a focus holds Gaussians still, those beside a domain that moves say nothing of it: its atoms listen to the Gaussians that may move, as far as the density about them is of these.
import type { GaussianSet } from '../gaussians/gaussian-set.js';
import { solvePositiveDefinite } from '../numerics/linear-algebra.js';
import { NearestNeighbours } from '../numerics/nearest-neighbours.js';

export interface AtomMotionOptions {
  /** Gaussians that an atom listens to. An affine field has 4 unknowns per axis; three times as many keep noise down. */
  neighbours: number;
  /** Damping of the gradient G, as a share of the neighbours' spread. None would let a flat neighbourhood extrapolate wildly. */
  ridge: number;
  /** An atom further than this many σ from every neighbour is not described by the model: it follows its nearest Gaussian. */
  farSigmas: number;
  /** A number for each Gaussian: 0 where a focus holds it still. null: all may move. */
  movable: ArrayLike<number> | null;
}

export const DEFAULT_ATOM_MOTION: AtomMotionOptions = { neighbours: 12, ridge: 0.01, farSigmas: 4, movable: null };
/** Shares of the density about an atom, of Gaussians that may move: with less than the first it stays, with more than the second it goes with them, and between it goes a part of the way. */
const [STAYS, GOES] = [0.25, 0.75];

export class AtomMotion {
  /** Atoms too far from every Gaussian to be described by the model; they follow the nearest one. */
  readonly farAtoms: number;
  readonly atoms: number;
  private readonly neighbours: number;
  /** atoms × neighbours: which Gaussians, and their weights. */
  private readonly indices: Int32Array;
  private readonly weights: Float32Array;
  private readonly displacement: Float32Array;

  /** `positions`: 3·atoms, Å, where the atoms are when the Gaussians are in `neutral`. */
  constructor(
    private readonly positions: Float32Array,
    private readonly neutral: GaussianSet,
    options: Partial<AtomMotionOptions> = {},
  ) {
    const { neighbours, ridge, farSigmas, movable } = { ...DEFAULT_ATOM_MOTION, ...options };
    if (neutral.count === 0) throw new Error('atoms cannot follow a model without Gaussians');
    this.atoms = positions.length / 3;
    const all = [...Array(neutral.count).keys()];
    const groups = { moving: all.filter(i => !movable || movable[i] > 0), held: all.filter(i => movable && movable[i] === 0) };
    this.neighbours = Math.min(neighbours, Math.max(groups.moving.length, 1));
    this.indices = new Int32Array(this.atoms * this.neighbours);
    this.weights = new Float32Array(this.atoms * this.neighbours);
    this.displacement = new Float32Array(3 * neutral.count);
    this.farAtoms = this.prepare(groups.moving, groups.held, ridge, farSigmas);
  }

  private prepare(moving: readonly number[], held: readonly number[], ridge: number, farSigmas: number): number {
    const { neutral, neighbours: k, positions } = this;
    const [near, still] = [new Nearby(neutral, moving, k), new Nearby(neutral, held, k)];
    const fit = new Float64Array(k);
    let far = 0;
    for (let a = 0; a < this.atoms; a++) {
      const at = positions.subarray(3 * a, 3 * a + 3);
      const count = near.find(at);
      const stillCount = still.find(at);
      if (near.areFar(farSigmas) && still.areFar(farSigmas)) {
        far++;
        this.indices[a * k] = near.found[0];
        this.weights[a * k] = Number(count > 0 && !(stillCount > 0 && still.distances[0] < near.distances[0]));
        continue;
      }
      if (count === 0) continue;
      const used = near.found.subarray(0, k);
      this.indices.set(used, a * k);
      const range = count > k ? near.distances[k] : 1.5 * near.distances[count - 1] + 1e-6;
      affineWeights(at, neutral, used, near.distances, range, ridge, fit);
      const share = stillCount === 0 ? 1 : near.density() / (near.density() + still.density());
      const way = Math.min(Math.max((share - STAYS) / (GOES - STAYS), 0), 1);
      this.weights.set(way === 1 ? fit : fit.map(weight => way * way * (3 - 2 * way) * weight), a * k);
    }
    return far;
  }

  /** The atoms' positions, 3·atoms, Å, when the Gaussians are in `current`: another state of the neutral model, Gaussian for Gaussian. */
  move(current: GaussianSet, out = new Float32Array(this.positions.length)): Float32Array {
    const { neutral, displacement, indices, weights, neighbours, positions } = this;
    if (current.count !== neutral.count) throw new Error(`${current.count} Gaussians are no state of a neutral model of ${neutral.count}`);
    for (let i = 0; i < displacement.length; i++) displacement[i] = current.positions[i] - neutral.positions[i];
    for (let a = 0, i = 0; a < this.atoms; a++) {
      let dx = 0;
      let dy = 0;
      let dz = 0;
      for (let j = 0; j < neighbours; j++, i++) {
        const weight = weights[i];
        const g = 3 * indices[i];
        dx += weight * displacement[g];
        dy += weight * displacement[g + 1];
        dz += weight * displacement[g + 2];
      }
      out[3 * a] = positions[3 * a] + dx;
      out[3 * a + 1] = positions[3 * a + 1] + dy;
      out[3 * a + 2] = positions[3 * a + 2] + dz;
    }
    return out;
  }
}

/** The nearest of some of a set's Gaussians. */
class Nearby {
  /** One more than used: where the weight has fallen to zero, so that the field is continuous from atom to atom. */
  readonly found: Int32Array;
  readonly distances: Float64Array;
  private readonly search: NearestNeighbours | null;
  private count = 0;

  constructor(
    private readonly set: GaussianSet,
    private readonly members: readonly number[],
    private readonly neighbours: number,
  ) {
    this.found = new Int32Array(neighbours + 1);
    this.distances = new Float64Array(neighbours + 1);
    const points = Float32Array.from(members.flatMap(i => [...set.positions.subarray(3 * i, 3 * i + 3)]));
    this.search = members.length > 0 ? new NearestNeighbours(points) : null;
  }

  /** How many there are, up to one more than the neighbours asked for; `found` and `distances` hold them, nearest first. */
  find([x, y, z]: Float32Array): number {
    this.count = this.search?.nearest(x, y, z, this.neighbours + 1, this.found, this.distances) ?? 0;
    for (let j = 0; j < this.count; j++) this.found[j] = this.members[this.found[j]];
    return this.count;
  }

  /** Whether all that were found are further away than so many of their σ. */
  areFar(sigmas: number): boolean {
    for (let j = 0; j < Math.min(this.count, this.neighbours); j++)
      if (this.distances[j] <= sigmas * this.set.sigmas[this.found[j]]) return false;
    return true;
  }

  /** Of those that were found, where they were looked for; up to a factor. */
  density(): number {
    const { amplitudes, sigmas } = this.set;
    let sum = 0;
    for (let j = 0; j < this.count; j++) {
      const g = this.found[j];
      sum += ((amplitudes[g] + 1e-6) / sigmas[g] ** 3) * Math.exp(-0.5 * (this.distances[j] / sigmas[g]) ** 2);
    }
    return sum;
  }
}

/**
 * L_j = w_j p_jᵀ M⁻¹ e₀ with p_j = (1, c_j − x) and M = Σ w_j p_j p_jᵀ plus the ridge on the gradient's diagonal: the constant
 * term of the weighted affine fit at x, as a weight for each neighbour. Lengths are taken in units of `range`.
 */
function affineWeights(
  x: Float32Array,
  set: GaussianSet,
  neighbours: Int32Array,
  distances: Float64Array,
  range: number,
  ridge: number,
  out: Float64Array,
): void {
  const k = neighbours.length;
  const p = new Float64Array(4 * k);
  const w = new Float64Array(k);
  const matrix = new Float64Array(16);
  let total = 0;
  for (let j = 0; j < k; j++) {
    const g = neighbours[j];
    // A Gaussian that has faded away has no say, but neighbourhoods of faded ones still move together.
    w[j] = (set.amplitudes[g] + 1e-6) * (1 - (distances[j] / range) ** 2) ** 2 + 1e-12;
    total += w[j];
    p[4 * j] = 1;
    for (let axis = 0; axis < 3; axis++) p[4 * j + 1 + axis] = (set.positions[3 * g + axis] - x[axis]) / range;
  }
  for (let j = 0; j < k; j++) {
    w[j] /= total;
    for (let r = 0; r < 4; r++) for (let c = 0; c < 4; c++) matrix[4 * r + c] += w[j] * p[4 * j + r] * p[4 * j + c];
  }
  const spread = (matrix[5] + matrix[10] + matrix[15]) / 3;
  for (const diagonal of [5, 10, 15]) matrix[diagonal] += ridge * spread + 1e-9;
  const solution = Float64Array.of(1, 0, 0, 0);
  // With the ridge M is positive definite for any neighbourhood; were it not for rounding, this could not fail.
  const solved = solvePositiveDefinite(matrix, solution, 4);
  let sum = 0;
  for (let j = 0; j < k; j++) {
    out[j] = solved ? w[j] * (solution[0] + solution[1] * p[4 * j + 1] + solution[2] * p[4 * j + 2] + solution[3] * p[4 * j + 3]) : w[j];
    sum += out[j];
  }
  for (let j = 0; j < k; j++) out[j] /= sum;
}
