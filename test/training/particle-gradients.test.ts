// What the encoder sees of a particle: the same whichever way the particle lies, and of one particle alone.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PlainBackend } from '../../daemon/compute/cpu/plain-backend.js';
import { rowToLogits } from '../../daemon/gaussians/model-frame.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import { ImagePreparer } from '../../daemon/particles/prepare-images.js';
import { Departure } from '../../daemon/training/departure.js';
import { computeParticleGradients } from '../../daemon/training/particle-gradients.js';
import { Cancelled } from '../../daemon/training/progress.js';
import { type DrawnParticle, drawnParticles } from '../particles/drawn-particles.js';
import { batchesOf, randomRotation, silent, type ToyParticles, toyGeometry, toyMolecule, toyParticles } from './toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-gradients-'));
after(() => rmSync(folder, { recursive: true }));

const N = 6;
const geometry = toyGeometry(N);
const backend = new PlainBackend(Number.POSITIVE_INFINITY);
const random = new Random(1);
const molecule = toyMolecule(N, random);
/** The neutral model is not the molecule, or every gradient would vanish. */
const neutral = molecule.map((value, i) => value + (i < 3 * N ? 0.02 : 0.1) * random.normal());

let files = 0;
const departureFrom = (row: Float32Array, batch: number) => Departure.create(backend, { neutral: rowToLogits(row), bases: [] }, batch);
async function gradientsOf(
  particles: ToyParticles,
  row: Float32Array = neutral,
  batch = 4,
  seen: Float32Array | null = null,
): Promise<{ rows: Float32Array[]; scales: number[] }> {
  const made = await computeParticleGradients(
    backend,
    { geometry, departure: await departureFrom(row, batch), seen, source: batchesOf(backend, particles) },
    batch,
    join(folder, String(files++)),
    silent,
  );
  const rows = particles.images.map((_, i) => {
    const out = new Float32Array(5 * N);
    made.store.read([i], out);
    return out;
  });
  made.store.close();
  return { rows, scales: made.scales };
}

/** Gradients of order 1, kept in half precision: each of both is off by 2⁻¹¹ of itself, one that was turned by that of three. */
function assertClose(a: Float32Array, b: Float32Array, tolerance = 2 ** -9): void {
  a.forEach((value, i) => void assert.ok(Math.abs(value - b[i]) <= tolerance * Math.max(1, Math.abs(value)), `${i}: ${value}, ${b[i]}`));
}

test('model and particle turned together change nothing but the frame: position gradients turn along, amplitude and width gradients stay', async () => {
  const particles = toyParticles([molecule, molecule], geometry, 0.3, 2);
  const Q = eulerToMatrix(25, 65, -40);
  const turned = neutral.slice();
  for (let i = 0; i < N; i++)
    for (let a = 0; a < 3; a++) turned[a * N + i] = [0, 1, 2].reduce((sum, b) => sum + Q[3 * a + b] * neutral[b * N + i], 0);
  // A' = A·Qᵀ sees Q·c where A saw c, so the images stay.
  const rotations = particles.rotations.map(A =>
    Float64Array.from({ length: 9 }, (_, e) => [0, 1, 2].reduce((sum, k) => sum + A[3 * Math.floor(e / 3) + k] * Q[3 * (e % 3) + k], 0)),
  );
  const before = await gradientsOf(particles);
  const after = await gradientsOf({ ...particles, rotations }, turned);
  before.rows.forEach((row, p) => {
    const back = after.rows[p].slice();
    for (let i = 0; i < N; i++)
      for (let a = 0; a < 3; a++) back[a * N + i] = [0, 1, 2].reduce((sum, b) => sum + Q[3 * b + a] * after.rows[p][b * N + i], 0);
    assertClose(row, back);
  });
});

/** The particle as it comes from a stack, through preparation. */
function fromStack(drawn: DrawnParticle[]): ToyParticles {
  const set = drawnParticles(24, drawn);
  const preparer = new ImagePreparer(set, geometry.ringGeometry, 1);
  const images = drawn.map((_, i) => {
    const image = new Float32Array(2 * geometry.ringGeometry.planeSize);
    preparer.prepare(i, -1, image, null);
    return image;
  });
  return { images, rotations: drawn.map(particle => Float64Array.from(particle.rotation)) };
}

const blobs = Array.from({ length: N }, (_, i) => ({
  centre: [24 * molecule[i], 24 * molecule[N + i], 24 * molecule[2 * N + i]] as const,
  amplitude: molecule[3 * N + i],
  sigma: 1.5 * molecule[4 * N + i],
}));

test('a particle that lies elsewhere in its image with an origin that says so has the same gradient, as the paper wants of the encoder', async () => {
  const rotation = Array.from(randomRotation(new Random(3)));
  const shifts = [
    [0, 0],
    [2, -3],
    [-1.3, 0.7],
  ] as const;
  const { rows } = await gradientsOf(fromStack(shifts.map(shift => ({ rotation, shift, blobs }))));
  // Through float32 images of 576 pixels and a transform: some hundred roundings.
  assertClose(rows[0], rows[1]);
  assertClose(rows[0], rows[2]);
});

test('a particle turned in its image with a psi that says so has the same gradient; by 90° the rings hold exactly the same frequencies', async () => {
  const A = randomRotation(new Random(4));
  const quarter = [A[3], A[4], A[5], -A[0], -A[1], -A[2], A[6], A[7], A[8]];
  const { rows } = await gradientsOf(
    fromStack([
      { rotation: Array.from(A), shift: [0, 0], blobs },
      { rotation: quarter, shift: [0, 0], blobs },
    ]),
  );
  assertClose(rows[0], rows[1]);
});

test('at the model that the particles show, every gradient vanishes, since the correlation is at its highest', async () => {
  const clean = toyParticles([molecule, molecule, molecule], geometry, 0, 5);
  const there = await gradientsOf(clean, molecule);
  const beside = await gradientsOf(clean, neutral);
  const size = (rows: Float32Array[]) => Math.sqrt(rows.reduce((sum, row) => sum + row.reduce((s, g) => s + g * g, 0), 0));
  assert.ok(size(there.rows) < 1e-4 * size(beside.rows), `${size(there.rows)} of ${size(beside.rows)}`);
});

test('a gradient belongs to one particle alone: neither its batch, nor a short last one, nor the others change a bit of it', async () => {
  const particles = toyParticles(
    Array.from({ length: 7 }, () => molecule),
    geometry,
    0.5,
    6,
  );
  const whole = await gradientsOf(particles, neutral, 7);
  for (const batch of [1, 3, 4, 16]) assert.deepEqual((await gradientsOf(particles, neutral, batch)).rows, whole.rows);
  const last = await gradientsOf({ images: particles.images.slice(6), rotations: particles.rotations.slice(6) }, neutral, 4);
  assert.deepEqual(last.rows[0], whole.rows[6]);
});

test('scaled, positions, amplitudes and widths each have root mean square 1 over the set, and x, y, z share a factor so that no direction is favoured', async () => {
  const particles = toyParticles(
    Array.from({ length: 10 }, () => molecule),
    geometry,
    0.5,
    7,
  );
  const { rows, scales } = await gradientsOf(particles);
  assert.ok(scales[0] === scales[1] && scales[1] === scales[2]);
  for (const [from, to] of [
    [0, 3],
    [3, 4],
    [4, 5],
  ]) {
    const values = rows.flatMap(row => Array.from(row.subarray(from * N, to * N), value => value * scales[from]));
    const power = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    // The factors are of the gradients before they are kept in half precision, which changes a number by up to 2⁻¹¹ and its square by twice that.
    assert.ok(Math.abs(power - 1) < 2 ** -10);
  }
});

test('a stop is obeyed between batches', async () => {
  const abort = new AbortController();
  abort.abort();
  const source = batchesOf(backend, toyParticles([molecule], geometry, 0, 8));
  const departure = await departureFrom(neutral, 4);
  await assert.rejects(
    computeParticleGradients(backend, { geometry, departure, seen: null, source }, 4, join(folder, 'stopped'), silent, abort.signal),
    Cancelled,
  );
});
