// Maps of one conformation from particles in all of them: each particle's own motion is read from its decoded model, as rigid bodies of the target conformation that stand elsewhere, and undone.
//
// The decoder has seen all particles, those of both halves: half-maps made so share it, and agree a little better than independent ones would where it is wrong for both alike. `limber halves`
// trains on each half by itself; a map of either half's own project shares nothing.

import type { Backend } from '../compute/backend.js';
import { chooseBackend } from '../compute/choose-backend.js';
import { BodyRegistration } from '../gaussians/body-registration.js';
import { bodyShares } from '../gaussians/body-shares.js';
import type { GaussianSet } from '../gaussians/gaussian-set.js';
import { toWorld } from '../gaussians/model-frame.js';
import { bodyMotion, findRigidBodies, type RigidBodies } from '../gaussians/rigid-bodies.js';
import { type BodyPoses, emptyPoses, reconstructBodies, type SharesOn } from '../maps/multi-body.js';
import type { Reconstruction, ReconstructionOptions } from '../maps/reconstruct.js';
import { symmetricCopies } from '../maps/symmetric-copies.js';
import { LatentDecoder } from '../networks/latent-decoder.js';
import type { Superposition } from '../numerics/superposition.js';
import type { ParticleSet } from '../particles/particle-set.js';
import type { RunFolder } from '../project/run-folder.js';
import { OwnModels } from './orientations/own-models.js';
import { Cancelled, type Reporter } from './progress.js';

/** Models decoded at once. */
const BATCH = 64;
/** Particles whose motions say what the bodies are. */
const SAMPLE = 96;
/**
 * What bodies may leave unexplained, as a share of the finest period of the images: at that period it costs exp(−2π²/3·64) of the amplitude, a tenth.
 */
const TOLERANCE = 1 / 8;

export interface UndoneMap extends Reconstruction {
  /** Rigid bodies that the molecule was taken apart into. */
  bodies: number;
}

/**
 * The conformation at latent point `point` (z = 0: the neutral model) from the images of the `entries` (rows of the run's latents), each with its own motion undone. `particles`: the project's, in the
 * orientations to be used; `symmetry`: the project's, which says what the copies of a run are. The map has no symmetry imposed. Throws InputError and Cancelled as `reconstruct` does.
 */
export async function reconstructUndone(
  run: RunFolder,
  particles: ParticleSet,
  entries: ArrayLike<number>,
  point: ArrayLike<number>,
  { mostBodies, symmetry, ...options }: Omit<ReconstructionOptions, 'centreAngstrom'> & { mostBodies: number; symmetry: string },
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<UndoneMap> {
  const decoder = new LatentDecoder(run.weights());
  const { particle, copy } = run.latents();
  const rows = Uint32Array.from(entries, entry => particle[entry] - 1);
  const seen = symmetricCopies(particles, rows, copy ? Uint8Array.from(entries, entry => copy[entry]) : null, symmetry);
  const backend = await chooseBackend({ backend: 'auto', threads: options.threads ?? null }, reporter);
  let motion: UndoneMotion;
  try {
    const limits = { mostBodies, finestAngstrom: 2 * particles.pixelSizeAngstrom };
    motion = await undoneMotion(backend, run, decoder.decode(point), entries, limits, reporter, signal);
  } finally {
    await backend.dispose();
  }
  const { bodies, poses, sharesOn } = motion;
  const centred = { ...options, centreAngstrom: decoder.frame.centreAngstrom };
  return { ...(await reconstructBodies(seen, poses, sharesOn, centred, reporter, signal)), bodies: bodies.count };
}

export interface UndoneMotion {
  bodies: RigidBodies;
  /** By body: its poses in the entries, in their order. */
  poses: BodyPoses[];
  sharesOn: SharesOn;
}

/**
 * What brings the `entries` (rows of the run's latents) to the conformation `target`, a state of the run's model in Å. `mostBodies`: rigid pieces at most. `finestAngstrom`: of the images, twice the
 * pixel. Throws Cancelled after an abort.
 */
export async function undoneMotion(
  backend: Backend,
  run: RunFolder,
  target: GaussianSet,
  entries: ArrayLike<number>,
  { mostBodies, finestAngstrom }: { mostBodies: number; finestAngstrom: number },
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<UndoneMotion> {
  const models = await OwnModels.create(backend, run, BATCH);
  try {
    const { frame } = models.foundation;
    const decode = async (chosen: number[]) => (await models.decoded(chosen)).map(row => toWorld(row, frame));
    const sample: GaussianSet[] = [];
    const wanted = Math.min(SAMPLE, entries.length);
    const spread = Array.from({ length: wanted }, (_, i) => entries[Math.floor((i * entries.length) / wanted)]);
    for (let first = 0; first < wanted; first += BATCH) sample.push(...(await decode(spread.slice(first, first + BATCH))));
    const bodies = findRigidBodies(target, sample, { most: mostBodies, toleranceAngstrom: TOLERANCE * finestAngstrom });
    const registration = new BodyRegistration(target, bodies.bodyOf, bodies.count, frame);
    const poses = Array.from({ length: bodies.count }, () => emptyPoses(entries.length));
    for (let first = 0; first < entries.length; first += BATCH) {
      if (signal?.aborted) throw new Cancelled('stopped while reading the motions of the particles');
      reporter.progress('reading motions', first, entries.length);
      const chosen = Array.from({ length: Math.min(BATCH, entries.length - first) }, (_, i) => entries[first + i]);
      (await decode(chosen)).forEach((state, i) => {
        const start = poses.map((_, body) => bodyMotion(target, state, bodies.bodyOf, body));
        const motions = registration.register(state, start);
        for (const [body, { rotations, shifts }] of poses.entries()) {
          const motion = motions[body];
          rotations.set(motion.rotation, 9 * (first + i));
          shifts.set(shiftAbout(frame.centreAngstrom, motion), 3 * (first + i));
        }
      });
    }
    reporter.progress('reading motions', entries.length, entries.length);
    return { bodies, poses, sharesOn: grid => bodyShares(target, bodies.bodyOf, bodies.count, grid) };
  } finally {
    models.free();
  }
}

/** Where the motion carries the point `origin`, less the point: exactly 0 for no motion. */
function shiftAbout(origin: readonly number[], { rotation, centre, target }: Superposition): number[] {
  const arm = origin.map((value, k) => value - centre[k]);
  return [0, 1, 2].map(
    k => rotation[3 * k] * arm[0] + rotation[3 * k + 1] * arm[1] + rotation[3 * k + 2] * arm[2] - arm[k] + (target[k] - centre[k]),
  );
}
