// The same few steps of training on every backend, from the same particles and seed: what is learned agrees, and a run that diverges stops.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Backend } from '../../daemon/compute/backend.js';
import { ComputeError } from '../../daemon/compute/compute-error.js';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { rowToLogits } from '../../daemon/gaussians/model-frame.js';
import { Random } from '../../daemon/numerics/random.js';
import { defaultTrainingSettings } from '../../daemon/settings/training.js';
import { Departure } from '../../daemon/training/departure.js';
import { type EpochResult, Heterogeneity } from '../../daemon/training/heterogeneity.js';
import { computeParticleGradients } from '../../daemon/training/particle-gradients.js';
import { batchesOf, silent, toyGeometry, toyMolecule, toyParticles } from '../training/toy-molecule.js';
import { backendsUnderTest, present } from './backends-under-test.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-agreement-'));
after(() => rmSync(folder, { recursive: true }));

const N = 12;
const BATCH = 16;
/** A whole batch and a short one. */
const COUNT = 26;
const geometry = toyGeometry(N);
const molecule = toyMolecule(N, new Random(1));
const open = molecule.map((value, i) => (i < 3 ? value + 0.1 : value));

/** Two epochs with everything that a step can hold: noise, the spread penalty, weight decay, L2, dropout and batch normalisation. */
async function train(backend: Backend, spoil: (image: Float32Array) => void = () => {}): Promise<EpochResult[]> {
  const rows = Array.from({ length: COUNT }, (_, i) => (i % 2 === 0 ? open : molecule));
  const particles = toyParticles(rows, geometry, 0.5, 2);
  spoil(particles.images[COUNT - 1]);
  const source = batchesOf(backend, particles);
  const departure = await Departure.create(backend, { neutral: rowToLogits(molecule), bases: [] }, BATCH);
  const gradients = await computeParticleGradients(backend, { geometry, departure, seen: null, source }, BATCH, join(folder, 'g'), silent);
  const settings = {
    ...defaultTrainingSettings,
    ...{ run: 'toy', latentDims: 2, epochs: 2, batch: BATCH, learningRate: 1e-3, weightDecay: 0.01, l2: 1e-3, dropout: 0.3 },
    ...{ batchNormalisation: 'on' as const, latentNoise: 0.05, spreadPenalty: 0.1 },
  };
  const vary = new Float32Array(5 * N).fill(1);
  const model = new Heterogeneity(backend, { geometry, departure, vary, source, gradients, start: null }, settings, null);
  const results: EpochResult[] = [];
  try {
    await model.train(silent, async result => void results.push(result));
  } finally {
    model.free();
    departure.free();
    gradients.store.close();
  }
  return results;
}

const expected = await train(new PlainBackend());

for (const { title, open: openBackend } of backendsUnderTest) {
  test(`training on ${title} meets the same correlations and latents as the plain reference, step by step`, async t => {
    const backend = present(await openBackend(), t);
    if (!backend) return;
    try {
      const actual = await train(backend);
      actual.forEach(({ loss, frc, particleFrc, z }, epoch) => {
        const reference = expected[epoch];
        assert.ok(Math.abs(loss / reference.loss - 1) < 1e-3, `loss of epoch ${epoch + 1}: ${loss}, not ${reference.loss}`);
        assert.ok(Math.abs(frc / reference.frc - 1) < 1e-3, `correlation of epoch ${epoch + 1}: ${frc}, not ${reference.frc}`);
        particleFrc.forEach((value, i) => {
          assert.ok(Math.abs(value - reference.particleFrc[i]) < 5e-3, `particle ${i}: ${value}, not ${reference.particleFrc[i]}`);
        });
        // Adam's first steps are the sign of a gradient whatever its size, and one near 0 may fall either way: a few latents differ by per cents.
        const rms = (x: Float32Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);
        const off = rms(z.map((value, i) => value - reference.z[i])) / rms(reference.z);
        assert.ok(off < 0.02, `latents of epoch ${epoch + 1} are off by ${off}`);
      });
      assert.ok(
        actual[0].particleFrc.some((value, i) => Math.abs(value - actual[1].particleFrc[i]) > 0.01),
        'something was learned',
      );
    } finally {
      await backend.dispose();
    }
  });

  test(`on ${title} a run whose numbers break stops in that step, before a checkpoint can hold them`, async t => {
    const backend = present(await openBackend(), t);
    if (!backend) return;
    try {
      await assert.rejects(
        train(backend, image => void image.fill(Number.NaN)),
        (error: Error) => error instanceof ComputeError && /^training diverged in epoch 1, step [12]: /.test(error.message),
      );
    } finally {
      await backend.dispose();
    }
  });
}
