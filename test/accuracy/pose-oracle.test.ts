// The oracle of poses on images of chosen noise: it must find the truth where images tell it, and keep to what was stated where they do not.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { simulate } from '../../demo-data/simulate.js';
import { deviationsOf, disturbOrientations, poseErrors, statedPoses } from './disturbed-orientations.js';
import { oraclePoseErrors } from './pose-oracle.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-pose-oracle-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const PARTICLES = 20;
const [DEGREES, PIXELS] = [3, 2];

/** Median errors before the oracle looked and after. */
async function medians(noise: number) {
  const options = { directory: join(folder, String(noise)), kind: 'linear', particles: PARTICLES, noise, seed: 3 } as const;
  const data = await simulate(options, { progress() {}, epoch() {}, note() {} });
  const disturbed = join(options.directory, 'disturbed.star');
  disturbOrientations(data, disturbed, DEGREES, PIXELS, 5);
  const stated = statedPoses(data, disturbed);
  const found = await oraclePoseErrors(options, stated, deviationsOf(DEGREES, PIXELS), PARTICLES);
  const median = (values: Float64Array) => values.slice().sort()[values.length >> 1];
  const before = poseErrors(data, disturbed);
  return { before: [before.degrees, before.pixels].map(median), after: [found.degrees, found.pixels].map(median) };
}

test('the errors are the noise alone: with a hundredth of its power a tenth of them is left, since nothing else stands between oracle and truth', async () => {
  const [faint, fainter] = [await medians(1e-2), await medians(1e-4)];
  [0, 1].forEach(k => {
    assert.ok(faint.after[k] < 0.1 * faint.before[k], `${faint.after}`);
    const ratio = faint.after[k] / fainter.after[k];
    assert.ok(ratio > 8.5 && ratio < 11.5, `${ratio}`);
  });
});

test('where noise hides the particles, hardly anything is turned: the prior holds them, but for the scale, which is free to follow the noise', async () => {
  const { before, after } = await medians(1e6);
  [0, 1].forEach(k => {
    assert.ok(Math.abs(after[k] / before[k] - 1) < 0.1, `${before} ${after}`);
  });
});
