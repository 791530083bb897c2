// Orientation refinement on a toy molecule: slopes by their Taylor remainder, and poses that must come back.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { equalShares } from '../../../daemon/compute/ring-geometry.js';
import { solvePositiveDefinite } from '../../../daemon/numerics/linear-algebra.js';
import { Random } from '../../../daemon/numerics/random.js';
import { vectorToRotation } from '../../../daemon/numerics/rotations.js';
import { multiply } from '../../../daemon/numerics/symmetry.js';
import { planOrientations } from '../../../daemon/training/orientations/orientation-plan.js';
import { expectedErrors, poseCurvature } from '../../../daemon/training/orientations/orientation-spread.js';
import { OrientationRefiner, type OrientationRound } from '../../../daemon/training/orientations/orientations.js';
import type { ModelNear } from '../../../daemon/training/orientations/own-models.js';
import { changeOfPose, movedBy, type Pose, PoseAscent, withPrior } from '../../../daemon/training/orientations/pose-ascent.js';
import { batchesOf, toyGeometry, toyMolecule, toyParticles } from '../toy-molecule.js';

const N = 40;
const DEGREE = Math.PI / 180;
const geometry = toyGeometry(N, 32, 12);
const { rings, boxSize } = geometry.ringGeometry;
const backend = await createCpuBackend({ threads: 1 });
after(() => backend.dispose());
const random = new Random(11);
const molecule = toyMolecule(N, random);
/** Rings are equal here; of some 2πk pixels each ring's n·c/(1 − c²) at c = 0.5 is 4.2 k. */
const round: OrientationRound = { ringShares: equalShares(rings), information: 2.1 * rings * (rings + 1) };
const plan = { rounds: [round], expected: null };

/** A turn of `degrees` about a random axis, and a shift of `pixels` in a random direction. */
function disturbed(rotation: ArrayLike<number>, degrees: number, pixels: number): Pose {
  const axis = [random.normal(), random.normal(), random.normal()];
  const angle = 2 * Math.PI * random.uniform();
  const turn = axis.map(x => (x * degrees * DEGREE) / Math.hypot(...axis)) as [number, number, number];
  return {
    rotation: multiply(rotation, vectorToRotation(turn)),
    shift: Float64Array.of((Math.cos(angle) * pixels) / boxSize, (Math.sin(angle) * pixels) / boxSize),
    place: new Float64Array(),
  };
}

/** The molecule alone, wherever a particle is said to lie. */
const known: ModelNear = { place: new Float64Array(), row: molecule, tangents: [] };

/** A fifth of the Gaussians go one way, and another fifth appears: two coordinates of a place, about the molecule as it is. */
const slide = Float32Array.from(molecule, (_, i) => (i % N < N / 5 && i < N ? 0.04 : 0));
const growth = Float32Array.from(molecule, (_, i) => (i % N >= (4 * N) / 5 && Math.floor(i / N) === 3 ? 0.1 : 0));
const atPlace = ([u, v]: ArrayLike<number> & Iterable<number>) => molecule.map((value, i) => value + u * slide[i] + v * growth[i]);
const varied: ModelNear = { place: new Float64Array(2), row: molecule, tangents: [slide, growth] };

/** A refiner with the particles loaded, their true poses, and wrong ones to start from. `places`: of each particle, which a refiner of `near` models is to find. */
async function refinerOf(count: number, noise: number, degrees: number, pixels: number, near = known, places?: readonly Float64Array[]) {
  const particles = toyParticles(
    Array.from({ length: count }, (_, i) => (places ? atPlace(places[i]) : molecule)),
    geometry,
    noise,
    12,
  );
  const refiner = new OrientationRefiner(backend, geometry, count);
  refiner.load(
    batchesOf(backend, particles),
    particles.images.map((_, i) => i),
    async asked => asked.map(() => near),
  );
  const truth: Pose[] = particles.rotations.map((rotation, i) => ({
    rotation,
    shift: new Float64Array(2),
    place: places?.[i] ?? near.place,
  }));
  const starts = truth.map(({ rotation }) => ({ ...disturbed(rotation, degrees, pixels), place: near.place }));
  await refiner.settle(starts);
  return { refiner, truth, starts };
}

const errorOf = (truth: Pose, found: Pose) => {
  const change = changeOfPose(truth, found);
  return { degrees: Math.hypot(change[0], change[1], change[2]) / DEGREE, pixels: Math.hypot(change[3], change[4]) * boxSize };
};

test('the slopes along three turns, two shifts and two coordinates of a place are the derivatives: the remainder falls with the square of the step, and differences extrapolate to them', async () => {
  const { refiner, starts } = await refinerOf(8, 0.5, 4, 1, varied);
  const valuesAt = async (direction: number, step: number) => {
    const poses = starts.map(pose => movedBy(pose, direction, step));
    return (await refiner.evaluate(poses, round.ringShares)).map(({ value }) => value);
  };
  const here = await refiner.evaluate(starts, round.ringShares);
  for (let direction = 0; direction < 7; direction++) {
    // Steps whose third order is small beside the second, and both above the edges that drawn Gaussians have at 4σ.
    const step = direction < 3 ? 0.04 : direction < 5 ? 0.01 : 0.3;
    const slopes = here.map(({ slope }) => slope[direction]);
    const [far, near, back, nearBack] = [
      await valuesAt(direction, step),
      await valuesAt(direction, step / 2),
      await valuesAt(direction, -step),
      await valuesAt(direction, -step / 2),
    ];
    const remainder = (values: number[], h: number) => Math.hypot(...values.map((value, i) => value - here[i].value - h * slopes[i]));
    const order = Math.log2(remainder(far, step) / remainder(near, step / 2));
    assert.ok(Math.abs(order - 2) < 0.15, `direction ${direction}: slope ${order}`);
    // Richardson: what is left is of the fourth order.
    const extrapolated = far.map((_, i) => (8 * (near[i] - nearBack[i]) - (far[i] - back[i])) / (6 * step));
    const wrong = Math.hypot(...extrapolated.map((value, i) => value - slopes[i])) / Math.hypot(...slopes);
    assert.ok(wrong < 0.008, `direction ${direction}: ${wrong}`);
  }
  refiner.free();
});

test('without noise, particles of the model turned by 2° and shifted by a pixel come back: the correlation is highest at the truth alone', async () => {
  const { refiner, truth, starts } = await refinerOf(6, 0, 2, 1);
  const found = await refiner.refine(starts, plan);
  found.forEach((pose, i) => {
    const { degrees, pixels } = errorOf(truth[i], pose);
    assert.ok(degrees < 0.1 && pixels < 0.02, `${degrees}°, ${pixels} pixels`);
    assert.ok(pose.frcAfter > 0.9999);
  });
  refiner.free();
});

test('with noise the errors fall, and fall further with a prior of their true size, since noise then turns no particle further than they are wrong', async () => {
  const { refiner, truth, starts } = await refinerOf(48, 0.5, 5, 1.5);
  const mean = (poses: readonly Pose[], what: 'degrees' | 'pixels') =>
    poses.reduce((sum, pose, i) => sum + errorOf(truth[i], pose)[what] / poses.length, 0);
  const free = await refiner.refine(starts, plan);
  // 5° and 1.5 pixels in length are 5°/√3 about each axis and 1.5/√2 pixels along each.
  const expected = { angleRadians: (5 * DEGREE) / Math.sqrt(3), shift: 1.5 / Math.SQRT2 / boxSize };
  const held = await refiner.refine(starts, { rounds: [round], expected });
  assert.ok(
    mean(held, 'degrees') < Math.min(mean(free, 'degrees'), 0.9 * mean(starts, 'degrees')),
    `${mean(held, 'degrees')}°, ${mean(free, 'degrees')}°`,
  );
  assert.ok(mean(held, 'pixels') < 0.5 * mean(starts, 'pixels'), `${mean(held, 'pixels')} pixels`);
  for (const { frcBefore, frcAfter } of [...free, ...held]) assert.ok(frcAfter >= frcBefore, 'no correlation falls');
  refiner.free();
});

test('a prior that expects no errors holds every particle where it is', async () => {
  const { refiner, starts } = await refinerOf(3, 1, 5, 1.5);
  const found = await refiner.refine(starts, { rounds: [round], expected: { angleRadians: 1e-6, shift: 1e-6 } });
  found.forEach((pose, i) => {
    const { degrees, pixels } = errorOf(starts[i], pose);
    assert.ok(degrees < 1e-3 && pixels < 1e-3);
  });
  refiner.free();
});

test('a particle that lies elsewhere in the latent space than its model is turned less wrongly when both are found together, since the model there then no longer pulls it round', async () => {
  // Up to some two pixels along the slide: from further away than a σ it is no longer seen which way to go.
  const places = Array.from({ length: 24 }, () => Float64Array.of(3 * random.uniform() - 1.5, random.normal()));
  // With so little noise correlations are near 0.99, where n·c/(1 − c²) is some 75 times what it is at 0.5.
  const clear = { rounds: [{ ...round, information: 75 * round.information }], expected: null };
  const together = await refinerOf(24, 0.1, 3, 1, varied, places);
  const apart = await refinerOf(24, 0.1, 3, 1, known, places);
  const [found, held] = [
    await together.refiner.refine(together.starts, clear),
    await apart.refiner.refine(
      together.starts.map(start => ({ ...start, place: known.place })),
      clear,
    ),
  ];
  const mean = (poses: readonly Pose[]) => poses.reduce((sum, pose, i) => sum + errorOf(together.truth[i], pose).degrees / poses.length, 0);
  assert.ok(mean(found) < 0.8 * mean(held), `${mean(found)}° and ${mean(held)}°`);
  const missed = (at: (i: number) => number) => Math.hypot(...places.map(([u], i) => u - at(i)));
  assert.ok(missed(i => found[i].place[0]) < 0.5 * missed(() => 0), `${missed(i => found[i].place[0])} of ${missed(() => 0)}`);
  together.refiner.free();
  apart.refiner.free();
});

test('which models particles are better refined against shows on a sample: their own where they differ as these do, the one for all where these have learned something else', async () => {
  const places = Array.from({ length: 24 }, () => Float64Array.of(3 * random.uniform() - 1.5, random.normal()));
  // Half of the Gaussians gone astray, and a direction in which no particle ever goes.
  const astray = molecule.map((value, i) => value + (i % N < N / 2 && i < 3 * N ? 0.02 * random.normal() : 0));
  const junk: ModelNear = {
    place: new Float64Array(1),
    row: astray,
    tangents: [molecule.map((_, i) => (i < 3 * N ? 0.02 * random.normal() : 0))],
  };
  const likelihood = async (near: ModelNear, at?: readonly Float64Array[]) => {
    const { refiner, starts } = await refinerOf(24, 0.3, 3, 1, near, at);
    const placed = starts.map(start => ({ ...start, place: near.place }));
    const { logLikelihood } = await planOrientations(refiner, geometry.ringGeometry, [placed], async () => {});
    refiner.free();
    return logLikelihood;
  };
  const [own, alone] = [await likelihood(varied, places), await likelihood(known, places)];
  assert.ok(own > alone, `${own} and ${alone}`);
  const [strange, right] = [await likelihood(junk), await likelihood(known)];
  assert.ok(right > strange, `${right} and ${strange}`);
});

test('what an image says of its pose where its place is open is the inverse of the covariance that both have together, of the pose alone', () => {
  const size = 7;
  const root = Float64Array.from({ length: size * size }, () => random.normal());
  const curvature = Float64Array.from({ length: size * size }, (_, i) => {
    const [p, q] = [Math.floor(i / size), i % size];
    return root.reduce((sum, _value, j) => (j < size ? sum + root[p * size + j] * root[q * size + j] : sum), 0);
  });
  const marginal = poseCurvature(curvature);
  // With 1 added for what is expected of the place, each column of its inverse solves a system; the pose's part of that, times what is claimed, must be 1.
  for (let column = 0; column < 5; column++) {
    const both = curvature.map((value, i) => value + (i % (size + 1) === 0 && i / (size + 1) >= 5 ? 1 : 0));
    const solved = Float64Array.from({ length: size }, (_, p) => (p === column ? 1 : 0));
    assert.ok(solvePositiveDefinite(both, solved, size));
    for (let p = 0; p < 5; p++) {
      const product = solved.subarray(0, 5).reduce((sum, value, q) => sum + marginal[5 * p + q] * value, 0);
      assert.ok(Math.abs(product - (p === column ? 1 : 0)) < 1e-8, `${p}, ${column}: ${product}`);
    }
  }
});

test('curvatures are symmetric, and the same whether taken of slopes or of values', async () => {
  const { refiner, truth } = await refinerOf(2, 0, 0, 0);
  const curvatures = await refiner.curvatures(truth, round.ringShares);
  const here = await refiner.evaluate(truth, round.ringShares);
  for (const direction of [0, 1, 2, 3, 4]) {
    const step = direction < 3 ? 0.03 : 0.008;
    const [above, below] = [step, -step].map(length => truth.map(pose => movedBy(pose, direction, length)));
    const [a, b] = [await refiner.evaluate(above, round.ringShares), await refiner.evaluate(below, round.ringShares)];
    curvatures.forEach((curvature, i) => {
      const second = (2 * here[i].value - a[i].value - b[i].value) / step ** 2;
      assert.ok(Math.abs(curvature[6 * direction] - second) < 0.15 * Math.abs(second), `${curvature[6 * direction]} and ${second}`);
    });
  }
  for (const curvature of curvatures)
    for (let p = 0; p < 5; p++)
      for (let q = 0; q < p; q++) {
        const scale = Math.sqrt(Math.abs(curvature[6 * p] * curvature[6 * q]));
        assert.ok(Math.abs(curvature[5 * p + q] - curvature[5 * q + p]) < 0.02 * scale);
      }
  refiner.free();
});

test('the slope of a prior is the derivative of its value, far from its centre too, because the squared angle grows along the rotation vector', () => {
  const expected = { angleRadians: 0.1, shift: 0.02 };
  const nothing = { value: 0, slope: new Float64Array(7) };
  const centre: Pose = { rotation: vectorToRotation([0.3, -1, 0.4]), shift: Float64Array.of(0.01, -0.02), place: Float64Array.of(0.4, 1) };
  const pose: Pose = {
    rotation: multiply(centre.rotation, vectorToRotation([0.2, 0.1, -0.3])),
    shift: Float64Array.of(0.03, 0),
    place: Float64Array.of(-2, 0.5),
  };
  for (const errors of [expected, null])
    for (let direction = 0; direction < 7; direction++) {
      const at = (p: Pose) => withPrior(nothing, p, centre, errors, 0.01);
      const step = 1e-5;
      const difference = (at(movedBy(pose, direction, step)).value - at(movedBy(pose, direction, -step)).value) / (2 * step);
      assert.ok(Math.abs(difference - at(pose).slope[direction]) < 1e-6 * Math.max(1, Math.abs(difference)));
    }
});

test('the ascent of a bowl that is a hundred times steeper one way than another ends at its top within twenty looks', () => {
  const top = [0.03, -0.02, 0.01, 0.02, -0.01];
  const steep = [1, 100, 10, 3, 30];
  const start: Pose = { rotation: vectorToRotation([0, 0, 0]), shift: new Float64Array(2), place: new Float64Array() };
  const ascent = new PoseAscent(start, new Float64Array(5).fill(1), 0.05, 1e-6);
  for (let look = 0; look < 20; look++) {
    const x = changeOfPose(start, ascent.trial());
    ascent.take({
      value: -0.5 * x.reduce((sum, v, i) => sum + steep[i] * (v - top[i]) ** 2, 0),
      slope: x.map((v, i) => -steep[i] * (v - top[i])),
    });
  }
  const reached = changeOfPose(start, ascent.best);
  for (let i = 0; i < 5; i++) assert.ok(Math.abs(reached[i] - top[i]) < 1e-3, `${reached[i]} and ${top[i]}`);
});

test('expected errors are those that the set was given, however strong the noise: drawn changes of known variance give it back', () => {
  const [angle, shift] = [0.03, 0.01];
  for (const noise of [0.2, 1, 2]) {
    const curvature = new Float64Array(25);
    for (let k = 0; k < 5; k++) curvature[6 * k] = 1 / (noise * (k < 3 ? angle : shift)) ** 2;
    const particles = Array.from({ length: 2000 }, () => ({
      change: Float64Array.from({ length: 5 }, (_, k) => (k < 3 ? angle : shift) * (random.normal() + noise * random.normal())),
      curvature,
    }));
    const found = expectedErrors(particles, { angleRadians: 1e-4, shift: 1e-4 });
    // 6,000 and 4,000 numbers: their variance is known to two or three per cent, less where the noise hides it (1 + noise² times that).
    const tolerance = 0.04 * (1 + noise ** 2);
    assert.ok(Math.abs(found.angleRadians / angle - 1) < tolerance, `${found.angleRadians}`);
    assert.ok(Math.abs(found.shift / shift - 1) < tolerance, `${found.shift}`);
  }
});

test('a set without errors is expected to have none, though every free refinement moves by its noise', () => {
  const noise = 0.02;
  const curvature = new Float64Array(25);
  for (let k = 0; k < 5; k++) curvature[6 * k] = 1 / noise ** 2;
  const particles = Array.from({ length: 1000 }, () => ({
    change: Float64Array.from({ length: 5 }, () => noise * random.normal()),
    curvature,
  }));
  const found = expectedErrors(particles, { angleRadians: 1e-4, shift: 1e-4 });
  assert.ok(found.angleRadians < 0.3 * noise && found.shift < 0.3 * noise, JSON.stringify(found));
});
