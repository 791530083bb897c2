// The mathematics of the latent plot and its neighbours: transforms and their inverses, the plane through z, how many particles are near, what is painted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  coordinateOfAll,
  type LatentCloud,
  quantiles,
  shownRange,
  toBasis,
  withCoordinates,
} from '../../viewer-plugin/panels/latent-basis.js';
import { contourScale, linearScale, ratioScale } from '../../viewer-plugin/panels/layers-panel.js';
import { densityProfile, planeDensity, profileAt, spreadByDensity } from '../../viewer-plugin/panels/local-density.js';
import { supportAt, supportScale } from '../../viewer-plugin/panels/local-support.js';
import { fromScreen, niceTicks, type PlotView, panBy, tickLabel, toScreen, zoomAbout } from '../../viewer-plugin/panels/plot-view.js';
import { rasterisePoints } from '../../viewer-plugin/panels/point-raster.js';
import { timeLeft } from '../../viewer-plugin/panels/training-curve.js';
import { phaseAt, placeOnPath } from '../../viewer-plugin/path-loop.js';
import { latents, numbers } from './synthetic-project.js';

const VIEW: PlotView = { x0: -1.7, x1: 2.3, y0: -0.4, y1: 0.9, width: 331, height: 247 };
const close = (a: number, b: number, tolerance: number, what = '') => assert.ok(Math.abs(a - b) <= tolerance, `${what} ${a} ≠ ${b}`);

function cloudOf(count: number, dims: number): LatentCloud {
  return { run: 'run1', epoch: 1, dims, count, ...latents(count, dims, 1, 3) };
}

test('screen → coordinates undoes coordinates → screen, and y grows upwards', () => {
  const random = numbers(1);
  for (let k = 0; k < 50; k++) {
    const point = [4 * random() - 2, 2 * random() - 1] as const;
    const back = fromScreen(VIEW, toScreen(VIEW, point));
    // Rounding of a few operations in double precision.
    close(back[0], point[0], 1e-12);
    close(back[1], point[1], 1e-12);
  }
  assert.deepEqual(toScreen(VIEW, [-1.7, 0.9]), [0, 0]);
  assert.deepEqual(toScreen(VIEW, [2.3, -0.4]), [331, 247]);
});

test('zooming keeps the point under the mouse where it is, and zooming out by the same factor undoes it', () => {
  const mouse = [97, 201] as const;
  const under = fromScreen(VIEW, mouse);
  const zoomed = zoomAbout(VIEW, mouse, 3.7);
  const after = fromScreen(zoomed, mouse);
  close(after[0], under[0], 1e-12);
  close(after[1], under[1], 1e-12);
  close(zoomed.x1 - zoomed.x0, 4 / 3.7, 1e-12);
  const undone = zoomAbout(zoomed, mouse, 1 / 3.7);
  for (const key of ['x0', 'x1', 'y0', 'y1'] as const) close(undone[key], VIEW[key], 1e-12, key);
  const flat = zoomAbout(VIEW, mouse, 2, false);
  assert.deepEqual([flat.y0, flat.y1], [VIEW.y0, VIEW.y1]);
});

test('panning moves what was under the mouse along with it', () => {
  const under = fromScreen(VIEW, [100, 50]);
  const place = toScreen(panBy(VIEW, 23, -11), under);
  close(place[0], 123, 1e-9);
  close(place[1], 39, 1e-9);
});

test('ticks are round numbers inside the range, and their labels tell them apart', () => {
  assert.deepEqual(niceTicks(0, 1, 5), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  assert.deepEqual(
    niceTicks(-7, 23, 4).map(tick => tick + 0),
    [0, 10, 20],
  );
  assert.deepEqual(niceTicks(3, 3, 4), []);
  assert.equal(tickLabel(-0.5, 0.5), '−0.5');
  assert.equal(tickLabel(-1e-17, 0.2), '0.0');
  for (const [from, to] of [
    [0.1432, 0.2171],
    [-3e-4, 9e-4],
    [-812, 4431],
  ]) {
    const ticks = niceTicks(from, to, 6);
    assert.ok(ticks.length >= 2 && ticks.every(tick => tick >= from - 1e-9 && tick <= to + 1e-9));
    const labels = ticks.map(tick => tickLabel(tick, ticks[1] - ticks[0]));
    assert.equal(new Set(labels).size, ticks.length);
  }
});

test('moving in the plane of two components changes these two as asked and keeps the others, because the axes are orthonormal', () => {
  const { pca } = cloudOf(500, 5);
  const z = [0.3, -0.7, 0.2, 0.9, -0.1];
  const before = toBasis(z, 'pca', pca);
  const after = toBasis(
    withCoordinates(
      z,
      'pca',
      pca,
      new Map([
        [1, 0.44],
        [3, -1.2],
      ]),
    ),
    'pca',
    pca,
  );
  // The axes are float32: each coordinate is right to its rounding.
  for (const [k, value] of [before[0], 0.44, before[2], -1.2, before[4]].entries()) close(after[k], value, 2e-6, `component ${k}`);
});

test('moving in the plane of two latent coordinates leaves every other one exactly as it was', () => {
  const { pca } = cloudOf(100, 4);
  assert.deepEqual(
    withCoordinates(
      [1, 2, 3, 4],
      'latent',
      pca,
      new Map([
        [2, 0.5],
        [0, -1],
      ]),
    ),
    [-1, 2, 0.5, 4],
  );
});

test('the components of all particles are those of each particle, and going there gives its z back', () => {
  const cloud = cloudOf(200, 3);
  const columns = [0, 1, 2].map(k => coordinateOfAll(cloud, 'pca', k));
  for (const p of [0, 57, 199]) {
    const z = [...cloud.z.subarray(3 * p, 3 * p + 3)];
    const alone = toBasis(z, 'pca', cloud.pca);
    for (const [k, value] of alone.entries()) close(columns[k][p], value, 1e-6);
    const back = withCoordinates([0, 0, 0], 'pca', cloud.pca, new Map(columns.map((column, k) => [k, column[p]])));
    for (const [i, value] of back.entries()) close(value, z[i], 5e-6);
  }
});

test('quantiles and ranges pass over unknown values and always show the neutral point', () => {
  assert.deepEqual(quantiles(Float32Array.of(3, Number.NaN, 1, 2, 5, 4), [0, 0.5, 1]), [1, 3, 5]);
  assert.deepEqual(quantiles(Float32Array.of(Number.NaN), [0.5]), []);
  const [from, to] = shownRange(Float32Array.of(2, 3, 4), 0);
  assert.ok(from < 0 && to > 4);
  const single = shownRange(Float32Array.of(0, 0), 0);
  assert.ok(single[0] < single[1], 'particles all in one place still have a range');
});

test('the nearest particle and the number near are those that a plain loop over sorted distances finds', () => {
  const cloud = cloudOf(800, 3);
  const scale = supportScale(cloud);
  const random = numbers(9);
  for (let k = 0; k < 20; k++) {
    const point = [2 * random() - 1, 2 * random() - 1, random() - 0.5];
    const distances = Array.from({ length: 800 }, (_, p) => Math.hypot(...point.map((value, i) => value - cloud.z[3 * p + i])));
    const { nearest, distance, near } = supportAt(cloud, scale, point);
    const best = Math.min(...distances);
    assert.equal(nearest, distances.indexOf(best));
    close(distance, best, 1e-9);
    assert.equal(near, distances.filter(one => one <= scale.radius).length);
  }
});

test('within the support radius the median probed particle has the stated number of neighbours', () => {
  const cloud = cloudOf(1000, 2);
  const { radius, typical } = supportScale(cloud);
  assert.equal(typical, 20, '2 % of 1,000');
  const probes = Array.from({ length: 48 }, (_, k) => Math.floor(((k + 0.5) * 1000) / 48));
  const neighbours = probes.map(probe => supportAt(cloud, { radius, typical }, cloud.z.subarray(2 * probe, 2 * probe + 2)).near - 1);
  const median = neighbours.sort((a, b) => a - b)[24];
  // The radius is the upper edge of a last histogram bin, which may hold one neighbour more.
  assert.ok(median >= typical && median <= typical + 1, `median ${median}`);
});

test('support far from all data is none, and a cloud of one particle is no error', () => {
  const cloud = cloudOf(300, 2);
  assert.equal(supportAt(cloud, supportScale(cloud), [50, 50]).near, 0);
  const single: LatentCloud = { ...cloud, count: 1 };
  assert.equal(supportAt(single, supportScale(single), [0, 0]).nearest, 0);
});

const STYLE = {
  radius: 1.5,
  opacity: 0.3,
  ramp: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)),
  unknown: [9, 8, 7] as const,
};
const paint = (x: number[], y: number[], value: number[]) => {
  const view = { x0: 0, x1: 20, y0: 0, y1: 10, width: 20, height: 10 };
  const out = new Uint8ClampedArray(800);
  rasterisePoints(out, view, Float32Array.from(x), Float32Array.from(y), Float32Array.from(value), STYLE);
  return (px: number, py: number) => [...out.subarray(4 * (py * 20 + px), 4 * (py * 20 + px) + 4)];
};

test('k points on one pixel are 1 − (1 − opacity)^k opaque and take the mean of their values as colour', () => {
  const at = paint([4.5, 4.5, 4.5], [7.5, 7.5, 7.5], [0.2, 0.4, 0.9]);
  const [r, , , alpha] = at(4, 2);
  // Bytes: half a step of rounding each.
  close(alpha, 255 * (1 - 0.7 ** 3), 1);
  close(r, 255 * 0.5, 1);
  assert.equal(at(12, 5)[3], 0, 'nothing is painted where no point is');
});

test('points without a known value take the colour for unknown, and points outside or not finite paint nothing', () => {
  const at = paint([4.5, Number.NaN, 400], [5.5, 5, 5], [Number.NaN, 0.5, 0.5]);
  assert.deepEqual(at(4, 4).slice(0, 3), [9, 8, 7]);
  let painted = 0;
  for (let px = 0; px < 20; px++) for (let py = 0; py < 10; py++) if (at(px, py)[3]) painted++;
  assert.equal(painted, 9, 'one disc of radius 1.5 touches 3 × 3 pixels');
});

test('the density profile of a Gaussian cloud has its shape, and points are spread inside it', () => {
  const random = numbers(4);
  const values = Float32Array.from({ length: 60_000 }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
  const profile = densityProfile(values, -4, 4);
  // 60,000 points in 128 bins: counting noise about 2 % at the peak, the blur another 1 %.
  for (const at of [-1.5, -0.5, 0, 1, 2]) close(profileAt(profile, at), Math.exp((-at * at) / 2), 0.05, `at ${at}`);
  const spread = spreadByDensity(values, profile);
  assert.ok(spread.every((height, i) => Math.abs(height) <= profileAt(profile, values[i])));
});

test('the density in a plane is largest in the middle of a round cloud and falls outwards', () => {
  const random = numbers(5);
  const normals = () =>
    Float32Array.from({ length: 20_000 }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()));
  const [x, y] = [normals(), normals()];
  const density = planeDensity(x, y, [-4, 4], [-4, 4]);
  const mean = (from: number, to: number) => {
    const ring = [...density].filter((_, i) => Math.hypot(x[i], y[i]) >= from && Math.hypot(x[i], y[i]) < to);
    return ring.reduce((a, b) => a + b, 0) / ring.length;
  };
  const rings = [mean(0, 0.5), mean(0.5, 1), mean(1, 1.5), mean(1.5, 2), mean(2, 3)];
  for (let k = 1; k < rings.length; k++) assert.ok(rings[k] < rings[k - 1]);
});

test('the loop starts at A, is at B half-way, and resumes at the place where it was', () => {
  close(placeOnPath(0), 0, 1e-15);
  close(placeOnPath(0.5), 1, 1e-15);
  close(placeOnPath(1), 0, 1e-15);
  for (const share of [0, 0.2, 0.5, 0.9, 1]) close(placeOnPath(phaseAt(share)), share, 1e-12);
});

test('every slider scale gives its place back, and the middle of the contour slider is the suggested contour', () => {
  for (const scale of [linearScale(0.05, 1), ratioScale(0.1, 3), contourScale])
    for (const place of [0, 0.31, 0.5, 1]) close(scale.toPlace(scale.toValue(place, 0.0123), 0.0123), place, 1e-12);
  close(contourScale.toValue(0.5, 0.0123), 0.0123, 1e-12);
});

test('the time left is the epochs left times the median of the last five', () => {
  const rows = [30, 4, 5, 4, 90, 4].map((seconds, k) => ({ epoch: k + 1, frc: 0, loss: 0, seconds }));
  assert.equal(timeLeft(rows, 16), 'about 40 s left');
  assert.equal(timeLeft(rows, 106), 'about 7 min left');
  assert.equal(timeLeft(rows, 6), '');
  assert.equal(timeLeft([], 6), '');
});
