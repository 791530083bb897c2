// Laying the latent space out anew: images that fit two states make them neighbours wherever they lie, so that a folded ring comes out flat and what was not folded stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { Random } from '../../daemon/numerics/random.js';
import { graphEmbedding } from '../../daemon/numerics/spectral-embedding.js';
import { likenessGraph, relaidLatents, spreadWeights, tornShare } from '../../daemon/training/latent-relaying.js';
import { batchesOf, silent, toyGeometry, toyMolecule, toyParticles } from './toy-molecule.js';

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

test('the graph joins states that are true neighbours even where the decoder makes one badly, since what lowers its likelihood for all images alike is taken out', () => {
  const count = 90;
  const images = 900;
  const random = new Random(1);
  const badly = Array.from({ length: count }, (_, c) => (c >= 20 && c < 24 ? 6 : random.uniform()));
  const logLikelihood = Float64Array.from({ length: images * count }, (_, i) => {
    const c = i % count;
    return -2 * apart((Math.floor(i / count) * count) / images, c, count) ** 2 - badly[c];
  });
  const edges = likenessGraph(spreadWeights(logLikelihood, count, 5), count);
  // Twelve neighbours on a ring lie up to six steps away; a state of little weight chooses further ones.
  edges.forEach((near, a) => {
    assert.ok(near.has((a + 1) % count) && near.has((a + count - 1) % count), `${a}`);
    for (const b of near) assert.ok(apart(a, b, count) <= 12, `${a} and ${b}`);
  });
  // And so it is a ring: the polar angle runs once round.
  const flat = graphEmbedding(edges, 2, new Random(1));
  const polar = Array.from({ length: count }, (_, c) => Math.atan2(flat[2 * c + 1], flat[2 * c]));
  const steps = polar.map((angle, c) => (((((polar[(c + 1) % count] - angle) / TURN) % 1) + 1.5) % 1) - 0.5);
  assert.ok(Math.abs(Math.abs(steps.reduce((sum, step) => sum + step, 0)) - 1) < 1e-9);
  assert.ok(steps.every(step => step * steps[0] > 0));
});

test('torn are the neighbours with a fold between them: none on a ring, as many as are joined across the two ends of an arc once that is folded inside', () => {
  const count = 80;
  const ring = Array.from({ length: count }, (_, i) => new Set([(i + 1) % count, (i + count - 1) % count]));
  const flat = ringPoints(count);
  assert.equal(tornShare(ring, flat, 2), 0);
  // The second quarter taken to the other side: its first and its last joint.
  const cut = flat.map((value, i) => (i >= count / 2 && i < count ? -value : value));
  assert.equal(tornShare(ring, cut, 2), 2 / count);
  // Whatever the scale, and wherever the cloud lies.
  const elsewhere = cut.map(value => 30 * value + 7);
  assert.equal(tornShare(ring, elsewhere, 2), 2 / count);
});

/** count × 2. */
function ringPoints(count: number): Float32Array {
  return Float32Array.from({ length: 2 * count }, (_, i) => Math.cos((TURN * Math.floor(i / 2)) / count - (i % 2) * (TURN / 4)));
}

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
  const modelOn = (z: Float32Array) => ({
    decodedRows: async (points: Float32Array) =>
      Array.from({ length: points.length / 2 }, (_, i) => {
        const at = turns.findIndex((_, p) => z[2 * p] === points[2 * i] && z[2 * p + 1] === points[2 * i + 1]);
        return molecule(turns[at]);
      }),
  });
  const relaid = (z: Float32Array) =>
    relaidLatents(backend, geometry, source, modelOn(z), z, { latentDims: 2, batch: 32, seed: 1 }, silent);
  return { backend, turns, relaid };
}

const onRing = (turns: readonly number[]) => Float32Array.from(turns.flatMap(turn => [Math.cos(TURN * turn), Math.sin(TURN * turn)]));

test('a ring with an arc folded inside comes out round again, told by the images alone; one that was never folded is left as it is', async () => {
  const { backend, turns, relaid } = await ringParticles();
  const flat = onRing(turns);
  // The third quarter, turned about the middle and halved, lies inside the first.
  const inside = flat.map((value, i) => (turns[i >> 1] >= 0.5 && turns[i >> 1] < 0.75 ? -value / 2 : value));
  const laid = await relaid(inside);
  assert.ok(laid);
  // Every particle's polar angle, after the turn or reflection that suits best.
  const cosine = (z: Float32Array) => {
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
  };
  assert.ok(cosine(laid) > 0.9 && cosine(inside) < 0.75, `${cosine(laid)}, folded ${cosine(inside)}`);
  assert.equal(await relaid(flat), null);
  assert.deepEqual(await relaid(inside), laid, 'the same outcome whenever it is asked');
  await backend.dispose();
});
