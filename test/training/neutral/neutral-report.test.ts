// What is said of a neutral model: the shell that misses most of what it could have, not the one where noise leaves nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeAgreement, lowestShell, type NeutralReport } from '../../../daemon/training/neutral/neutral-report.js';

const report: NeutralReport = {
  gaussians: 8,
  resolutionAngstrom: 25,
  referenceSigmaAngstrom: 10,
  boxAngstrom: 100,
  centreAngstrom: [50, 50, 50],
  seed: 1,
  ringFrc: [1, 0.98, 0.97, 0.99],
  fittedTo: 'map.mrc',
  fsc: [0.999, 0.97, 0.96, 0.98],
  fscBeforeSettling: [0.999, 0.98, 0.97, 0.99],
  noiseCeiling: [1, 1, 1, 1],
};

test('without noise it is the lowest shell, with the resolution that it lies at: shell 3 of 100 Å is 33.3 Å', () => {
  assert.deepEqual(lowestShell(report), { fsc: 0.96, angstrom: 100 / 3, ceiling: 1, isGoalReached: true });
  assert.equal(describeAgreement(report), 'FSC with map.mrc at least 0.960 (at 33.3 Å)');
  const missed = lowestShell({ ...report, fsc: [0.999, 0.97, 0.94, 0.98] });
  assert.equal(missed?.isGoalReached, false);
});

test('a shell is held against what its noise leaves, and one that holds more noise than signal is not held against anything', () => {
  // Shell 3 reaches all that it could; shell 2 misses 0.05 of its 1; shell 4, below an FSC of 0.143 between halves, does not count.
  const noisy = { ...report, fsc: [0.999, 0.94, 0.7, 0.1], noiseCeiling: [1, 1, 0.7, 0.4] };
  assert.deepEqual(lowestShell(noisy), { fsc: 0.94, angstrom: 50, ceiling: 1, isGoalReached: false });
  assert.match(describeAgreement(noisy), /below the goal of 0\.95/);
  assert.equal(lowestShell({ ...noisy, noiseCeiling: [0.4, 0.3, 0.2, 0.1] }), null);
});

test('a report from before the correlation was measured says so instead of a number', () => {
  const { fsc: _, ...former } = report;
  assert.equal(lowestShell(former), null);
  assert.match(describeAgreement(former), /not measured/);
});
