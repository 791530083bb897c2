// Encoder and decoder on a toy molecule: states come apart, masks hold, the origin is the neutral model, and a resumed run is the same run.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { type ModelFrame, rowToLogits } from '../../daemon/gaussians/model-frame.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { Random } from '../../daemon/numerics/random.js';
import { defaultTrainingSettings } from '../../daemon/settings/training.js';
import { Departure } from '../../daemon/training/departure.js';
import {
  type Checkpoint,
  type EpochResult,
  Heterogeneity,
  type HeterogeneityInput,
  type HeterogeneitySettings,
} from '../../daemon/training/heterogeneity.js';
import { principalStart } from '../../daemon/training/latents/principal-start.js';
import { computeParticleGradients } from '../../daemon/training/particle-gradients.js';
import { Cancelled } from '../../daemon/training/progress.js';
import { batchesOf, silent, toyGeometry, toyMolecule, toyParticles } from './toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-heterogeneity-'));
const backend = await createCpuBackend({ threads: 2 });
after(async () => {
  rmSync(folder, { recursive: true });
  await backend.dispose();
});

const N = 16;
const COUNT = 300;
const geometry = toyGeometry(N);
const random = new Random(1);
const closed = toyMolecule(N, random);
/** Three Gaussians swing out by a tenth of the box: two pixels and a half. */
const open = closed.map((value, i) => (i < 3 || (i >= N && i < N + 3) ? value + 0.1 : value));
const consensus = closed.map((value, i) => (value + open[i]) / 2);
const states = Array.from({ length: COUNT }, () => random.integer(2));

/** Everything that comes before the networks. */
async function input(vary = new Float32Array(5 * N).fill(1), dims = 2, shown = [closed, open]): Promise<HeterogeneityInput> {
  const source = batchesOf(
    backend,
    toyParticles(
      states.map(state => shown[state]),
      geometry,
      0.5,
      2,
    ),
  );
  const neutral = rowToLogits(shown[0].map((value, i) => (value + shown[1][i]) / 2));
  const departure = await Departure.create(backend, { neutral, bases: [] }, 32);
  const gradients = await computeParticleGradients(backend, { geometry, departure, seen: null, source }, 32, join(folder, 'g'), silent);
  const start = principalStart(gradients, COUNT, N, dims, new Random(1));
  return { geometry, departure, vary, source, gradients, start };
}

const settings: HeterogeneitySettings = {
  ...defaultTrainingSettings,
  run: 'toy',
  latentDims: 2,
  epochs: 4,
};

async function train(given: HeterogeneityInput, asked = settings, checkpoint: Checkpoint | null = null) {
  const model = new Heterogeneity(backend, given, asked, checkpoint);
  const results: EpochResult[] = [];
  let last: Checkpoint | null = null;
  await model.train(silent, async result => {
    results.push(result);
    last = await result.checkpoint();
  });
  model.free();
  return { results, z: results[results.length - 1].z, checkpoint: last as unknown as Checkpoint };
}

const frame: ModelFrame = { boxAngstrom: 96, centreAngstrom: [48, 48, 48], referenceSigmaAngstrom: 6 };

/** The run as it is written to disk, read back by the decoder that serves the page. */
function decoderOf(checkpoint: Checkpoint, given: HeterogeneityInput): LatentDecoder {
  const tensors = new Map(checkpoint.tensors);
  tensors.set('neutral.logits', { shape: [5, N], data: given.departure.centre });
  tensors.set('vary', { shape: [5, N], data: given.vary });
  return new LatentDecoder({ tensors, metadata: { epoch: String(checkpoint.epoch), frame: JSON.stringify(frame) } });
}

/** Share told right by the sign of the coordinate along the line between the classes' means, best named; and that line's ends. */
function separation(z: Float32Array, dims: number): { accuracy: number; ends: number[][] } {
  const ends = [0, 1].map(state =>
    Array.from({ length: dims }, (_, d) => {
      const members = states.flatMap((s, i) => (s === state ? [z[i * dims + d]] : []));
      return members.reduce((sum, value) => sum + value, 0) / members.length;
    }),
  );
  const right = states.filter((state, i) => {
    const along = ends[1].reduce((sum, end, d) => sum + (end - ends[0][d]) * (z[i * dims + d] - (end + ends[0][d]) / 2), 0);
    return along > 0 === (state === 1);
  });
  return { accuracy: right.length / COUNT, ends };
}

test('two states come apart, and the decoder moves what moved by as much as it moved, though it has only met noisy projections', async () => {
  const given = await input();
  const { z, checkpoint, results } = await train(given, { ...settings, epochs: 12 });
  const { accuracy, ends } = separation(z, 2);
  assert.ok(accuracy > 0.97, `${accuracy}`);
  assert.ok(results[results.length - 1].frc > results[0].frc, 'the ring correlation rises');
  const decoder = decoderOf(checkpoint, given);
  const [a, b] = ends.map(end => decoder.decode(end));
  const moved = (i: number) => Math.hypot(...[0, 1, 2].map(axis => b.positions[3 * i + axis] - a.positions[3 * i + axis]));
  const swing = [0, 1, 2].reduce((sum, i) => sum + moved(i) / 3, 0);
  const rest = Array.from({ length: N - 3 }, (_, i) => moved(i + 3)).reduce((sum, d) => sum + d / (N - 3), 0);
  // 0.1 of 96 Å along x and along y: 13.6 Å. Amplitudes may take a part of it.
  assert.ok(swing > 7 && swing < 20 && rest < swing / 3, `swing ${swing} Å, rest ${rest} Å`);
  given.gradients.store.close();
});

test('what no image shows goes along with its neighbours where these hold together: a faint Gaussian within a domain that swings out', async () => {
  // Gaussians 0 to 7 are a domain half the size of the rest, beside it; 0 is its middle, and all but gone.
  const random = new Random(7);
  const atRest = Float32Array.from(closed, (value, i) => {
    const [kind, g] = [Math.floor(i / N), i % N];
    if (kind === 3) return g === 0 ? 0.003 : value;
    if (kind === 4 || g > 7) return kind === 0 ? value - 0.1 : value;
    return (kind === 0 ? 0.2 : 0) + (g === 0 ? 0 : 0.12 * (random.uniform() - 0.5));
  });
  const out = atRest.map((value, i) => (i >= N && i < N + 8 ? value + 0.05 : value));
  const strays = async (rigidity: number) => {
    const given = await input(undefined, undefined, [atRest, out]);
    const { z, checkpoint } = await train(given, { ...settings, epochs: 12, rigidity });
    given.gradients.store.close();
    const decoder = decoderOf(checkpoint, given);
    const [a, b] = separation(z, 2).ends.map(end => decoder.decode(end));
    const way = (i: number) => [0, 1, 2].map(axis => b.positions[3 * i + axis] - a.positions[3 * i + axis]);
    const domain = [0, 1, 2].map(axis => [1, 2, 3, 4, 5, 6, 7].reduce((sum, i) => sum + way(i)[axis] / 7, 0));
    return Math.hypot(...way(0).map((value, axis) => value - domain[axis])) / Math.hypot(...domain);
  };
  const [held, free] = [await strays(settings.rigidity), await strays(0)];
  assert.ok(held < 0.3 && held < free / 2, `off the way of its domain by ${held} of it, without links by ${free}`);
});

test('at z = 0 the decoder gives the neutral model to the bit at every epoch, read from written weights as well', async () => {
  const given = await input();
  const { checkpoint } = await train(given, { ...settings, epochs: 2 });
  const untrained = new Heterogeneity(backend, given, settings, null);
  const fresh = decoderOf(await untrained.checkpoint(), given).decode([0, 0]);
  untrained.free();
  assert.deepEqual(decoderOf(checkpoint, given).decode([0, 0]), fresh);
  // Positions of the consensus itself, to float32 rounding of 96 Å.
  fresh.positions.forEach(
    (value, i) => void assert.ok(Math.abs(value - (consensus[(i % 3) * N + Math.floor(i / 3)] * 96 + 48)) < 5e-5, `${i}`),
  );
  given.gradients.store.close();
});

test('what is held does not move: with amplitudes alone varying, positions and widths stay at every z to the bit', async () => {
  const given = await input(new Float32Array(5 * N).fill(1, 3 * N, 4 * N));
  const { checkpoint, z } = await train(given, { ...settings, epochs: 2 });
  const decoder = decoderOf(checkpoint, given);
  const neutral = decoder.decode([0, 0]);
  for (let i = 0; i < 20; i++) {
    const set = decoder.decode(z.subarray(2 * i, 2 * i + 2));
    assert.deepEqual(set.positions, neutral.positions);
    assert.deepEqual(set.sigmas, neutral.sigmas);
    assert.ok(set.amplitudes.some((value, g) => Math.abs(value - neutral.amplitudes[g]) > 1e-4));
  }
  given.gradients.store.close();
});

test('a run taken up from a checkpoint is the same run to the bit: weights, moments, order of particles and noise all go on where they were', async () => {
  const given = await input();
  const whole = await train(given);
  for (const stop of [1, 2]) {
    const first = new Heterogeneity(backend, given, settings, null);
    const abort = new AbortController();
    let kept: Checkpoint | null = null;
    await assert.rejects(
      first.train(
        // Stopped in the middle of the epoch after the checkpoint, so that steps were made that do not count.
        { ...silent, progress: (stage, done) => void (stage.startsWith(`epoch ${stop + 1}`) && done > 100 && abort.abort()) },
        async result => {
          kept = await result.checkpoint();
        },
        abort.signal,
      ),
      Cancelled,
    );
    first.free();
    assert.equal((kept as unknown as Checkpoint).epoch, stop);
    const resumed = await train(given, settings, kept);
    assert.equal(resumed.results.length, settings.epochs - stop);
    assert.deepEqual(resumed.z, whole.z);
    assert.deepEqual(resumed.checkpoint, whole.checkpoint);
    assert.deepEqual(resumed.results.at(-1)?.particleFrc, whole.results.at(-1)?.particleFrc);
  }
  given.gradients.store.close();
});

test('a space laid out anew between two epochs is learned in the next one, and a run taken up before, at or after it is the same run to the bit', async () => {
  const given = await input();
  // Turned over: what lay left is to lie right.
  const relaying = { after: 2, layOut: async (_: Heterogeneity, z: Float32Array) => z.map(value => -value) };
  const checkpoints: Checkpoint[] = [];
  // Enough steps to learn it in.
  const many = { ...settings, batch: 4 };
  const whole = new Heterogeneity(backend, { ...given, relaying }, many, null);
  const clouds: Float32Array[] = [];
  await whole.train(silent, async result => {
    clouds.push(result.z);
    checkpoints.push(await result.checkpoint());
  });
  whole.free();
  const overlap = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, i) => sum + value * b[i], 0) / Math.hypot(...a) / Math.hypot(...b);
  assert.ok(overlap(clouds[1], clouds[2]) < -0.8, `${overlap(clouds[1], clouds[2])}`);
  // Where it is held since, states lie as far apart as they did.
  assert.ok(separation(clouds[3], 2).accuracy > separation(clouds[1], 2).accuracy - 0.01);
  for (const checkpoint of checkpoints.slice(0, 3)) {
    const resumed = await train({ ...given, relaying }, many, checkpoint);
    assert.deepEqual(resumed.z, clouds[3]);
    assert.deepEqual(resumed.checkpoint, checkpoints[3]);
  }
  given.gradients.store.close();
});

test('in the last epochs the decoder learns at the places drawn for it while the encoder rests, and a run taken up before, at or after the draw is the same run to the bit', async () => {
  const given = await input();
  let draws = 0;
  /** Always where the other state lies: a decoder that learns there changes the two over. */
  const settling = {
    after: 4,
    draw: async (_: Heterogeneity, z: Float32Array, epochs: number) => {
      draws++;
      return Float32Array.from({ length: epochs * z.length }, (_, i) => -z[i % z.length]);
    },
  };
  const many = { ...settings, epochs: 7, batch: 4 };
  const whole = new Heterogeneity(backend, { ...given, settling }, many, null);
  const results: { z: Float32Array; checkpoint: Checkpoint }[] = [];
  await whole.train(silent, async result => void results.push({ z: result.z, checkpoint: await result.checkpoint() }));
  assert.equal(draws, 1);
  const encoded = results[3].z;
  assert.deepEqual(results[6].z, encoded, 'the encoder stays as it was');
  assert.deepEqual(
    await whole.cloud(),
    encoded.map(value => -value),
  );
  const swing = ({ checkpoint }: { checkpoint: Checkpoint }) => {
    const [a, b] = separation(encoded, 2).ends.map(end => decoderOf(checkpoint, given).decode(end));
    return [0, 1, 2].reduce((sum, i) => sum + b.positions[3 * i] - a.positions[3 * i], 0);
  };
  assert.ok(swing(results[3]) * swing(results[6]) < 0, `${swing(results[3])}, ${swing(results[6])}`);
  whole.free();
  for (const { checkpoint } of results.slice(2, 6)) {
    const resumed = await train({ ...given, settling }, many, checkpoint);
    assert.deepEqual(resumed.z, results[6].z);
    assert.deepEqual(resumed.checkpoint, results[6].checkpoint);
  }
  given.gradients.store.close();
});

test('the same seed gives the same latents to the bit, another seed others', async () => {
  const given = await input();
  const quick = { ...settings, epochs: 1 };
  const [one, same, other] = [await train(given, quick), await train(given, quick), await train(given, { ...quick, seed: 2 })];
  assert.deepEqual(one.z, same.z);
  assert.notDeepEqual(one.z, other.z);
  given.gradients.store.close();
});

test("a particle's latent depends on no other particle: encoding in batches of any size gives the same, a short last one included", async () => {
  const given = await input();
  const { checkpoint, z } = await train(given, { ...settings, epochs: 1 });
  for (const batch of [7, 300]) {
    const model = new Heterogeneity(backend, given, { ...settings, batch }, checkpoint);
    // Blocks of the matrix product may sum in another order: float32 rounding of coordinates near 1.
    (await model.encodeAll()).forEach((value, i) => void assert.ok(Math.abs(value - z[i]) < 1e-5, `batch ${batch}, ${i}`));
    model.free();
  }
  given.gradients.store.close();
});
