// Laying the latent space out anew: images that fit two states make them neighbours wherever they lie, so that a folded ring comes out flat and what was not folded stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { Random } from '../../../daemon/numerics/random.js';
import { affinityEmbedding } from '../../../daemon/numerics/spectral-embedding.js';
import { agreement, bestLayout, likenessOf, relaidLatents, spreadWeights } from '../../../daemon/training/latents/relaying.js';
import { batchesOf, silent, toyGeometry, toyMolecule, toyParticles } from '../toy-molecule.js';

const TURN = 2 * Math.PI;
/** Steps between two of `count` places on a ring. */
const apart = (a: number, b: number, count: number) => Math.min(Math.abs(a - b), count - Math.abs(a - b));

test('likelihoods are flattened to as many states an image as are asked for, so that neighbours overlap; those that already are as wide are not sharpened', () => {
  const count = 40;
  // An image of each state, its likelihood a Gaussian of the angle.
  const sharp = Float64Array.from({ length: count * count }, (_, i) => -3 * apart(Math.floor(i / count), i % count, count) ** 2);
  const entropies = (weights: Float64Array) =>
    Array.from({ length: count }, (_, i) =>
      weights.subarray(i * count, (i + 1) * count).reduce((sum, w) => sum - (w > 0 ? w * Math.log(w) : 0), 0),
    );
  const mean = entropies(spreadWeights(sharp, count, 5)).reduce((sum, h) => sum + h / count, 0);
  assert.ok(Math.abs(Math.exp(mean) - 5) < 1e-3, `${Math.exp(mean)}`);
  // Nothing to tell: as wide as can be, and it stays so.
  spreadWeights(new Float64Array(count * count), count, 5).forEach(w => void assert.ok(Math.abs(w - 1 / count) < 1e-12));
});

test('states are alike by the images that fit both, however badly the decoder makes one of them, since what lowers its likelihood for all images alike is taken out: a ring comes out round', () => {
  const count = 90;
  const images = 900;
  const random = new Random(1);
  const badly = Array.from({ length: count }, (_, c) => (c >= 20 && c < 24 ? 6 : random.uniform()));
  const logLikelihood = Float64Array.from({ length: images * count }, (_, i) => {
    const c = i % count;
    return -2 * apart((Math.floor(i / count) * count) / images, c, count) ** 2 - badly[c];
  });
  const likeness = likenessOf(logLikelihood, count);
  for (let a = 0; a < count; a++)
    for (let b = 0; b < count; b++) assert.equal(likeness[a * count + b], likeness[b * count + a], `${a} and ${b}`);
  const flat = affinityEmbedding(likeness, count, 2, new Random(1));
  // The polar angle runs once round, and always the same way.
  const polar = Array.from({ length: count }, (_, c) => Math.atan2(flat[2 * c + 1], flat[2 * c]));
  const steps = polar.map((angle, c) => (((((polar[(c + 1) % count] - angle) / TURN) % 1) + 1.5) % 1) - 0.5);
  assert.ok(Math.abs(Math.abs(steps.reduce((sum, step) => sum + step, 0)) - 1) < 1e-9);
  assert.ok(steps.every(step => step * steps[0] > 0));
});

/** Affinities of places that are alike up to some steps apart. */
const alikeWithin = (count: number, steps: number, distance: (a: number, b: number) => number) =>
  Float64Array.from({ length: count * count }, (_, i) => Math.exp(-((distance(Math.floor(i / count), i % count) / steps) ** 2)));

test('nearness agrees with likeness wholly along a line; less where its halves stand in the wrong order, are folded on one another, or where one of two lines shrinks to a point', () => {
  const count = 60;
  const line = alikeWithin(count, 20, (a, b) => Math.abs(a - b));
  const agrees = (place: (i: number) => number) =>
    agreement(
      line,
      Float64Array.from({ length: count }, (_, i) => place(i)),
      count,
      1,
    );
  // Pairs equally far apart are ranked by rounding.
  assert.ok(agrees(i => i) > 0.999, `${agrees(i => i)}`);
  // Whatever the scale, and wherever the cloud lies.
  assert.ok(Math.abs(agrees(i => 7 - 30 * i) - agrees(i => i)) < 1e-3);
  assert.ok(agrees(i => (i + count / 2) % count) < 0.7);
  assert.ok(agrees(i => Math.abs(i - count / 2)) < 0.7);
  // Two lines side by side: every even point lies on the one, every odd one on the other.
  const two = alikeWithin(count, 20, (a, b) => Math.hypot((a >> 1) - (b >> 1), 40 * ((a % 2) - (b % 2))));
  const middle = (count / 2 - 1) / 2;
  const parallel = (lengthOfOne: number) => {
    const place = (i: number) => (i % 2 === 0 ? [-1, i >> 1] : [1, middle + lengthOfOne * ((i >> 1) - middle)]);
    return agreement(two, Array.from({ length: count }, (_, i) => place(i)).flat(), count, 2);
  };
  assert.ok(parallel(1) > 0.9 && parallel(0.01) < parallel(1) - 0.1, `${parallel(1)}, ${parallel(0.01)}`);
});

const N = 8;
const COUNT = 2400;

/** A Gaussian that goes round in a ring of the molecule, one particle a place; and the decoder that knows it. */
async function ringParticles() {
  const backend = await createCpuBackend({ threads: 1 });
  const geometry = toyGeometry(N);
  const still = toyMolecule(N, new Random(1));
  const molecule = (turn: number) =>
    still.map((value, i) => (i === 0 ? 0.3 * Math.cos(TURN * turn) : i === N ? 0.3 * Math.sin(TURN * turn) : i === 3 * N ? 0.9 : value));
  const turns = Array.from({ length: COUNT }, (_, p) => p / COUNT);
  // The order of particles says nothing.
  new Random(5).shuffle(turns);
  const source = batchesOf(backend, toyParticles(turns.map(molecule), geometry, 1, 2));
  /** The decoder that is right on `z`: the molecule of the particle that lies there. */
  const modelOn = (z: Float32Array, dims: number) => ({
    decodedStates: async (points: Float32Array) => ({
      rows: Array.from({ length: points.length / dims }, (_, i) => {
        const point = points.subarray(i * dims, (i + 1) * dims);
        return molecule(turns[turns.findIndex((_, p) => point.every((value, k) => z[p * dims + k] === value))]);
      }),
    }),
  });
  const relaid = (z: Float32Array, dims = 2) =>
    relaidLatents(backend, geometry, source, modelOn(z, dims), { z, dims }, { latentDims: 2, batch: 32, seed: 1 }, silent);
  return { backend, turns, relaid };
}

const onRing = (turns: readonly number[]) => Float32Array.from(turns.flatMap(turn => [Math.cos(TURN * turn), Math.sin(TURN * turn)]));

/** Of every particle's polar angle, after the turn or reflection that suits best. */
function polarCosine(z: Float32Array, turns: readonly number[]): number {
  const sums = [1, -1].map(way =>
    turns.reduce(
      ([c, s], turn, p) => {
        const difference = Math.atan2(z[2 * p + 1], z[2 * p]) - way * TURN * turn;
        return [c + Math.cos(difference) / COUNT, s + Math.sin(difference) / COUNT];
      },
      [0, 0],
    ),
  );
  return Math.max(...sums.map(([c, s]) => Math.hypot(c, s)));
}

test('a ring with an arc folded inside comes out round again, told by the images alone; one that was never folded stays round', async () => {
  const { backend, turns, relaid } = await ringParticles();
  const flat = onRing(turns);
  // The third quarter, turned about the middle and halved, lies inside the first.
  const inside = flat.map((value, i) => (turns[i >> 1] >= 0.5 && turns[i >> 1] < 0.75 ? -value / 2 : value));
  const laid = await relaid(inside);
  assert.ok(laid);
  const cosine = (z: Float32Array) => polarCosine(z, turns);
  assert.ok(cosine(laid) > 0.9 && cosine(inside) < 0.75, `${cosine(laid)}, folded ${cosine(inside)}`);
  assert.ok(cosine((await relaid(flat)) ?? flat) > 0.95);
  assert.deepEqual(await relaid(inside), laid, 'the same outcome whenever it is asked');
  await backend.dispose();
});

test('a cloud of more dimensions is laid out in as few as are wanted: a ring that winds through four lies flat and round, since images ask who is alike and not where it lies', async () => {
  const { backend, turns, relaid } = await ringParticles();
  // A closed curve whose first two coordinates cross themselves: an eight.
  const eight = Float32Array.from(
    turns.flatMap(turn => [1, 2].flatMap(times => [Math.sin(times * TURN * turn), 0.2 * Math.cos(times * TURN * turn)])),
  );
  const laid = await relaid(eight, 4);
  assert.ok(laid && laid.length === 2 * COUNT);
  assert.ok(polarCosine(laid, turns) > 0.9, `${polarCosine(laid, turns)}`);
  await backend.dispose();
});

test('of a long motion and a short one both are laid out, though the second eigenvector is a harmonic of the first: particles with and without a ligand come apart, and each lies in its order', () => {
  const steps = 60;
  const count = 2 * steps;
  // The first half without the ligand. An image that fits a state fits those up to some steps on nearly as well, and the same step with the other part hardly worse.
  const likeness = Float64Array.from({ length: count * count }, (_, i) => {
    const [a, b] = [Math.floor(i / count), i % count];
    return Math.exp(-((((a % steps) - (b % steps)) / 16) ** 2)) * (a < steps === b < steps ? 1 : 0.4);
  });
  const second = affinityEmbedding(likeness, count, 2, new Random(1)).filter((_, i) => i % 2 === 1);
  const { flat } = bestLayout(likeness, count, 2, new Random(1));
  const parted = (values: Float64Array) => Math.abs(values.reduce((sum, value, i) => sum + (i < steps ? value : -value) / count, 0));
  assert.ok(parted(second) < 0.1, `by the second ${parted(second)}`);
  const [along, across] = [0, 1].map(k => flat.filter((_, i) => i % 2 === k));
  assert.ok(parted(across) > 0.9, `${parted(across)}`);
  for (const first of [0, steps]) {
    const order = along.subarray(first, first + steps);
    assert.ok(order.every((value, i) => i === 0 || (value - order[i - 1]) * (order[1] - order[0]) > 0));
  }
});
