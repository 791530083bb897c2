// The map that fits all inserted images best: least squares by conjugate gradients over the transform's sums.
//
//   (Pᵀ(W + τ)P) V = PᵀN,   P = FT·pad,   V = 0 outside the sphere that fits the box
//
// N and W come from insertion.ts. Dividing N by W point by point solves the padded map, whose noise leaks into the box wherever neighbouring
// points differ in weight; solving for the voxels of the box alone uses each sample as much as it weighs. The method is that of
// Fessler, IEEE Signal Process. Mag. 27(4), 81 (2010) for non-uniform Fourier samples, with τ of Wiener's filter. The profile of trilinear
// interpolation is taken out of PᵀN, where it multiplies the map; in W it only smooths the weights, and stays.
import { PADDING, STRIDE, type TransformGrid } from './insertion.js';

/** Sums of one map: those of one accumulator, or of the half-sets taken together (plane zero closed). */
export class InsertedSums {
  readonly band: number;
  private readonly plane: { re: Float64Array; im: Float64Array };
  /** Ring of a point by the square of its distance from the origin. */
  private readonly ringOf: Uint16Array;

  constructor(
    private readonly accumulators: readonly Float32Array[],
    private readonly grid: TransformGrid,
  ) {
    this.band = PADDING * grid.rings;
    const points = (2 * this.band + 1) ** 2;
    this.plane = { re: new Float64Array(points), im: new Float64Array(points) };
    this.ringOf = Uint16Array.from({ length: (this.band + 1) ** 2 }, (_, square) =>
      Math.min(grid.rings, Math.round(Math.sqrt(square) / PADDING)),
    );
  }

  /** Adds W over the points of plane uz, and their number, ring by ring. */
  addRingWeights(uz: number, sums: Float64Array, counts: Float64Array): void {
    this.eachPoint(uz, (_, at, ring) => {
      for (const accumulator of this.accumulators) sums[ring] += accumulator[at + 2];
      counts[ring]++;
    });
  }

  /** N of plane uz, to be used before the next call. */
  numerator(uz: number): { re: Float64Array; im: Float64Array } {
    const { re, im } = this.plane;
    re.fill(0);
    im.fill(0);
    this.eachPoint(uz, (i, at) => {
      for (const accumulator of this.accumulators) {
        re[i] += accumulator[at];
        im[i] += accumulator[at + 1];
      }
    });
    return this.plane;
  }

  /** W + τ of plane uz, to be used before the next call. */
  weights(uz: number, tau: Float64Array): Float64Array {
    const { re } = this.plane;
    re.fill(0);
    this.eachPoint(uz, (i, at, ring) => {
      re[i] = tau[ring];
      for (const accumulator of this.accumulators) re[i] += accumulator[at + 2];
    });
    return re;
  }

  /** Points of plane uz within the outermost ring: index in the plane, place in the accumulators, ring. */
  private eachPoint(uz: number, visit: (i: number, at: number, ring: number) => void): void {
    const { band, ringOf } = this;
    const { side, reach } = this.grid;
    const limit = (band + 1) ** 2;
    for (let uy = -band, i = 0; uy <= band; uy++) {
      const row = (uz * side + uy + reach) * side + reach;
      for (let ux = -band; ux <= band; ux++, i++) {
        const square = ux * ux + uy * uy + uz * uz;
        if (square < limit) visit(i, STRIDE * (row + ux), ringOf[square]);
      }
    }
  }
}

/** The profile that trilinear insertion leaves in real space along one axis, sinc²(x/P): sinc is the transform of the unit box, its square of the triangle. */
export function interpolationProfile(box: number): Float64Array {
  return Float64Array.from({ length: box }, (_, i) => {
    const x = (Math.PI * (i - (box >> 1))) / (PADDING * box);
    return x === 0 ? 1 : (Math.sin(x) / x) ** 2;
  });
}

/** Sets voxels outside the sphere that fits the box to zero; multiplies the others with `factor`, if any, of (x, y, z). */
export function confine(volume: Float32Array, box: number, factor?: (x: number, y: number, z: number) => number): void {
  const radius = (box - 1) / 2;
  const centre = box >> 1;
  for (let z = 0, i = 0; z < box; z++) {
    for (let y = 0; y < box; y++) {
      const yz = (z - centre) ** 2 + (y - centre) ** 2;
      for (let x = 0; x < box; x++, i++) {
        if (yz + (x - centre) ** 2 > radius * radius) volume[i] = 0;
        else if (factor) volume[i] *= factor(x, y, z);
      }
    }
  }
}

/**
 * Preconditioned conjugate gradients from zero. `apply` and `precondition` return a vector that the next call of either overwrites; `rightHandSide` becomes
 * the residual. Stops when the residual's norm (in the preconditioner's measure) has fallen by `tolerance`, or after `iterations`.
 */
export async function conjugateGradients(
  rightHandSide: Float32Array,
  apply: (v: Float32Array) => Promise<Float32Array>,
  precondition: (v: Float32Array) => Promise<Float32Array>,
  iterations: number,
  tolerance: number,
  progress: (iteration: number) => void,
): Promise<Float32Array> {
  const residual = rightHandSide;
  const solution = new Float32Array(residual.length);
  const direction = new Float32Array(residual.length);
  let before = 0;
  let start = 0;
  for (let iteration = 0; iteration < iterations; iteration++) {
    progress(iteration);
    const z = await precondition(residual);
    const now = dot(residual, z);
    if (iteration === 0) start = now;
    if (!(now > start * tolerance ** 2)) break;
    const beta = iteration === 0 ? 0 : now / before;
    for (let i = 0; i < z.length; i++) direction[i] = z[i] + beta * direction[i];
    const image = await apply(direction);
    const alpha = now / dot(direction, image);
    for (let i = 0; i < z.length; i++) {
      solution[i] += alpha * direction[i];
      residual[i] -= alpha * image[i];
    }
    before = now;
  }
  return solution;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** A value for each ring, on plane uz of the box without padding: (2·rings + 1)², row uy; 0 beyond the last ring. */
export function radialPlane(uz: number, values: Float64Array): Float64Array {
  const rings = values.length - 1;
  const side = 2 * rings + 1;
  return Float64Array.from({ length: side * side }, (_, i) => {
    const ring = Math.round(Math.hypot((i % side) - rings, Math.floor(i / side) - rings, uz));
    return ring > rings ? 0 : values[ring];
  });
}
