// Where particles of known state come from: our own simulator, and another program that shares nothing with it but the conventions.

import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { measureOracle } from '../../demo-data/oracle.js';
import { simulate } from '../../demo-data/simulate.js';
import type { TrialContext } from './trial.js';

/** The three simulations of the paper's Extended Data Figure 5. */
export type SimulatedKind = 'linear' | 'cyclic' | 'mixture';

export interface Conditions {
  /** Variance of the noise over that of the noise-free images. */
  noise: number;
  ctf: boolean;
  /** Uniform between minus and plus this; the star file knows them. */
  shiftPixels: number;
  /** Left out: as the program has them. */
  particles?: number;
  boxSize?: number;
  pixelSizeAngstrom?: number;
}

/** Particles as a user would get them, and what is true of them. */
export interface KnownParticles {
  particles: string;
  map: string;
  /** One number a particle, in the order of the particle file: position (Å along the slide), angle (degrees), extra (0 or 1); what the kind has. */
  truth: Partial<Record<'position' | 'angle' | 'extra', Float64Array>>;
  /** What is reached by whoever knows each state's density and each particle's orientation, shift and CTF, and takes the state that correlates best. */
  oracle: { rankCorrelation: number | null; meanCosine: number | null; partAccuracy: number | null };
}

export type Simulator = (kind: SimulatedKind, conditions: Conditions, seed: number, context: TrialContext) => Promise<KnownParticles>;

/** Particles that an oracle looks at: its figures are then good to about 0.002. */
const ORACLE_PARTICLES = 1000;

export const ownSimulator: Simulator = async (kind, conditions, seed, { folder, reporter }) => {
  const options = { directory: join(folder, 'data'), kind, seed, ...conditions };
  const data = await simulate(options, reporter);
  const [header, ...rows] = readFileSync(data.truth, 'utf8').trimEnd().split('\n');
  const names = header.split('\t');
  const column = (name: string) => Float64Array.from(rows, row => Number(row.split('\t')[names.indexOf(name)]));
  const truth: KnownParticles['truth'] = {};
  for (const name of ['position', 'angle', 'extra'] as const) if (names.includes(name)) truth[name] = column(name);
  reporter.progress('asking the oracle', 0, ORACLE_PARTICLES);
  return { particles: data.particles, map: data.map, truth, oracle: await measureOracle(options, ORACLE_PARTICLES) };
};

/** Its usage stands at its top. */
export const INDEPENDENT_PROGRAM = fileURLToPath(new URL('../../../test/accuracy/independent_simulator.py', import.meta.url));

/** The other program needs NumPy: what is missing here, in a few words; null when all is there. */
export function missingForIndependent(): string | null {
  return spawnSync('python3', ['-c', 'import numpy'], { stdio: 'ignore' }).status === 0 ? null : 'python3 with numpy is not there';
}

/** independent_simulator.py, with an oracle of its own. */
export const independentSimulator: Simulator = async (kind, { noise, ctf, shiftPixels }, seed, { folder, reporter }) => {
  const flags = { seed, noise, shifts: shiftPixels, oracle: ORACLE_PARTICLES };
  const { truth, oracle, ...files } = await runIndependent<Record<string, number[]>, KnownParticles['oracle']>(kind, flags, ctf, {
    folder,
    reporter,
  });
  return { ...files, truth: Object.fromEntries(Object.entries(truth).map(([name, values]) => [name, Float64Array.from(values)])), oracle };
};

/** What the other program made of a kind, its truth and its oracle's figures as they stand in truth.json (at its top it says of which kind they are). */
export async function runIndependent<Truth, Oracle>(
  kind: string,
  options: Record<string, number>,
  ctf: boolean,
  { folder, reporter }: Pick<TrialContext, 'folder' | 'reporter'>,
): Promise<{ particles: string; map: string; focus: string; model: string; truth: Truth; oracle: Oracle }> {
  const directory = join(folder, 'data');
  reporter.progress('simulating by the other program', 0, 1);
  const flags = Object.entries({ kind, ...options }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  await promisify(execFile)('python3', [INDEPENDENT_PROGRAM, directory, ...flags, ...(ctf ? ['--ctf'] : [])]);
  const file = (name: string) => join(directory, name);
  return {
    particles: file('particles.star'),
    map: file('consensus.mrc'),
    focus: file('focus.mrc'),
    model: file('model.pdb'),
    ...(JSON.parse(readFileSync(file('truth.json'), 'utf8')) as { truth: Truth; oracle: Oracle }),
  };
}
