// Which of several sources a setting of training comes from.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parameters } from '../../daemon/settings/settings.js';
import {
  defaultTrainingSettings,
  flagOf,
  inheritedSettings,
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

test('the preset paper is what the paper says: dropout 0.3, batch normalisation, 1e-4, L2 1e-3, rings alike, the encoder alone', () => {
  const { dropout, batchNormalisation, learningRate, l2, ringWeights, latentRefinement, latentStart } = trainOptions('a', {
    preset: 'paper',
  });
  assert.deepEqual(
    { dropout, batchNormalisation, learningRate, l2, ringWeights, latentRefinement, latentStart },
    {
      dropout: 0.3,
      batchNormalisation: 'on',
      learningRate: 1e-4,
      l2: 1e-3,
      ringWeights: 'equal',
      latentRefinement: 'off',
      latentStart: 'random',
    },
  );
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
