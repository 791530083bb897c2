// What `limber halves` and `limber orient` leave in a run's folder reaches the viewer, and so does what is told of each particle.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type OrientationReport, orientationsPath, writeOrientationReport } from '../../daemon/project/refined-orientations.js';
import type { HalvesReport } from '../../daemon/training/halves/halves-report.js';
import { makeProject, makeRun, serve, Viewer } from './small-project.js';

const HALVES: HalvesReport = {
  format: 'limber-halves',
  version: 1,
  run: 'a',
  epochs: 10,
  particles: [3, 2],
  copies: 1,
  gaussians: [6, 6],
  frc: [0.5, 0.25],
  seeds: [1, 2],
  latents: {
    half1FromHalf2: { explained: 0.75, coordinates: [{ varianceShare: 1, explained: 0.75, rankCorrelation: 0.875 }] },
    half2FromHalf1: { explained: 0.5, coordinates: [{ varianceShare: 1, explained: 0.5, rankCorrelation: 0.75 }] },
    shuffledExplained: -0.125,
  },
  clusters: { count: 2, suggestion: {} as HalvesReport['clusters']['suggestion'], adjustedRandIndex: 0.625, adjustedRandIndexAnew: 0.5 },
  states: [
    {
      state: 1,
      entries: [2, 0],
      share: [0.75, 0],
      resolutionAngstrom: null,
      resolutionAtHalfAngstrom: null,
      difference: null,
      differenceToOthers: null,
    },
  ],
  differenceResolutionAngstrom: 8,
  displacements: { pairs: 100, correlation: 0.875, rmsAngstrom: [2, 2.5], disagreementAngstrom: Number.NaN },
};

test('the halves report reaches the viewer with what it could not measure as null, and before it is there the answer says so', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'a');
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'get-halves', id: 1, run: 'a' });
  assert.deepEqual(await viewer.next('halves'), { type: 'halves', id: 1, run: 'a', report: null });
  mkdirSync(join(run.path, 'halves'));
  const path = join(run.path, 'halves', 'report.json');
  writeFileSync(path, JSON.stringify(HALVES));
  viewer.send({ type: 'get-halves', id: 2, run: 'a' });
  assert.deepEqual((await viewer.next('halves')).report, {
    particles: [3, 2],
    latentsExplained: [0.75, 0.5],
    latentsByChance: -0.125,
    clusters: { count: 2, adjustedRandIndex: 0.625, adjustedRandIndexAnew: 0.5 },
    states: HALVES.states,
    motion: { correlation: 0.875, rmsAngstrom: [2, 2.5], disagreementAngstrom: null },
  });
  writeFileSync(path, '{"format": "limber-halv');
  viewer.send({ type: 'get-halves', id: 3, run: 'a' });
  const { code, message } = await viewer.next('error');
  assert.equal(code, 'failed');
  assert.ok(message.includes('report.json') && message.includes('compare again'));
  viewer.send({ type: 'get-halves', id: 4, run: 'none' });
  assert.equal((await viewer.next('error')).code, 'no-such-run');
});

test('the orientation report reaches the viewer once there is a star file with it', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'a');
  const viewer = await Viewer.connect(await serve(t, small));
  const figures = {
    particles: 5,
    against: 'neutral' as const,
    frcBefore: 0.125,
    frcAfter: 0.25,
    medianDegrees: 1.5,
    degrees95: 4,
    medianAngstrom: 1,
    angstrom95: 3,
  };
  const report: OrientationReport = {
    format: 'limber-orientations',
    version: 1,
    run: 'a',
    ...figures,
    expectedDegrees: 1,
    expectedAngstrom: 1,
    seconds: 2,
    backend: 'cpu',
    madeFrom: 'x',
    trainedWith: null,
    inheritedFrom: null,
  };
  writeOrientationReport(run, report);
  viewer.send({ type: 'get-orientations', id: 1, run: 'a' });
  assert.equal((await viewer.next('orientations')).report, null);
  writeFileSync(orientationsPath(run), 'data_\n');
  viewer.send({ type: 'get-orientations', id: 2, run: 'a' });
  assert.deepEqual((await viewer.next('orientations')).report, { ...figures, inheritedFrom: null });
});

test('copies count from 1 and observability is told where the table has it, because a plot of orientations that see nothing misleads', async t => {
  const small = makeProject(t);
  makeRun(small.project, 'plain');
  makeRun(small.project, 'expanded').writeLatents({
    count: 4,
    dims: 1,
    particle: Uint32Array.of(1, 1, 2, 2),
    copy: Uint8Array.of(0, 1, 0, 1),
    z: Float32Array.of(1, 2, 3, 4),
    frc: new Float32Array(4),
    observability: Float32Array.of(0.25, 1, Number.NaN, 0),
  });
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'get-latents', id: 1, run: 'plain' });
  const plain = await viewer.next('latents');
  assert.deepEqual([plain.copy, plain.observability], [null, null]);
  viewer.send({ type: 'get-latents', id: 2, run: 'expanded' });
  const { particle, copy, observability } = await viewer.next('latents', ({ id }) => id === 2);
  assert.deepEqual([particle, copy], [Uint32Array.of(1, 1, 2, 2), Uint32Array.of(1, 2, 1, 2)]);
  assert.deepEqual(observability, Float32Array.of(0.25, 1, Number.NaN, 0));
});

test('the project says what training takes where a viewer leaves fields out, so that a form never guesses', async t => {
  const { project } = await (await Viewer.connect(await serve(t, makeProject(t)))).next('project');
  const { default: standard, paper } = project.trainingDefaults;
  // Chen & Ludtke 2021, Methods.
  assert.equal(paper.learningRate, 1e-4);
  assert.ok(standard.epochs >= 1 && standard.latentDims >= 1 && standard.vary.includes('position'));
});
