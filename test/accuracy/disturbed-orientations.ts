// Particles of the simulator whose star file is wrong by a known amount: what orientation refinement has to put right, and how far off it is.
import { readFileSync } from 'node:fs';
import { readStar, writeStarColumns } from '../../daemon/formats/star.js';
import { Random } from '../../daemon/numerics/random.js';
import { inverse, multiply, type Quaternion, type Vector, viewFromEuler } from '../../demo-data/quaternion.js';
import type { SimulatedData } from '../../demo-data/simulate.js';

/** Median length of a vector of three, and of two, standard normal numbers (the median of the chi distributions). */
const MEDIAN_OF_THREE = 1.53817;
const MEDIAN_OF_TWO = 1.17741;

const ANGLES = ['rlnAngleRot', 'rlnAngleTilt', 'rlnAnglePsi'];
const ORIGINS = ['rlnOriginXAngst', 'rlnOriginYAngst'];

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
export function disturbOrientations(data: SimulatedData, output: string, medianDegrees: number, medianPixels: number, seed: number): void {
  const random = new Random(seed);
  const star = readStar(data.particles);
  const table = star.blocks.get('particles');
  if (!table) throw new Error(`${data.particles} has no data_particles`);
  const columns = new Map([...ANGLES, ...ORIGINS].map(name => [name, Float64Array.from(table.numbers(name))]));
  const column = (name: string) => columns.get(name) as Float64Array;
  for (let i = 0; i < data.count; i++) {
    const turn = [0, 0, 0].map(() => (medianDegrees / MEDIAN_OF_THREE) * random.normal()) as unknown as Vector;
    const [rot, tilt, psi] = ANGLES.map(name => column(name)[i]);
    const disturbed = eulerOf(multiply(turnBy(turn), viewFromEuler(rot, tilt, psi)));
    ANGLES.forEach((name, k) => {
      column(name)[i] = disturbed[k];
    });
    for (const name of ORIGINS) column(name)[i] += (medianPixels / MEDIAN_OF_TWO) * data.pixelSizeAngstrom * random.normal();
  }
  writeStarColumns(output, star, 'particles', new Map([...columns].map(([name, values]) => [name, Array.from(values, v => v.toFixed(6))])));
}

/** How far a star file of the set is from its truth, by the simulator's own quaternions. */
export function poseErrors(data: SimulatedData, starFile: string): PoseErrors {
  const table = readStar(starFile).blocks.get('particles');
  if (!table) throw new Error(`${starFile} has no data_particles`);
  const [header, ...rows] = readFileSync(data.truth, 'utf8').trimEnd().split('\n');
  const names = header.split('\t');
  const truth = rows.map(row => row.split('\t').map(Number));
  const [rot, tilt, psi, x, y] = [...ANGLES, ...ORIGINS].map(name => table.numbers(name));
  const trueValue = (i: number, name: string) => truth[i][names.indexOf(name)];
  return {
    degrees: Float64Array.from(truth, (_, i) => {
      const view = viewFromEuler(trueValue(i, 'view_rot'), trueValue(i, 'view_tilt'), trueValue(i, 'view_psi'));
      const [, a, b, c] = multiply(viewFromEuler(rot[i], tilt[i], psi[i]), inverse(view));
      return (2 * Math.asin(Math.min(Math.hypot(a, b, c), 1)) * 180) / Math.PI;
    }),
    pixels: Float64Array.from(
      truth,
      (_, i) => Math.hypot(x[i] - trueValue(i, 'origin_x_angstrom'), y[i] - trueValue(i, 'origin_y_angstrom')) / data.pixelSizeAngstrom,
    ),
  };
}

/** The turn about a vector by its length in degrees. */
function turnBy(vector: Vector): Quaternion {
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
