// The path on the page, in a browser: what is asked of the daemon, what is shown of its answer, and that the molecule goes where the path goes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { PathLoop } from '../../viewer-plugin/path-loop.js';
import type { Session } from '../../viewer-plugin/session.js';
import { launchBrowser } from '../browser/launch.js';
import { closePages, openPage, skipWithoutPage } from './opened-page.js';
import { finishedRun, type SyntheticDaemon } from './synthetic-daemon.js';

declare const limber: { session: Session; loop: PathLoop };

const skip = skipWithoutPage;
let browser: Browser;
before(async () => {
  if (!skip) browser = await launchBrowser();
});
after(() => closePages(browser));

const panel = (page: Page) => page.locator('.path-profile');
const found = (page: Page, shape: string) =>
  page.waitForFunction(wanted => {
    const state = limber.session.paths.state$.value;
    return state.kind === 'found' && state.path.shape === wanted;
  }, shape);
const questions = (daemon: SyntheticDaemon) => daemon.received.filter(message => message.type === 'find-path');

async function withEnds() {
  const opened = await openPage(browser, { runs: [finishedRun('run1', 2)] });
  const { page } = opened;
  await page.waitForFunction(() => limber.session.cloud$.value !== null);
  assert.equal(await panel(page).isVisible(), false);
  await page.evaluate(() => {
    limber.session.setEnd('A', [-0.5, 0]);
    limber.session.setEnd('B', [0.5, 0]);
  });
  await found(page, 'line');
  return opened;
}

test('with both ends set the straight path is told, and where too few particles speak the reading is a bound and the panel says so', {
  skip,
}, async () => {
  const { page, daemon, errors, close } = await withEnds();
  const [question] = questions(daemon);
  assert.deepEqual(
    { ...question, id: 0 },
    { type: 'find-path', id: 0, run: 'run1', shape: 'line', from: [-0.5, 0], to: [0.5, 0], points: 17 },
  );
  assert.match(
    (await panel(page).locator('.path-about').textContent())!,
    /1,234 particles within 0\.2 of it, 56 beyond its ends; hatched: fewer than 10 particles, nothing can be said.*in kT only as far as/,
  );
  assert.deepEqual(errors, []);
  await close();
});

test('through dense regions the loop and a drag on the profile go along the bend, not across', { skip }, async () => {
  const { page, errors, close } = await withEnds();
  await page.getByRole('button', { name: 'through dense regions' }).click();
  await found(page, 'dense');
  const canvas = (await panel(page).locator('canvas').boundingBox())!;
  await page.mouse.move(canvas.x + 34 + 0.5 * (canvas.width - 46), canvas.y + canvas.height / 2);
  await page.mouse.down();
  await page.mouse.up();
  const [x, y] = await page.evaluate(() => limber.session.z$.value);
  // The made path bulges by 0.4 in the middle; a pixel is 0.003.
  assert.ok(Math.abs(x) < 0.02 && Math.abs(y - 0.4) < 0.01, `${x} ${y}`);
  await page.getByRole('button', { name: 'Play the path' }).click();
  await page.waitForFunction(() => Math.abs(limber.session.z$.value[0]) > 0.2);
  const [u, v] = await page.evaluate(() => limber.session.z$.value);
  assert.ok(Math.abs(v - 0.4 * Math.sin(Math.PI * (u + 0.5))) < 0.01, `${u} ${v}`);
  assert.deepEqual(errors, []);
  await close();
});

test('a search shows its progress and can be stopped; where nothing joins the ends one line says so, and the loop waits', {
  skip,
}, async () => {
  const { page, daemon, errors, close } = await withEnds();
  daemon.holdsPaths = true;
  await page.getByRole('button', { name: 'through dense regions' }).click();
  await page.waitForFunction(() => document.querySelector<HTMLProgressElement>('.path-profile progress')!.value === 0.25);
  assert.equal(await page.locator('.play').isDisabled(), true);
  daemon.holdsPaths = false;
  await panel(page).getByRole('button', { name: 'Stop' }).click();
  await found(page, 'line');
  assert.ok(daemon.received.some(({ type }) => type === 'stop-path'));
  daemon.isJoined = false;
  await page.getByRole('button', { name: 'through dense regions' }).click();
  await panel(page).getByText('No chain of neighbouring particles joins A and B').waitFor();
  assert.equal(await page.locator('.play').isDisabled(), true);
  await page.getByRole('button', { name: 'straight' }).click();
  await found(page, 'line');
  assert.equal(await page.locator('.play').isDisabled(), false);
  assert.deepEqual(errors, []);
  await close();
});

test('the middles of two clusters become the ends by choosing them', { skip }, async () => {
  const { page, daemon, errors, close } = await openPage(browser, { runs: [finishedRun('run1', 2)] });
  daemon.has.clusters = true;
  daemon.tellEmbeddings();
  await page.getByLabel('Cluster whose middle is A').selectOption('1');
  await page.getByLabel('Cluster whose middle is B').selectOption('2');
  await found(page, 'line');
  const [a, b, middles] = await page.evaluate(() => {
    const { session } = limber;
    const { medoids } = session.embeddings.tables$.value!.clusters!;
    const { z, dims } = session.cloud$.value!;
    return [session.ends.A.value, session.ends.B.value, [...medoids].map(row => [...z.subarray(row * dims, (row + 1) * dims)])] as const;
  });
  assert.deepEqual([a, b], middles.slice(0, 2));
  assert.deepEqual(errors, []);
  await close();
});
