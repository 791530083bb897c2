// Motions of regions through the daemon: on a run whose arms turn by known angles, a viewer is told these angles, and what was wrong with a question.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HINGES, inArm, makeHingedRun, RESTING } from '../training/motions/hinged-run.js';
import { makeProject, serve, Viewer } from './small-project.js';

/** Without a map regions are masks on the particles' box, from 0: it holds the molecule. */
const BOX = { map: null, boxSize: 72, pixelSizeAngstrom: 2 };

/** A sphere about every Gaussian of an arm. */
const spheresOf = (arm: number) =>
  Array.from(inArm(arm)).flatMap((isInside, i) => (isInside ? [...RESTING.slice(3 * i, 3 * i + 3), 3] : []));

test('a marked region turns by the angle that was put in, about its hinge; its own motion moves it alone, and two move together and apart', async t => {
  const small = makeProject(t, BOX);
  makeHingedRun(small.project, 'hinged');
  const viewer = await Viewer.connect(await serve(t, small));
  for (const arm of [0, 1]) {
    viewer.send({ type: 'save-region', id: arm, name: `arm${arm}`, spheres: Float32Array.from(spheresOf(arm)) });
    await viewer.next('region-saved');
  }
  viewer.send({ type: 'measure-motion', id: 5, run: 'hinged', from: [0, 0], to: [1, 0], regions: ['arm0', 'arm1'] });
  const { id, epoch, regions, errorAngstrom } = await viewer.next('motion');
  assert.deepEqual([id, epoch, errorAngstrom], [5, 2, null]);
  const [left, right] = regions;
  assert.equal(left.region, 'arm0');
  // The mask falls softly over three voxels, 6 Å, and takes in a little of the body, which rests.
  assert.ok(Math.abs(left.angleDegrees - 8.2) < 0.1, `${left.angleDegrees}`);
  left.axis.forEach((value, k) => void assert.ok(Math.abs(value - HINGES[0].axis[k]) < 0.02));
  assert.ok(Math.hypot(left.axisPoint![0] - 80, left.axisPoint![2] - 26) < 0.5, `${left.axisPoint}`);
  assert.ok(right.angleDegrees < 0.01 && right.axisPoint === null);

  viewer.send({ type: 'find-motions', id: 6, run: 'hinged', regions: ['arm0', 'arm1'], count: 1 });
  const { own, joint } = await viewer.next('motions');
  assert.deepEqual(
    own.map(found => found.length),
    [1, 1],
  );
  for (const [{ insideAngstrom, outsideAngstrom }] of own) assert.ok(outsideAngstrom < 0.05 * insideAngstrom[0]);
  const along = ({ turns: [a, b] }: NonNullable<typeof joint>['apart']) =>
    a.shiftAngstrom.reduce((sum, value, k) => sum + value * b.shiftAngstrom[k], 0);
  assert.ok(along(joint!.together) > 0 && along(joint!.apart) < 0);
  await viewer.leave();
});

test('questions about runs, regions and points that are not there are refused, each with its code', async t => {
  const small = makeProject(t, BOX);
  makeHingedRun(small.project, 'hinged');
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'save-region', id: 1, name: 'nobody', spheres: Float32Array.of(40, 100, 10, 2) });
  const saved = await viewer.next('region-saved');
  assert.equal(saved.name, 'nobody');
  const measure = { type: 'measure-motion', id: 2, run: 'hinged', from: [0, 0], to: [1, 0], regions: ['nobody'] } as const;
  for (const [changed, code, message] of [
    [{ run: 'other' }, 'no-such-run', /no run "other"/],
    [{ regions: ['head'] }, 'bad-value', /no region "head"; it has nobody/],
    [{ regions: ['nobody', 'nobody'] }, 'bad-value', /"nobody" is named twice/],
    [{ to: [1] }, 'bad-value', /to has 1 numbers, run "hinged" has 2/],
    [{}, 'bad-value', /nobody: 0\.0 of the model's 60 Gaussians/],
  ] as const) {
    viewer.send({
      ...measure,
      ...changed,
      regions: [...('regions' in changed ? changed.regions : measure.regions)],
      from: [0, 0],
      to: 'to' in changed ? [...changed.to] : [1, 0],
    });
    const error = await viewer.next('error');
    assert.equal(error.code, code);
    assert.match(error.message, message);
  }
  await viewer.leave();
});
