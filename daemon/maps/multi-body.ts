// One map from particles whose rigid bodies have each moved in their own way: every body is reconstructed in its own frame from all particles, and what each map shows of its body is put together.
//
// A body that has gone from x to R·x + d is seen by orientation A as it would be, unmoved, by A·R with its origin at A·d: the reconstruction of a body is the exact one, CTF and weights
// included, of particles turned and shifted so (multi-body refinement, Nakane et al., eLife 7, e36861 (2018)). The other bodies are blurred in it, and left out.
import type { DensityMap } from '../formats/density-map.js';
import { multiply } from '../numerics/symmetry.js';
import type { ParticleSet } from '../particles/particle-set.js';
import type { Reporter } from '../training/progress.js';
import { halfOf, type Reconstruction, type ReconstructionOptions, reconstruct } from './reconstruct.js';

/** How one body stands in each of some particles: x, Å from the rotation centre, has gone to rotation · x + shift. */
export interface BodyPoses {
  /** n × 9, row-major. */
  rotations: Float64Array;
  /** n × 3, Å. */
  shifts: Float64Array;
}

/** Room for a body's poses in `count` particles. */
export function emptyPoses(count: number): BodyPoses {
  return { rotations: new Float64Array(9 * count), shifts: new Float64Array(3 * count) };
}

/** A body that stands in `count` particles where it stands in the map. */
export function unmovedPoses(count: number): BodyPoses {
  const poses = emptyPoses(count);
  for (let i = 0; i < 9 * count; i += 9) for (const diagonal of [0, 4, 8]) poses.rotations[i + diagonal] = 1;
  return poses;
}

/** What each voxel of a map has of each body: an array a body, 1 in sum at every voxel. */
export type SharesOn = (grid: Pick<DensityMap, 'size' | 'voxelSizeAngstrom' | 'originAngstrom'>) => Float32Array[];

/**
 * Reconstructs all of `particles` with the motion of every body undone. `bodies`: poses in every particle; with one body and no motion the result is that of `reconstruct`. `options.symmetry`
 * speaks of the conformation that all are brought to. Throws as `reconstruct` does.
 */
export async function reconstructBodies(
  particles: ParticleSet,
  bodies: readonly BodyPoses[],
  sharesOn: SharesOn,
  options: ReconstructionOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<Reconstruction> {
  const all = Uint32Array.from({ length: particles.count }, (_, row) => row);
  let sum: Reconstruction | null = null;
  let shares: Float32Array[] = [];
  for (const [b, poses] of bodies.entries()) {
    const counted: Reporter = { ...inBody(reporter, b, bodies.length) };
    const made = await reconstruct(standingAs(particles, poses), all, options, counted, signal);
    if (bodies.length === 1) return made;
    if (sum === null) {
      sum = made;
      shares = sharesOn(made.map);
      for (const map of mapsOf(made)) map.data = map.data.map((value, i) => value * shares[b][i]);
      continue;
    }
    for (const [m, { data }] of mapsOf(made).entries()) {
      const into = mapsOf(sum)[m].data;
      for (let i = 0; i < into.length; i++) into[i] += data[i] * shares[b][i];
    }
  }
  if (sum === null) throw new Error('there are no bodies to reconstruct');
  return sum;
}

function mapsOf({ map, halves }: Reconstruction): DensityMap[] {
  return [map, ...(halves ?? [])];
}

/** The particles as seen by one who moves with the body: A·R, and the origin less what the body's shift is in the image. */
export function standingAs(particles: ParticleSet, { rotations, shifts }: BodyPoses): ParticleSet {
  const { count, pixelSizeAngstrom } = particles;
  const turned = new Float32Array(9 * count);
  const shiftsPixels = particles.shiftsPixels.slice();
  for (let i = 0; i < count; i++) {
    turned.set(multiply(particles.rotations.subarray(9 * i, 9 * i + 9), rotations.subarray(9 * i, 9 * i + 9)), 9 * i);
    for (const axis of [0, 1]) {
      let seen = 0;
      for (let k = 0; k < 3; k++) seen += particles.rotations[9 * i + 3 * axis + k] * shifts[3 * i + k];
      shiftsPixels[2 * i + axis] -= seen / pixelSizeAngstrom;
    }
  }
  const halfSet = Uint8Array.from({ length: count }, (_, row) => halfOf(particles, row));
  return { ...particles, rotations: turned, shiftsPixels, halfSet };
}

function inBody(reporter: Reporter, body: number, bodies: number): Reporter {
  if (bodies === 1) return reporter;
  return {
    progress: (stage, done, total) => reporter.progress(`body ${body + 1} of ${bodies}: ${stage}`, done, total),
    epoch: report => reporter.epoch(report),
    note: line => reporter.note(line),
  };
}
