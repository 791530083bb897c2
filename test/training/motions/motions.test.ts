// Motions of regions on a run whose decoder turns each of two arms by a known angle: what the program says is what was put in.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { GaussianSet } from '../../../daemon/gaussians/gaussian-set.js';
import { readModel } from '../../../daemon/models/read-model.js';
import { Random } from '../../../daemon/numerics/random.js';
import { rigidMotion } from '../../../daemon/numerics/rigid-motion.js';
import { rotationVector } from '../../../daemon/numerics/rotations.js';
import { motionBetween } from '../../../daemon/training/motions/motion-between.js';
import { jointMotions, ownMotions } from '../../../daemon/training/motions/own-motions.js';
import { regionOfResidues } from '../../../daemon/training/motions/region.js';
import { registeredMotions } from '../../../daemon/training/motions/registered-motions.js';
import { RunMolecule } from '../../../daemon/training/motions/run-molecule.js';
import { makeProject } from '../../service/small-project.js';
import { COUNT, HINGES, hingedModel, inArm, makeHingedRun, RESTING, turned } from './hinged-run.js';

async function hinged(t: TestContext, halves: number | null = null) {
  const { folder, project } = makeProject(t);
  const molecule = new RunMolecule(makeHingedRun(project, 'hinged', halves));
  const file = join(folder, 'hinged.pdb');
  writeFileSync(file, hingedModel());
  const model = await readModel(file);
  const arms = [0, 1].map(arm => ({
    name: `arm ${arm}`,
    membership: inArm(arm),
    weights: inArm(arm),
    placesIn: (state: { positions: Float32Array }) => state.positions,
  }));
  return { molecule, model, arms };
}

const near = (found: number, wanted: number, tolerance: number) =>
  assert.ok(Math.abs(found - wanted) < tolerance, `${found}, not ${wanted}`);

test('from rest to where the hinge has turned an arm, the program says the angle, the axis and the way of the centre that were put in, and that the other arm rests', async t => {
  const { molecule, arms } = await hinged(t);
  const { regions } = motionBetween(molecule, [0, 0], [1, 0], arms);
  const [left, right] = regions;
  // Logits and places are float32 of a box of 128 Å: 1e-5 Å over arms of 10 Å.
  near(left.angleDegrees, 8.2, 1e-3);
  left.axis.forEach((value, k) => void near(value, HINGES[0].axis[k], 1e-4));
  const [x, , z] = left.axisPoint!;
  near(x, HINGES[0].point[0], 0.01);
  near(z, HINGES[0].point[2], 0.01);
  const places = RESTING.slice(60, 120);
  const centre = [0, 1, 2].map(k => places.reduce((sum, value, i) => sum + (i % 3 === k ? value / 20 : 0), 0));
  turned(centre, HINGES[0]).forEach((value, k) => void near(left.shiftAngstrom[k], value - centre[k], 1e-4));
  near(left.residualAngstrom, 0, 1e-2);
  near(right.rmsAngstrom, 0, 1e-6);
  assert.equal(right.axisPoint, null);
  assert.equal(left.errorAngstrom, null);
});

test('the root mean square over all Gaussians is that of their displacements: a third of them turn, the rest stays', async t => {
  const { molecule } = await hinged(t);
  const { rmsAngstrom } = motionBetween(molecule, [0, 0], [1, 0], []);
  let squares = 0;
  for (let i = 0; i < COUNT; i++) {
    if (!inArm(0)[i]) continue;
    const place = RESTING.slice(3 * i, 3 * i + 3);
    squares += turned(place, HINGES[0]).reduce((sum, value, k) => sum + (value - place[k]) ** 2, 0);
  }
  near(rmsAngstrom, Math.sqrt(squares / COUNT), 1e-4);
});

test('residues are measured by their atoms, which follow the Gaussians of their arm: the same angle and axis', async t => {
  const { molecule, model } = await hinged(t);
  const region = regionOfResidues('C:1-20', model, molecule);
  // Gaussians lie on their atoms; of the nearest 24 some are of other pieces, of which the nearest is 6 Å away, two σ.
  region.membership.forEach((share, i) => {
    if (inArm(1)[i]) assert.ok(share > 0.8, `${share}`);
    else assert.ok(share < 0.2, `${share}`);
  });
  const [turn] = motionBetween(molecule, [0, 0], [0, 1], [region]).regions;
  // Counted from 0 to 180, a turn by −5° about an axis is one by 5° about the opposite one. Atoms listen to the nearest 12 of the 20 Gaussians, which turn as one, but for the ridge of their fit.
  near(turn.angleDegrees, 5, 0.05);
  turn.axis.forEach((value, k) => void near(value, -HINGES[1].axis[k], 0.02));
});

test("each arm's own motion moves nothing else; together the centres go the same way, apart opposite ways, and either is the sum or difference of the own steps", async t => {
  const { molecule, arms } = await hinged(t);
  const own = arms.map(arm => ownMotions(molecule, arm, 1)[0]);
  for (const { insideAngstrom, outsideAngstrom } of own) assert.ok(outsideAngstrom < 0.01 * insideAngstrom[0], `${outsideAngstrom}`);
  const { together, apart } = jointMotions(molecule, [arms[0], arms[1]], [own[0], own[1]]);
  const along = ({ turns: [a, b] }: typeof together) => a.shiftAngstrom.reduce((sum, value, k) => sum + value * b.shiftAngstrom[k], 0);
  assert.ok(along(together) > 0 && along(apart) < 0);
  for (const { outsideAngstrom, insideAngstrom } of [together, apart]) assert.ok(outsideAngstrom < 0.01 * Math.min(...insideAngstrom));
  together.step.forEach((value, d) => {
    near((value + apart.step[d]) / 2, own[0].step[d], 1e-6);
    near(Math.abs(value - apart.step[d]) / 2, Math.abs(own[1].step[d]), 1e-6);
  });
});

test("where halves were compared, the error of a turn is half of the angle between the halves' turns, and of a displacement half of their disagreement", async t => {
  const { molecule, arms } = await hinged(t, 0.6);
  const { regions, gaussianErrors, errorAngstrom } = motionBetween(molecule, [0, 0], [0.9, 0], arms);
  const [left, right] = regions;
  // One half turns by 8.8°, the other by 7.6°, nine tenths of it here. Places follow the halves' Gaussians by a damped fit, which takes 1.3 % off a turn, and the latents a map that is fitted by kernels.
  near(left.halvesDegrees![0], 0.9 * 8.8, 0.15);
  near(left.halvesDegrees![1], 0.9 * 7.6, 0.15);
  near(left.angleErrorDegrees!, 0.9 * 0.6, 0.03);
  near(right.errorAngstrom!, 0, 0.03);
  const radians = (0.9 * 0.6 * Math.PI) / 180;
  const radii = Array.from({ length: COUNT }, (_, i) => (inArm(0)[i] ? Math.hypot(RESTING[3 * i] - 80, RESTING[3 * i + 2] - 26) : 0));
  gaussianErrors!.forEach((error, i) => void near(error, radii[i] * radians, 0.04));
  near(errorAngstrom!, radians * Math.sqrt(radii.reduce((sum, r) => sum + r * r, 0) / COUNT), 0.03);
});

test('where Gaussians change places as a piece turns, their paths understate the turn and the density tells it', async t => {
  const { molecule } = await hinged(t);
  const random = new Random(2);
  // A piece of 80 Gaussians at random places of a box, turned by 20°; each goes to the nearest place that is still free.
  const piece = 80;
  const resting = Array.from({ length: piece }, () => [
    100 + 30 * (random.uniform() - 0.5),
    50 + 16 * random.uniform(),
    20 + 40 * random.uniform(),
  ]);
  const hinge = { point: [100, 50, 20], axis: [0, 1, 0], degrees: 20 } as const;
  const free = resting.map(place => turned(place, hinge));
  const goals = resting.map(place => {
    const away = free.map(goal => Math.hypot(...goal.map((value, k) => value - place[k])));
    return free.splice(away.indexOf(Math.min(...away)), 1)[0];
  });
  const body = Array.from({ length: 20 }, () => [100 + 60 * (random.uniform() - 0.5), 50, -10 * random.uniform()]);
  const stateOf = (places: number[][]) => ({
    count: piece + body.length,
    positions: Float32Array.from([...places, ...body].flat()),
    amplitudes: new Float32Array(piece + body.length).fill(0.5),
    sigmas: new Float32Array(piece + body.length).fill(4),
  });
  const membership = Float32Array.from({ length: piece + body.length }, (_, i) => Number(i < piece));
  const region = { name: 'piece', membership, weights: membership, placesIn: (state: GaussianSet) => state.positions };
  const [before, after] = [stateOf(resting), stateOf(goals)];
  const paths = rigidMotion(before.positions, after.positions, membership).angleDegrees;
  assert.ok(paths < 18, `${paths}`);
  const [motion] = registeredMotions(before, after, [region], molecule.decoder.frame);
  const degrees = (Math.hypot(...rotationVector(motion!.rotation)) * 180) / Math.PI;
  // It is held a little to where the paths put it.
  assert.ok(Math.abs(degrees - 20) < 0.4 * (20 - paths), `${degrees}, by paths ${paths}`);
});

test('the ends of the first principal component leave one particle in fifty beyond either: of a uniform spread from −1 to 1, ±0.96', async t => {
  const { molecule } = await hinged(t);
  const [low, high] = molecule.principalEnds;
  // 400 random particles: the percentile is good to about 1/√400 · 0.28.
  near(Math.abs(low[0]), 0.96, 0.03);
  near(Math.abs(high[0]), 0.96, 0.03);
  assert.ok(low[0] * high[0] < 0);
  near(high[1], 0, 0.06);
});
