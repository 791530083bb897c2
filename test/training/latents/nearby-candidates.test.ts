// Placing in three dimensions: among some points from all over the cloud and those about the likeliest, a particle goes where comparing it with the whole cloud would put it.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { Random } from '../../../daemon/numerics/random.js';
import { Comparison } from '../../../daemon/training/latents/comparison.js';
import { COMPARED_ANYWHERE, NearbyCandidates, standsFor } from '../../../daemon/training/latents/nearby-candidates.js';
import { posteriorLatents } from '../../../daemon/training/latents/placing.js';
import { batchesOf, silent, toyGeometry, toyMolecule, toyParticles } from '../toy-molecule.js';

const backend = await createCpuBackend({ threads: 2 });
after(() => backend.dispose());
const N = 8;
const DIMS = 3;
const STATES = 400;
const IMAGES = 200;
const geometry = toyGeometry(N);
const random = new Random(1);
const molecule = toyMolecule(N, random);
/** A solid cloud: each of three Gaussians is moved along its own axis by a coordinate of z. */
const z = Float32Array.from({ length: DIMS * STATES }, () => 2 * random.uniform() - 1);
const at = (c: number) => z.subarray(DIMS * c, DIMS * c + DIMS);
const states = Array.from({ length: STATES }, (_, c) => {
  const row = molecule.slice();
  for (let d = 0; d < DIMS; d++) row[d * N + d] += 0.25 * at(c)[d];
  return row;
});
const truth = Array.from({ length: IMAGES }, () => random.integer(STATES));
const source = batchesOf(
  backend,
  toyParticles(
    truth.map(c => states[c]),
    geometry,
    2,
    2,
  ),
);
const candidates = { z, dims: DIMS, states: { rows: states } };
/** The encoder is right about every other particle, and has the others beyond the far side of the cloud. */
const guesses = Float32Array.from(truth.flatMap((c, i) => [...at(c)].map(value => (i % 2 === 0 ? value : value - 1.5 * Math.sign(value)))));
const seen = { backend, geometry, source, batch: 32, parameters: 0 };

test('a particle is placed as if it were compared with the whole cloud, wherever the encoder puts it, because it is looked for all over first', async () => {
  const all = await posteriorLatents(seen, candidates, silent);
  const some = await posteriorLatents(seen, { ...candidates, guesses }, silent);
  const error = (of: Float32Array, parity: number) => {
    const errors = truth.flatMap((c, i) => (i % 2 === parity ? [Math.hypot(...at(c).map((value, d) => value - of[DIMS * i + d]))] : []));
    return errors.reduce((sum, value) => sum + value / errors.length, 0);
  };
  assert.ok(error(guesses, 1) > 2);
  for (const parity of [0, 1]) {
    const [whole, part] = [error(all.z, parity), error(some.z, parity)];
    assert.ok(whole < 0.6 && part < 1.15 * whole, `${part} from the truth, compared with all ${whole}`);
  }
  const apart = all.observability.reduce((sum, value, i) => sum + Math.abs(value - some.observability[i]) / IMAGES, 0);
  assert.ok(apart < 0.1, `${apart}`);
});

test('the points that an image is compared with stand for all of the cloud, and their likelihood is what it is when all are compared', async () => {
  const comparison = new Comparison(backend, geometry, candidates.states, source, 32);
  const chosen = [0, 1, 2, 3];
  const compared = await comparison.nearby(chosen, new NearbyCandidates(z, DIMS), guesses);
  const whole = await comparison.of(chosen);
  comparison.free();
  for (const r of chosen) {
    const row = [r * STATES, (r + 1) * STATES] as const;
    const stands = compared.standsFor!.subarray(...row);
    const sum = stands.reduce((sum, value) => sum + value, 0);
    assert.ok(Math.abs(sum - STATES) < 1e-9, `${sum}`);
    compared.logLikelihood.subarray(...row).forEach((value, c) => {
      if (value === -Infinity) assert.equal(stands[c], 0);
      else assert.ok(Math.abs(value - whole.logLikelihood[row[0] + c]) < 1e-3, `${value}`);
    });
  }
});

test('of few points all are compared, and each stands for itself', () => {
  const few = COMPARED_ANYWHERE / 2;
  assert.deepEqual(standsFor(few, Int32Array.of(3, 5)), new Float64Array(few).fill(1));
});
