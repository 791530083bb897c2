// Local eigenmotions of a molecule with two hinges whose every motion is known: the latent coordinates mix the two, the analysis must part them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { combineMotions, localEigenmotions, type MolecularMotion, measured } from '../../daemon/latent/local-eigenmotion.js';

/** Atoms a unit: an arm to the left, a body, an arm to the right, along x. */
const ARM = 12;
const BODY = 20;
const COUNT = 2 * ARM + BODY;

const left = Float32Array.from({ length: COUNT }, (_, i) => (i < ARM ? 1 : 0));
const right = Float32Array.from({ length: COUNT }, (_, i) => (i >= ARM + BODY ? 1 : 0));

/** Turns each arm in the plane about its joint with the body, by its own angle; both upwards for positive angles. */
function hinges(leftAngle: number, rightAngle: number): Float32Array {
  const positions = new Float32Array(3 * COUNT);
  for (let i = 0; i < COUNT; i++) {
    const x = 2 * (i - COUNT / 2 + 0.5);
    const [isLeft, isRight] = [left[i] === 1, right[i] === 1];
    const joint = isLeft ? -BODY : BODY;
    const angle = isLeft ? -leftAngle : rightAngle;
    const moved = isLeft || isRight ? [joint + (x - joint) * Math.cos(angle), (x - joint) * Math.sin(angle)] : [x, 0];
    positions.set([...moved, (i % 3) - 1], 3 * i);
  }
  return positions;
}

/** Three latent coordinates of unlike scales: two mix the hinges, the third does nothing. */
const molecule: MolecularMotion = {
  decode: z => hinges(0.1 * z[0] + 0.04 * z[1], 0.05 * z[0] - 0.08 * z[1]),
  origin: [0, 0, 0],
  spread: [1, 0, 0, 0, 1.5, 0, 0, 0, 0.3],
  weights: new Float32Array(COUNT).fill(0.5),
};

/** Directions in which only one hinge moves: where the other's angle is zero. */
const onlyLeft = [8, 5, 0];
const onlyRight = [4, -10, 0];

const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  const dot = (p: ArrayLike<number>, q: ArrayLike<number>) => Array.from(p).reduce((sum, value, d) => sum + value * q[d], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

test("each arm's first motion is its own hinge alone, with less than a tenth of its motion anywhere else", () => {
  for (const [region, only] of [
    [left, onlyLeft],
    [right, onlyRight],
  ] as const) {
    const [first] = localEigenmotions(molecule, region, 2);
    // The ridge allows a little leak; 0.999 is 2.6°.
    assert.ok(Math.abs(cosine(first.step, only)) > 0.999, `${first.step}`);
    assert.ok(first.outsideAngstrom < 0.1 * first.insideAngstrom, `${first.outsideAngstrom} of ${first.insideAngstrom}`);
    assert.ok(first.insideAngstrom > 1);
  }
});

test('the motion inside is in Å what the decoder does between the two ends of the step', () => {
  const [{ step, insideAngstrom }] = localEigenmotions(molecule, left, 1);
  const angle = 0.1 * step[0] + 0.04 * step[1];
  // A point at distance r from the joint goes from −angle to +angle: a chord of 2 r sin(angle).
  const radii = Array.from({ length: ARM }, (_, i) => 2 * (i - COUNT / 2 + 0.5) + BODY);
  const expected = Math.sqrt(radii.reduce((sum, r) => sum + (2 * r * Math.sin(angle)) ** 2, 0) / ARM);
  // Positions are float32 of tens of Å.
  assert.ok(Math.abs(insideAngstrom - expected) < 1e-4 * expected);
});

test('a step is one standard deviation of the particles: it lies on the ellipsoid of their spread', () => {
  for (const { step } of localEigenmotions(molecule, right, 3)) {
    const squared = step[0] ** 2 + (step[1] / 1.5) ** 2 + (step[2] / 0.3) ** 2;
    assert.ok(Math.abs(squared - 1) < 1e-5);
  }
});

test('motions fall in how well they keep to the region, and what moves nothing comes last or nowhere', () => {
  const motions = localEigenmotions(molecule, left, 3);
  const share = motions.map(({ insideAngstrom, outsideAngstrom }) => insideAngstrom / (outsideAngstrom + 1e-3));
  assert.ok(share[0] > share[1]);
  assert.ok(Math.abs(cosine(motions[2].step, [0, 0, 1])) > 0.99);
  assert.ok(motions[2].insideAngstrom < 1e-6);
});

test('the sum of two motions lifts both arms, the difference lifts one and lowers the other, whatever signs the eigenvectors came with', () => {
  const [a] = localEigenmotions(molecule, left, 1);
  const [b] = localEigenmotions(molecule, right, 1);
  for (const sign of [1, -1]) {
    const turned = b.step.map(value => sign * value);
    const { together, apart } = combineMotions(molecule, { region: left, step: a.step }, { region: right, step: turned });
    const lifts = (step: Float32Array) => [0.1 * step[0] + 0.04 * step[1], 0.05 * step[0] - 0.08 * step[1]];
    const [togetherLeft, togetherRight] = lifts(together);
    const [apartLeft, apartRight] = lifts(apart);
    assert.ok(togetherLeft * togetherRight > 0);
    assert.ok(apartLeft * apartRight < 0);
    for (const step of [together, apart]) assert.ok(measured(molecule, left, step).insideAngstrom > 0.9 * a.insideAngstrom);
  }
});

test('a soft region counts each Gaussian by its share, and regions of nobody or everybody are refused', () => {
  const soft = left.map((value, i) => (i === ARM - 1 ? 0.5 : value));
  assert.ok(Math.abs(cosine(localEigenmotions(molecule, soft, 1)[0].step, onlyLeft)) > 0.99);
  assert.throws(() => localEigenmotions(molecule, new Float32Array(COUNT), 1), /no Gaussian/);
  assert.throws(() => localEigenmotions(molecule, new Float32Array(COUNT).fill(1), 1), /every Gaussian/);
});

test('a region that never moves has motions of nothing, not of rounding errors', () => {
  const still = { ...molecule, decode: () => hinges(0, 0) };
  assert.deepEqual(
    localEigenmotions(still, left, 2).map(({ insideAngstrom, outsideAngstrom }) => [insideAngstrom, outsideAngstrom]),
    [
      [0, 0],
      [0, 0],
    ],
  );
});
