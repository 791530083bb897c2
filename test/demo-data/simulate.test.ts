// Whole simulated data sets: noise, truth, files and frames agree with each other and with what was asked.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { openStack, readMap } from '../../daemon/formats/mrc.js';
import { Cancelled, type Reporter } from '../../daemon/training/progress.js';
import { measureOracle, rankCorrelation } from '../../demo-data/oracle.js';
import { type SimulationOptions, simulate } from '../../demo-data/simulate.js';

const root = mkdtempSync(join(tmpdir(), 'limber-demo-data-'));
after(() => rmSync(root, { recursive: true, force: true }));

const quiet: Reporter = { progress() {}, epoch() {}, note() {} };
let folders = 0;
const make = (options: Omit<SimulationOptions, 'directory'>, reporter = quiet) =>
  simulate({ directory: join(root, String(folders++)), ...options }, reporter);

/** The table as one record of strings a row. */
function readTable(path: string): Record<string, string>[] {
  const [header, ...rows] = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'));
  return rows.map(row => Object.fromEntries(header.map((name, i) => [name, row[i]])));
}

function readImages(path: string): Float32Array[] {
  const stack = openStack(path);
  try {
    return Array.from({ length: stack.count }, (_, i) => {
      const image = new Float32Array(stack.width * stack.height);
      stack.readImage(i, image);
      return image;
    });
  } finally {
    stack.close();
  }
}

function variance(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}

/** A model of `atoms` carbon atoms in two chains, all of chain B at `far`. */
function writeModel(name: string, places: [string, number, number, number, number][]): string {
  const path = join(root, name);
  const number = (value: number, width: number) => value.toFixed(3).padStart(width);
  const lines = places.map(
    ([chain, residue, x, y, z], i) =>
      `ATOM  ${String(i + 1).padStart(5)}  CA  ALA ${chain}${String(residue).padStart(4)}    ${number(x, 8)}${number(y, 8)}${number(z, 8)}  1.00 30.00           C`,
  );
  writeFileSync(path, lines.join('\n') + '\nEND\n');
  return path;
}

test('the same seed gives the same bytes, another seed others', async () => {
  const bytes = async (seed: number) => {
    const made = await make({ kind: 'trimer', particles: 6, seed });
    return [made.stack, made.map, made.particles, made.truth].map(path => readFileSync(path));
  };
  const [first, again, other] = [await bytes(4), await bytes(4), await bytes(5)];
  first.forEach((file, i) => {
    assert.ok(file.equals(again[i]));
  });
  assert.ok(!first[0].equals(other[0]));
});

test('signal variance is 1 on average and noise adds exactly its own, because noise has a random stream of its own', async () => {
  const settings = { kind: 'linear', particles: 60, seed: 2 } as const;
  const [clean, noisy] = [await make({ ...settings, noise: 0 }), await make({ ...settings, noise: 2 })];
  assert.deepEqual(readFileSync(clean.truth), readFileSync(noisy.truth));
  const [signals, images] = [readImages(clean.stack), readImages(noisy.stack)];
  const meanVariance = signals.reduce((sum, image) => sum + variance(image), 0) / signals.length;
  // All 60 are in the sample of the scale, so only single precision is lost.
  assert.ok(Math.abs(meanVariance - 1) < 1e-5, `${meanVariance}`);
  const noise = images.flatMap((image, i) => Array.from(image, (value, p) => value - signals[i][p]));
  const noiseVariance = noise.reduce((sum, value) => sum + value * value, 0) / noise.length;
  // 245,760 normal deviates: standard error of the variance 2·√(2/n) = 0.0057; five of them.
  assert.ok(Math.abs(noiseVariance - 2) < 0.03, `${noiseVariance}`);
  // White: neighbours are uncorrelated, standard error 2/√n = 0.004.
  const product = noise.slice(1).reduce((sum, value, i) => sum + value * noise[i], 0) / (noise.length - 1);
  assert.ok(Math.abs(product) < 0.02, `${product}`);
});

test('every state is there equally often, half of the particles have the extra density, and orientations are uniform', async () => {
  const truth = readTable((await make({ kind: 'mixture', particles: 400, noise: 0 })).truth);
  for (let state = 0; state < 20; state++) assert.equal(truth.filter(row => Number(row.state) === state).length, 20);
  assert.equal(truth.filter(row => row.extra === '1').length, 200);
  for (const row of truth) assert.ok(Math.abs(Number(row.position) - (Number(row.state) / 19 - 0.5) * 70) < 1e-3);
  // cos(tilt) is uniform in (−1, 1): mean 0 ± 0.029, mean square 1/3 ± 0.015.
  const cosines = truth.map(row => Math.cos((Number(row.view_tilt) * Math.PI) / 180));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(Math.abs(mean(cosines)) < 0.12);
  assert.ok(Math.abs(mean(cosines.map(c => c * c)) - 1 / 3) < 0.06);
});

test('the star file says what the truth says, in RELION 3.1 columns, with origins in Å and images from 1', async () => {
  const made = await make({ kind: 'trimer', particles: 8, noise: 0 });
  const text = readFileSync(made.particles, 'utf8');
  for (const column of ['rlnImagePixelSize', 'rlnVoltage', 'rlnDefocusU', 'rlnOriginXAngst', 'rlnRandomSubset'])
    assert.ok(text.includes(`_${column} `));
  const rows = text
    .trimEnd()
    .split('\n')
    .filter(line => line.includes('@'));
  assert.ok(rows[0].startsWith('000001@particles.mrcs '));
  readTable(made.truth).forEach((row, i) => {
    const cells = rows[i].split(' ').map(Number);
    assert.deepEqual(
      cells.slice(1, 6),
      [row.view_rot, row.view_tilt, row.view_psi, row.origin_x_angstrom, row.origin_y_angstrom].map(Number),
    );
    assert.ok(Math.abs(Number(row.origin_x_angstrom)) <= 12 && Math.abs(Number(row.tilt)) <= 11);
  });
});

test("the map's peak is at the model's atom in Å, although the model's frame is far from the box's corner", async () => {
  // One heavy stretch of atoms at one place; a light one far away moves.
  const heavy = Array.from({ length: 40 }, (_, i): [string, number, number, number, number] => ['A', i + 1, 131, -42, 77]);
  const source = writeModel('frame.pdb', [...heavy, ['B', 1, 171, -42, 77]]);
  const made = await make({ kind: 'model', particles: 4, model: { source, moving: 'B', angles: '-30:30' } });
  assert.ok(made.model!.endsWith('.pdb'));
  assert.equal(readFileSync(made.model!, 'utf8'), readFileSync(source, 'utf8'));
  const map = readMap(made.map);
  const peak = map.data.reduce((best, value, i) => (value > map.data[best] ? i : best), 0);
  const [nx, ny] = map.size;
  const voxel = [peak % nx, Math.floor(peak / nx) % ny, Math.floor(peak / (nx * ny))];
  const place = voxel.map((index, axis) => map.originAngstrom[axis] + index * map.voxelSizeAngstrom[axis]);
  // Half a voxel at most, and the header keeps single precision.
  [131, -42, 77].forEach((wanted, axis) => {
    assert.ok(Math.abs(place[axis] - wanted) <= 0.5 * map.voxelSizeAngstrom[axis] + 1e-3, `${place} Å`);
  });
});

test('a chosen stretch turns about its hinge and axis by the angles of the truth, seen in the pictures', async () => {
  // A heavy atom cluster at the centre, and one atom on an arm of 60 Å along x, turning about z through the centre.
  const heavy = Array.from({ length: 400 }, (_, i): [string, number, number, number, number] => ['A', i + 1, 0, 0, 0]);
  const source = writeModel('arm.pdb', [...heavy, ['B', 1, 60, 0, 0]]);
  const made = await make({
    kind: 'model',
    particles: 23,
    noise: 0,
    ctf: false,
    shiftPixels: 0,
    boxSize: 64,
    pixelSizeAngstrom: 4,
    model: { source, moving: 'B', hinge: '0,0,0', axis: '0,0,1', angles: '-40:40' },
  });
  const images = readImages(made.stack);
  let checked = 0;
  readTable(made.truth).forEach((row, i) => {
    const radians = (text: string) => (Number(text) * Math.PI) / 180;
    const [angle, rot, tilt, psi] = [row.angle, row.view_rot, row.view_tilt, row.view_psi].map(radians);
    // The arm in the plane of z = 0: rot turns it back, tilt foreshortens x, psi turns it in the image. Centre of mass is 60/401 Å off zero.
    const [x, y] = [60 * Math.cos(angle - rot) * Math.cos(tilt), 60 * Math.sin(angle - rot)];
    const off = 60 / 401;
    const seen = (a: number, b: number) => [a * Math.cos(psi) + b * Math.sin(psi), b * Math.cos(psi) - a * Math.sin(psi)];
    const [px, py] = seen(x - off * Math.cos(-rot) * Math.cos(tilt), y - off * Math.sin(-rot));
    if (Math.hypot(x, y) < 30) return;
    const column = Math.round(32 + px / 4);
    const line = Math.round(32 + py / 4);
    // The brightest pixel away from the centre is the arm's.
    let best = { value: 0, column: 0, line: 0 };
    for (let p = 0; p < 4096; p++) {
      const [c, l] = [p % 64, Math.floor(p / 64)];
      if (Math.hypot(c - 32, l - 32) > 5.5 && images[i][p] > best.value) best = { value: images[i][p], column: c, line: l };
    }
    assert.ok(
      Math.abs(best.column - column) <= 1 && Math.abs(best.line - line) <= 1,
      `particle ${i + 1}: ${best.column},${best.line} and not ${column},${line}`,
    );
    checked++;
  });
  assert.ok(checked > 10);
});

test('under C3 the star speaks of one of three equivalent views, and independent copies have a column each', async () => {
  const made = await make({ kind: 'trimer', particles: 46, noise: 0, symmetry: 'C3', independentCopies: true });
  const stars = readFileSync(made.particles, 'utf8')
    .trimEnd()
    .split('\n')
    .filter(line => line.includes('@'))
    .map(line => Number(line.split(' ')[1]));
  const truth = readTable(made.truth);
  truth.forEach((row, i) => {
    const turned = (((stars[i] - Number(row.view_rot) - 120 * Number(row.copy) + 540) % 360) + 360) % 360;
    assert.ok(Math.abs(turned - 180) < 1e-3);
  });
  assert.equal(new Set(truth.map(row => row.copy)).size, 3);
  for (const chain of ['A', 'B', 'C']) assert.equal(new Set(truth.map(row => row[`tilt_${chain}`])).size, 23);
  assert.ok(
    Math.abs(
      rankCorrelation(
        truth.map(row => Number(row.tilt_A)),
        truth.map(row => Number(row.tilt_B)),
      ),
    ) < 0.5,
  );
});

test('an oracle finds the true states: without noise always, with noise as strong as the signal nearly', async () => {
  const settings = { kind: 'linear', particles: 300, directory: join(root, 'oracle') } as const;
  await simulate({ ...settings, noise: 0 }, quiet);
  // Views along the motion show states that differ by less than single precision keeps.
  assert.ok((await measureOracle({ ...settings, noise: 0 })).rankCorrelation > 0.9999);
  await simulate({ ...settings, noise: 1 }, quiet);
  const { rankCorrelation: noisy } = await measureOracle({ ...settings, noise: 1 });
  // 0.987 over 4,000 particles; the few views along the motion scatter it by some 0.005 over 300.
  assert.ok(noisy > 0.965 && noisy < 0.998, `${noisy}`);
});

test("rank correlation is Spearman's: 1 for any rising map, −1 for any falling one, with ties shared", () => {
  assert.equal(rankCorrelation([1, 2, 3, 4], [1, 8, 27, 1000]), 1);
  assert.equal(rankCorrelation([1, 2, 3, 4], [5, 4, -3, -100]), -1);
  // Ranks 1.5 1.5 3 against 1 2 3: covariance 1.5, variances 1.5 and 2.
  assert.ok(Math.abs(rankCorrelation([7, 7, 9], [1, 2, 3]) - 1.5 / Math.sqrt(1.5 * 2)) < 1e-15);
});

test('options that make no data end in one line that names the value and the cure', async () => {
  const source = writeModel('small.pdb', [
    ['A', 1, 0, 0, 0],
    ['A', 2, 3, 0, 0],
  ]);
  const wrong: [Omit<SimulationOptions, 'directory'>, RegExp][] = [
    [{ kind: 'linear', particles: 0 }, /--particles: 0 /],
    [{ kind: 'linear', noise: -1 }, /--noise: -1 /],
    [{ kind: 'model', model: { source, moving: 'Z:1-2' } }, /chooses no atom; the chains are A/],
    [{ kind: 'model', model: { source, moving: 'A:9-2' } }, /ends before it begins/],
    [{ kind: 'model', model: { source, moving: 'A', angles: '5' } }, /--angles: "5"/],
    [{ kind: 'model', model: { source, moving: 'A:1;A:2;A:3', angles: '-1:1;-2:2' } }, /is for 2 bodies where --moving names 3/],
    [{ kind: 'model', model: { source, moving: 'A', axis: '0,0,0' } }, /--axis/],
    [{ kind: 'model', model: { source: join(root, 'none.pdb'), moving: 'A' } }, /none\.pdb: cannot be read/],
  ];
  for (const [options, expected] of wrong)
    await assert.rejects(
      make(options),
      error => error instanceof InputError && expected.test(error.message) && !error.message.includes('\n'),
    );
});

test('an abort stops between images, and no star file pretends that the set is whole', async () => {
  const directory = join(root, 'aborted');
  const controller = new AbortController();
  const reporter: Reporter = {
    ...quiet,
    progress: (_stage, done) => {
      if (done >= 64) controller.abort();
    },
  };
  await simulate({ directory, kind: 'linear', particles: 4 }, quiet);
  await assert.rejects(simulate({ directory, kind: 'linear', particles: 400 }, reporter, controller.signal), Cancelled);
  assert.throws(() => readFileSync(join(directory, 'particles.star')));
});
