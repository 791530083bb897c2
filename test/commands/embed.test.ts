// `limber embed` and `limber motions` as a user runs them, on a run whose latents and weights lie on disk.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { writeMap } from '../../daemon/formats/mrc.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { makeProject, makeRun } from '../service/small-project.js';
import { limber, startLimber } from './limber-process.js';

const PARTICLES = 60;

function projectWithRun(t: TestContext) {
  const { folder, project } = makeProject(t);
  return { folder, run: makeRun(project, 'first', PARTICLES) };
}

function rowsOf(file: string): string[][] {
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => line.split('\t'));
}

test('embeddings lie beside the latents, and an export appends their columns in the order of the contract', t => {
  const { folder, run } = projectWithRun(t);
  const latents = readFileSync(run.latentsPath, 'utf8');
  for (const method of ['umap', 'pca']) {
    const { status, stderr, events } = limber(['embed', 'project', '--run', 'first', '--method', method, '--seed', '3', '--json'], folder);
    assert.deepEqual([status, stderr], [0, '']);
    const result = events().at(-1)!;
    assert.deepEqual([result.event, result.run, result.method, result.particles, result.dims], ['done', 'first', method, PARTICLES, 2]);
    assert.equal(rowsOf(result.file as string).length, PARTICLES + 1);
    if (method === 'umap') assert.ok(events().some(({ event, stage }) => event === 'progress' && stage === 'layout'));
  }
  assert.equal(readFileSync(run.latentsPath, 'utf8'), latents);
  const exported = limber(['export', 'project', '--run', 'first', '--latents', 'all.tsv'], folder);
  assert.equal(exported.status, 0, exported.stderr);
  const [header, ...rows] = rowsOf(join(folder, 'all.tsv'));
  assert.deepEqual(header, ['particle', 'z0', 'z1', 'frc', 'pca0', 'pca1', 'umap0', 'umap1']);
  assert.equal(rows.length, PARTICLES);
  // Principal components keep distances: an independent check that rows belong to their particles.
  const distance = (a: string[], b: string[], at: number) => Math.hypot(+a[at] - +b[at], +a[at + 1] - +b[at + 1]);
  for (let i = 1; i < PARTICLES; i++) assert.ok(Math.abs(distance(rows[i], rows[0], 1) - distance(rows[i], rows[0], 4)) < 1e-5);
});

test('the same seed writes the same file', t => {
  const { folder, run } = projectWithRun(t);
  const file = join(run.path, 'embeddings', 'umap.tsv');
  const [a, b] = [5, 5].map(seed => {
    assert.equal(limber(['embed', 'project', '--run', 'first', '--method', 'umap', '--dims', '3', '--seed', `${seed}`], folder).status, 0);
    return readFileSync(file, 'utf8');
  });
  assert.equal(a, b);
  assert.match(a, /^particle\tumap0\tumap1\tumap2\n/);
});

test('wrong usage and missing things are one line, exit status 2, and leave nothing behind', t => {
  const { folder, run } = projectWithRun(t);
  const refused = (args: string[], message: RegExp) => {
    const { status, stderr } = limber(args, folder);
    assert.equal(status, 2);
    assert.match(stderr, /^limber: [^\n]+\n$/);
    assert.match(stderr, message);
  };
  const embed = ['embed', 'project', '--run'];
  refused([...embed, 'first'], /--method/);
  refused([...embed, 'first', '--method', 'tsne'], /pca, umap/);
  refused([...embed, 'first', '--method', 'pca', '--dims', '3'], /--dims 3: .* 2 latent dimensions/);
  refused([...embed, 'first', '--method', 'umap', '--dims', '0'], /from 1 to 32/);
  refused([...embed, 'second', '--method', 'pca'], /no run "second"; it has first/);
  rmSync(run.latentsPath);
  refused([...embed, 'first', '--method', 'pca'], /no latents yet/);
  assert.ok(!existsSync(join(run.path, 'embeddings')));
});

test('Ctrl-C stops the picture at once, with status 130, nothing written and the project free again', async t => {
  const { folder, project } = makeProject(t);
  const run = makeRun(project, 'large', 20_000);
  const child = startLimber(['embed', 'project', '--run', 'large', '--method', 'umap', '--json'], folder);
  for await (const line of createInterface(child.stdout!)) if (line.includes('"layout"')) child.kill('SIGINT');
  if (child.exitCode === null) await once(child, 'exit');
  assert.equal(child.exitCode, 130);
  assert.ok(!existsSync(join(run.path, 'embeddings')));
  assert.equal(project.writer(), null);
});

test('a table of other particles is refused, and one older than the latents is named', t => {
  const { folder, run } = projectWithRun(t);
  assert.equal(limber(['embed', 'project', '--run', 'first', '--method', 'pca'], folder).status, 0);
  const table = run.latents();
  run.writeLatents({ ...table, particle: table.particle.map(row => row + 1) });
  const other = limber(['export', 'project', '--run', 'first', '--latents', 'all.tsv'], folder);
  assert.equal(other.status, 2);
  assert.match(other.stderr, /pca\.tsv is of other particles/);
  run.writeLatents(table);
  const older = limber(['export', 'project', '--run', 'first', '--latents', 'all.tsv'], folder);
  assert.equal(older.status, 0, older.stderr);
  assert.match(older.stdout, /pca\.tsv is older than the latents/);
});

interface MotionEvent {
  step: number[];
  insideAngstrom: number;
  outsideAngstrom: number;
  angleDegrees: number;
  axis: number[];
  shiftAngstrom: number[];
  residualAngstrom: number;
}

/** A mask over the small project's box, 1 where x lies below `borderAngstrom`; its edge is one voxel, 0.3 Å, wide. */
function writeMask(file: string, borderAngstrom: number, inside = 1): void {
  const size = 60;
  writeMap(file, {
    size: [size, size, size],
    voxelSizeAngstrom: [0.3, 0.3, 0.3],
    originAngstrom: [-5, -1, 5],
    data: Float32Array.from({ length: size ** 3 }, (_, i) => ((i % size) * 0.3 - 5 < borderAngstrom ? inside : 0)),
  });
}

test('motions of a region are latent steps with the Å that the decoder moves inside and outside it, told and written alike', t => {
  const { folder, run } = projectWithRun(t);
  const decoder = new LatentDecoder(run.weights());
  const neutral = decoder.decode([0, 0]);
  const xs = Array.from({ length: neutral.count }, (_, i) => neutral.positions[3 * i]).sort((a, b) => a - b);
  const gap = xs.slice(1).reduce((best, x, i) => (x - xs[i] > xs[best + 1] - xs[best] ? i : best), 0);
  assert.ok(xs[gap + 1] - xs[gap] > 0.6, 'no Gaussian lies on the edge of the mask');
  const border = (xs[gap] + xs[gap + 1]) / 2;
  writeMask(join(folder, 'left.mrc'), border);
  const { status, stderr, events } = limber(['motions', 'project', '--run', 'first', '--region', 'left.mrc', '--json'], folder);
  assert.deepEqual([status, stderr], [0, '']);
  const { motions, file } = events().at(-1) as { motions: MotionEvent[]; file: string };
  assert.equal(motions.length, 2);
  assert.equal(file, join(run.path, 'motions', 'left.tsv'));
  const [header, ...rows] = rowsOf(file);
  const names = ['insideAngstrom', 'outsideAngstrom', 'angleDegrees', 'axisX', 'axisY', 'axisZ'];
  assert.deepEqual(header, ['motion', 'z0', 'z1', ...names, 'shiftXAngstrom', 'shiftYAngstrom', 'shiftZAngstrom', 'residualAngstrom']);
  motions.forEach(({ step, insideAngstrom, outsideAngstrom, ...rigid }, k) => {
    assert.deepEqual(rows[k].map(Number), [k + 1, ...step, insideAngstrom, outsideAngstrom, ...Object.values(rigid).flat()]);
    const [from, to] = [-1, 1].map(sign => decoder.decode(step.map(value => sign * value)).positions);
    const meanSquare = (belongs: (x: number) => boolean) => {
      let [sum, weights] = [0, 0];
      for (let i = 0; i < neutral.count; i++) {
        if (!belongs(neutral.positions[3 * i])) continue;
        weights += neutral.amplitudes[i];
        for (let axis = 0; axis < 3; axis++) sum += neutral.amplitudes[i] * (to[3 * i + axis] - from[3 * i + axis]) ** 2;
      }
      return sum / weights;
    };
    // Steps are float32.
    assert.ok(Math.abs(Math.sqrt(meanSquare(x => x < border)) - insideAngstrom) < 1e-4);
    assert.ok(Math.abs(Math.sqrt(meanSquare(x => x > border)) - outsideAngstrom) < 1e-4);
    // A rigid motion leaves unexplained what it does, and never more than not moving at all would.
    assert.ok(rigid.residualAngstrom <= insideAngstrom + 1e-4 && rigid.angleDegrees >= 0 && rigid.angleDegrees <= 180);
  });
});

test('a mask that holds nothing or everything, or is no mask, is refused with its numbers', t => {
  const { folder } = projectWithRun(t);
  writeMask(join(folder, 'nothing.mrc'), -100);
  writeMask(join(folder, 'nobody.mrc'), -4.9);
  writeMask(join(folder, 'all.mrc'), 100);
  writeMask(join(folder, 'density.mrc'), 4, 17);
  writeFileSync(join(folder, 'text.mrc'), 'no map');
  for (const [file, message] of [
    ['nothing.mrc', /reach from 0\.00 to 0\.00/],
    ['nobody.mrc', /0\.0 of the model's 6 Gaussians/],
    ['all.mrc', /6\.0 of the model's 6 Gaussians/],
    ['density.mrc', /to 17\.0; a mask is 1/],
    ['text.mrc', /text\.mrc/],
    ['absent.mrc', /absent\.mrc/],
  ] as const) {
    const { status, stderr } = limber(['motions', 'project', '--run', 'first', '--region', file], folder);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^limber: [^\n]+\n$/);
    assert.match(stderr, message);
  }
});
