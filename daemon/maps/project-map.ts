// Projections of a density map along any direction, as slices through its padded Fourier transform.
//
// P(x, y) = Σ_z V(Aᵀ(x, y, z)) about voxel n//2 (method.md section 1), so P̂(k) = V̂(Aᵀ(kx, ky, 0)): a slice through the
// origin. The map is padded twofold and the slice read with a Kaiser–Bessel kernel, whose real-space profile is divided out
// beforehand.
import type { RingGeometry } from '../compute/ring-geometry.js';
import type { DensityMap } from '../formats/density-map.js';
import { InputError } from '../formats/input-error.js';
import { fft2d, fftPlan, frequency, type RealArray } from '../numerics/fft.js';
import { KaiserBessel } from '../numerics/kaiser-bessel.js';

const OVERSAMPLING = 2;
const KERNEL_WIDTH = 4;
/** Grid points beyond the highest frequency that the kernel reaches for. */
const MARGIN = KERNEL_WIDTH / 2;

type Triple = [number, number, number];

export interface MapProjectorOptions {
  /** Side of the images' box, Å; the map's own longest side unless given. A frequency of 1 is one cycle per this length. */
  boxLengthAngstrom?: number;
  /** Highest frequency that will be asked for, in cycles per box; all the map has unless given. Fewer take less memory. */
  rings?: number;
}

/** A map ready to be projected. */
export class MapProjector {
  /** Side of the images' box, Å. */
  readonly boxLengthAngstrom: number;
  private readonly kernel = new KaiserBessel(KERNEL_WIDTH, OVERSAMPLING);
  /** Steps of the padded transform per cycle/box, along x, y, z. */
  private readonly stepsPerCycle: Triple;
  /** Highest frequency kept along x, y, z, in steps of the padded transform; MARGIN more are stored beyond it. */
  private readonly reach: Triple;
  /** Stored points along x, y, z: x from −MARGIN on (the other half is the complex conjugate), y and z from −reach − MARGIN on. */
  private readonly dims: Triple;
  /** The transform about voxel n//2, planar, z slowest, x fastest. */
  private readonly transform: { re: Float32Array; im: Float32Array };
  private readonly weights = new Float64Array(3 * KERNEL_WIDTH);
  /** The last value read by `sample`. */
  private sampleRe = 0;
  private sampleIm = 0;

  /** Throws InputError where the map holds a value that is not finite. */
  constructor(map: DensityMap, options: MapProjectorOptions = {}) {
    const lengths = map.size.map((n, axis) => n * map.voxelSizeAngstrom[axis]);
    this.boxLengthAngstrom = options.boxLengthAngstrom ?? Math.max(...lengths);
    const padded = map.size.map(n => OVERSAMPLING * n) as Triple;
    this.stepsPerCycle = lengths.map(length => (OVERSAMPLING * length) / this.boxLengthAngstrom) as Triple;
    const rings = options.rings ?? Number.POSITIVE_INFINITY;
    this.reach = padded.map((n, axis) => Math.min(n / 2, Math.ceil(rings * this.stepsPerCycle[axis]))) as Triple;
    const [rx, ry, rz] = this.reach;
    this.dims = [rx + 2 * MARGIN + 1, 2 * (ry + MARGIN) + 1, 2 * (rz + MARGIN) + 1];

    // Frequencies beyond the reach are dropped after each axis, so nothing as large as the padded volume is made. The
    // axis just transformed becomes the slowest: [z][y][x] → [kx][z][y] → [ky][kx][z] → [kz][ky][kx].
    const [nx, ny, nz] = map.size;
    const deapodised = divideProfile(map, this.kernel);
    const alongX = transformPadded(deapodised, null, nx, padded[0], -MARGIN, this.dims[0]);
    const alongY = transformPadded(alongX.re, alongX.im, ny, padded[1], -ry - MARGIN, this.dims[1]);
    this.transform = transformPadded(alongY.re, alongY.im, nz, padded[2], -rz - MARGIN, this.dims[2]);
  }

  /**
   * The transform of the projection along `rotation` (row-major A, 9 numbers from `rotationOffset` on) in a box of
   * geometry.boxSize pixels and side boxLengthAngstrom, with the centre at pixel boxSize/2: the real and then the imaginary
   * plane of RingGeometry's layout are written to `out` from `offset` on; pixels outside the rings are 0. Unnormalised: F(0)
   * would be the sum of the map's voxels.
   */
  projectToRings(rotation: ArrayLike<number>, geometry: RingGeometry, out: Float32Array, offset = 0, rotationOffset = 0): void {
    const { rings, stride, planeSize, ring } = geometry;
    out.fill(0, offset, offset + 2 * planeSize);
    for (let kx = -rings; kx <= rings; kx++) {
      for (let ky = 0; ky <= rings; ky++) {
        const index = (kx + rings) * stride + ky;
        if (ring[index] === 0) continue;
        this.sample(kx, ky, rotation, rotationOffset);
        // The centre at pixel boxSize/2 turns frequency (kx, ky) by e^(−πi(kx + ky)).
        const sign = (kx + ky) % 2 === 0 ? 1 : -1;
        out[offset + index] = sign * this.sampleRe;
        out[offset + planeSize + index] = sign * this.sampleIm;
      }
    }
  }

  /**
   * The projection as an image of boxSize × boxSize pixels, rows y, x fastest, the centre at pixel boxSize//2; the image's
   * side is boxLengthAngstrom, so a smaller boxSize means larger pixels. Values are those of the map summed along z.
   */
  projectImage(rotation: ArrayLike<number>, boxSize: number): Float32Array {
    const re = new Float64Array(boxSize * boxSize);
    const im = new Float64Array(boxSize * boxSize);
    const centre = boxSize >> 1;
    for (let row = 0; row < boxSize; row++) {
      for (let column = 0; column < boxSize; column++) {
        const kx = frequency(column, boxSize);
        const ky = frequency(row, boxSize);
        this.sample(kx, ky, rotation, 0);
        const angle = (-2 * Math.PI * (((kx + ky) * centre) % boxSize)) / boxSize;
        const i = row * boxSize + column;
        re[i] = this.sampleRe * Math.cos(angle) - this.sampleIm * Math.sin(angle);
        im[i] = this.sampleRe * Math.sin(angle) + this.sampleIm * Math.cos(angle);
      }
    }
    fft2d(re, im, boxSize, boxSize, true);
    return Float32Array.from(re);
  }

  /** Reads the transform of the centred projection at (kx, ky) cycles per box; 0 beyond what the map holds. */
  private sample(kx: number, ky: number, rotation: ArrayLike<number>, r: number): void {
    const [sx, sy, sz] = this.stepsPerCycle;
    let ux = (kx * rotation[r] + ky * rotation[r + 3]) * sx;
    let uy = (kx * rotation[r + 1] + ky * rotation[r + 4]) * sy;
    let uz = (kx * rotation[r + 2] + ky * rotation[r + 5]) * sz;
    this.sampleRe = 0;
    this.sampleIm = 0;
    const [rx, ry, rz] = this.reach;
    if (Math.abs(ux) > rx || Math.abs(uy) > ry || Math.abs(uz) > rz) return;
    const mirrored = ux < 0;
    if (mirrored) {
      ux = -ux;
      uy = -uy;
      uz = -uz;
    }
    const [dx, dy] = this.dims;
    const { re, im } = this.transform;
    const w = this.weights;
    const firstX = this.kernel.weights(ux, w, 0) + MARGIN;
    const firstY = this.kernel.weights(uy, w, KERNEL_WIDTH) + ry + MARGIN;
    const firstZ = this.kernel.weights(uz, w, 2 * KERNEL_WIDTH) + rz + MARGIN;
    let sumRe = 0;
    let sumIm = 0;
    for (let k = 0; k < KERNEL_WIDTH; k++) {
      for (let j = 0; j < KERNEL_WIDTH; j++) {
        const weight = w[2 * KERNEL_WIDTH + k] * w[KERNEL_WIDTH + j];
        const start = ((firstZ + k) * dy + firstY + j) * dx + firstX;
        for (let i = 0; i < KERNEL_WIDTH; i++) {
          sumRe += weight * w[i] * re[start + i];
          sumIm += weight * w[i] * im[start + i];
        }
      }
    }
    this.sampleRe = sumRe;
    this.sampleIm = mirrored ? -sumIm : sumIm;
  }
}

/** The map divided by what interpolation with the kernel will multiply it with. */
function divideProfile(map: DensityMap, kernel: KaiserBessel): Float32Array {
  const [nx, ny, nz] = map.size;
  const [px, py, pz] = map.size.map(n => Float64Array.from({ length: n }, (_, i) => kernel.profile((i - (n >> 1)) / (OVERSAMPLING * n))));
  const out = new Float32Array(nx * ny * nz);
  for (let z = 0, i = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        const value = map.data[i];
        if (!Number.isFinite(value))
          throw new InputError(`the map holds ${value} at voxel (${x}, ${y}, ${z}); write it again with finite values only`);
        out[i] = value / (px[x] * py[y] * pz[z]);
      }
    }
  }
  return out;
}

/**
 * Transforms the fastest axis of [count][n], padded with zeros to `padded` and with element n//2 as the origin; keeps the
 * `kept` frequencies from `first` on (taken around the end), as the slowest axis of the result: [kept][count]. `im` null: real data.
 */
function transformPadded(
  re: RealArray,
  im: RealArray | null,
  n: number,
  padded: number,
  first: number,
  kept: number,
): { re: Float32Array; im: Float32Array } {
  const count = re.length / n;
  const out = { re: new Float32Array(kept * count), im: new Float32Array(kept * count) };
  const plan = fftPlan(padded);
  const batch = 16;
  const lineRe = new Float64Array(batch * padded);
  const lineIm = new Float64Array(batch * padded);
  const wrap = (i: number) => ((i % padded) + padded) % padded;
  const places = Int32Array.from({ length: n }, (_, i) => wrap(i - (n >> 1)));
  const sources = Int32Array.from({ length: kept }, (_, i) => wrap(first + i));
  for (let start = 0; start < count; start += batch) {
    const lines = Math.min(batch, count - start);
    lineRe.fill(0);
    lineIm.fill(0);
    for (let line = 0; line < lines; line++) {
      for (let i = 0; i < n; i++) {
        lineRe[line * padded + places[i]] = re[(start + line) * n + i];
        if (im) lineIm[line * padded + places[i]] = im[(start + line) * n + i];
      }
    }
    plan.lines(lineRe, lineIm, 0, 1, lines, padded, false);
    for (let k = 0; k < kept; k++) {
      for (let line = 0; line < lines; line++) {
        out.re[k * count + start + line] = lineRe[line * padded + sources[k]];
        out.im[k * count + start + line] = lineIm[line * padded + sources[k]];
      }
    }
  }
  return out;
}
