// The scene in a real browser: one frame for everything, live updates in place, picking, saved sessions, no leak; and the stock Mol* viewer.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, skipWithoutBrowser } from '../browser/launch.js';
import { frameAt, mrc, ORIGIN, SIZE, VOXEL } from '../browser/synthetic-molecule.js';
import { openPage, plainFrame, serveViewer, type ViewerSite } from '../browser/viewer-page.js';

const CONTOUR = 0.004;

/** Runs in the page: waits until a condition holds. */
const UNTIL = `window.until = async (what, holds) => {
  for (let i = 0; i < 400; i++) { if (await holds()) return; await new Promise(r => setTimeout(r, 25)); }
  throw new Error('waited in vain until ' + what);
};
window.cell = ref => scene.plugin.state.data.cells.get(ref);
window.values = ref => cell(ref).obj.data.repr.renderObjects[0].values;
window.quiet = () => until('the tree rests', () => !scene.updating);
window.shown = async frame => { const drawn = new Promise(r => { const s = scene.drawn.subscribe(() => { s.unsubscribe(); r(); }); }); scene.showFrame(frame); await drawn; };`;

describe('the scene in a browser', { skip: skipWithoutBrowser }, () => {
  let browser: Browser;
  let site: ViewerSite;
  let page: Page;
  let errors: string[];

  before(async () => {
    [browser, site] = await Promise.all([launchBrowser(), serveViewer(CONTOUR)]);
    ({ page, errors } = await openPage(browser, site.origin, { width: 320, height: 240 }));
    await page.waitForFunction('window.ready');
    await page.evaluate(UNTIL);
    await page.evaluate(
      `(async () => {
        window.f0 = limberTest.frame(${JSON.stringify(plainFrame(0))});
        window.f1 = limberTest.frame(${JSON.stringify(plainFrame(1))});
        window.scene = await limberTest.MolecularScene.create(document.getElementById('view'), { gaussians: true, consensusMap: true, densityContour: ${CONTOUR} });
        scene.plugin.canvas3d.setProps({ postprocessing: { enabled: false }, multiSample: { mode: 'off' } });
        await scene.load(${JSON.stringify(site.project)}, path => location.origin + path);
        scene.settle(f0);
        await quiet();
      })()`,
    );
  });

  after(async () => {
    await browser?.close();
    site?.close();
  });

  test('map, model and Gaussians lie in one frame: the highest voxel of the map is where the map file says, and the atoms where the model file says', async () => {
    const { peak, ca, sphere, isoValue } = await page.evaluate<{
      peak: number[];
      ca: number[];
      sphere: number[];
      isoValue: object;
    }>(`(() => {
      const volume = cell('limber-map-volume').obj.data;
      const { space, data } = volume.grid.cells;
      let best = 0;
      for (let i = 0; i < data.length; i++) if (data[i] > data[best]) best = i;
      const index = space.getCoords(best, []);
      const g = volume.grid.transform;
      const m = g.kind === 'matrix' ? g.matrix : null;
      const place = m ? [0, 1, 2].map(a => m[a] * index[0] + m[4 + a] * index[1] + m[8 + a] * index[2] + m[12 + a])
        : [0, 1, 2].map(a => {
            const f = [0, 1, 2].map(k => g.fractionalBox.min[k] + index[k] / volume.grid.cells.space.dimensions[k] * (g.fractionalBox.max[k] - g.fractionalBox.min[k]));
            const c = g.cell.fromFractional;
            return c[a] * f[0] + c[4 + a] * f[1] + c[8 + a] * f[2] + c[12 + a];
          });
      const model = cell('limber-structure').obj.data.models[0];
      const { x, y, z } = model.atomicConformation;
      let i = 0;
      while (model.atomicHierarchy.atoms.label_atom_id.value(i) !== 'CA') i++;
      return { peak: place, ca: [x[i], y[i], z[i]], sphere: Array.from(values('limber-spheres').centerBuffer.ref.value.slice(0, 3)),
        isoValue: cell('limber-map').transform.params.type.params.isoValue };
    })()`);
    const { data } = mrc(frameAt(0));
    const best = data.indexOf(Math.max(...data));
    const index = [best % SIZE, Math.floor(best / SIZE) % SIZE, Math.floor(best / SIZE / SIZE)];
    for (const a of [0, 1, 2]) assert.ok(Math.abs(peak[a] - (ORIGIN[a] + VOXEL * index[a])) < 1e-3, `peak ${peak}`);
    // The first CA of Mol*'s model is chain A's first residue, which is the first Gaussian too.
    for (const a of [0, 1, 2]) assert.ok(Math.abs(ca[a] - sphere[a]) < 1e-3, `CA ${ca}, Gaussian ${sphere}`);
    assert.deepEqual(isoValue, { kind: 'absolute', absoluteValue: CONTOUR });
  });

  test('everything is in the state tree as a representation, and hidden layers are hidden there', async () => {
    const states = await page.evaluate<Record<string, [string, boolean]>>(
      `Object.fromEntries(['limber-map', 'limber-spheres', 'limber-density', 'limber-structure'].map(ref => [ref, [cell(ref).status, !!cell(ref).state.isHidden]]))`,
    );
    assert.deepEqual(states, {
      'limber-map': ['ok', false],
      'limber-spheres': ['ok', false],
      'limber-density': ['ok', false],
      'limber-structure': ['ok', false],
    });
    const hidden = await page.evaluate(`(() => {
      scene.setOptions({ consensusMap: false });
      const now = [!!cell('limber-map').state.isHidden, cell('limber-map').obj.data.repr.state.visible];
      scene.setOptions({ consensusMap: true });
      return [...now, cell('limber-map').obj.data.repr.state.visible];
    })()`);
    assert.deepEqual(hidden, [true, false, true]);
  });

  test('a live frame is written into the buffers on screen, in the same objects: spheres, atoms of the cartoon, then the density', async () => {
    const result = await page.evaluate<Record<string, unknown>>(`(async () => {
      await quiet();
      const treeVersion = cell('limber-spheres').transform.version;
      const spheres = values('limber-spheres');
      const buffer = spheres.centerBuffer.ref.value;
      const object = cell('limber-spheres').obj.data.repr.renderObjects[0].id;
      const polymer = () => scene.plugin.state.data.selectQ(q => q.byRef('limber-structure').subtree()).find(c => c.obj?.label === 'Cartoon').obj.data.repr;
      const meshOf = () => polymer().renderObjects.find(o => o.values.aPosition.ref.value.length > 100).values.aPosition.ref.value.slice();
      const before = meshOf();
      const densityVersion = values('limber-density').aPosition.ref.version;
      await shown(f1);
      const after = meshOf();
      await until('the density follows', () => values('limber-density').aPosition.ref.version > densityVersion);
      let moved = 0;
      for (let i = 0; i < Math.min(before.length, after.length); i++) moved = Math.max(moved, Math.abs(after[i] - before[i]));
      const d = values('limber-density');
      let maxX = -Infinity;
      const p = d.aPosition.ref.value;
      for (let v = 0; v < d.uVertexCount.ref.value; v++) maxX = Math.max(maxX, p[3 * v]);
      return {
        sameObject: object === cell('limber-spheres').obj.data.repr.renderObjects[0].id && values('limber-spheres').centerBuffer.ref.value === buffer,
        sameTree: treeVersion === cell('limber-spheres').transform.version,
        centers: Array.from(buffer), packed: Array.from(spheres.tPositionGroup.ref.value.array.slice(0, 8)), moved,
        drawCount: d.drawCount.ref.value, elements: d.elements.ref.value.length, maxX,
      };
    })()`);
    assert.equal(result.sameObject, true);
    assert.equal(result.sameTree, true);
    const expected = frameAt(1).positions;
    assert.deepEqual(result.centers, Array.from(expected));
    assert.deepEqual(result.packed, [...expected.slice(0, 3), 0, ...expected.slice(3, 6), 1]);
    // The outermost helix turns by 0.35 rad about an axis some 15 Å away: several Å.
    assert.ok((result.moved as number) > 3, `cartoon moved ${result.moved} Å`);
    assert.equal(result.drawCount, result.elements);
    assert.ok((result.drawCount as number) > 1000);
  });

  test('after a drag the tree says where the molecule rests, and holds no coordinates', async () => {
    const { latent, version, json, atom } = await page.evaluate<{
      latent: number[];
      version: boolean;
      json: string;
      atom: number[];
    }>(`(async () => {
      const before = cell('limber-density').obj.data.repr.renderObjects[0].values.uVertexCount.ref.value;
      scene.settle(f1);
      await quiet();
      const model = cell('limber-structure').obj.data.models[0];
      const rows = model.atomicHierarchy.atomSourceIndex;
      let i = 0;
      while (rows.value(i) !== 700) i++;
      const { x, y, z } = model.atomicConformation;
      const after = values('limber-density').uVertexCount.ref.value;
      return { latent: cell('limber-gaussian-model').transform.params.latent, version: after > 2 * before,
        json: JSON.stringify(scene.plugin.state.data.getSnapshot()), atom: [x[i], y[i], z[i]] };
    })()`);
    assert.deepEqual(latent, [1]);
    assert.ok(version, 'the resting surface is finer than the dragged one');
    assert.ok(json.length < 60_000, `${json.length} characters`);
    const atoms = frameAt(1).atoms as Float32Array;
    for (const a of [0, 1, 2]) assert.ok(Math.abs(atom[a] - atoms[3 * 700 + a]) < 1e-4);
  });

  test('a person who points at a Gaussian is told which it is', async () => {
    const label = await page.evaluate<string>(`(async () => {
      scene.setOptions({ density: false, atomicModel: false, consensusMap: false });
      await until('hidden', () => cell('limber-density').state.isHidden);
      const { canvas3d } = scene.plugin;
      // The camera looks at one Gaussian from close by: whatever is in the middle of the view is it.
      const i = 150;
      const target = Array.from(f1.positions.slice(3 * i, 3 * i + 3));
      canvas3d.requestCameraReset({ durationMs: 0, snapshot: { target, position: [target[0] + 40, target[1] + 3, target[2]], up: [0, 0, 1], radius: 3, radiusMax: 200 } });
      await until('the camera is there', () => Math.abs(canvas3d.camera.state.target[0] - target[0]) < 1e-3);
      await new Promise(r => canvas3d.didDraw.subscribe(() => r()));
      canvas3d.requestDraw();
      await new Promise(r => setTimeout(r, 100));
      const { width, height } = canvas3d.webgl.gl.canvas;
      let found = null;
      await until('something is picked', async () => {
        found = canvas3d.identify([Math.round(width / 2), Math.round(height / 2)]);
        if (found?.then) found = await found;
        return !!found;
      });
      const { loci } = canvas3d.getLoci(found.id);
      scene.setOptions({ density: true, atomicModel: true, consensusMap: true });
      return loci.kind + ' ' + loci.shape.name + ' ' + loci.shape.getLabel(found.id.groupId, found.id.instanceId);
    })()`);
    assert.match(label, /^group-loci Gaussians Gaussian 151: amplitude 0\.\d+, σ \d\.\d\d Å$/);
  });

  test('arrows: shafts and heads carry the matrices of their own arrow, although Mol* sorts the two differently', async () => {
    const { starts, tips, count } = await page.evaluate<{
      starts: [number, number[]][];
      tips: [number, number[]][];
      count: number;
    }>(`(async () => {
      scene.setOptions({ arrowCount: 60 });
      scene.setArrows(f0, f1);
      await quiet();
      await until('arrows are there', () => cell('limber-arrow-heads')?.obj);
      scene.setOptions({ arrowScale: 2 });
      const read = (ref, z) => {
        const v = values(ref);
        const gaussians = cell(ref).obj.data.repr.getAllLoci()[0].shape.sourceData.gaussians;
        const t = v.aTransform.ref.value;
        return Array.from({ length: v.instanceCount.ref.value }, (_, slot) => [gaussians[v.aInstance.ref.value[slot]],
          [0, 1, 2].map(a => t[16 * slot + 8 + a] * z + t[16 * slot + 12 + a])]);
      };
      return { starts: read('limber-arrow-shafts', 0), tips: read('limber-arrow-heads', 1), count: values('limber-arrow-heads').instanceCount.ref.value };
    })()`);
    assert.equal(count, 60);
    const [a, b] = [frameAt(0), frameAt(1)];
    for (const [gaussian, place] of starts)
      for (const k of [0, 1, 2]) assert.ok(Math.abs(place[k] - a.positions[3 * gaussian + k]) < 1e-3, `start of ${gaussian}`);
    for (const [gaussian, place] of tips)
      for (const k of [0, 1, 2]) {
        const tip = 2 * b.positions[3 * gaussian + k] - a.positions[3 * gaussian + k];
        assert.ok(Math.abs(place[k] - tip) < 1e-3, `tip of ${gaussian}`);
      }
  });

  test('the suggested contour is the one of the map, where the map is made of the same Gaussians', async () => {
    const contour = await page.evaluate<number>('scene.suggestDensityContour(f0)');
    // Two grids count voxels at the boundary differently.
    assert.ok(Math.abs(contour / CONTOUR - 1) < 0.05, `${contour}`);
  });

  test('two hundred live frames leave as many buffers and textures on the card as before', async () => {
    const [before, after] = await page.evaluate<Record<string, number>[]>(`(async () => {
      const { webgl } = scene.plugin.canvas3d;
      const counts = () => ({ ...webgl.stats.resourceCounts });
      scene.setOptions({ atomicModel: false, density: false });
      await shown(f0); await shown(f1);
      const start = counts();
      for (let i = 0; i < 200; i++) await shown(i % 2 ? f1 : f0);
      return [start, counts()];
    })()`);
    assert.ok(before.texture > 10 && before.attribute > 10, 'there is something to count');
    assert.deepEqual(after, before);
  });

  test('the density and the cartoon leak nothing either, over ten live frames', async () => {
    const [before, after] = await page.evaluate<Record<string, number>[]>(`(async () => {
      const { webgl } = scene.plugin.canvas3d;
      const counts = () => ({ ...webgl.stats.resourceCounts });
      scene.setOptions({ atomicModel: true, density: true });
      for (let i = 0; i < 4; i++) await shown(i % 2 ? f1 : f0);
      await until('the worker rests', () => !scene.live.densityBusy);
      const start = counts();
      for (let i = 0; i < 10; i++) await shown(i % 2 ? f1 : f0);
      await until('the worker rests', () => !scene.live.densityBusy);
      await new Promise(r => setTimeout(r, 100));
      return [start, counts()];
    })()`);
    assert.ok(before.texture > 10 && before.attribute > 10, 'there is something to count');
    assert.deepEqual(after, before);
  });

  test('a saved session comes back, and asks the source for the frames it needs', async () => {
    const { asked, statuses, centers } = await page.evaluate<{
      asked: unknown[];
      statuses: Record<string, string>;
      centers: number[];
    }>(`(async () => {
      scene.settle(f1);
      await quiet();
      const snapshot = scene.plugin.state.getSnapshot({ data: true, camera: false });
      const json = JSON.stringify(snapshot);
      const frames = scene.context.frames;
      frames.clear();
      const asked = [];
      scene.setFrameSource(async (run, z, atoms) => { asked.push([run, z, atoms]); return z[0] === 1 ? f1 : f0; });
      await scene.plugin.clear();
      await scene.plugin.state.setSnapshot(JSON.parse(json));
      const refs = ['limber-map', 'limber-structure', 'limber-spheres', 'limber-density', 'limber-arrow-shafts', 'limber-arrow-heads'];
      return { asked, statuses: Object.fromEntries(refs.map(ref => [ref, cell(ref)?.status])), centers: Array.from(values('limber-spheres').centerBuffer.ref.value.slice(0, 3)) };
    })()`);
    assert.ok(new Set(Object.values(statuses)).size === 1 && statuses['limber-map'] === 'ok', JSON.stringify(statuses));
    assert.ok(
      asked.some(question => JSON.stringify(question) === '["synthetic",[1],true]'),
      JSON.stringify(asked),
    );
    assert.deepEqual(centers, Array.from(frameAt(1).positions.slice(0, 3)));
  });

  test('a graphics card that was taken away and given back shows the newest frame again', async () => {
    const centers = await page.evaluate<number[]>(`(async () => {
      const { webgl } = scene.plugin.canvas3d;
      const extension = webgl.gl.getExtension('WEBGL_lose_context');
      extension.loseContext();
      await until('the context is lost', () => webgl.gl.isContextLost());
      scene.showFrame(f0);
      await new Promise(r => setTimeout(r, 50));
      extension.restoreContext();
      await until('the context is back', () => !webgl.gl.isContextLost() && !webgl.isContextLost);
      await shown(f0);
      return Array.from(values('limber-spheres').centerBuffer.ref.value.slice(0, 3));
    })()`);
    assert.deepEqual(centers, Array.from(frameAt(0).positions.slice(0, 3)));
  });

  test('nothing so far was an error to the browser', () => assert.deepEqual(errors, []));

  test('a map that is none is told in one line, and the rest of the scene stays', async () => {
    const message = await page.evaluate<string>(`(async () => {
      const project = ${JSON.stringify(site.project)};
      try { await scene.load({ ...project, map: { ...project.map, path: '/files/broken-map' } }, path => location.origin + path); return 'nothing'; }
      catch (error) { return error.message; }
    })()`);
    assert.match(message, /^the map cannot be shown: .+$/);
    assert.equal(await page.evaluate(`cell('limber-spheres').status`), 'ok');
  });

  test('the classic script adds the same scene to the stock Mol* viewer, through that viewer’s own classes', async () => {
    const { page: stock, errors: stockErrors } = await openPage(browser, `${site.origin}/stock`);
    await stock.waitForFunction('window.molstar && window.limber');
    await stock.evaluate(UNTIL);
    const result = await stock.evaluate<{ statuses: string[]; same: boolean; centers: number[] }>(`(async () => {
      const typed = plain => ({ ...plain, z: Float32Array.from(plain.z), positions: Float32Array.from(plain.positions),
        amplitudes: Float32Array.from(plain.amplitudes), sigmas: Float32Array.from(plain.sigmas), atoms: Float32Array.from(plain.atoms) });
      const viewer = await molstar.Viewer.create('view', { layoutShowControls: false, viewportShowExpand: false });
      viewer.plugin.canvas3d.setProps({ postprocessing: { enabled: false }, multiSample: { mode: 'off' } });
      window.scene = await limber.attach(viewer, { gaussians: true });
      await scene.load(${JSON.stringify(site.project)}, path => location.origin + path);
      scene.settle(typed(${JSON.stringify(plainFrame(0))}));
      await quiet();
      await shown(typed(${JSON.stringify(plainFrame(1))}));
      return { statuses: ['limber-map', 'limber-structure', 'limber-spheres', 'limber-density'].map(ref => cell(ref)?.status),
        same: cell('limber-spheres').obj instanceof molstar.lib.plugin.PluginStateObject.Shape.Representation3D,
        centers: Array.from(values('limber-spheres').centerBuffer.ref.value.slice(0, 3)) };
    })()`);
    assert.deepEqual(result.statuses, ['ok', 'ok', 'ok', 'ok']);
    assert.equal(result.same, true);
    assert.deepEqual(result.centers, Array.from(frameAt(1).positions.slice(0, 3)));
    assert.deepEqual(stockErrors, []);
  });
});
