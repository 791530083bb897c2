// Where the rigid bodies of one conformation stand in another, by the density: the poses at which the bodies together come closest to the other state's density.
//
//   E = Σ over voxels (ρ_state − Σ_k a_k · ρ_k moved by pose k)²,   0 ≤ a ≤ 1,   least squares by damped Gauss–Newton steps, body by body
//
// a_k is how much of a body is there: one that a particle lacks would otherwise sink into its neighbours.
//
// A decoder moves density in two ways: Gaussians move, and where a piece slides far along another some fade and others rise in their place, which no Gaussian's own path tells. Paths are where this begins.
import { solvePositiveDefinite } from '../numerics/linear-algebra.js';
import { inverseRotation, rotationVector, vectorToRotation } from '../numerics/rotations.js';
import { moved, type Superposition } from '../numerics/superposition.js';
import { multiply } from '../numerics/symmetry.js';
import type { GaussianSet } from './gaussian-set.js';
import type { ModelFrame } from './model-frame.js';
import { axisTable, type DensityGrid, gaussiansToDensity } from './to-density.js';

const MOST_STEPS = 12;
/** Voxel over the width of the narrower Gaussians, and widths to each side that one is drawn: coarse, and still good to a tenth of a width. */
const VOXEL_SIGMAS = 1.25;
const WINDOW_SIGMAS = 3.2;
/** A step is first taken this far: neighbouring bodies push one another too. */
const CAUTION = 0.8;
/**
 * How strongly bodies are held to where the Gaussians' own paths put them, over how strongly single Gaussians hold their place: the turn of a ball is otherwise anybody's guess. A fiftieth let a ligand
 * that half of the particles lack sink 20 Å into what it is bound to; a tenth takes half an Å off a slide of 30.
 */
const HOLD = 0.1;

interface Pose {
  rotation: Float64Array;
  /** Where the body's centre is, Å. */
  at: [number, number, number];
  /** How much of it is there, 0 to 1. */
  presence: number;
}

/** How a body would go on from where it is: turn and shift in its own frame, and presence. */
interface Step {
  motion: Float64Array;
  presence: number;
}

interface Body {
  members: Int32Array;
  centre: [number, number, number];
  /** ∫ρ². */
  power: number;
  /** JᵀJ by turn and shift, 6 × 6: of its Gaussians together, and each for itself. */
  together: Float64Array;
  alone: Float64Array;
}

export class BodyRegistration {
  private readonly bodies: Body[];
  private readonly grid: DensityGrid;

  /** `bodyOf`: body of each Gaussian of `target`, from 0 to `count` − 1, none without any. */
  constructor(
    private readonly target: GaussianSet,
    bodyOf: Uint8Array,
    count: number,
    frame: ModelFrame,
  ) {
    const narrow = target.sigmas.slice().sort()[target.count >> 3];
    this.grid = cube(frame, VOXEL_SIGMAS * narrow);
    this.bodies = Array.from({ length: count }, (_, body) => {
      const members = Int32Array.from([...bodyOf.keys()].filter(g => bodyOf[g] === body));
      const centre = massCentre(target, members);
      return { members, centre, ...this.curvatures(members, centre) };
    });
  }

  /** Poses of all bodies in `state`, from `start` (one a body, of the target's points). */
  register(state: GaussianSet, start: readonly Superposition[]): Superposition[] {
    const begin = this.bodies.map(({ centre }, b): Pose => ({ rotation: start[b].rotation, at: moved(start[b], centre, 0), presence: 1 }));
    const wanted = gaussiansToDensity(state, this.grid, WINDOW_SIGMAS).data;
    return this.descend(wanted, begin).map(({ rotation, at }, b) => ({ rotation, centre: this.bodies[b].centre, target: at }));
  }

  private descend(wanted: Float32Array, begin: Pose[]): Pose[] {
    // What is there is settled before anything moves.
    const { steps } = this.compare(wanted, begin, begin);
    let poses = begin.map((pose, b) => ({ ...pose, presence: steps[b].presence }));
    let length = CAUTION;
    let now = this.compare(wanted, poses, begin);
    for (let step = 0; step < MOST_STEPS && length > 0.1; step++) {
      const next = poses.map((pose, b) => stepped(pose, now.steps[b], length));
      const then = this.compare(wanted, next, begin);
      if (then.energy > now.energy) length /= 2;
      else {
        const isSettled = then.energy > (1 - 1e-4) * now.energy;
        [poses, now] = [next, then];
        if (isSettled) break;
      }
    }
    return poses;
  }

  /** The energy at these poses, and each body's Gauss–Newton step. */
  private compare(wanted: Float32Array, poses: Pose[], begin: Pose[]): { energy: number; steps: Step[] } {
    const { target, grid } = this;
    const placed = { ...target, positions: new Float32Array(3 * target.count) };
    const shown = new Float32Array(target.count);
    for (const [b, { members, centre }] of this.bodies.entries()) {
      const motion = { rotation: poses[b].rotation, centre, target: poses[b].at };
      for (const g of members) {
        placed.positions.set(moved(motion, target.positions, 3 * g), 3 * g);
        shown[g] = poses[b].presence * placed.amplitudes[g];
      }
    }
    const residual = gaussiansToDensity({ ...placed, amplitudes: shown }, grid, WINDOW_SIGMAS).data;
    let energy = 0;
    for (let i = 0; i < residual.length; i++) {
      residual[i] = wanted[i] - residual[i];
      energy += residual[i] * residual[i];
    }
    const { slope: pulls, value } = slopes(placed, residual, grid);
    const steps = this.bodies.map(({ members, centre, power, together, alone }, b) => {
      const { rotation, at, presence } = poses[b];
      const back = inverseRotation(rotation);
      const gradient = new Float64Array(6);
      let missed = 0;
      for (const g of members) {
        missed += value[g];
        const pull = applied(back, [presence * pulls[3 * g], presence * pulls[3 * g + 1], presence * pulls[3 * g + 2]]);
        const p = target.positions;
        const arm = [p[3 * g] - centre[0], p[3 * g + 1] - centre[1], p[3 * g + 2] - centre[2]];
        for (let k = 0; k < 3; k++) {
          const [i, j] = [(k + 1) % 3, (k + 2) % 3];
          gradient[k] += arm[i] * pull[j] - arm[j] * pull[i];
          gradient[3 + k] += pull[k];
        }
      }
      const home = begin[b];
      const astray = [
        ...rotationVector(multiply(back, home.rotation)),
        ...applied(back, [home.at[0] - at[0], home.at[1] - at[1], home.at[2] - at[2]]),
      ];
      const matrix = together.map((curvature, i) => presence ** 2 * curvature + HOLD * alone[i]);
      for (let i = 0; i < 6; i++) {
        for (let j = 0; j < 6; j++) {
          gradient[i] += HOLD * alone[6 * i + j] * astray[j];
          energy += HOLD * alone[6 * i + j] * astray[i] * astray[j];
        }
      }
      return {
        motion: solvePositiveDefinite(matrix, gradient, 6) ? gradient : new Float64Array(6),
        presence: Math.min(1, Math.max(0, presence + missed / power)),
      };
    });
    return { energy, steps };
  }

  /**
   * ∫ρ² of a body's density, and its JᵀJ by turn and shift, 6 × 6, its Gaussians together and each for itself, in closed form: ∫ ∂g_a ∂g_b is minus the second derivative of a Gaussian of σ_a² + σ_b² at their
   * distance.
   */
  private curvatures(members: Int32Array, centre: readonly number[]): Pick<Body, 'power' | 'together' | 'alone'> {
    const together = new Float64Array(36);
    const alone = new Float64Array(36);
    let power = 0;
    const { positions: p, amplitudes, sigmas } = this.target;
    const jacobians = Array.from(members, g => {
      const [x, y, z] = [0, 1, 2].map(k => p[3 * g + k] - centre[k]);
      // ∂place/∂(turn, shift): turn × arm, shift.
      return [
        [0, z, -y, 1, 0, 0],
        [-z, 0, x, 0, 1, 0],
        [y, -x, 0, 0, 0, 1],
      ];
    });
    const voxel = this.grid.voxelSizeAngstrom[0] ** 3;
    for (let a = 0; a < members.length; a++) {
      for (let b = 0; b < members.length; b++) {
        const [ga, gb] = [members[a], members[b]];
        const variance = sigmas[ga] ** 2 + sigmas[gb] ** 2;
        const d = [0, 1, 2].map(k => p[3 * ga + k] - p[3 * gb + k]);
        const square = d[0] ** 2 + d[1] ** 2 + d[2] ** 2;
        if (square > 25 * variance) continue;
        const overlap = (amplitudes[ga] * amplitudes[gb] * Math.exp(-square / (2 * variance))) / ((2 * Math.PI * variance) ** 1.5 * voxel);
        power += overlap;
        const into = a === b ? [together, alone] : [together];
        for (let k = 0; k < 3; k++) {
          for (let l = 0; l < 3; l++) {
            const h = overlap * ((k === l ? 1 / variance : 0) - (d[k] * d[l]) / variance ** 2);
            for (let i = 0; i < 6; i++) {
              const left = h * jacobians[a][k][i];
              if (left !== 0) for (let j = 0; j < 6; j++) for (const matrix of into) matrix[6 * i + j] += left * jacobians[b][l][j];
            }
          }
        }
      }
    }
    return { power, together, alone };
  }
}

/** Σ over voxels of `field` times each Gaussian's density, N, and times its slope by its place, 3N. */
function slopes(set: GaussianSet, field: Float32Array, grid: DensityGrid): { value: Float64Array; slope: Float64Array } {
  const [nx, ny] = grid.size;
  const slope = new Float64Array(3 * set.count);
  const value = new Float64Array(set.count);
  const tables = grid.size.map(n => new Float64Array(n));
  const far = grid.size.map(n => new Float64Array(n));
  for (let g = 0; g < set.count; g++) {
    const sigma = set.sigmas[g];
    const ranges = [0, 1, 2].map(axis => {
      const centre = set.positions[3 * g + axis];
      const range = axisTable(centre, sigma, grid, axis, tables[axis], WINDOW_SIGMAS);
      for (let i = range[0]; i <= range[1]; i++)
        far[axis][i] = (tables[axis][i] * (grid.originAngstrom[axis] + i * grid.voxelSizeAngstrom[axis] - centre)) / sigma ** 2;
      return range;
    });
    const [[x0, x1], [y0, y1], [z0, z1]] = ranges;
    let [sum, gx, gy, gz] = [0, 0, 0, 0];
    for (let z = z0; z <= z1; z++) {
      for (let y = y0; y <= y1; y++) {
        const row = (z * ny + y) * nx;
        let [flat, steep] = [0, 0];
        for (let x = x0; x <= x1; x++) {
          flat += field[row + x] * tables[0][x];
          steep += field[row + x] * far[0][x];
        }
        sum += flat * tables[1][y] * tables[2][z];
        gx += steep * tables[1][y] * tables[2][z];
        gy += flat * far[1][y] * tables[2][z];
        gz += flat * tables[1][y] * far[2][z];
      }
    }
    const amplitude = set.amplitudes[g];
    value[g] = amplitude * sum;
    slope.set([amplitude * gx, amplitude * gy, amplitude * gz], 3 * g);
  }
  return { value, slope };
}

function cube({ boxAngstrom, centreAngstrom }: ModelFrame, step: number): DensityGrid {
  const n = Math.ceil(boxAngstrom / step);
  return {
    size: [n, n, n],
    voxelSizeAngstrom: [step, step, step],
    originAngstrom: centreAngstrom.map(c => c - (n / 2) * step) as [number, number, number],
  };
}

function massCentre({ positions, amplitudes }: GaussianSet, members: Int32Array): [number, number, number] {
  const centre: [number, number, number] = [0, 0, 0];
  let total = 0;
  for (const g of members) {
    const weight = amplitudes[g] + 1e-9;
    total += weight;
    for (let k = 0; k < 3; k++) centre[k] += weight * positions[3 * g + k];
  }
  return centre.map(value => value / total) as [number, number, number];
}

function stepped({ rotation, at, presence }: Pose, { motion, presence: there }: Step, length: number): Pose {
  const turn = vectorToRotation([length * motion[0], length * motion[1], length * motion[2]]);
  const shift = applied(rotation, [length * motion[3], length * motion[4], length * motion[5]]);
  return {
    rotation: multiply(rotation, turn),
    at: [at[0] + shift[0], at[1] + shift[1], at[2] + shift[2]],
    presence: presence + length * (there - presence),
  };
}

function applied(r: ArrayLike<number>, [x, y, z]: readonly number[]): [number, number, number] {
  return [r[0] * x + r[1] * y + r[2] * z, r[3] * x + r[4] * y + r[5] * z, r[6] * x + r[7] * y + r[8] * z];
}
