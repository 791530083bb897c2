// What the page's forms ask for, which particles they mean, and how reports read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeClientMessage, encodeMessage } from '../../protocol/codec.js';
import type { LatentCloud } from '../../viewer-plugin/panels/latent-basis.js';
import { describeRow, nearestParticles, otherCopies, rowAt } from '../../viewer-plugin/panels/particle-rows.js';
import { type PlotView, toScreen } from '../../viewer-plugin/panels/plot-view.js';
import { describeSelection } from '../../viewer-plugin/panels/region-marker.js';
import { describeHalves, describeOrientations } from '../../viewer-plugin/panels/reports-panel.js';
import { describeChoices } from '../../viewer-plugin/panels/run-panel.js';
import { defaultsFor, type TrainingFields, trainingRequest } from '../../viewer-plugin/panels/training-request.js';
import { regionSpheres } from '../../viewer-plugin/region.js';
import { finishedRun, SyntheticDaemon } from './synthetic-daemon.js';
import { decode, latents, numbers } from './synthetic-project.js';

const EMPTY: TrainingFields = {
  latentDims: '',
  epochs: '',
  resolutionAngstrom: '',
  learningRate: '',
  seed: '',
  vary: ['position', 'amplitude', 'width'],
  preset: '',
  focus: '',
  continueFrom: '',
  subset: null,
  symmetryExpansion: true,
};
const { project } = new SyntheticDaemon({});

function cloudOf(count: number, copies: number): LatentCloud {
  return { run: 'run1', epoch: 1, dims: 2, count, ...latents(count, 2, 1, 3, copies) };
}

test('a form that nobody wrote into asks for nothing, so that the daemon’s own defaults hold', () => {
  assert.deepEqual(trainingRequest(EMPTY, defaultsFor(project, '', null)), {});
});

test('everything that was chosen is in the request, in the protocol’s kinds, and passes its check', () => {
  const fields: TrainingFields = {
    latentDims: '2',
    epochs: ' 7 ',
    resolutionAngstrom: '7.5',
    learningRate: '1e-4',
    seed: '0',
    vary: ['amplitude'],
    preset: 'paper',
    focus: 'rbd',
    continueFrom: 'run1',
    subset: Uint32Array.of(3, 9),
    symmetryExpansion: false,
  };
  const settings = trainingRequest(fields, defaultsFor(project, 'paper', finishedRun('run1', 2)));
  assert.deepEqual(settings, {
    latentDims: 2,
    epochs: 7,
    resolutionAngstrom: 7.5,
    learningRate: 1e-4,
    seed: 0,
    vary: ['amplitude'],
    preset: 'paper',
    focus: 'rbd',
    continueFrom: 'run1',
    subset: Uint32Array.of(3, 9),
    symmetryExpansion: 'off',
  });
  const message = { type: 'start-training', id: 1, run: 'run2', settings } as const;
  assert.deepEqual(decodeClientMessage(encodeMessage(message)), message);
});

test('a run that is continued gives the defaults, unless a preset is asked for: what equals them is left out, what differs is asked', () => {
  const parent = { ...finishedRun('run1', 3), vary: ['amplitude' as const], copies: 1 };
  const defaults = defaultsFor(project, '', parent);
  assert.deepEqual(trainingRequest({ ...EMPTY, continueFrom: 'run1', vary: ['amplitude'], symmetryExpansion: false }, defaults), {
    continueFrom: 'run1',
  });
  assert.deepEqual(trainingRequest({ ...EMPTY, continueFrom: 'run1' }, defaults), {
    continueFrom: 'run1',
    vary: ['position', 'amplitude', 'width'],
    symmetryExpansion: 'on',
  });
  assert.deepEqual(defaultsFor(project, 'paper', parent), project.trainingDefaults.paper);
});

test('the nearest particles are those of a plain sort by distance, each once though it has several places', () => {
  const cloud = cloudOf(600, 3);
  const random = numbers(8);
  for (const most of [1, 7, 200]) {
    const point = [2 * random() - 1, random()];
    const distance = new Float64Array(200).fill(Infinity);
    for (let row = 0; row < 600; row++) {
      const number = Math.floor(row / 3);
      distance[number] = Math.min(distance[number], Math.hypot(cloud.z[2 * row] - point[0], cloud.z[2 * row + 1] - point[1]));
    }
    const sorted = Array.from(distance.keys()).sort((a, b) => distance[a] - distance[b]);
    const expected = sorted.slice(0, most).map(number => number + 1);
    assert.deepEqual(
      [...nearestParticles(cloud, point, most)],
      expected.sort((a, b) => a - b),
    );
  }
});

test('the other copies of a particle are the rows with its number, and a particle without copies has none', () => {
  const cloud = cloudOf(12, 3);
  assert.deepEqual(otherCopies(cloud, 4), [3, 5]);
  assert.deepEqual(otherCopies(cloud, 0), [1, 2]);
  assert.deepEqual(otherCopies(cloud, 11), [9, 10]);
  assert.deepEqual(otherCopies(cloud, -1), []);
  assert.deepEqual(otherCopies(cloudOf(12, 1), 4), []);
  cloud.frc[4] = 0.2134;
  cloud.observability![4] = 0.871;
  assert.equal(describeRow(cloud, 4), 'particle 2, copy 2 of 3 · FRC 0.213 · observability 0.87');
  assert.equal(describeRow({ ...cloud, copy: null, observability: null, frc: new Float32Array(12).fill(Number.NaN) }, 4), 'particle 2');
});

test('the particle under the mouse is the nearest on the screen, whatever the scale of the axes, and none where all are further than the reach', () => {
  const view: PlotView = { x0: -1, x1: 1, y0: 0, y1: 100, width: 300, height: 200 };
  const random = numbers(2);
  const x = Float32Array.from({ length: 50 }, () => 2 * random() - 1);
  const y = Float32Array.from({ length: 50 }, () => 100 * random());
  for (let k = 0; k < 40; k++) {
    const mouse = [300 * random(), 200 * random()] as const;
    const away = Array.from(x, (_, i) => {
      const [px, py] = toScreen(view, [x[i], y[i]]);
      return Math.hypot(px - mouse[0], py - mouse[1]);
    });
    const least = Math.min(...away);
    assert.equal(rowAt(x, y, view, mouse, 12), least <= 12 ? away.indexOf(least) : -1);
  }
});

test('a region is of the resting molecule: atoms where the file has them, Gaussians where they are at the neutral point', () => {
  const neutral = decode('run1', 1, [0, 0], false);
  const spheres = regionSpheres(Float32Array.of(1, 2, 3), [2], neutral);
  assert.deepEqual([...spheres.subarray(0, 4)], [1, 2, 3, 4]);
  assert.deepEqual(spheres.subarray(4, 7), neutral.positions.subarray(6, 9));
  assert.equal(spheres[7], Math.fround(2 * neutral.sigmas[2]));
  assert.equal(regionSpheres(new Float32Array(), [1], null).length, 0);
});

test('what is told of runs, selections and reports is in the field’s words, and what was not measured is a dash', () => {
  assert.equal(describeSelection({ atoms: 1, gaussians: 0 }), '1 atom');
  assert.equal(describeSelection({ atoms: 1200, gaussians: 3 }), '1,200 atoms and 3 Gaussians');
  assert.equal(describeSelection({ atoms: 0, gaussians: 0 }), '');
  assert.equal(describeChoices(finishedRun('run1', 2), 4000), '');
  assert.equal(
    describeChoices({ ...finishedRun('b', 2), focus: 'rbd', vary: ['amplitude'], particles: 900, copies: 3, continueFrom: 'a' }, 4000),
    'focus on rbd · amplitude only · 900 particles · 3 symmetric copies each · continues a',
  );
  const [found, clusters, motion] = describeHalves({
    particles: [10, 10],
    latentsExplained: [0.912, null],
    latentsByChance: -0.004,
    clusters: { count: 3, adjustedRandIndex: 0.5, adjustedRandIndexAnew: null },
    states: [],
    motion: null,
  });
  assert.equal(found.text, '91.2 % and – told by the other half (by chance −0.4 %)');
  assert.equal(clusters.text, '3, adjusted Rand index 0.500 (clustered anew –)');
  assert.equal(motion, undefined);
  const orientations = {
    particles: 5,
    against: 'own' as const,
    frcBefore: 0.1,
    frcAfter: 0.2,
    medianDegrees: 1,
    degrees95: 2,
    medianAngstrom: 3,
    angstrom95: 4,
  };
  assert.match(
    describeOrientations({ ...orientations, inheritedFrom: 'run1' }),
    /^Taken over from run1: 5 particles turned by 1\.00°.*; FRC 0\.1000/,
  );
  assert.match(
    describeOrientations({ ...orientations, against: 'neutral', inheritedFrom: null }),
    /; FRC with the neutral model 0\.1000 → 0\.2000$/,
  );
});
