// `limber reconstruct` as a user runs it: which particles go into which map, what is written beside it, and what is refused.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readMap } from '../../daemon/formats/mrc.js';
import { resampleMap } from '../../daemon/maps/filter.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import { writeClusters } from '../../daemon/project/run-analyses.js';
import { defaultTrainingSettings } from '../../daemon/settings/training.js';
import { limber } from './limber-process.js';

const scratch = mkdtempSync(join(tmpdir(), 'limber-reconstruct-'));
after(() => rmSync(scratch, { recursive: true }));

const COUNT = 120;
const here = (name: string) => join(scratch, name);
const reconstruct = (...args: string[]) => limber(['reconstruct', 'demo', '--threads', '2', ...args], scratch);

/** A run whose latents are made here: z0 is the row, from 0, z1 is 0; row 7 did not take part. */
before(() => {
  const made = limber(['demo', 'demo', '--kind', 'linear', '--particles', String(COUNT)], scratch);
  assert.equal(made.status, 0, made.stderr);
  const run = ProjectFolder.open(here('demo')).run('made');
  run.writeSettings({
    ...defaultTrainingSettings,
    format: 'limber-run',
    version: 1,
    run: 'made',
    state: 'done',
    epoch: 1,
    epochs: 1,
    latentDims: 2,
    gaussians: 8,
    resolutionAngstrom: 20,
    vary: ['position'],
    batch: 8,
    learningRate: 1e-3,
    seed: 1,
    backend: 'cpu',
    particles: COUNT - 1,
    copies: 1,
    goesOn: false,
    frc: 0.5,
    seconds: 1,
  });
  const rows = Array.from({ length: COUNT }, (_, row) => row).filter(row => row !== 7);
  writeFileSync(run.latentsPath, `particle\tz0\tz1\tfrc\n${rows.map(row => `${row + 1}\t${row}\t0\t0.5`).join('\n')}\n`);
});

/** The map of the given rows, counted from 1. */
function mapOfRows(rows: number[]): Buffer {
  writeFileSync(here('rows.txt'), rows.join('\n'));
  const { status, stderr } = reconstruct('--subset', 'rows.txt', '-o', 'rows.mrc');
  assert.equal(status, 0, stderr);
  return readFileSync(here('rows.mrc'));
}

test('--all --halves writes the map in the frame of the consensus map, two half-maps, and their FSC as a table', () => {
  const { status, stderr, events } = reconstruct('--all', '--halves', '-o', 'all.mrc', '--json');
  assert.equal(status, 0, stderr);
  const [map, first, second] = ['all.mrc', 'all_half1.mrc', 'all_half2.mrc'].map(name => readMap(here(name)));
  const consensus = readMap(here('demo/data/consensus.mrc'));
  for (const { size, voxelSizeAngstrom, originAngstrom } of [map, first, second]) {
    assert.deepEqual(size, consensus.size);
    // The header holds single precision.
    for (let axis = 0; axis < 3; axis++) {
      assert.ok(Math.abs(voxelSizeAngstrom[axis] - consensus.voxelSizeAngstrom[axis]) < 1e-5);
      assert.ok(Math.abs(originAngstrom[axis] - consensus.originAngstrom[axis]) < 1e-4);
    }
  }
  // The linear set moves, so its consensus is blurred: the coarse shells still have to agree, from 120 images with as much noise as signal.
  const truth = fourierShellCorrelation(map, consensus).correlation;
  for (let shell = 1; shell <= 6; shell++) assert.ok(truth[shell] > 0.8, `shell ${shell}: ${truth[shell]}`);
  const lines = readFileSync(here('all.fsc.tsv'), 'utf8').trimEnd().split('\n');
  assert.match(lines[0], /^# fsc: \d+\.\d+ Å at 0\.143, \d+\.\d+ Å at 0\.5$/);
  assert.equal(lines[1], 'shell\tresolutionAngstrom\tfsc');
  const halves = fourierShellCorrelation(first, second).correlation;
  lines.slice(2).forEach((line, i) => {
    const [shell, resolution, fsc] = line.split('\t').map(Number);
    assert.equal(shell, i + 1);
    assert.ok(Math.abs(resolution - (consensus.size[0] * consensus.voxelSizeAngstrom[0]) / shell) < 1e-3);
    assert.ok(Math.abs(fsc - halves[shell]) < 1e-4);
  });
  const done = events().at(-1) as { event: string; maps: { particles: number; halves: number[] }[] };
  assert.equal(done.event, 'done');
  assert.equal(done.maps[0].particles, COUNT);
  assert.equal(done.maps[0].halves[0] + done.maps[0].halves[1], COUNT);
  assert.ok(events().some(event => event.event === 'progress'));
});

test('--at takes the particles nearest to the point, --line the same at each of its points: the maps are those of these rows, byte for byte', () => {
  // Nearest to 20.2 are rows 20, 21, 19, 22 from 0.
  let outcome = reconstruct('--run', 'made', '--at', '20.2,0', '--particles', '4', '-o', 'at.mrc');
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.deepEqual(readFileSync(here('at.mrc')), mapOfRows([20, 21, 22, 23]));
  outcome = reconstruct('--run', 'made', '--line', '0,0:119,0', '--points', '2', '--particles', '3', '-o', 'line.mrc');
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.deepEqual(readFileSync(here('line_001.mrc')), mapOfRows([1, 2, 3]));
  assert.deepEqual(readFileSync(here('line_002.mrc')), mapOfRows([118, 119, 120]));
  assert.ok(!existsSync(here('line_003.mrc')) && !existsSync(here('line.mrc')));
});

test('a path gives the maps of its points as a line does, with one contour and the commands that play them in ChimeraX', () => {
  writeFileSync(here('path.tsv'), 'z0\tz1\tparticles\n0\t0\t12\n119\t0\t13\n');
  const { status, stderr, events } = reconstruct('--run', 'made', '--path', 'path.tsv', '--particles', '3', '-o', 'film.mrc', '--json');
  assert.equal(status, 0, stderr);
  assert.deepEqual(readFileSync(here('film_001.mrc')), mapOfRows([1, 2, 3]));
  assert.deepEqual(readFileSync(here('film_002.mrc')), mapOfRows([118, 119, 120]));
  const { series } = events().at(-1) as { series: { contour: number; script: string } };
  const values = ['film_001.mrc', 'film_002.mrc'].map(name => readMap(here(name)).data);
  for (const map of values) assert.ok(map.some(value => value > series.contour) && map.some(value => value < series.contour));
  assert.equal(series.script, 'film.cxc');
  const [, open, style, play] = readFileSync(here('film.cxc'), 'utf8').split('\n');
  assert.equal(open, 'open "film_???.mrc" vseries true');
  assert.ok(Math.abs(Number(/level (\S+)$/.exec(style)![1]) / series.contour - 1) < 1e-5);
  assert.match(play, /^vseries play #1/);
});

test('--quick makes the same map of half as many voxels a side, in the same frame', () => {
  const { status, stderr } = reconstruct('--all', '--quick', '-o', 'quick.mrc');
  assert.equal(status, 0, stderr);
  const [quick, consensus] = [readMap(here('quick.mrc')), readMap(here('demo/data/consensus.mrc'))];
  assert.deepEqual(
    quick.size,
    consensus.size.map(n => n / 2),
  );
  for (let axis = 0; axis < 3; axis++) {
    assert.ok(Math.abs(quick.voxelSizeAngstrom[axis] - 2 * consensus.voxelSizeAngstrom[axis]) < 1e-5);
    // Voxels n//2 of both lie at one place.
    const centre = (map: typeof quick) => map.originAngstrom[axis] + (map.size[axis] >> 1) * map.voxelSizeAngstrom[axis];
    assert.ok(Math.abs(centre(quick) - centre(consensus)) < 1e-3);
  }
  const truth = fourierShellCorrelation(quick, resampleMap(consensus, quick.size[0])).correlation;
  for (let shell = 1; shell <= 6; shell++) assert.ok(truth[shell] > 0.8, `shell ${shell}: ${truth[shell]}`);
});

test('--run --all takes the particles of the run, and a subset may be a star file or a latents table of the same rows', () => {
  const outcome = reconstruct('--run', 'made', '--all', '-o', 'run.mrc', '--json');
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.equal((outcome.events().at(-1) as { maps: { particles: number }[] }).maps[0].particles, COUNT - 1);
  const exported = limber(['export', 'demo', '--run', 'made', '--star', 'run.star', '--latents', 'run.tsv'], scratch);
  assert.equal(exported.status, 0, exported.stderr);
  for (const subset of ['run.star', 'run.tsv']) {
    const { status, stderr } = reconstruct('--subset', subset, '-o', 'subset.mrc');
    assert.equal(status, 0, stderr);
    assert.deepEqual(readFileSync(here('subset.mrc')), readFileSync(here('run.mrc')), subset);
  }
});

test('--cluster takes the particles that limber cluster has put into it, byte for byte the map of these rows', () => {
  const run = ProjectFolder.open(here('demo')).run('clustered');
  run.writeSettings({ ...ProjectFolder.open(here('demo')).run('made').settings(), run: 'clustered' });
  writeFileSync(run.latentsPath, 'particle\tz0\tfrc\n3\t0\t0.5\n5\t1\t0.5\n8\t0\t0.5\n');
  writeClusters(run, Uint32Array.of(3, 5, 8), Uint32Array.of(2, 1, 2));
  const { status, stderr } = reconstruct('--run', 'clustered', '--cluster', '2', '-o', 'cluster.mrc');
  assert.equal(status, 0, stderr);
  assert.deepEqual(readFileSync(here('cluster.mrc')), mapOfRows([3, 8]));
  assert.match(reconstruct('--run', 'clustered', '--cluster', '3', '-o', 'no.mrc').stderr, /clusters 1 to 2/);
});

test('--resolution leaves nothing finer in the map', () => {
  const { status, stderr } = reconstruct('--all', '--resolution', '25', '-o', 'coarse.mrc');
  assert.equal(status, 0, stderr);
  const coarse = readMap(here('coarse.mrc'));
  const boxAngstrom = coarse.size[0] * coarse.voxelSizeAngstrom[0];
  // A cosine along x at twice that frequency shares nothing with the map: its mean product, against the map's own size, is rounding.
  const cycles = Math.round((2 * boxAngstrom) / 25);
  let product = 0;
  let power = 0;
  coarse.data.forEach((value, i) => {
    product += value * Math.cos((2 * Math.PI * cycles * (i % coarse.size[0])) / coarse.size[0]);
    power += value * value;
  });
  assert.ok(power > 0 && Math.abs(product) < 1e-5 * Math.sqrt(power * coarse.data.length));
});

test('wrong usage is refused in one line that says the cure, and nothing is written', () => {
  for (const [args, pattern] of [
    [['-o', 'no.mrc'], /give one of --all, --cluster, --at, --line, --path, --subset/],
    [['--all', '--at', '0,0', '-o', 'no.mrc'], /too many/],
    [['--at', '0,0', '-o', 'no.mrc'], /--at 0,0: of which run\? add --run NAME/],
    [['--run', 'made', '--cluster', '1', '-o', 'no.mrc'], /no clusters; make them with limber cluster/],
    [['--run', 'made', '--at', '0', '-o', 'no.mrc'], /2 latent coordinates/],
    [['--run', 'made', '--line', '0,0', '-o', 'no.mrc'], /give two points/],
    [['--path', 'path.tsv', '-o', 'no.mrc'], /--path path\.tsv: of which run\? add --run NAME/],
    [['--run', 'made', '--path', 'nowhere.tsv', '-o', 'no.mrc'], /nowhere\.tsv: cannot be read/],
    [['--run', 'other', '--all', '-o', 'no.mrc'], /no run "other"; it has .*made/],
    [['--all', '--particles', '5', '-o', 'no.mrc'], /--particles .*--at, --line or --path/],
    [['--all', '--undo-motion', '-o', 'no.mrc'], /--undo-motion: of which run\? add --run NAME/],
    [['--run', 'made', '--all', '--undo-motion', '-o', 'no.mrc'], /run "made" has no weights/],
    [['--all', '--bodies', '2', '-o', 'no.mrc'], /--bodies goes with --undo-motion/],
    [['--all', '-o', 'no.png'], /must end in \.mrc/],
    [['--all', '-o', 'nowhere/no.mrc'], /nowhere does not exist/],
    [['--subset', 'nowhere.txt', '-o', 'no.mrc'], /nowhere\.txt: cannot be read/],
  ] as [string[], RegExp][]) {
    const { status, stderr } = reconstruct(...args);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, /^limber: [^\n]+\n$/);
    assert.match(stderr, pattern);
  }
  writeFileSync(here('wrong.txt'), `1\n${COUNT + 1}\n`);
  assert.match(reconstruct('--subset', 'wrong.txt', '-o', 'no.mrc').stderr, /wrong\.txt:2: "121" is no particle; give rows from 1 to 120/);
  // Row 7 from 0 took no part in the run, so nobody knows its motion.
  writeFileSync(here('unseen.txt'), '1\n8\n');
  const unseen = reconstruct('--run', 'made', '--undo-motion', '--subset', 'unseen.txt', '-o', 'no.mrc');
  assert.match(unseen.stderr, /run "made" has not seen particle 8/);
  assert.ok(!existsSync(here('no.mrc')));
});
