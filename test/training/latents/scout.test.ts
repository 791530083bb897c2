// How long the latent space is scouted: until the correlation with the images rises more slowly than it did.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learnsFaster } from '../../../daemon/training/latents/scout.js';

test('what is learned from the beginning is scouted once; what noise hides at first is scouted on until the later half of the epochs brings less than the earlier half', () => {
  const saturating = [1, 2, 3, 4].map(epoch => 0.7 - 0.02 * Math.exp(-epoch));
  assert.equal(learnsFaster(saturating), false);
  assert.equal(learnsFaster(saturating.slice(0, 3)), false);
  // A network that has to find the signal first: its correlation rises along a sigmoid, here steepest after six epochs.
  const hidden = Array.from({ length: 32 }, (_, epoch) => 0.57 + 0.07 / (1 + Math.exp((6 - epoch) / 2)));
  assert.deepEqual(
    [4, 8, 16, 32].map(epochs => learnsFaster(hidden.slice(0, epochs))),
    [true, true, false, false],
  );
});

test('one or two epochs show no rise that could slow down, so that the scout goes on where it may', () => {
  assert.equal(learnsFaster([0.6]), true);
  assert.equal(learnsFaster([0.6, 0.61]), true);
});
