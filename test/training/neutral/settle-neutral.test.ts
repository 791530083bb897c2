// Settling the neutral model: afterwards the particles' mean gradient is gone, and only differences between them are left to learn.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { logitsToRow, rowToLogits } from '../../../daemon/gaussians/model-frame.js';
import { Random } from '../../../daemon/numerics/random.js';
import { Departure } from '../../../daemon/training/departure.js';
import { settleNeutral } from '../../../daemon/training/neutral/settle-neutral.js';
import { computeParticleGradients } from '../../../daemon/training/particle-gradients.js';
import { Cancelled } from '../../../daemon/training/progress.js';
import { meanRingCorrelation } from '../../../daemon/training/ring-shares.js';
import { batchesOf, silent, toyGeometry, toyMolecule, toyParticles } from '../toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-settle-'));
const backend = await createCpuBackend({ threads: 1 });
after(async () => {
  rmSync(folder, { recursive: true });
  await backend.dispose();
});

const N = 8;
const geometry = toyGeometry(N);
const random = new Random(1);
const molecule = toyMolecule(N, random);
/** What a map could give: near the molecule, but not what correlates best with its particles. */
const start = rowToLogits(molecule.map((value, i) => value + (i < 3 * N ? 0.02 : 0.08) * random.normal()));
const source = batchesOf(
  backend,
  toyParticles(
    Array.from({ length: 256 }, () => molecule),
    geometry,
    0.7,
    2,
  ),
);

/** Length of the particles' mean gradient, each kind in its own units, over that of a single particle's. */
async function meanGradient(logits: Float32Array): Promise<number> {
  const departure = await Departure.create(backend, { neutral: logits, bases: [] }, 64);
  const { store, scales } = await computeParticleGradients(
    backend,
    { geometry, departure, seen: null, source },
    64,
    join(folder, 'g'),
    silent,
  );
  const rows = new Float32Array(source.count * 5 * N);
  store.read(
    Array.from({ length: source.count }, (_, i) => i),
    rows,
  );
  store.close();
  const mean = new Float64Array(5 * N);
  let power = 0;
  rows.forEach((value, i) => {
    const scaled = value * scales[Math.floor((i % (5 * N)) / N)];
    mean[i % (5 * N)] += scaled / source.count;
    power += scaled ** 2 / source.count;
  });
  return Math.hypot(...mean) / Math.sqrt(power);
}

test("the particles' mean gradient falls to what their number leaves of noise, and the correlation with them rises", async () => {
  const settled = await settleNeutral(backend, { geometry, start, particles: source, projections: null, random: new Random(3) }, silent);
  const [before, now] = [await meanGradient(start), await meanGradient(settled)];
  // Gradients of 256 independent particles with mean zero have a mean of 1/√256 of their size: 0.06. At an optimum it is below that.
  assert.ok(before > 0.2, `${before}`);
  assert.ok(now < 1 / Math.sqrt(source.count), `${now}, before ${before}`);
  const correlation = async (logits: Float32Array) => {
    const row = backend.tensor([1, 5 * N], logitsToRow(logits));
    return (await meanRingCorrelation(backend, geometry, row, source, 64)).reduce((sum, c) => sum + c, 0) / 8;
  };
  assert.ok((await correlation(settled)) > (await correlation(start)));
});

test('rings that particles say nothing about are held by the map: with shares on the lowest ring alone, the finest keeps its correlation with the map', async () => {
  const ringShares = new Float32Array(9);
  ringShares[1] = 1;
  const projections = batchesOf(
    backend,
    toyParticles(
      Array.from({ length: 128 }, () => molecule),
      geometry,
      0,
      4,
    ),
  );
  const finest = async (logits: Float32Array) =>
    (await meanRingCorrelation(backend, geometry, backend.tensor([1, 5 * N], logitsToRow(logits)), projections, 64))[8];
  const held = await settleNeutral(
    backend,
    { geometry: { ...geometry, ringShares }, start, particles: source, projections, random: new Random(5) },
    silent,
  );
  const loose = await settleNeutral(
    backend,
    { geometry: { ...geometry, ringShares }, start, particles: source, projections: null, random: new Random(5) },
    silent,
  );
  const [withMap, without, before] = [await finest(held), await finest(loose), await finest(start)];
  assert.ok(withMap >= before && withMap > without + 0.01, `with ${withMap}, without ${without}, before ${before}`);
});

test('the same seed settles at the same bits', async () => {
  const settle = () => settleNeutral(backend, { geometry, start, particles: source, projections: null, random: new Random(6) }, silent);
  assert.deepEqual(await settle(), await settle());
});

test('a stop is obeyed before the next step', async () => {
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(
    settleNeutral(backend, { geometry, start, particles: source, projections: null, random: new Random(6) }, silent, abort.signal),
    Cancelled,
  );
});
