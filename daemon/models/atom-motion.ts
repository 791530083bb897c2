// Atoms that follow the Gaussians: each atom's displacement is read from those of the Gaussians around it.
//
// Moving least squares (Levin, Math. Comp. 67, 1517, 1998): around atom x the displacements d_j of the nearest Gaussians c_j
// are fitted by an affine field d(c) = d₀ + G(c − x), weighted by amplitude and nearness, and the atom takes d₀. The fit is
// linear in the d_j, so d₀ = Σ_j L_j d_j with scalars L_j that depend on the neutral state alone: they are computed once. The
// L_j sum to 1, so a rigid translation is exact; a rigid rotation is an affine field, so helices and rings stay what they are.
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
}

export const DEFAULT_ATOM_MOTION: AtomMotionOptions = { neighbours: 12, ridge: 0.01, farSigmas: 4 };

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
    const { neighbours, ridge, farSigmas } = { ...DEFAULT_ATOM_MOTION, ...options };
    if (neutral.count === 0) throw new Error('atoms cannot follow a model without Gaussians');
    this.atoms = positions.length / 3;
    this.neighbours = Math.min(neighbours, neutral.count);
    this.indices = new Int32Array(this.atoms * this.neighbours);
    this.weights = new Float32Array(this.atoms * this.neighbours);
    this.displacement = new Float32Array(3 * neutral.count);
    this.farAtoms = this.prepare(ridge, farSigmas);
  }

  private prepare(ridge: number, farSigmas: number): number {
    const { neutral, neighbours: k, positions } = this;
    const search = new NearestNeighbours(neutral.positions);
    // One more than used: where the weight has fallen to zero, so that the field is continuous from atom to atom.
    const found = new Int32Array(k + 1);
    const distances = new Float64Array(k + 1);
    const fit = new Float64Array(k);
    let far = 0;
    for (let a = 0; a < this.atoms; a++) {
      const at = positions.subarray(3 * a, 3 * a + 3);
      const count = search.nearest(at[0], at[1], at[2], k + 1, found, distances);
      const used = found.subarray(0, k);
      this.indices.set(used, a * k);
      if (used.every((g, j) => distances[j] > farSigmas * neutral.sigmas[g])) {
        far++;
        this.weights[a * k] = 1;
        continue;
      }
      const range = count > k ? distances[k] : 1.5 * distances[count - 1] + 1e-6;
      affineWeights(at, neutral, used, distances, range, ridge, fit);
      this.weights.set(fit, a * k);
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
