// Entries that depart from what an earlier run found of each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { rowToLogits } from '../../daemon/gaussians/model-frame.js';
import { type DecoderWeights, PlainRowDecoder } from '../../daemon/networks/plain-row-decoder.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import { symmetryRotations } from '../../daemon/numerics/symmetry.js';
import { type Base, Departure, readBases, saveBases } from '../../daemon/training/departure.js';
import { entryNames, runEntries } from '../../daemon/training/run-entries.js';

const N = 4;
const WIDTH = 5 * N;
const ENTRIES = 7;
const random = new Random(2);
const numbers = (n: number) => Float32Array.from({ length: n }, () => random.normal());
const neutral = numbers(WIDTH);
const backend = new PlainBackend(Number.POSITIVE_INFINITY);

function madeBase(dims: number): Base {
  const sizes = [dims, 6, WIDTH];
  const layers = [0, 1].map(l => ({
    inputs: sizes[l],
    outputs: sizes[l + 1],
    weight: numbers(sizes[l] * sizes[l + 1]),
    bias: numbers(sizes[l + 1]),
  }));
  const weights: DecoderWeights = { layers, neutral, vary: Float32Array.from({ length: WIDTH }, (_, i) => (i % 3 === 0 ? 0 : 1)) };
  return { weights, dims, z: numbers(ENTRIES * dims) };
}

function close(a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number): void {
  for (let i = 0; i < a.length; i++) assert.ok(Math.abs(a[i] - b[i]) < tolerance, `${i}: ${a[i]}, ${b[i]}`);
}

test("on one base every entry departs from what that run's decoder gives at its z, and what could not vary there is neutral", async () => {
  const base = madeBase(2);
  const departure = await Departure.create(backend, { neutral, bases: [base] }, 3);
  const decoder = new PlainRowDecoder(base.weights);
  for (const chosen of [[0, 5, 2], [6]]) {
    const rows = await backend.read(departure.logits(chosen));
    chosen.forEach((entry, r) => {
      const wanted = rowToLogits(decoder.row(base.z.subarray(entry * 2, entry * 2 + 2)));
      const got = rows.subarray(r * WIDTH, (r + 1) * WIDTH);
      // Logits beyond ±5 lie on the flat ends of the sigmoid, from which they do not come back to three digits.
      for (let i = 0; i < WIDTH; i++) if (Math.abs(got[i]) < 5) assert.ok(Math.abs(got[i] - wanted[i]) < 1e-3, `${got[i]}, ${wanted[i]}`);
      for (let i = 0; i < WIDTH; i += 3) assert.equal(got[i], neutral[i]);
    });
  }
});

test('several bases add up, and z = 0 is their mean over all entries, whatever the size of the batches', async () => {
  const bases = [madeBase(2), madeBase(1)];
  const [both, first, second] = await Promise.all(
    [bases, [bases[0]], [bases[1]]].map(chosen => Departure.create(backend, { neutral, bases: chosen }, 3)),
  );
  const all = Array.from({ length: ENTRIES }, (_, i) => i);
  const sum = new Float64Array(WIDTH);
  for (const entry of all) {
    const [b, f, s] = await Promise.all([both, first, second].map(departure => backend.read(departure.logits([entry]))));
    close(
      b.subarray(0, WIDTH),
      f.slice(0, WIDTH).map((value, i) => value + s[i] - neutral[i]),
      1e-4,
    );
    for (let i = 0; i < WIDTH; i++) sum[i] += b[i] / ENTRIES;
  }
  close(both.centre, sum, 1e-4);
  close(await backend.read(both.centreLogits), sum, 1e-4);
  assert.equal(both.isShared, false);
});

test('without a base all depart from the neutral model', async () => {
  const departure = await Departure.create(backend, { neutral, bases: [] }, 3);
  assert.deepEqual(await backend.read(departure.logits([4, 1])), neutral);
  assert.ok(departure.isShared && departure.centre === neutral);
});

test('what weights keep of the bases makes the same departure again', async () => {
  const bases = [madeBase(2), madeBase(1)];
  const kept = readBases(new Map(saveBases(neutral, bases)));
  assert.ok(kept);
  const [before, after] = await Promise.all([{ neutral, bases }, kept].map(from => Departure.create(backend, from, 3)));
  assert.deepEqual(await backend.read(after.logits([3, 0])), await backend.read(before.logits([3, 0])));
  assert.equal(readBases(new Map()), null);
});

test('copies of a particle follow one another, each in the orientation A·g, which sees a symmetric molecule as A does', () => {
  const group = symmetryRotations('C3');
  const rotations = new Float32Array([...eulerToMatrix(10, 20, 30), ...eulerToMatrix(-50, 80, 5)]);
  const entries = runEntries(rotations, Uint32Array.of(1), group);
  assert.deepEqual(entryNames(entries), { count: 3, particle: Uint32Array.of(2, 2, 2), copy: Uint8Array.of(0, 1, 2) });
  const molecule = group.map(g => [g[0] * 3 + g[2] * 5, g[3] * 3 + g[5] * 5, g[6] * 3 + g[8] * 5]);
  const seen = (copy: number) =>
    molecule
      .map(p => [0, 3].map(row => p.reduce((sum, value, k) => sum + entries.rotations[9 * copy + row + k] * value, 0).toFixed(4)).join())
      .sort();
  assert.deepEqual(seen(1), seen(0));
  assert.deepEqual(seen(2), seen(0));
});
