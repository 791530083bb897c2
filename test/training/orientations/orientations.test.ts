// Orientation refinement on a toy molecule: slopes by their Taylor remainder, and poses that must come back.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { equalShares } from '../../../daemon/compute/ring-geometry.js';
import { Random } from '../../../daemon/numerics/random.js';
import { vectorToRotation } from '../../../daemon/numerics/rotations.js';
import { multiply } from '../../../daemon/numerics/symmetry.js';
import { expectedErrors } from '../../../daemon/training/orientations/orientation-spread.js';
import { OrientationRefiner, type OrientationRound } from '../../../daemon/training/orientations/orientations.js';
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
  };
}

/** A refiner with the particles loaded, their true poses, and wrong ones to start from. */
function refinerOf(count: number, noise: number, degrees: number, pixels: number) {
  const models = Array.from({ length: count }, () => molecule);
  const particles = toyParticles(models, geometry, noise, 12);
  const refiner = new OrientationRefiner(backend, geometry, count);
  refiner.load(
    batchesOf(backend, particles),
    models.map((_, i) => i),
    models,
  );
  const truth: Pose[] = particles.rotations.map(rotation => ({ rotation, shift: new Float64Array(2) }));
  return { refiner, truth, starts: truth.map(({ rotation }) => disturbed(rotation, degrees, pixels)) };
}

const errorOf = (truth: Pose, found: Pose) => {
  const change = changeOfPose(truth, found);
  return { degrees: Math.hypot(change[0], change[1], change[2]) / DEGREE, pixels: Math.hypot(change[3], change[4]) * boxSize };
};

test('the slopes along three turns and two shifts are the derivatives: the remainder falls with the square of the step, and differences extrapolate to them', async () => {
  const { refiner, starts } = refinerOf(8, 0.5, 4, 1);
  const valuesAt = async (direction: number, step: number) => {
    const poses = starts.map(pose => movedBy(pose, direction, step));
    return (await refiner.evaluate(poses, round.ringShares)).map(({ value }) => value);
  };
  const here = await refiner.evaluate(starts, round.ringShares);
  for (let direction = 0; direction < 5; direction++) {
    // Steps whose third order is small beside the second, and both above the edges that drawn Gaussians have at 4σ.
    const step = direction < 3 ? 0.04 : 0.01;
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
  const { refiner, truth, starts } = refinerOf(6, 0, 2, 1);
  const found = await refiner.refine(starts, plan);
  found.forEach((pose, i) => {
    const { degrees, pixels } = errorOf(truth[i], pose);
    assert.ok(degrees < 0.1 && pixels < 0.02, `${degrees}°, ${pixels} pixels`);
    assert.ok(pose.frcAfter > 0.9999);
  });
  refiner.free();
});

test('with noise the errors fall, and fall further with a prior of their true size, since noise then turns no particle further than they are wrong', async () => {
  const { refiner, truth, starts } = refinerOf(48, 0.5, 5, 1.5);
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
  const { refiner, starts } = refinerOf(3, 1, 5, 1.5);
  const found = await refiner.refine(starts, { rounds: [round], expected: { angleRadians: 1e-6, shift: 1e-6 } });
  found.forEach((pose, i) => {
    const { degrees, pixels } = errorOf(starts[i], pose);
    assert.ok(degrees < 1e-3 && pixels < 1e-3);
  });
  refiner.free();
});

test('curvatures are symmetric, and the same whether taken of slopes or of values', async () => {
  const { refiner, truth } = refinerOf(2, 0, 0, 0);
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
  const nothing = { value: 0, slope: new Float64Array(5) };
  const centre: Pose = { rotation: vectorToRotation([0.3, -1, 0.4]), shift: Float64Array.of(0.01, -0.02) };
  const pose: Pose = { rotation: multiply(centre.rotation, vectorToRotation([0.2, 0.1, -0.3])), shift: Float64Array.of(0.03, 0) };
  const at = (p: Pose) => withPrior(nothing, p, centre, expected, 0.01);
  for (let direction = 0; direction < 5; direction++) {
    const step = 1e-5;
    const difference = (at(movedBy(pose, direction, step)).value - at(movedBy(pose, direction, -step)).value) / (2 * step);
    assert.ok(Math.abs(difference - at(pose).slope[direction]) < 1e-6 * Math.max(1, Math.abs(difference)));
  }
});

test('the ascent of a bowl that is a hundred times steeper one way than another ends at its top within twenty looks', () => {
  const top = [0.03, -0.02, 0.01, 0.02, -0.01];
  const steep = [1, 100, 10, 3, 30];
  const start: Pose = { rotation: vectorToRotation([0, 0, 0]), shift: new Float64Array(2) };
  const ascent = new PoseAscent(start, 1, 0.05, 1e-6);
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
