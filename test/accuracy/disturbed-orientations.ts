// Particles of the simulator whose star file is wrong by a known amount: what orientation refinement has to put right, and how far off it is.
import { readFileSync } from 'node:fs';
import { readStar, writeStarColumns } from '../../daemon/formats/star.js';
import { Random } from '../../daemon/numerics/random.js';
import type { Pose } from '../../demo-data/projection.js';
import { inverse, multiply, type Quaternion, type Vector, viewFromEuler } from '../../demo-data/quaternion.js';
import type { SimulatedData } from '../../demo-data/simulate.js';

/** Median length of a vector of three, and of two, standard normal numbers (the median of the chi distributions). */
const MEDIAN_OF_THREE = 1.53817;
const MEDIAN_OF_TWO = 1.17741;

const ANGLES = ['rlnAngleRot', 'rlnAngleTilt', 'rlnAnglePsi'];
const ORIGINS = ['rlnOriginXAngst', 'rlnOriginYAngst'];

/** Standard deviations along each axis. */
export interface Deviations {
  degrees: number;
  pixels: number;
}

export interface PoseErrors {
  /** Degrees between true and stated orientation, a particle each. */
  degrees: Float64Array;
  /** Pixels between true and stated origin. */
  pixels: Float64Array;
}

/**
 * Writes the particles' star file again, beside it as `output`, with wrong orientations: each turned about a random axis and moved in a random
 * direction, by normally distributed rotation vectors and shifts whose median lengths are the ones given.
 */
export function disturbOrientations(
  data: Pick<SimulatedData, 'particles' | 'pixelSizeAngstrom'>,
  output: string,
  medianDegrees: number,
  medianPixels: number,
  seed: number,
): void {
  const random = new Random(seed);
  const deviation = deviationsOf(medianDegrees, medianPixels);
  const star = readStar(data.particles);
  const table = star.blocks.get('particles');
  if (!table) throw new Error(`${data.particles} has no data_particles`);
  const columns = new Map([...ANGLES, ...ORIGINS].map(name => [name, Float64Array.from(table.numbers(name))]));
  const column = (name: string) => columns.get(name) as Float64Array;
  for (let i = 0; i < column(ANGLES[0]).length; i++) {
    const turn = [0, 0, 0].map(() => deviation.degrees * random.normal()) as unknown as Vector;
    const [rot, tilt, psi] = ANGLES.map(name => column(name)[i]);
    const disturbed = eulerOf(multiply(turnBy(turn), viewFromEuler(rot, tilt, psi)));
    ANGLES.forEach((name, k) => {
      column(name)[i] = disturbed[k];
    });
    for (const name of ORIGINS) column(name)[i] += deviation.pixels * data.pixelSizeAngstrom * random.normal();
  }
  writeStarColumns(output, star, 'particles', new Map([...columns].map(([name, values]) => [name, Array.from(values, v => v.toFixed(6))])));
}

/** Standard deviations of rotation vectors (degrees) and origins (pixels) along each axis, of which the median lengths are these. */
export function deviationsOf(medianDegrees: number, medianPixels: number): Deviations {
  return { degrees: medianDegrees / MEDIAN_OF_THREE, pixels: medianPixels / MEDIAN_OF_TWO };
}

/** Å, of the images of a star file with one optics group. */
export function imagePixelSize(starFile: string): number {
  const optics = readStar(starFile).blocks.get('optics');
  if (!optics) throw new Error(`${starFile} has no data_optics`);
  return optics.numbers('rlnImagePixelSize')[0];
}

/** The poses of a star file of the set, by the simulator's own quaternions. */
export function statedPoses({ pixelSizeAngstrom }: Pick<SimulatedData, 'pixelSizeAngstrom'>, starFile: string): Pose[] {
  const table = readStar(starFile).blocks.get('particles');
  if (!table) throw new Error(`${starFile} has no data_particles`);
  const [rot, tilt, psi, x, y] = [...ANGLES, ...ORIGINS].map(name => table.numbers(name));
  return Array.from(rot, (_, i) => ({
    view: viewFromEuler(rot[i], tilt[i], psi[i]),
    originXPixels: x[i] / pixelSizeAngstrom,
    originYPixels: y[i] / pixelSizeAngstrom,
  }));
}

/** The true poses of a set. */
export function truePoses({ truth, pixelSizeAngstrom }: Pick<SimulatedData, 'truth' | 'pixelSizeAngstrom'>): Pose[] {
  const [header, ...rows] = readFileSync(truth, 'utf8').trimEnd().split('\n');
  const names = header.split('\t');
  return rows.map(row => {
    const cells = row.split('\t');
    const value = (name: string) => Number(cells[names.indexOf(name)]);
    return {
      view: viewFromEuler(value('view_rot'), value('view_tilt'), value('view_psi')),
      originXPixels: value('origin_x_angstrom') / pixelSizeAngstrom,
      originYPixels: value('origin_y_angstrom') / pixelSizeAngstrom,
    };
  });
}

/** How far a star file of the set is from its truth. */
export function poseErrors(data: SimulatedData, starFile: string): PoseErrors {
  return errorsBetween(statedPoses(data, starFile), truePoses(data));
}

/** How far poses are from the true ones. */
export function errorsBetween(poses: readonly Pose[], truth: readonly Pose[]): PoseErrors {
  return {
    degrees: Float64Array.from(poses, ({ view }, i) => {
      const [, a, b, c] = multiply(view, inverse(truth[i].view));
      return (2 * Math.asin(Math.min(Math.hypot(a, b, c), 1)) * 180) / Math.PI;
    }),
    pixels: Float64Array.from(poses, ({ originXPixels, originYPixels }, i) =>
      Math.hypot(originXPixels - truth[i].originXPixels, originYPixels - truth[i].originYPixels),
    ),
  };
}

/** The turn about a vector by its length in degrees. */
export function turnBy(vector: Vector): Quaternion {
  const degrees = Math.hypot(...vector);
  const half = (degrees * Math.PI) / 360;
  const s = degrees > 0 ? Math.sin(half) / degrees : 0;
  return [Math.cos(half), vector[0] * s, vector[1] * s, vector[2] * s];
}

/** RELION's angles of a view, degrees: the inverse of viewFromEuler, whose axes turn is Rz(rot)·Ry(tilt)·Rz(psi). */
function eulerOf(view: Quaternion): [number, number, number] {
  const [w, x, y, z] = inverse(view);
  const half = (Math.atan2(Math.hypot(x, y), Math.hypot(w, z)) * 180) / Math.PI;
  const sum = (Math.atan2(z, w) * 180) / Math.PI;
  const difference = (Math.atan2(-x, y) * 180) / Math.PI;
  return [sum + difference, 2 * half, sum - difference];
}
