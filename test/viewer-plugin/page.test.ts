// The page in a browser, against a daemon that speaks the real protocol: dragging moves the molecule in Mol*, and every state says what it is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { MolecularScene } from '../../viewer-plugin/scene.js';
import type { Session } from '../../viewer-plugin/session.js';
import { launchBrowser } from '../browser/launch.js';
import { closePages, openPage, PATIENCE, skipWithoutPage, WITH_VIEW } from './opened-page.js';
import { finishedRun, type SyntheticOptions } from './synthetic-daemon.js';
import { ATOMS } from './synthetic-project.js';

declare const limber: { session: Session; scene: () => MolecularScene | null };

const skip = skipWithoutPage;

let browser: Browser;
before(async () => {
  if (!skip) browser = await launchBrowser();
});
after(() => closePages(browser));

const open = (options: SyntheticOptions, as?: typeof WITH_VIEW) => openPage(browser, options, as);

const present = (page: Page) => page.evaluate(() => limber.session.z$.value);
const sceneReady = (page: Page) => page.waitForFunction(() => document.documentElement.dataset.scene === 'ready');
const cloudReady = (page: Page) => page.waitForFunction(() => limber.session.cloud$.value !== null);
const until = async (what: string, holds: () => boolean) => {
  for (const end = Date.now() + PATIENCE; !holds(); ) {
    if (Date.now() > end) assert.fail(`never happened: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 20));
  }
};

test('dragging over the latent plot moves the molecule in Mol* to the point under the mouse', { skip }, async () => {
  const { page, daemon, errors, close } = await open({ runs: [finishedRun('run1', 2)] }, WITH_VIEW);
  await sceneReady(page);
  await cloudReady(page);
  await until('the first frame is drawn', () => daemon.received.some(message => message.type === 'frame-drawn'));
  const box = (await page.locator('.plot-area').boundingBox())!;
  await page.mouse.move(box.x + 110, box.y + 60);
  await page.mouse.down();
  for (let k = 1; k <= 8; k++) {
    await page.mouse.move(box.x + 110 + 12 * k, box.y + 60 + 6 * k);
    await page.waitForTimeout(30);
  }
  await page.mouse.up();
  const z = (await present(page)).map(Math.fround);
  const scrubs = daemon.received.filter(message => message.type === 'scrub');
  assert.ok(new Set(scrubs.map(message => message.z.join())).size >= 3, 'the way is scrubbed, not only its end');
  // The settled state tree holds the point at which the mouse was let go.
  await page.waitForFunction(
    wanted => {
      const cell = limber.scene()!.plugin.state.data.cells.get('limber-gaussian-model');
      const latent = (cell?.transform.params as { latent?: number[] } | undefined)?.latent;
      return latent?.length === wanted.length && latent.every((value, i) => Math.abs(value - wanted[i]) < 1e-6);
    },
    z,
    { timeout: PATIENCE },
  );
  const acknowledged = daemon.received.filter(message => message.type === 'frame-drawn').map(message => message.sequence);
  assert.ok(acknowledged.length >= 2);
  assert.deepEqual(
    acknowledged,
    [...acknowledged].sort((a, b) => a - b),
  );
  assert.equal(await page.locator('.failure').isVisible(), false);
  await page.getByRole('button', { name: 'Light or dark' }).click();
  assert.equal(await page.evaluate(() => limber.scene()!.options.background), 'dark', 'the view turns with the page');
  assert.deepEqual(errors, []);
  await close();
});

test('when the daemon goes the page says so and greys the plot; when it comes back the same point is shown again', { skip }, async () => {
  const { page, daemon, errors, close } = await open({ runs: [finishedRun('run1', 4), finishedRun('run2', 4)] });
  await cloudReady(page);
  await page.getByRole('combobox', { name: 'Run', exact: true }).selectOption('run1');
  await cloudReady(page);
  await page.evaluate(() => limber.session.moveTo([0.25, -0.5, 0, 0.125], false));
  assert.equal(await page.locator('#away').isVisible(), false);
  await daemon.stop();
  await page.locator('#away').waitFor({ state: 'visible' });
  assert.match((await page.locator('#away').textContent())!, /The daemon does not answer — reconnecting… .*npx limber serve DIR/);
  assert.match((await page.locator('.plot-area').getAttribute('class'))!, /stale/);
  daemon.received.length = 0;
  await daemon.start();
  await page.locator('#away').waitFor({ state: 'hidden' });
  await until('the point is asked for again', () => daemon.received.some(message => message.type === 'scrub'));
  const scrub = daemon.received.find(message => message.type === 'scrub')!;
  assert.deepEqual([scrub.run, ...scrub.z], ['run1', 0.25, -0.5, 0, 0.125]);
  assert.doesNotMatch((await page.locator('.plot-area').getAttribute('class'))!, /stale/);
  assert.deepEqual(errors, []);
  await close();
});

test('keys, sliders and the Neutral button move the same point as the mouse does', { skip }, async () => {
  const { page, errors, close } = await open({ runs: [finishedRun('run1', 3)] });
  await cloudReady(page);
  await page.getByRole('button', { name: 'z', exact: true }).click();
  await page.locator('.plot-area').focus();
  const [x0, y0] = await present(page);
  for (let k = 0; k < 10; k++) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowUp');
  const [x1, y1, third] = await present(page);
  assert.ok(x1 > x0 && y1 > y0 && third === 0, 'right and up, the third coordinate kept');
  await page.getByLabel('Value of z2').fill('0.375');
  await page.keyboard.press('Enter');
  assert.deepEqual(await present(page), [x1, y1, 0.375]);
  await page.getByLabel('Latent coordinate z0').focus();
  await page.keyboard.press('ArrowLeft');
  const [x2, y2] = await present(page);
  assert.ok(x2 < x1 && y2 === y1);
  await page.getByRole('button', { name: 'Neutral' }).click();
  assert.deepEqual(await present(page), [0, 0, 0]);
  assert.deepEqual(errors, []);
  await close();
});

test('A and B make a path that plays: the point leaves A and passes on towards B', { skip }, async () => {
  const { page, errors, close } = await open({ runs: [finishedRun('run1', 2)] });
  await cloudReady(page);
  const play = page.getByRole('button', { name: 'Play the path' });
  assert.equal(await play.isDisabled(), true);
  await page.evaluate(() => limber.session.moveTo([-0.5, 0], false));
  await page.getByRole('button', { name: 'Set A' }).click();
  await page.evaluate(() => limber.session.moveTo([0.5, 0], false));
  await page.getByRole('button', { name: 'Set B' }).click();
  await page.getByRole('button', { name: 'Go to A' }).click();
  assert.deepEqual(await present(page), [-0.5, 0]);
  await play.click();
  await page.waitForFunction(() => limber.session.z$.value[0] > 0 && limber.session.z$.value[0] < 0.5);
  await page.getByRole('button', { name: 'Stop the loop' }).click();
  const resting = await present(page);
  await page.waitForTimeout(100);
  assert.deepEqual(await present(page), resting);
  assert.deepEqual(errors, []);
  await close();
});

test('from no run through training to a failed one, the page says at each step where it is', { skip }, async () => {
  const { page, daemon, errors, close } = await open({});
  const message = page.locator('.plot-message');
  await message.getByText('No run yet').waitFor();
  await page.getByRole('button', { name: 'Train…' }).click();
  await page.getByLabel('Latent dims').fill('2');
  await page.getByLabel('Epochs').fill('3');
  await page.getByRole('button', { name: 'Start' }).click();
  await message.getByText('Training run1').waitFor();
  const start = daemon.received.find(one => one.type === 'start-training')!;
  assert.deepEqual([start.run, start.settings], ['run1', { latentDims: 2, epochs: 3 }]);
  daemon.tell({ type: 'progress', job: 'job-1', run: 'run1', stage: 'gradients at the neutral model', done: 37, total: 100, seconds: 1 });
  await page.locator('.job').getByText('gradients at the neutral model, 37 %').waitFor();
  daemon.finishEpoch('run1');
  await message.waitFor({ state: 'hidden' });
  await page.locator('#training').getByText('epoch 1 of 3').waitFor();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByRole('button', { name: 'Resume' }).waitFor();
  assert.ok(daemon.received.some(one => one.type === 'cancel-job' && one.job === 'job-1'));
  const line = 'particles.star line 212: image 000081@stack.mrcs holds a value that is not finite';
  daemon.tell({ type: 'job-ended', job: 'job-2', run: 'run2', error: line });
  await page.getByRole('alert').getByText(`run2: ${line}`).waitFor();
  await page.getByRole('button', { name: 'Dismiss' }).click();
  assert.equal(await page.locator('.failure').isVisible(), false);
  assert.deepEqual(errors, []);
  await close();
});

test('the options of a new run are folded away, follow each other and reach the daemon; what nobody touched does not', {
  skip,
}, async () => {
  const { page, daemon, errors, close } = await open({ runs: [{ ...finishedRun('run1', 2), particles: 2000 }] });
  daemon.change({ symmetry: 'C3', regions: ['head', 'rbd'] });
  await cloudReady(page);
  await page.getByRole('button', { name: 'Train…' }).click();
  assert.equal(await page.getByLabel('Focus').isVisible(), false);
  assert.deepEqual(
    [await page.getByLabel('Latent dims').inputValue(), await page.getByLabel('Latent dims').getAttribute('placeholder')],
    ['', '4'],
    'the daemon’s default is shown and not sent',
  );
  await page.getByText('Options').click();
  await page.getByLabel('width').uncheck();
  await page.getByLabel('Focus').selectOption('rbd');
  await page.getByLabel('Continue from').selectOption('run1');
  assert.equal(await page.getByLabel('Latent dims').getAttribute('placeholder'), '2');
  assert.equal(await page.getByLabel('width').isChecked(), false, 'what was chosen stays');
  await page.getByLabel('Particles', { exact: true }).selectOption('nearest');
  await page.getByLabel('How many particles').fill('40');
  await page.getByLabel('all C3 orientations').check();
  const overflow = await page.locator('#run').evaluate(one => one.scrollWidth - one.clientWidth);
  assert.equal(overflow, 0, 'nothing is cut off');
  await page.getByLabel('Name', { exact: true }).fill('run1');
  await page.getByText('There is a run of that name').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('close-up');
  await page.getByRole('button', { name: 'Start' }).click();
  await until('training is asked for', () => daemon.received.some(one => one.type === 'start-training'));
  const { run, settings } = daemon.received.find(one => one.type === 'start-training')!;
  const { subset, ...others } = settings;
  assert.equal(run, 'close-up');
  assert.equal(subset!.length, 40);
  assert.deepEqual(others, { focus: 'rbd', continueFrom: 'run1', vary: ['position', 'amplitude'], symmetryExpansion: 'on' });
  assert.deepEqual(errors, []);
  await close();
});

test('the menu starts what follows training, a job can be stopped, and what it found is read on the page', { skip }, async () => {
  const { page, daemon, errors, close } = await open({ runs: [finishedRun('run1', 2)] });
  await cloudReady(page);
  assert.equal(await page.locator('#reports').isVisible(), false);
  const more = page.getByRole('button', { name: 'More to do with this run' });
  await more.click();
  await page.getByRole('menuitem', { name: 'Refine orientations' }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Train…' }).isDisabled(), true);
  daemon.tell({ type: 'progress', job: 'orientations-1', run: 'run1', stage: 'refining orientations', done: 1, total: 2, seconds: 1 });
  await page.locator('.job').getByText('run1: refining orientations, 50 %').waitFor();
  daemon.orientations = {
    particles: 2000,
    against: 'own',
    frcBefore: 0.125,
    frcAfter: 0.25,
    medianDegrees: 1.5,
    degrees95: 4,
    medianAngstrom: 1,
    angstrom95: 3,
    inheritedFrom: null,
  };
  daemon.endJob('orientations-1', 'run1');
  await page.locator('#reports').getByText('2,000 particles turned by 1.50°').waitFor();
  await more.click();
  await page.getByRole('menuitem', { name: 'Refit neutral model…' }).click();
  await page.getByLabel('Gaussians', { exact: true }).first().fill('64');
  await page.getByRole('button', { name: 'Fit' }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await until('the job is cancelled', () => daemon.received.some(one => one.type === 'cancel-job' && one.job === 'neutral-1'));
  assert.deepEqual(daemon.received.find(one => one.type === 'start-neutral')!.settings, { gaussians: 64 });
  assert.deepEqual(errors, []);
  await close();
});

test('the mouse on a particle tells which it is and where its other symmetric orientations lie', { skip }, async () => {
  const { page, errors, close } = await open({ runs: [{ ...finishedRun('run2', 2), copies: 3 }] });
  await cloudReady(page);
  await page.getByLabel('Colour of the particles').selectOption('observability');
  const tip = page.getByRole('tooltip');
  const box = (await page.locator('.plot-area').boundingBox())!;
  for (let k = 0; k < 100 && !(await tip.isVisible()); k++) await page.mouse.move(box.x + 60 + 3 * k, box.y + box.height / 2);
  assert.match((await tip.textContent())!, /^particle \d+, copy [123] of 3 · FRC 0\.\d{3} · observability [01]\.\d\d$/);
  await page.mouse.move(box.x + 10, box.y - 30);
  await tip.waitFor({ state: 'hidden' });
  assert.deepEqual(errors, []);
  await close();
});

test('atoms and Gaussians that are selected in Mol* become a region that a run can be focused on', { skip }, async () => {
  const { page, daemon, errors, close } = await open({ runs: [finishedRun('run1', 2)] }, WITH_VIEW);
  await sceneReady(page);
  await until('the first frame is drawn', () => daemon.received.some(message => message.type === 'frame-drawn'));
  await page.waitForFunction(() => !!limber.scene()!.plugin.state.data.cells.get('limber-structure')?.obj);
  await page.getByRole('button', { name: 'Train…' }).click();
  await page.getByText('Options').click();
  // The panel of motions marks regions too.
  const form = page.getByRole('region', { name: 'Run' });
  await form.getByRole('button', { name: 'Mark region…' }).click();
  await form.getByText('Click residues in the view').waitFor();
  assert.equal(await form.getByRole('button', { name: 'Region from selection' }).isDisabled(), true);
  assert.equal(await page.evaluate(() => limber.scene()!.plugin.selectionMode), true);
  // The first four atoms, as a click on the first residue gives them.
  await page.evaluate(() => {
    const { plugin } = limber.scene()!;
    const structure = plugin.state.data.cells.get('limber-structure')!.obj!.data;
    const loci = { kind: 'element-loci', structure, elements: [{ unit: structure.units[0], indices: Int32Array.of(0, 1, 2, 3) }] };
    plugin.managers.structure.selection.fromLoci('add', loci as never);
  });
  await form.getByText('4 atoms selected.').waitFor();
  await form.getByLabel('Name of the region').fill('foot');
  await form.getByRole('button', { name: 'Region from selection' }).click();
  await form.getByText(/^foot: \d+ Gaussians? lies? inside/).waitFor();
  const { spheres } = daemon.received.find(message => message.type === 'save-region')!;
  const expected = ATOMS.slice(0, 4).flatMap(([x, y, z]) => [x, y, z, 4]);
  // The file has three decimals.
  assert.ok(spheres.length === 16 && expected.every((value, i) => Math.abs(spheres[i] - value) < 1e-3), String(spheres));
  assert.equal(await form.getByLabel('Focus').inputValue(), 'foot');
  await page.evaluate(() => limber.session.setOptions({ gaussians: true }));
  await form.getByRole('button', { name: 'Clear' }).first().click();
  await page.waitForFunction(() => {
    const cell = limber.scene()!.plugin.state.data.cells.get('limber-spheres');
    return cell?.obj && !cell.state.isHidden;
  });
  await page.evaluate(() => {
    const { plugin } = limber.scene()!;
    const { repr } = plugin.state.data.cells.get('limber-spheres')!.obj!.data;
    plugin.managers.interactivity.lociSelects.select({ loci: repr.getAllLoci()[0], repr }, false);
  });
  await page.waitForFunction(() => {
    const { atoms, gaussians } = limber.scene()!.selection.count();
    return atoms === 0 && gaussians === 126;
  });
  await form.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await page.evaluate(() => limber.scene()!.plugin.selectionMode), false);
  assert.deepEqual(errors, []);
  await close();
});

test('a region’s own motion is laid on the path by a click and played, and the way between its ends is told in degrees', {
  skip,
}, async () => {
  const { page, daemon, errors, close } = await open({ runs: [finishedRun('run1', 2)] });
  await cloudReady(page);
  daemon.change({ regions: ['head'] });
  await page.getByLabel('Region', { exact: true }).selectOption('head');
  await page.locator('#motions').getByText('Set A and B above').waitFor();
  await page.getByRole('button', { name: 'Own motions' }).click();
  await page.locator('#motions .steps button').first().click();
  // From z0 = −0.6 to 0.6, at 0.35 radians each.
  await page.locator('#motions').getByText('head turns by 24.1°; its centre moves 3.0 Å, 0.4 Å not rigid').waitFor();
  assert.deepEqual(
    await page.evaluate(() =>
      [limber.session.ends.A.value, limber.session.ends.B.value].map(end => end!.map(value => Number(value.toFixed(3)))),
    ),
    [
      [-0.6, 0],
      [0.6, 0],
    ],
  );
  await page.getByRole('button', { name: /^Stop the loop/ }).waitFor();
  assert.deepEqual(errors, []);
  await close();
});

for (const viewport of [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
]) {
  test(`at ${viewport.width} × ${viewport.height} the plot and all sliders of four coordinates are on the screen without scrolling`, {
    skip,
  }, async () => {
    const { page, close } = await open({ runs: [finishedRun('run1', 4)] }, { webgl: false, viewport });
    await cloudReady(page);
    await page.locator('.coordinate').nth(3).waitFor();
    for (const part of ['.plot-area', '.support', '#coordinates', '#path']) {
      const box = (await page.locator(part).boundingBox())!;
      assert.ok(box.height > 10 && box.y >= 0 && box.y + box.height <= viewport.height, `${part} ends at ${box.y + box.height}`);
      assert.ok(box.x >= 0 && box.x + box.width <= 400, `${part} is ${box.width} wide`);
    }
    // Nothing is cut off at the side of the column.
    const cut = await page.evaluate(() =>
      [...document.querySelectorAll('.sections section')].filter(one => one.scrollWidth > one.clientWidth).map(one => one.id),
    );
    assert.deepEqual(cut, []);
    await close();
  });
}

test('the theme follows the reader and turns with the button', { skip }, async () => {
  const { page, errors, close } = await open({ runs: [finishedRun('run1', 2)] });
  const state = () => page.evaluate(() => [document.documentElement.dataset.theme, getComputedStyle(document.body).color]);
  const [light, inkOnLight] = await state();
  await page.getByRole('button', { name: 'Light or dark' }).click();
  const [dark, inkOnDark] = await state();
  assert.deepEqual([light, dark], ['light', 'dark']);
  assert.notEqual(inkOnLight, inkOnDark);
  assert.deepEqual(errors, []);
  await close();
});

test('without WebGL the view says so in a line and the panels go on', { skip }, async () => {
  const { page, close } = await open({ runs: [finishedRun('run1', 2)] });
  await page.getByRole('alert').getByText('The 3D view cannot start').waitFor();
  await cloudReady(page);
  await close();
});
