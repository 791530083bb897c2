// Places drawn by likelihood: as often as the image gives them, and a decoder that learns there takes no noise for motion.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { rowToLogits } from '../../../daemon/gaussians/model-frame.js';
import { Random } from '../../../daemon/numerics/random.js';
import { defaultTrainingSettings } from '../../../daemon/settings/training.js';
import { Departure } from '../../../daemon/training/departure.js';
import { Heterogeneity, type Settling } from '../../../daemon/training/heterogeneity.js';
import { Comparison } from '../../../daemon/training/latents/comparison.js';
import { type ComparedImages, drawCandidates, eachPosterior } from '../../../daemon/training/latents/posteriors.js';
import { principalStart } from '../../../daemon/training/latents/principal-start.js';
import { drawnPlaces } from '../../../daemon/training/latents/settling.js';
import { type BatchSource, computeParticleGradients } from '../../../daemon/training/particle-gradients.js';
import { batchesOf, silent, toyGeometry, toyMolecule, toyParticles } from '../toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-settling-'));
const backend = await createCpuBackend({ threads: 2 });
after(async () => {
  rmSync(folder, { recursive: true });
  await backend.dispose();
});

const N = 16;
const BATCH = 32;
const geometry = toyGeometry(N);
const molecule = toyMolecule(N, new Random(1));
/** Four Gaussians slide along x, by this share of the box from end to end. */
const WAY = 0.15;
const shown = (place: number) => molecule.map((value, i) => (i < 4 ? value + WAY * (place - 0.5) : value));

function slide(count: number, noise: number, seed: number) {
  const random = new Random(seed);
  const places = Array.from({ length: count }, () => random.uniform());
  return { places, source: batchesOf(backend, toyParticles(places.map(shown), geometry, noise, seed)) };
}

test('a place is drawn as often as the image gives it, so that all draws together are spread as the particles are', async () => {
  const { source } = slide(12, 1, 3);
  const z = Float32Array.from({ length: 9 }, (_, c) => c / 8);
  const candidates = { z, dims: 1, states: { rows: [...z].map(shown) } };
  const images: ComparedImages = { backend, geometry, source, batch: BATCH, parameters: 0 };
  const weights: Float64Array[] = [];
  await eachPosterior(images, candidates, 'comparing', (_, posterior) => weights.push(posterior.weights), silent);
  const EPOCHS = 4000;
  const drawn = await drawnPlaces(images, candidates, EPOCHS, 1, silent);
  assert.ok(
    weights.some(own => own.every(weight => weight < 0.9)),
    'some image leaves more than one place',
  );
  weights.forEach((own, particle) => {
    own.forEach((weight, c) => {
      let times = 0;
      for (let epoch = 0; epoch < EPOCHS; epoch++) times += Number(drawn[epoch * 12 + particle] === z[c]);
      // Five standard errors of a count.
      assert.ok(Math.abs(times - EPOCHS * weight) <= 5 * Math.sqrt(EPOCHS * weight * (1 - weight)) + 1, `${times} of ${EPOCHS * weight}`);
    });
  });
  assert.deepEqual(await drawnPlaces(images, candidates, EPOCHS, 1, silent), drawn, 'the same seed, the same places');
});

/** Where along the way a state of the decoder has the Gaussians that slide, 0 to 1. */
const placeOf = (row: Float32Array) => row.subarray(0, 4).reduce((sum, value, i) => sum + value - molecule[i], 0) / 4 / WAY + 0.5;

/** The way that the decoder's states lie apart which fit best, taken together, the particles truly in the first and in the last tenth of the way, over the way that these do: 1 where it is right. */
async function gain(model: Heterogeneity, places: readonly number[], source: BatchSource): Promise<number> {
  const { rows } = await model.decodedStates(Float32Array.from({ length: 81 }, (_, c) => c / 20 - 2));
  const comparison = new Comparison(backend, geometry, { rows }, source, BATCH);
  const found: number[] = [];
  const truly: number[] = [];
  for (const isAt of [(place: number) => place < 0.1, (place: number) => place > 0.9]) {
    const chosen = [...places.keys()].filter(i => isAt(places[i]));
    const together = new Float64Array(rows.length);
    for (let first = 0; first < chosen.length; first += BATCH)
      (await comparison.of(chosen.slice(first, first + BATCH))).logLikelihood.forEach((value, i) => {
        together[i % rows.length] += value;
      });
    found.push(placeOf(rows[together.indexOf(Math.max(...together))]));
    truly.push(chosen.reduce((sum, i) => sum + places[i] / chosen.length, 0));
  }
  comparison.free();
  return (found[1] - found[0]) / (truly[1] - truly[0]);
}

test('where images are noisy the encoder spreads particles beyond the ends of the motion, having read their noise, and the decoder follows; with places drawn by likelihood all lie on the way, and what is decoded is truer to it', async () => {
  const { places, source } = slide(2400, 2, 5);
  const departure = await Departure.create(backend, { neutral: rowToLogits(shown(0.5)), bases: [] }, BATCH);
  const gradients = await computeParticleGradients(backend, { geometry, departure, seen: null, source }, BATCH, join(folder, 'g'), silent);
  const start = principalStart(gradients, source.count, N, 1, new Random(1));
  const vary = Float32Array.from({ length: 5 * N }, (_, i) => Number(i < 4));
  const settings = { ...defaultTrainingSettings, run: 'toy', latentDims: 1, epochs: 8 };
  const settling: Settling = {
    after: 5,
    draw: async (model, cloud, epochs) => {
      const z = drawCandidates(cloud, 1, 64, new Random(1));
      const candidates = { z, dims: 1, states: await model.decodedStates(z) };
      return drawnPlaces({ backend, geometry, source, batch: BATCH, parameters: 4 }, candidates, epochs, 1, silent);
    },
  };
  const outcome = async (given: { settling?: Settling }) => {
    const model = new Heterogeneity(backend, { geometry, departure, vary, source, gradients, start, ...given }, settings, null);
    await model.train(silent, async () => {});
    const found = (await model.decodedStates(await model.cloud())).rows.map(placeOf).sort((a, b) => a - b);
    const ends = [0.02, 0.98].map(share => found[Math.floor(share * found.length)]);
    const result = { ends, gain: await gain(model, places, source) };
    model.free();
    return result;
  };
  const [plain, settled] = [await outcome({}), await outcome({ settling })];
  const width = ([low, high]: number[]) => high - low;
  const told = JSON.stringify({ plain, settled });
  assert.ok(width(plain.ends) > 1.02 && width(settled.ends) < 0.98 && width(settled.ends) > 0.8, told);
  assert.ok(Math.abs(settled.gain - 1) < 0.05 && Math.abs(settled.gain - 1) < Math.abs(plain.gain - 1), told);
  gradients.store.close();
  departure.free();
});
