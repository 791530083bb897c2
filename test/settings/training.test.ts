// Which of several sources a setting of training comes from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parameters } from '../../daemon/settings/settings.js';
import {
  defaultTrainingSettings,
  flagOf,
  inheritedSettings,
  paperSettings,
  presets,
  type TrainingSettings,
  trainingSettings,
  trainOptions,
} from '../../daemon/settings/training.js';

test('what is asked wins over what a run was begun with, that over the preset, and the preset over the defaults', () => {
  assert.equal(trainOptions('a').learningRate, parameters.learningRate.default);
  assert.equal(trainOptions('a', { preset: 'paper' }).learningRate, 1e-4);
  assert.equal(trainOptions('a', {}, { preset: 'paper', learningRate: 2e-4 }).learningRate, 2e-4);
  assert.equal(trainOptions('a', { learningRate: 5e-4 }, { preset: 'paper', learningRate: 2e-4 }).learningRate, 5e-4);
  // Not asked is not the same as asked to be nothing.
  assert.equal(trainOptions('a', { batch: undefined }, { batch: 8 }).batch, 8);
});

test('the preset paper is the paper, each setting with its source, and where the paper leaves one open it says so and what is taken', () => {
  const stated = {
    learningRate: 1e-4,
    dropout: 0.3,
    batchNormalisation: 'on',
    l2: 1e-3,
    rigidity: 0,
    latentStart: 'random',
    latentRefinement: 'off',
  };
  const left = { latentNoise: 0.1, ringWeights: 'seen' };
  assert.deepEqual(presets.paper, { ...stated, ...left });
  for (const [name, { source }] of Object.entries(paperSettings)) {
    assert.match(source, /the paper/, name);
    assert.equal(/leaves that to the user|their size/.test(source), name in left, name);
  }
  // What the paper says and is a default already: it may not be lost when a default moves.
  const { latentDims, vary, batch } = trainOptions('a', { preset: 'paper' });
  assert.deepEqual({ latentDims, vary, batch }, { latentDims: 4, vary: ['position', 'amplitude', 'width'], batch: 32 });
  assert.deepEqual(presets.default, {});
});

test('every setting has a flag, so that a line about it can name one', () => {
  for (const name of Object.keys(defaultTrainingSettings)) assert.match(flagOf(name as keyof TrainingSettings), /^--[a-z0-9-]+$/);
});

test('a run that continues another takes over all but its length and its choice of particles', () => {
  const parent: TrainingSettings = {
    ...defaultTrainingSettings,
    epochs: 7,
    latentDims: 2,
    subset: 'rows.txt',
    continueFrom: 'first',
    vary: ['amplitude'],
  };
  const options = trainOptions('b', { continueFrom: 'a' }, inheritedSettings(parent));
  assert.deepEqual([options.latentDims, options.vary, options.epochs], [2, ['amplitude'], parameters.epochs.default]);
  assert.deepEqual([options.subset, options.continueFrom], [null, 'a']);
});

test('other fields of a run are no settings of its training', () => {
  assert.deepEqual(trainingSettings({ batch: 4, frc: 0.5 } as Partial<TrainingSettings>), { batch: 4 });
});
