// Placing particles by likelihood: an image made of one candidate goes to it, a hopeless one to the middle of the cloud; and which is which is said of each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProjectionGeometry } from '../../../daemon/compute/backend.js';
import { PlainBackend, plainTransform } from '../../../daemon/compute/cpu/plain-backend.js';
import { equalShares, ringGeometry } from '../../../daemon/compute/ring-geometry.js';
import { logitsToRow, rowToLogits } from '../../../daemon/gaussians/model-frame.js';
import { Random } from '../../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../../daemon/numerics/rotations.js';
import { Departure } from '../../../daemon/training/departure.js';
import { Comparison } from '../../../daemon/training/latents/comparison.js';
import { drawnApart, type KeptPlacing, localMean, posteriorLatents } from '../../../daemon/training/latents/placing.js';
import { neighbourGraph } from '../../../daemon/training/latents/plausible-candidates.js';
import { type Candidates, drawCandidates, evidenceShare } from '../../../daemon/training/latents/posteriors.js';
import type { BatchSource } from '../../../daemon/training/particle-gradients.js';
import { Cancelled, type Reporter } from '../../../daemon/training/progress.js';
import { rankCorrelation } from '../../../demo-data/oracle.js';

const silent: Reporter = { progress() {}, epoch() {}, note() {} };
const N = 6;
const ring = ringGeometry(24, 9);
const geometry: ProjectionGeometry = {
  gaussians: N,
  ringGeometry: ring,
  referenceSigmaPixels: 1.5,
  blurVariancePixels: 0,
  ringShares: equalShares(9),
};
const random = new Random(1);
/** Candidates: one of the Gaussians at three places along a line; z is the place. */
const places = [-1, 0, 1];
const base = Float32Array.from({ length: 5 * N }, (_, i) => (i < 3 * N ? 0.5 * (random.uniform() - 0.5) : i < 4 * N ? 0.5 : 1));
const rows = places.map(place => base.map((value, i) => (i === 0 ? 0.25 * place : value)));
const backend = new PlainBackend();
const A = Float32Array.from(eulerToMatrix(30, 20, 70));

function sourceOf(images: Float32Array[], turns: readonly ArrayLike<number>[] = images.map(() => A)): BatchSource {
  return {
    count: images.length,
    load(indices, rotations, tensor) {
      for (let i = 0; i < indices.length; i++) {
        backend.write(rotations, Float32Array.from(turns[indices[i]]), 9 * i);
        backend.write(tensor, images[indices[i]], i * 2 * ring.planeSize);
      }
    },
  };
}

const transform = plainTransform(24, 9, ring.stride);
const picture = (row: Float32Array, turn: ArrayLike<number> = A) => Float32Array.from(transform.forward(backend.draw(geometry, row, turn)));
const noisy = (image: Float32Array, deviation: number, source = random) =>
  image.map((value, i) => value + (ring.weights[i % ring.planeSize] > 0 ? deviation * source.normal() : 0));
/** Without parameters nothing can have been fitted to noise. */
const place = (images: Float32Array[], batch: number, parameters = 0) =>
  posteriorLatents(
    { backend, geometry, source: sourceOf(images), batch, parameters },
    { z: Float32Array.from(places), dims: 1, states: { rows } },
    silent,
  );

test('the image of a candidate goes to it, because its likelihood there leaves nothing to the others, and the batch makes no difference', async () => {
  const images = [2, 0, 1].map(i => picture(rows[i]));
  for (const batch of [2, 8]) {
    const { z, frc } = await place(images, batch);
    [1, -1, 0].forEach((wanted, i) => void assert.ok(Math.abs(z[i] - wanted) < 1e-3, `${z[i]} for ${wanted}`));
    assert.ok(frc.every(value => value > 0.999));
  }
});

/** −Σ (n/2)·log(1 − c²) over the rings, as it is written. */
function naiveLogLikelihood(row: Float32Array, image: Float32Array): number {
  const P = picture(row);
  let log = 0;
  for (let k = 1; k <= 9; k++) {
    let [c, p, q, n] = [0, 0, 0, 0];
    for (let i = 0; i < 2 * ring.planeSize; i++) {
      const at = i % ring.planeSize;
      if (ring.ring[at] !== k) continue;
      c += ring.weights[at] * P[i] * image[i];
      p += ring.weights[at] * P[i] ** 2;
      q += ring.weights[at] * image[i] ** 2;
      if (i === at) n += ring.weights[at];
    }
    log -= (n / 2) * Math.log(1 - Math.max(c / Math.sqrt(p * q), 0) ** 2);
  }
  return log;
}

test('with white noise a place is the sum of those weighted by (1 − c²)^(−n/2) about the likeliest, all drawn apart to the variance of means and posteriors together, and the observability what a posterior leaves of the variance, as computed naively', async () => {
  // Beside nearly clean images of every state nothing of the gain is noise; with a million parameters next to all of it is, and a quarter is left.
  const nearlyClean = rows.map(row => noisy(picture(row), 0.1, new Random(2)));
  const images = [noisy(picture(rows[2]), 3), noisy(picture(rows[0]), 3, new Random(3)), ...nearlyClean];
  const logs = images.map(image => rows.map(row => naiveLogLikelihood(row, image)));
  const naive = (log: number[], power: number) => {
    const weights = log.map(value => Math.exp(power * (value - Math.max(...log))));
    const mean = (value: (z: number) => number) =>
      weights.reduce((sum, w, i) => sum + w * value(places[i]), 0) / weights.reduce((sum, w) => sum + w, 0);
    // Placed about the likeliest of them: others count by a bell of 1.5 times the cloud's size, whose middle here is the place that most of the weight is near.
    const reach = 1.5 * Math.sqrt(2 / 3);
    const bell = (a: number, b: number) => Math.exp(-((a - b) ** 2) / (2 * reach ** 2));
    const nearTo = (a: number) => mean(z => bell(z, a));
    const centre = [...places].sort((a, b) => nearTo(b) - nearTo(a))[0];
    const middle = mean(z => z);
    return { z: mean(z => bell(z, centre) * z) / nearTo(centre), middle, square: mean(z => z * z) };
  };
  const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = (values: number[]) => average(values.map(value => (value - average(values)) ** 2));
  for (const [parameters, power] of [
    [0, 1],
    [1e6, 0.25],
  ]) {
    const { z, observability } = await place(images, 4, parameters);
    const expected = logs.map(log => naive(log, power));
    const means = expected.map(({ z }) => z);
    const all = variance(expected.map(({ middle }) => middle)) + average(expected.map(({ middle, square }) => square - middle ** 2));
    const apart = Math.min(Math.SQRT2, Math.sqrt(all / variance(means)));
    assert.ok(apart > 1.01, `${apart}`);
    expected.forEach(({ middle, square }, i) => {
      const wanted = average(means) + apart * (means[i] - average(means));
      // Correlations in single precision, multiplied by up to 60 pixels a ring.
      assert.ok(Math.abs(z[i] - wanted) < 1e-3, `${z[i]}, ${wanted}`);
      // The places −1, 0, 1 have a variance of 2/3.
      const seen = Math.max(0, 1 - (square - middle ** 2) / (2 / 3));
      assert.ok(Math.abs(observability[i] - seen) < 1e-3, `${observability[i]}, ${seen}`);
    });
  }
});

test('places are drawn apart about their mean and in their order, at most √2 times as far, because where images tell less it would be noise, and never together', () => {
  const z = Float32Array.of(1, 2, 3, 6);
  const own = Math.sqrt(3.5);
  const factors = [1.2, 3, 0.5].map(wanted => {
    const apart = drawnApart(z, wanted * own);
    z.forEach((value, i) => void assert.ok(Math.abs(apart[i] - 3 - ((apart[3] - 3) / 3) * (value - 3)) < 1e-6));
    return (apart[3] - 3) / 3;
  });
  [1.2, Math.SQRT2, 1].forEach((factor, i) => void assert.ok(Math.abs(factors[i] - factor) < 1e-6, `${factors[i]}`));
  assert.deepEqual(drawnApart(Float32Array.of(2, 2), 1), Float32Array.of(2, 2), 'of one place nothing is known to be apart');
});

test('the evidence is the gain less half a unit for every parameter of every state told apart but the first, since that much is gained from noise alone', () => {
  const [states, gain, particles, parameters] = [4, 50, 1000, 500];
  const certain = Float64Array.from({ length: states * states }, (_, i) => (i % (states + 1) === 0 ? gain : 0));
  // Each image gives its own state `gain` and the others nothing: the mean likelihood is e^gain / 4, and the best single state gains a quarter of it.
  const total = particles * (gain - Math.log(states) - gain / states);
  const expected = 1 - ((states - 1) * parameters) / (2 * total);
  assert.ok(Math.abs(evidenceShare(certain, states, particles, parameters) - expected) < 1e-9);
  assert.equal(evidenceShare(new Float64Array(16), states, particles, parameters), 0.25, 'nothing gained, nothing evident');
});

test('a slide along x is seen across x and not along it, because a projection loses what lies along the view; and where it is seen z is right', async () => {
  const steps = Float32Array.from({ length: 9 }, (_, i) => i / 4 - 1);
  const slide = [...steps].map(step => base.map((value, i) => (i < 2 ? 0.2 * step : value)));
  const views = Array.from({ length: 160 }, (_, i) => {
    // Even particles look along x to within 6°, odd ones across it: the third row of A is the direction of view.
    const tilt = i % 2 === 0 ? 90 + 6 * (2 * random.uniform() - 1) : 6 * (2 * random.uniform() - 1);
    return eulerToMatrix(0, tilt, 360 * random.uniform());
  });
  const states = views.map(() => random.integer(9));
  const images = views.map((view, i) => noisy(picture(slide[states[i]], view), 0.5));
  const candidates = { z: steps, dims: 1, states: { rows: slide } };
  const { z, observability } = await posteriorLatents(
    { backend, geometry, source: sourceOf(images, views), batch: 32, parameters: 0 },
    candidates,
    silent,
  );
  const of = (parity: number, value: (i: number) => number) => views.flatMap((_, i) => (i % 2 === parity ? [value(i)] : []));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [along, across] = [0, 1].map(parity => mean(of(parity, i => observability[i])));
  assert.ok(along < 0.3 && across > 0.7, `${along} along, ${across} across`);
  const [rankAlong, rankAcross] = [0, 1].map(parity =>
    rankCorrelation(
      of(parity, i => z[i]),
      of(parity, i => states[i]),
    ),
  );
  assert.ok(rankAcross > 0.9 && rankAlong < rankAcross - 0.2, `${rankAlong} along, ${rankAcross} across`);
  // Not only between the two views: over all particles the error falls as the observability rises.
  const errors = states.map((state, i) => Math.abs(z[i] - steps[state]));
  const fall = rankCorrelation(errors, [...observability]);
  assert.ok(fall < -0.3, `${fall}`);
});

test('an image is compared with the candidates that may place it, and those it is not compared with have no weight, since likelihood is smooth over the cloud', async () => {
  // A line of states and images from sharp to hopeless; candidates in random order, as they are drawn.
  const z = random.shuffle(Float32Array.from({ length: 64 }, (_, i) => i / 32 - 1));
  const states = [...z].map(step => base.map((value, i) => (i < 3 ? 0.2 * step : value)));
  const images = [0.02, 0.3, 1, 3, 30].flatMap(deviation => [5, 40].map(state => noisy(picture(states[state]), deviation)));
  const chosen = images.map((_, i) => i);
  const comparison = new Comparison(backend, geometry, { rows: states }, sourceOf(images), images.length);
  const all = await comparison.of(chosen);
  const some = await comparison.plausible(chosen, neighbourGraph(z, 1), 1);
  comparison.free();
  let compared = 0;
  chosen.forEach(i => {
    const highest = Math.max(...all.logLikelihood.subarray(i * 64, (i + 1) * 64));
    for (let c = 0; c < 64; c++) {
      const at = i * 64 + c;
      if (some.logLikelihood[at] === -Infinity) {
        assert.ok(all.logLikelihood[at] < highest - 7, `image ${i}, candidate ${c}: ${all.logLikelihood[at]} of ${highest}`);
        continue;
      }
      compared++;
      assert.equal(some.logLikelihood[at], all.logLikelihood[at]);
      assert.equal(some.correlation[at], all.correlation[at]);
    }
  });
  assert.ok(compared < 0.8 * 64 * images.length, `${compared} of ${64 * images.length}`);
});

test('entries that depart from models of their own are compared with what each candidate makes of theirs, as if every entry were alone with its models', async () => {
  const neutral = rowToLogits(base);
  // The earlier run moved the first Gaussian along x; what is compared moves it along y.
  const layers = [
    { inputs: 1, outputs: 1, weight: Float32Array.of(1), bias: Float32Array.of(1) },
    { inputs: 1, outputs: 5 * N, weight: neutral.map((_, i) => (i === 0 ? 0.5 : 0)), bias: new Float32Array(5 * N) },
  ];
  const z = Float32Array.of(-1, -0.5, 0.5, 1);
  const departure = await Departure.create(
    backend,
    { neutral, bases: [{ weights: { layers, neutral, vary: neutral.map(() => 1) }, dims: 1, z }] },
    4,
  );
  const offsets = places.map(place => neutral.map((_, i) => (i === N ? place : 0)));
  const vary = backend.tensor(
    [5 * N],
    neutral.map((_, i) => (i === N ? 1 : 0)),
  );
  const ownLogits = await Promise.all([...z.keys()].map(async entry => (await backend.read(departure.logits([entry]))).slice(0, 5 * N)));
  const models = ownLogits.map(logits => offsets.map(offset => logitsToRow(logits.map((value, i) => value + offset[i]))));
  const images = models.map((of, entry) => noisy(picture(of[entry % 3]), 0.3));
  const comparison = new Comparison(backend, geometry, { rows: offsets, own: { departure, vary } }, sourceOf(images), 4);
  const chosen = [3, 0, 2];
  const compared = await comparison.of(chosen);
  const some = await comparison.plausible(chosen, neighbourGraph(Float32Array.from(places), 1), 1);
  comparison.free();
  for (const [r, entry] of chosen.entries()) {
    const alone = new Comparison(backend, geometry, { rows: models[entry] }, sourceOf(images), 4);
    const { logLikelihood } = await alone.of([entry]);
    alone.free();
    const got = compared.logLikelihood.subarray(3 * r, 3 * r + 3);
    // A correlation of 1 − 1e-3 in single precision has its logarithm to 1e-4, of up to 60 pixels in each of nine rings.
    got.forEach(
      (value, c) => void assert.ok(Math.abs(value - logLikelihood[c]) < 1e-3 * (1 + Math.abs(value)), `${value}, ${logLikelihood[c]}`),
    );
    assert.equal(got.indexOf(Math.max(...got)), entry % 3);
    assert.deepEqual(some.logLikelihood.subarray(3 * r, 3 * r + 3), got);
  }
  departure.free();
});

test('stopped in the middle, placing goes on from the last batch that was kept and ends with the same bits; among other candidates it begins anew', async () => {
  const noise = new Random(4);
  const images = Array.from({ length: 12 }, (_, i) => noisy(picture(rows[i % 3]), 2, noise));
  const seen = { backend, geometry, source: sourceOf(images), batch: 2, parameters: 0 };
  const candidates = { z: Float32Array.from(places), dims: 1, states: { rows } };
  const whole = await posteriorLatents(seen, candidates, silent);
  type Written = Parameters<KeptPlacing['write']>[1];
  let kept: { among: Candidates; placing: Written } | null = null as never;
  const begunAt: number[] = [];
  const keeper: KeptPlacing = {
    read: among => {
      const found = kept?.among === among ? kept.placing : null;
      begunAt.push(found?.done ?? 0);
      return found;
    },
    write: (among, placing) => {
      kept = { among, placing: structuredClone(placing) };
    },
  };
  const abort = new AbortController();
  const impatient = { ...silent, progress: (_: string, done: number) => void (done === 6 && abort.abort()) };
  await assert.rejects(posteriorLatents(seen, candidates, impatient, abort.signal, keeper), Cancelled);
  assert.deepEqual(await posteriorLatents(seen, candidates, silent, undefined, keeper), whole);
  await posteriorLatents(seen, { ...candidates }, silent, undefined, keeper);
  assert.deepEqual(begunAt, [0, 6, 0]);
});

test('every point of the cloud can be reached from any other by neighbours in a cloud of one piece, so that none is out of sight', () => {
  const points = Float32Array.from({ length: 2 * 128 }, () => random.normal());
  const graph = neighbourGraph(points, 2);
  const reached = new Set([0]);
  for (const a of reached) for (const b of graph[a]) reached.add(b);
  assert.equal(reached.size, 128);
  graph.forEach((neighbours, a) => void assert.ok(neighbours.every(b => b !== a && graph[b].includes(a))));
});

test('of one heap of weights the mean is taken, of two that lie apart the heavier one’s: between them no particle is', () => {
  const z = Float32Array.of(-0.1, 0, 0.1, 0, 1.9, 0, 2.1, 0);
  const one = localMean({ z, dims: 2 }, Float64Array.of(0.5, 0.5, 0, 0), 1);
  // The bell begins at one of the two, and is a fiftieth lower at the other.
  assert.ok(Math.hypot(...one) < 2e-3);
  const two = localMean({ z, dims: 2 }, Float64Array.of(0.2, 0.2, 0.3, 0.3), 0.3);
  assert.ok(Math.hypot(two[0] - 2, two[1]) < 0.03, `${two}`);
  // Without a spread every weight counts alike.
  assert.ok(Math.abs(localMean({ z, dims: 2 }, Float64Array.of(0.25, 0.25, 0.25, 0.25), 0)[0] - 1) < 1e-6);
});

test('candidates are particles of the cloud itself, so that dense places have more of them', () => {
  const cloud = Float32Array.from({ length: 2000 }, (_, i) => (i < 1800 ? 0 : 1));
  const drawn = drawCandidates(cloud, 1, 128, new Random(3));
  const share = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  // A tenth, to within three standard errors of 128 draws.
  assert.ok(Math.abs(share - 0.1) < 0.08);
  assert.ok(drawn.every(value => value === 0 || value === 1));
});
