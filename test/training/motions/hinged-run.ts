// A run whose decoder was made by hand: two arms on a body, each turning about its own hinge by an angle that is known exactly where its latent coordinate is 1.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ModelFrame, rowToLogits } from '../../../daemon/gaussians/model-frame.js';
import { Random } from '../../../daemon/numerics/random.js';
import { ProjectFolder } from '../../../daemon/project/project-folder.js';
import type { RunFolder } from '../../../daemon/project/run-folder.js';
import { runSettings } from '../../service/small-project.js';

/** Gaussians of the body and of either arm: a box of 2 × 2 × 5 places, 4 Å apart. */
const PIECE = 20;
export const COUNT = 3 * PIECE;
const FRAME: ModelFrame = { boxAngstrom: 128, centreAngstrom: [100, 50, 20], referenceSigmaAngstrom: 3 };

export interface Hinge {
  /** Å in the map frame. */
  point: readonly [number, number, number];
  /** Unit vector. */
  axis: readonly [number, number, number];
  degrees: number;
}
/** z0 turns the left arm, z1 the right one; their tops go to opposite sides. */
export const HINGES: readonly [Hinge, Hinge] = [
  { point: [80, 50, 26], axis: [0, 1, 0], degrees: 8.2 },
  { point: [120, 50, 26], axis: [0, 0.8, 0.6], degrees: -5 },
];

const inBox = (i: number) => [(i % 2) * 4 - 2, (Math.floor(i / 2) % 2) * 4 - 2, Math.floor(i / 4) * 4];

/** 3N, Å: body, left arm, right arm. */
export const RESTING = Array.from({ length: COUNT }, (_, i) => {
  const [x, y, z] = inBox(i % PIECE);
  const piece = Math.floor(i / PIECE);
  return piece === 0 ? [84 + 2 * z, 50 + y, 20 + x] : [(piece === 1 ? 80 : 120) + x, 50 + y, 30 + z];
}).flat();
export const inArm = (arm: number) => Float32Array.from({ length: COUNT }, (_, i) => Number(Math.floor(i / PIECE) === arm + 1));

/** Rodrigues' formula about a point. */
export function turned(place: ArrayLike<number>, { point, axis: u, degrees }: Hinge): number[] {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const x = point.map((value, k) => place[k] - value);
  const dot = u[0] * x[0] + u[1] * x[1] + u[2] * x[2];
  return point.map((value, k) => {
    const [p, q] = [(k + 1) % 3, (k + 2) % 3];
    return value + x[k] * c + (u[p] * x[q] - u[q] * x[p]) * s + u[k] * dot * (1 - c);
  });
}

function planarRow(places: ArrayLike<number>): Float32Array {
  const row = new Float32Array(5 * COUNT);
  for (let i = 0; i < COUNT; i++) {
    for (let axis = 0; axis < 3; axis++) row[axis * COUNT + i] = (places[3 * i + axis] - FRAME.centreAngstrom[axis]) / FRAME.boxAngstrom;
    row[3 * COUNT + i] = 0.5;
    row[4 * COUNT + i] = 1;
  }
  return row;
}

/** One layer, straight in the logits: where z_k is 1 arm k stands where its hinge has turned it, at 0 everything rests. */
function writeWeights(run: RunFolder, degrees: readonly [number, number]): void {
  const neutral = rowToLogits(planarRow(RESTING));
  const weight = HINGES.flatMap((hinge, k) => {
    const belongs = inArm(k);
    const places = Array.from({ length: COUNT }, (_, i) => {
      const place = RESTING.slice(3 * i, 3 * i + 3);
      return belongs[i] ? turned(place, { ...hinge, degrees: degrees[k] }) : place;
    }).flat();
    return [...rowToLogits(planarRow(places)).map((value, i) => value - neutral[i])];
  });
  run.writeWeights(
    [
      ['decoder.0.weight', { shape: [2, 5 * COUNT], data: Float32Array.from(weight) }],
      ['decoder.0.bias', { shape: [5 * COUNT], data: new Float32Array(5 * COUNT) }],
      ['neutral.logits', { shape: [5, COUNT], data: neutral }],
      ['vary', { shape: [5, COUNT], data: new Float32Array(5 * COUNT).fill(1) }],
    ],
    { epoch: '2', frame: JSON.stringify(FRAME) },
  );
}

const PARTICLES = 400;

/**
 * A run of that name in the project, its latents uniform from −1 to 1 along z0 and half as far along z1. `halves`: degrees by which the left arm turns more in one half's model and less in the other's, whose latents
 * are the run's own; null: not compared.
 */
export function makeHingedRun(project: ProjectFolder, name: string, halves: number | null = null): RunFolder {
  const random = new Random(5);
  const z = Float32Array.from({ length: 2 * PARTICLES }, (_, i) => (2 * random.uniform() - 1) * (i % 2 === 0 ? 1 : 0.5));
  const particle = Uint32Array.from({ length: PARTICLES }, (_, i) => i + 1);
  const run = project.run(name);
  const settings = runSettings(name, { particles: PARTICLES, gaussians: COUNT });
  run.writeSettings(settings);
  run.writeLatents({ count: PARTICLES, dims: 2, particle, z, frc: new Float32Array(PARTICLES).fill(0.5) });
  writeWeights(run, [HINGES[0].degrees, HINGES[1].degrees]);
  if (halves === null) return run;
  const folder = join(run.path, 'halves');
  [1, -1].forEach((sign, h) => {
    const half = ProjectFolder.create(join(folder, `half${h + 1}`), project.settings).run(name);
    half.writeSettings(settings);
    writeWeights(half, [HINGES[0].degrees + sign * halves, HINGES[1].degrees]);
  });
  const rows = Array.from(particle, (row, i) => [row, z[2 * i], z[2 * i + 1], z[2 * i], z[2 * i + 1]].join('\t'));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latents.tsv'), `particle\thalf1_z0\thalf1_z1\thalf2_z0\thalf2_z1\n${rows.join('\n')}\n`);
  writeFileSync(join(folder, 'report.json'), '{}');
  return run;
}

/** A PDB file with an atom at the place of every Gaussian: body chain A, left arm B, right arm C, a residue each. */
export function hingedModel(): string {
  const lines = Array.from({ length: COUNT }, (_, i) => {
    const place = RESTING.slice(3 * i, 3 * i + 3)
      .map(value => value.toFixed(3).padStart(8))
      .join('');
    const residue = `${'ABC'[Math.floor(i / PIECE)]}${String((i % PIECE) + 1).padStart(4)}`;
    return `ATOM  ${String(i + 1).padStart(5)}  CA  ALA ${residue}    ${place}  1.00 30.00           C`;
  });
  return `${lines.join('\n')}\nEND\n`;
}
