// Fourier cropping of drawn images and maps: what is kept, what is left out, and that finer drawing changes nothing that pixels can show.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStack, readMap } from '../../daemon/formats/mrc.js';
import type { Reporter } from '../../daemon/training/progress.js';
import { bandLimit } from '../../demo-data/band-limit.js';
import { simulate } from '../../demo-data/simulate.js';
import type { SimulationOptions } from '../../demo-data/simulation-options.js';
import { writeTrueVolumes } from '../../demo-data/true-volumes.js';

const root = mkdtempSync(join(tmpdir(), 'limber-band-limit-'));
after(() => rmSync(root, { recursive: true, force: true }));
const quiet: Reporter = { progress() {}, epoch() {}, note() {} };

/** A model of single atoms: chain, residue, place. */
function writeModel(name: string, places: [string, number, number, number, number][]): string {
  const path = join(root, name);
  const lines = places.map(
    ([chain, residue, ...place], i) =>
      `ATOM  ${String(i + 1).padStart(5)}  CA  ALA ${chain}${String(residue).padStart(4)}    ${place.map(c => c.toFixed(3).padStart(8)).join('')}  1.00 30.00           C`,
  );
  writeFileSync(path, `${lines.join('\n')}\nEND\n`);
  return path;
}

test('a wave below the coarse Nyquist frequency keeps its value at every coarse sample, one beyond it leaves nothing, along each axis by itself', () => {
  const [n, factor] = [24, 2];
  const wave = (kx: number, ky: number, kz: number, step: number, size: number) =>
    Float64Array.from({ length: size ** 3 }, (_, i) => {
      const [x, y, z] = [i % size, Math.floor(i / size) % size, Math.floor(i / size / size)].map(place => place * step);
      return Math.cos((2 * Math.PI * (kx * x + ky * y + kz * z)) / n + 0.4);
    });
  for (const [kx, ky, kz] of [
    [0, 0, 0],
    [5, -3, 1],
    [0, 4, -5],
  ]) {
    const cropped = bandLimit(wave(kx, ky, kz, 1, n), n, 3, factor);
    const expected = wave(kx, ky, kz, factor, n / factor);
    assert.equal(cropped.length, expected.length);
    assert.ok(cropped.every((value, i) => Math.abs(value - expected[i]) < 1e-12));
  }
  for (const [kx, ky, kz] of [
    [7, 0, 0],
    [1, -8, 2],
    [0, 0, 11],
  ])
    assert.ok(bandLimit(wave(kx, ky, kz, 1, n), n, 3, factor).every(value => Math.abs(value) < 1e-12));
});

test('an image keeps its order of axes and its centre: a point in the middle of 2n pixels stands in the middle of n', () => {
  const n = 32;
  const image = new Float64Array(n * n);
  // σ of two fine pixels about (18, 12): next to nothing is beyond the coarse Nyquist frequency.
  for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) image[y * n + x] = Math.exp(-((x - 18) ** 2 + (y - 12) ** 2) / 8);
  const cropped = bandLimit(image, n, 2, 2);
  for (let y = 0; y < n / 2; y++)
    for (let x = 0; x < n / 2; x++) assert.ok(Math.abs(cropped[(y * n) / 2 + x] - Math.exp(-((x - 9) ** 2 + (y - 6) ** 2) / 2)) < 0.01);
});

test('atoms wider than the pixels look the same however finely they are drawn; narrow ones lose what folds back', async () => {
  const model = writeModel('two.pdb', [
    ['A', 1, 0, 0, 0],
    ['A', 2, 9, 4, -12],
    ['B', 1, 14, -20, 7],
  ]);
  const images = async (supersampling: number, atomSigmaAngstrom: number) => {
    const { stack } = await simulate(
      {
        directory: join(root, `${supersampling}-${atomSigmaAngstrom}`),
        kind: 'model',
        model: { source: model, moving: 'B', axis: '0,0,1', hinge: '0,0,0', atomSigmaAngstrom },
        particles: 6,
        noise: 0,
        boxSize: 32,
        pixelSizeAngstrom: 3,
        shiftPixels: 2,
        supersampling,
      },
      quiet,
    );
    const opened = openStack(stack);
    const image = new Float32Array(32 * 32);
    const pixels = Array.from({ length: 6 }, (_, i) => {
      opened.readImage(i, image);
      return [...image];
    }).flat();
    opened.close();
    return pixels;
  };
  const difference = (a: number[], b: number[]) => Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length);
  // The signal's variance is 1. At σ = 4 Å 10⁻⁸ of the amplitude is beyond Nyquist; at 1.2 Å almost half.
  assert.ok(difference(await images(1, 4), await images(2, 4)) < 1e-3);
  assert.ok(difference(await images(1, 1.2), await images(2, 1.2)) > 0.05);
  assert.ok(difference(await images(2, 1.2), await images(4, 1.2)) < 0.02);
});

test('true volumes are as many as there are angles, in their order, and their mean is the consensus map up to its scale', async () => {
  const options: SimulationOptions = {
    directory: join(root, 'turning'),
    kind: 'model',
    model: {
      source: writeModel('turning.pdb', [
        ['A', 1, 0, 0, 0],
        ['A', 2, 6, 2, -9],
        ['B', 1, 24, 0, 0],
      ]),
      moving: 'B',
      axis: '0,0,1',
      hinge: '0,0,0',
      angles: '0:270',
      steps: 4,
    },
    particles: 16,
    noise: 0,
    boxSize: 32,
    pixelSizeAngstrom: 3,
    supersampling: 2,
  };
  const data = await simulate(options, quiet);
  const folder = join(root, 'volumes');
  assert.equal(await writeTrueVolumes(options, folder, quiet), 4);
  const volumes = [0, 1, 2, 3].map(state => readMap(join(folder, `state_00${state}.mrc`)));
  const consensus = readMap(data.map);
  assert.deepEqual(volumes[0].originAngstrom, consensus.originAngstrom);
  const mean = consensus.data.map((_, i) => volumes.reduce((sum, { data }) => sum + data[i] / 4, 0));
  const scale = consensus.data.reduce((sum, value, i) => sum + value * mean[i], 0) / mean.reduce((sum, value) => sum + value * value, 0);
  const error = Math.sqrt(consensus.data.reduce((sum, value, i) => sum + (value - scale * mean[i]) ** 2, 0));
  assert.ok(error < 1e-4 * Math.hypot(...consensus.data));
  // A quarter of a turn about z from one state to the next; the hinge is at the model's origin, which the header places.
  const [ox, oy, oz] = volumes[0].originAngstrom;
  const at = (map: { data: Float32Array }, x: number, y: number) =>
    map.data[(Math.round(-oz / 3) * 32 + Math.round((y - oy) / 3)) * 32 + Math.round((x - ox) / 3)];
  const places = [
    [24, 0],
    [0, 24],
    [-24, 0],
    [0, -24],
  ];
  volumes.forEach((volume, state) => {
    const values = places.map(([x, y]) => at(volume, x, y));
    assert.equal(values.indexOf(Math.max(...values)), state);
  });
  const states = readFileSync(data.truth, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map(row => row.split('\t')[1]);
  assert.deepEqual([...new Set(states)].toSorted(), ['0', '1', '2', '3']);
});
