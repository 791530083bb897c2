// The neutral model on a molecule that is made of Gaussians, so that a perfect fit is known to exist.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { ringGeometry } from '../../../daemon/compute/ring-geometry.js';
import { logitsToRow } from '../../../daemon/gaussians/model-frame.js';
import { Random } from '../../../daemon/numerics/random.js';
import { fitNeutralModel, type NeutralFit, type ProjectionSource } from '../../../daemon/training/neutral/neutral-model.js';
import { Cancelled } from '../../../daemon/training/progress.js';
import { closedFormImage, randomRotation, silent, toyMolecule } from '../toy-molecule.js';

const backend = await createCpuBackend({ threads: 2 });
after(() => backend.dispose());

const TRUE_COUNT = 10;
const molecule = toyMolecule(TRUE_COUNT, new Random(1));
/** Box of 128 Å; 16 Å is ring 8. σ of the molecule: 0.8 … 1.2 times 7 Å. */
const options: NeutralFit = { boxSize: 32, pixelSizeAngstrom: 4, resolutionAngstrom: 16, gaussians: 40, seed: 1 };
const SIGMA_ANGSTROM = 7;

const source: ProjectionSource = {
  draw(rows, geometry, random, images, rotations) {
    for (let r = 0; r < rows; r++) {
      const A = randomRotation(random);
      rotations.set(A, 9 * r);
      const sigmaPixels = (SIGMA_ANGSTROM / 128) * geometry.boxSize;
      images.set(closedFormImage(molecule, sigmaPixels, geometry, A), r * 2 * geometry.planeSize);
    }
  },
  seed(random) {
    const i = random.integer(TRUE_COUNT);
    return [0, 1, 2].map(axis => molecule[axis * TRUE_COUNT + i] + 0.05 * random.normal()) as [number, number, number];
  },
  density: () => 1,
  inside: () => true,
  ceiling: null,
  shellCorrelation: null,
};

test('on a molecule of Gaussians every ring of unseen projections is above 0.95, the goal of the paper, because a perfect fit exists', async () => {
  const model = await fitNeutralModel(backend, source, options, silent);
  assert.equal(model.count, 40);
  assert.equal(model.logits.length, 200);
  assert.equal(model.ringFrc.length, 8);
  assert.ok(Math.min(...model.ringFrc) > 0.95, model.ringFrc.map(value => value.toFixed(3)).join(' '));

  // Judged anew, in float64 and by closed form, on projections that it has never met.
  const row = logitsToRow(model.logits);
  const geometry = ringGeometry(32, 8);
  const random = new Random(77);
  const mean = new Float64Array(9);
  for (let p = 0; p < 20; p++) {
    const A = randomRotation(random);
    const ours = closedFormImage(row, model.referenceSigmaAngstrom / 4, geometry, A);
    const truth = closedFormImage(molecule, SIGMA_ANGSTROM / 4, geometry, A);
    const sums = Array.from({ length: 9 }, () => [0, 0, 0]);
    for (let i = 0; i < 2 * geometry.planeSize; i++) {
      const [w, s] = [geometry.weights[i % geometry.planeSize], sums[geometry.ring[i % geometry.planeSize]]];
      s[0] += w * ours[i] * truth[i];
      s[1] += w * ours[i] ** 2;
      s[2] += w * truth[i] ** 2;
    }
    for (let k = 1; k <= 8; k++) mean[k] += sums[k][0] / Math.sqrt(sums[k][1] * sums[k][2]) / 20;
  }
  for (let k = 1; k <= 8; k++) assert.ok(mean[k] > 0.95, `ring ${k}: ${mean[k]}`);
});

/** Rows of white noise: nothing that Gaussians could agree with. */
const noiseOnly: ProjectionSource = {
  ...source,
  draw(rows, geometry, random, images, rotations) {
    for (let r = 0; r < rows; r++) rotations.set(randomRotation(random), 9 * r);
    for (let i = 0; i < rows * 2 * geometry.planeSize; i++) images[i] = random.normal();
  },
};

/** The numbers of Gaussians that were tried, in order, with what `progress` was told. */
async function countsTried(given: ProjectionSource, asked: Partial<NeutralFit>): Promise<{ tried: number[]; kept: number }> {
  const tried: number[] = [];
  const progress = (stage: string, done: number, total: number) => {
    if (done === total || done === total - (total % 10)) tried.push(Number(/, (\d+) Gaussians/.exec(stage)?.[1]));
  };
  const model = await fitNeutralModel(backend, given, { ...options, gaussians: null, ...asked }, { ...silent, progress });
  return { tried, kept: model.count };
}

test('Gaussians are doubled only while the worst ring gains by it: on noise alone the first number is kept', async () => {
  // One level only: the coarsest, a quarter of the box, is the target.
  const { tried, kept } = await countsTried(noiseOnly, { resolutionAngstrom: 32, mostGaussians: 64 });
  assert.equal(tried[0], 64);
  assert.equal(kept, 64);
});

test('the number doubles at a target that is the coarsest level too, where a ring is below the goal; one that holds more noise than signal is not asked', async () => {
  const dull = (ceiling: number) =>
    countsTried(
      { ...source, ceiling: Float64Array.of(1, 1, 1, ceiling, ceiling), shellCorrelation: () => Float64Array.of(1, 1, 1, 0.45, 0.45) },
      { resolutionAngstrom: 32, mostGaussians: 512 },
    );
  assert.deepEqual(await dull(0.45), { tried: [256], kept: 256 });
  // Twice as many gain nothing: the fewer are kept.
  assert.deepEqual(await dull(1), { tried: [256, 512], kept: 256 });
});

test('the same seed gives the same model to the bit, another seed another one', async () => {
  const quick = { ...options, gaussians: 16 };
  const [one, same] = [await fitNeutralModel(backend, source, quick, silent), await fitNeutralModel(backend, source, quick, silent)];
  assert.deepEqual(one, same);
  const other = await fitNeutralModel(backend, source, { ...quick, seed: 2 }, silent);
  assert.notDeepEqual(other.logits, one.logits);
});

test('no Gaussian is left outside the mask, as the paper removes them', async () => {
  const inside = (x: number) => x > -0.02;
  const model = await fitNeutralModel(backend, { ...source, inside }, { ...options, gaussians: 16 }, silent);
  const row = logitsToRow(model.logits);
  assert.ok(model.count < 16 && model.count > 0);
  assert.equal(model.logits.length, 5 * model.count);
  for (let i = 0; i < model.count; i++) assert.ok(inside(row[i]));
});

test('a stop is obeyed before the next step', async () => {
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(fitNeutralModel(backend, source, options, silent, abort.signal), Cancelled);
});
