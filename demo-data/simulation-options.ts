// What can be asked of the simulator, its defaults, and the checks of what was asked.

import { InputError } from '../daemon/formats/input-error.js';
import type { ModelMotionOptions } from './molecules/from-model.js';

export const SIMULATION_KINDS = ['trimer', 'linear', 'cyclic', 'mixture', 'assembly', 'model'] as const;
export type SimulationKind = (typeof SIMULATION_KINDS)[number];

export interface SimulationOptions {
  /** The folder to write; made when missing. */
  directory: string;
  kind: SimulationKind;
  /** Kind `model` only: a file, or a PDB id such as 6ZWV, and its motion. */
  model?: ModelMotionOptions & { source: string };
  particles?: number;
  /** Variance of the white noise over the variance of the noise-free image over all its pixels, the latter averaged over the stack. */
  noise?: number;
  /** The same seed gives the same bytes. */
  seed?: number;
  boxSize?: number;
  pixelSizeAngstrom?: number;
  /** Images are drawn in so many times finer pixels and Fourier-cropped, as a stack that was binned after it was recorded; default 1. */
  supersampling?: number;
  /** Whether images carry a contrast transfer function. */
  ctf?: boolean;
  /** Shifts are uniform between minus and plus this, along x and y. */
  shiftPixels?: number;
  /** Cn about z: orientations are those of a refinement under this symmetry, each turned to one of n copies at random, and the consensus map is averaged over them. Default C1. */
  symmetry?: string;
  /** Trimer only: every copy's head moves by itself; the truth has a column a copy. */
  independentCopies?: boolean;
}

/** The options with everything decided but the box, which for kind `model` depends on the molecule. */
export type SimulationPlan = SimulationOptions &
  Required<Pick<SimulationOptions, 'particles' | 'noise' | 'seed' | 'ctf' | 'shiftPixels' | 'supersampling' | 'independentCopies'>> & {
    copies: number;
  };

/** 20 maps × 200 particles, 36 × 200, as in the paper's Extended Data Figure 5; 600 of the assembly's rarest state. */
const PARTICLES: Record<SimulationKind, number> = { trimer: 4000, linear: 4000, cyclic: 7200, mixture: 4000, assembly: 6000, model: 4000 };

function check(value: number | undefined, name: string, wanted: string, good: (value: number) => boolean): void {
  if (value !== undefined && !(Number.isFinite(value) && good(value)))
    throw new InputError(`${name}: ${value} cannot be simulated; give ${wanted}`);
}

/** Fills in the defaults. Throws InputError on values that make no data. */
export function planSimulation(options: SimulationOptions): SimulationPlan {
  if (!SIMULATION_KINDS.includes(options.kind))
    throw new InputError(`--kind: "${options.kind}" is unknown; choose one of ${SIMULATION_KINDS.join(', ')}`);
  if (options.kind === 'model' && !options.model?.moving)
    throw new InputError('--model: nothing moves; say what does, e.g. --moving A:331-527');
  check(options.particles, '--particles', 'a whole number from 1', value => Number.isInteger(value) && value >= 1);
  check(options.noise, '--noise', 'a number from 0', value => value >= 0);
  check(options.seed, '--seed', 'a whole number from 0', value => Number.isInteger(value) && value >= 0);
  check(options.boxSize, 'box size', 'an even number of pixels from 16 to 1024', value => value % 2 === 0 && value >= 16 && value <= 1024);
  check(options.pixelSizeAngstrom, 'pixel size', 'Å a pixel, from 0.1 to 100', value => value >= 0.1 && value <= 100);
  check(options.shiftPixels, 'shift', 'pixels from 0', value => value >= 0);
  check(options.supersampling, 'supersampling', 'a whole number from 1 to 4', value => Number.isInteger(value) && value >= 1 && value <= 4);
  const symmetry = /^C([1-9]\d?)$/i.exec(options.symmetry ?? 'C1');
  if (!symmetry) throw new InputError(`--symmetry: "${options.symmetry}" is unknown to the simulator; give C1 to C99`);
  if (options.independentCopies && options.kind !== 'trimer')
    throw new InputError(
      'independent copies: only the trimer has copies of its own; for a model write several moving bodies with semicolons',
    );
  const microscope = options.kind === 'trimer' || options.kind === 'model';
  return {
    ...options,
    particles: options.particles ?? PARTICLES[options.kind],
    noise: options.noise ?? 1,
    seed: options.seed ?? 1,
    ctf: options.ctf ?? microscope,
    shiftPixels: options.shiftPixels ?? (microscope ? 3 : 0),
    supersampling: options.supersampling ?? 1,
    independentCopies: options.independentCopies ?? false,
    copies: Number(symmetry[1]),
  };
}
