// UMAP, clusters and maps from particles on the page, in a browser: what a click asks the daemon for, and what is shown when it comes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { ClientMessage } from '../../protocol/messages.js';
import type { MolecularScene } from '../../viewer-plugin/scene.js';
import type { Session } from '../../viewer-plugin/session.js';
import { launchBrowser } from '../browser/launch.js';
import { closePages, openPage, skipWithoutPage, WITH_VIEW } from './opened-page.js';
import { finishedRun, type SyntheticDaemon } from './synthetic-daemon.js';

declare const limber: { session: Session; scene: () => MolecularScene | null };

const skip = skipWithoutPage;
let browser: Browser;
before(async () => {
  if (!skip) browser = await launchBrowser();
});
after(() => closePages(browser));

const RUN = { ...finishedRun('run1', 2), particles: 4000 };
const asked = <T extends string>(daemon: SyntheticDaemon, type: T) => daemon.received.filter(message => message.type === type).at(-1);
const cloudReady = (page: Page) => page.waitForFunction(() => limber.session.cloud$.value !== null);
const present = (page: Page) => page.evaluate(() => limber.session.z$.value);
const latentsOf = (page: Page) => page.evaluate(() => Array.from(limber.session.cloud$.value!.z));

test('a UMAP that was asked for is shown when it comes, and dragging over it goes to the nearest particle, as the label says', {
  skip,
}, async () => {
  const { page, daemon, errors, close } = await openPage(browser, { runs: [RUN], particles: 600 });
  await cloudReady(page);
  await page.getByRole('button', { name: 'UMAP…' }).click();
  await page.getByRole('button', { name: 'Make', exact: true }).click();
  await page.locator('.job').waitFor();
  const request = asked(daemon, 'start-embedding');
  assert.deepEqual({ ...request, id: 0 }, { type: 'start-embedding', id: 0, run: 'run1', method: 'umap' });
  assert.equal(await page.getByRole('button', { name: 'Cluster…' }).getAttribute('title'), 'A job is running');
  daemon.has.umap = true;
  daemon.endJob('embedding-1', 'run1');
  daemon.tellEmbeddings();
  const button = page.getByRole('button', { name: 'UMAP', exact: true });
  await page.waitForFunction(() => document.querySelector('.segments [aria-pressed=true]')?.textContent === 'UMAP');
  assert.equal(await button.getAttribute('aria-pressed'), 'true');
  const box = (await page.locator('.plot-area').boundingBox())!;
  const z = await latentsOf(page);
  for (const share of [0.3, 0.5, 0.7]) {
    await page.mouse.move(box.x + share * box.width, box.y + 0.5 * box.height);
    await page.mouse.down();
    const point = await present(page);
    await page.mouse.up();
    const isParticle = Array.from({ length: z.length / 2 }, (_, row) => row).some(
      row => z[2 * row] === point[0] && z[2 * row + 1] === point[1],
    );
    assert.ok(isParticle, `${point} is no particle's`);
  }
  // Where the point is there is a particle.
  await page.mouse.move(box.x + 2, box.y + 2);
  const before = await present(page);
  await page.locator('.plot-area').press('ArrowRight');
  assert.notDeepEqual(await present(page), before);
  await page.waitForFunction(() => document.querySelector('.support')?.textContent?.endsWith('at 0'));
  assert.deepEqual(errors, []);
  await close();
});

test('clusters are sorted with the method and number asked for; the legend tells their sizes and flies to their middles', {
  skip,
}, async () => {
  const { page, daemon, errors, close } = await openPage(browser, { runs: [RUN], particles: 600 });
  await cloudReady(page);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  assert.equal(await page.locator('.cluster-legend').isVisible(), false);
  await page.getByRole('button', { name: 'Cluster…' }).click();
  const form = page.getByRole('form', { name: 'New clusters' });
  await form.getByLabel('Method').selectOption('gmm');
  await form.getByLabel('Clusters').fill('2');
  await form.getByRole('button', { name: 'Sort' }).click();
  await page.locator('.job').waitFor();
  assert.deepEqual(
    { ...asked(daemon, 'start-clustering'), id: 0 },
    { type: 'start-clustering', id: 0, run: 'run1', method: 'gmm', count: 2 },
  );
  daemon.has.clusters = true;
  daemon.endJob('clustering-1', 'run1');
  daemon.tellEmbeddings();
  await page.locator('.cluster-legend button').nth(1).waitFor();
  const { sizes, medoid } = await page.evaluate(() => {
    const { sizes, medoids } = limber.session.embeddings.tables$.value!.clusters!;
    const row = medoids[1];
    return { sizes: Array.from(sizes), medoid: Array.from(limber.session.cloud$.value!.z.slice(2 * row, 2 * row + 2)) };
  });
  assert.deepEqual(
    await page.locator('.cluster-legend button').allTextContents(),
    sizes.map((size, k) => `${k + 1} ${size}`),
  );
  await page.getByRole('button', { name: /^Cluster 2:/ }).click();
  assert.deepEqual(await present(page), medoid);
  await page.locator('select.colour').selectOption('density');
  assert.equal(await page.locator('.cluster-legend').isVisible(), false);
  assert.deepEqual(errors, []);
  await close();
});

test('each entry of the map menu asks for its particles, and says why it cannot be chosen', { skip }, async () => {
  const { page, daemon, errors, close } = await openPage(browser, { runs: [RUN], particles: 600 });
  await cloudReady(page);
  const menu = page.getByRole('button', { name: 'Map from particles' });
  await menu.click();
  const entry = (name: string | RegExp) => page.getByRole('menuitem', { name });
  assert.match((await entry('This cluster').getAttribute('title')) ?? '', /no clusters yet/);
  assert.match((await entry('Those you draw around').getAttribute('title')) ?? '', /Ctrl\+drag/);
  assert.match((await entry(/Along A/).getAttribute('title')) ?? '', /Set A and B/);
  await page.getByRole('menuitemcheckbox', { name: /half-maps/ }).click();
  assert.equal(await page.getByRole('menuitemcheckbox', { name: /half-maps/ }).getAttribute('aria-checked'), 'false');
  await entry(/^Nearest 2,000/).click();
  await page.locator('.job').waitFor();
  const z = await present(page);
  assert.deepEqual({ ...asked(daemon, 'start-reconstruction'), id: 0 }, {
    type: 'start-reconstruction',
    id: 0,
    name: 'run1-near',
    run: 'run1',
    particles: { which: 'nearest', z, count: 2000 },
    halves: false,
  } as never);
  await menu.click();
  assert.equal(await entry(/^All 4,000/).getAttribute('title'), 'A job is running');
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.waitForFunction(() => limber.session.jobs$.value.length === 0);
  assert.equal(asked(daemon, 'cancel-job')?.type, 'cancel-job');
  // Around the left half of the plot: the particles of the first state.
  const box = (await page.locator('.plot-area').boundingBox())!;
  await page.keyboard.down('Control');
  await page.mouse.move(box.x + 40, box.y + 10);
  await page.mouse.down();
  for (const [x, y] of [
    [0.5, 0.05],
    [0.5, 0.9],
    [0.11, 0.9],
  ])
    await page.mouse.move(box.x + x * box.width, box.y + y * box.height);
  await page.mouse.up();
  await page.keyboard.up('Control');
  assert.deepEqual(await present(page), z, 'the point stays where it was');
  const chosen = await page.evaluate(() => limber.session.chosenRows$.value!.map(row => limber.session.cloud$.value!.particle[row]));
  assert.ok(chosen.length > 100 && chosen.length < 500);
  await menu.click();
  await entry(`The ${chosen.length} particles you drew around`).click();
  await page.locator('.job').waitFor();
  const { particles } = asked(daemon, 'start-reconstruction') as Extract<ClientMessage, { type: 'start-reconstruction' }>;
  assert.deepEqual(particles, { which: 'rows', rows: Uint32Array.from(chosen) });
  assert.deepEqual(errors, []);
  await close();
});

test('a map that comes stands in the state tree of Mol* in its frame, follows its slider and colour, is fetched again when replaced, and goes when deleted', {
  skip,
}, async () => {
  const { page, daemon, errors, close } = await openPage(browser, { runs: [RUN], particles: 600 }, WITH_VIEW);
  await page.waitForFunction(() => document.documentElement.dataset.scene === 'ready');
  await cloudReady(page);
  const source = { run: 'run1', which: 'cluster', cluster: 2, z: null, particles: 300, quick: true } as const;
  daemon.addMap('made', [1, 0], source);
  const surface = (holds: string) =>
    page.waitForFunction(`(() => { const cell = limber.scene().plugin.state.data.cells.get('limber-made-map-made'); return ${holds}; })()`);
  await surface(`cell?.status === 'ok' && cell.obj.data.repr.renderObjects.length > 0`);
  const centre = await page.evaluate(() => {
    const cell = limber.scene()!.plugin.state.data.cells.get('limber-made-map-made');
    return Array.from(
      (cell!.obj!.data as { repr: { renderObjects: { values: { boundingSphere: { ref: { value: { center: ArrayLike<number> } } } } }[] } })
        .repr.renderObjects[0].values.boundingSphere.ref.value.center,
    );
  });
  // The molecule stands in the middle of a box of 96 Å.
  for (const value of centre) assert.ok(Math.abs(value - 48) < 8, `${centre}`);
  const row = page.locator('.made-map');
  assert.match((await row.locator('.about').textContent()) ?? '', /^quick look · 300 particles of cluster 2$/);
  daemon.addMap('made', [1, 0], { ...source, quick: false }, 7.5);
  await page.waitForFunction(() => /FSC 0.143 at 7.5 Å/.test(document.querySelector('.made-map .about')?.textContent ?? ''));
  await row.locator('input[type=color]').fill('#ff0000');
  await surface(`cell?.status === 'ok' && cell.transform.params.colorTheme.params.value === 0xff0000`);
  const before = await page.evaluate(() => limber.session.madeMaps.layers$.value[0].contour);
  await row.locator('input[type=range]').fill('0.6');
  await surface(`cell.status === 'ok' && cell.transform.params.type.params.isoValue.absoluteValue > ${before}`);
  await row.locator('input[role=switch]').uncheck();
  await surface('cell.state.isHidden');
  await row.getByRole('button', { name: 'Delete made' }).click();
  assert.equal(asked(daemon, 'delete-map'), undefined, 'the first click only asks');
  await row.getByRole('button', { name: /once more/ }).click();
  await surface('!cell');
  assert.equal(await row.count(), 0);
  assert.equal(await page.locator('.failure').isVisible(), false);
  assert.deepEqual(errors, []);
  await close();
});
