// A run on disk whose decoder moves an arm by a known amount: the arm's motion must be read from it, and undone in the map.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { gaussiansToDensity } from '../../daemon/gaussians/to-density.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';
import { reconstruct } from '../../daemon/maps/reconstruct.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { Random } from '../../daemon/numerics/random.js';
import { vectorToRotation } from '../../daemon/numerics/rotations.js';
import type { ParticleSet } from '../../daemon/particles/particle-set.js';
import type { RunFolder } from '../../daemon/project/run-folder.js';
import { Cancelled, type Reporter } from '../../daemon/training/progress.js';
import { reconstructUndone, undoneMotion } from '../../daemon/training/undone-motion.js';
import { writeLinearRun } from './linear-run.js';

const BOX = 32;
const PIXEL = 4;
const [CORE, ARM] = [40, 12];
const N = CORE + ARM;
const COUNT = 200;
const FRAME = { boxAngstrom: BOX * PIXEL, centreAngstrom: [64, 64, 64] as [number, number, number], referenceSigmaAngstrom: 6 };
const LIMITS = { mostBodies: 8, finestAngstrom: 2 * PIXEL };
const SILENT: Reporter = { progress: () => {}, epoch: () => {}, note: () => {} };

const scratch = mkdtempSync(join(tmpdir(), 'limber-undone-'));
after(() => rmSync(scratch, { recursive: true }));

/** One latent coordinate from −1 to 1; the decoder is one linear layer that shifts the arm's logits along y, by about 16 Å at the ends. */
function makeRun(): { run: RunFolder; decoder: LatentDecoder; z: Float32Array } {
  const random = new Random(2);
  const row = new Float32Array(5 * N);
  for (let g = 0; g < N; g++) {
    const [middle, spread] = g < CORE ? [[-0.08, 0, 0], 0.15] : [[0.22, 0, 0], 0.07];
    for (let k = 0; k < 3; k++) row[k * N + g] = middle[k] + spread * (2 * random.uniform() - 1);
    row[3 * N + g] = 0.4 + 0.3 * random.uniform();
    row[4 * N + g] = 1;
  }
  const weight = Float32Array.from({ length: 5 * N }, (_, i) => (i >= N + CORE && i < 2 * N ? 0.5 : 0));
  const z = Float32Array.from({ length: COUNT }, (_, i) => (2 * i) / (COUNT - 1) - 1);
  const run = writeLinearRun(join(scratch, 'run'), { frame: FRAME, neutral: row, weight, z });
  return { run, decoder: new LatentDecoder(run.weights()), z };
}

/** Each particle's own decoded Gaussians, projected at the pixels' centres. */
function particlesOf(decoder: LatentDecoder, z: Float32Array): ParticleSet {
  const random = new Random(6);
  const turns = Array.from(z, () => {
    const axis = [random.normal(), random.normal(), random.normal()];
    const angle = (Math.PI * random.uniform()) / Math.hypot(...axis);
    return vectorToRotation(axis.map(value => angle * value) as [number, number, number]);
  });
  const states = Array.from(z, value => decoder.decode([value]));
  return {
    file: 'made by the test',
    count: z.length,
    boxSize: BOX,
    pixelSizeAngstrom: PIXEL,
    rotations: Float32Array.from(turns.flatMap(turn => [...turn])),
    shiftsPixels: new Float32Array(2 * z.length),
    ctf: null,
    phaseFlipped: false,
    ctfPremultiplied: false,
    halfSet: new Uint8Array(z.length),
    notes: [],
    readImage: (i, out) => project(states[i], turns[i], out),
    close: () => {},
  };
}

function project({ count, positions, amplitudes, sigmas }: GaussianSet, turn: Float64Array, out: Float32Array): void {
  out.fill(0);
  for (let g = 0; g < count; g++) {
    const c = [0, 1, 2].map(k => positions[3 * g + k] - FRAME.centreAngstrom[k]);
    const [x, y] = [0, 1].map(r => turn[3 * r] * c[0] + turn[3 * r + 1] * c[1] + turn[3 * r + 2] * c[2]);
    const variance = sigmas[g] ** 2;
    for (let p = 0; p < out.length; p++) {
      const square = (((p % BOX) - BOX / 2) * PIXEL - x) ** 2 + ((Math.floor(p / BOX) - BOX / 2) * PIXEL - y) ** 2;
      out[p] += (amplitudes[g] * Math.exp(-square / (2 * variance))) / (2 * Math.PI * variance);
    }
  }
}

const { run, decoder, z } = makeRun();
const entries = Uint32Array.from(z, (_, i) => i);

test('two bodies are read from the decoder, the arm where it decodes each particle and the core at rest', async () => {
  const backend = await createCpuBackend({ threads: 1 });
  try {
    const target = decoder.decode([0.4]);
    const { bodies, poses } = await undoneMotion(backend, run, target, entries, LIMITS, SILENT);
    assert.equal(bodies.count, 2);
    const [core, arm] = [bodies.bodyOf[0], bodies.bodyOf[N - 1]];
    assert.ok(bodies.bodyOf.every((body, g) => body === (g < CORE ? core : arm)));
    const along = (g: number) => 3 * g + 1;
    const most = { core: 0, arm: 0 };
    entries.forEach(entry => {
      const state = decoder.decode([z[entry]]);
      const moved = (body: number, g: number) => {
        const [r, x] = [poses[body].rotations.subarray(9 * entry + 3, 9 * entry + 6), target.positions.subarray(3 * g, 3 * g + 3)];
        return 64 + r.reduce((sum, value, k) => sum + value * (x[k] - 64), 0) + poses[body].shifts[along(entry)];
      };
      for (let g = 0; g < N; g++) {
        const error = Math.abs(moved(g < CORE ? core : arm, g) - state.positions[along(g)]);
        if (g < CORE) most.core = Math.max(most.core, error);
        else most.arm = Math.max(most.arm, error);
      }
    });
    // Logits bend a straight path a little, so that the arm is not quite rigid.
    assert.ok(most.core < 0.3 && most.arm < 1, `core ${most.core} Å, arm ${most.arm} Å off; it moves by up to 22 Å`);
  } finally {
    await backend.dispose();
  }
});

test('the arm of the map is nearly as sharp as if it had stood still in the conformation asked for, where the map of all particles smears it', async () => {
  const particles = particlesOf(decoder, z);
  const truth = gaussiansToDensity(decoder.decode([0.4]), {
    size: [BOX, BOX, BOX],
    voxelSizeAngstrom: [PIXEL, PIXEL, PIXEL],
    originAngstrom: [0, 0, 0],
  });
  const mask: DensityMap = { ...truth, data: truth.data.map((_, i) => (i % BOX >= BOX / 2 + 4 ? 1 : 0)) };
  // σ is 6 Å: beyond shell 8 of 16, 16 Å, even molecules that stand still are told by 200 particles no better than to 0.9.
  const worst = (map: DensityMap) => Math.min(...fourierShellCorrelation(map, truth, mask).correlation.subarray(1, 9));
  const direct = { centreAngstrom: FRAME.centreAngstrom, contrast: 1 as const, threads: 1 };
  const smeared = (await reconstruct(particles, entries, direct, SILENT)).map;
  const still = (
    await reconstruct(
      particlesOf(
        decoder,
        z.map(() => 0.4),
      ),
      entries,
      direct,
      SILENT,
    )
  ).map;
  const options = { contrast: 1 as const, threads: 1, symmetry: 'C1', mostBodies: 8, halves: true };
  const { map, halves, counts, bodies } = await reconstructUndone(run, particles, entries, [0.4], options, SILENT);
  assert.equal(bodies, 2);
  assert.deepEqual(counts, [COUNT / 2, COUNT / 2]);
  // The core's remains, smeared as the arm was, are left over in the background.
  assert.ok(worst(map) > worst(still) - 0.1, `${worst(map)}, of a molecule that stands still ${worst(still)}`);
  assert.ok(halves!.every(half => worst(half) > worst(still) - 0.15));
  assert.ok(worst(smeared) < worst(still) - 0.3, `${worst(smeared)}`);
});

test('reading motions ends soon after an abort', async () => {
  const abort = new AbortController();
  abort.abort();
  const options = { contrast: 1 as const, threads: 1, symmetry: 'C1', mostBodies: 8 };
  await assert.rejects(reconstructUndone(run, particlesOf(decoder, z), entries, [0], options, SILENT, abort.signal), Cancelled);
});
