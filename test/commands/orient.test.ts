// limber orient from the command line: the star file it leaves, stops, second calls, symmetric copies, and what is refused.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import { InputError } from '../../daemon/formats/input-error.js';
import { readMap } from '../../daemon/formats/mrc.js';
import { readStar } from '../../daemon/formats/star.js';
import { createProject } from '../../daemon/project/create-project.js';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import { orientationsPath, readOrientationReport, readRefinedOrientations } from '../../daemon/project/refined-orientations.js';
import { trainOptions } from '../../daemon/settings/training.js';
import { fitProjectNeutral, openProjectParticles } from '../../daemon/training/neutral/project-neutral.js';
import { orientProjectRun } from '../../daemon/training/orientations/orientation-cycles.js';
import { refineRunOrientations } from '../../daemon/training/orientations/project-orientations.js';
import { Cancelled, type Reporter } from '../../daemon/training/progress.js';
import { trainProjectRun } from '../../daemon/training/project-run.js';
import { simulate } from '../../demo-data/simulate.js';
import { disturbOrientations, poseErrors } from '../accuracy/disturbed-orientations.js';
import { silent } from '../training/toy-molecule.js';
import { limber } from './limber-process.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-orient-'));
const backend = await createCpuBackend({ threads: 1 });
after(async () => {
  rmSync(folder, { recursive: true });
  await backend.dispose();
});

const COUNT = 96;
const machine = { backend: 'cpu', threads: 1 };
const training = trainOptions('run1', {
  ...machine,
  latentDims: 2,
  epochs: 2,
  batch: 16,
  latentStart: 'random',
  latentRefinement: 'off',
});

/** Few, clean and small particles of a slide, disturbed by 3° and half a pixel; a project with a short run. */
const data = await simulate(
  { directory: join(folder, 'data'), kind: 'linear', particles: COUNT, boxSize: 32, pixelSizeAngstrom: 8, noise: 0.05 },
  silent,
);
const disturbed = join(folder, 'data', 'disturbed.star');
disturbOrientations(data, disturbed, 3, 0.5, 4);

async function makeProject(name: string, symmetry: string): Promise<ProjectFolder> {
  const given = { particles: disturbed, map: data.map, imagesDir: null, mask: null, model: null, symmetry, pixelSizeAngstrom: null };
  const project = await createProject(join(folder, name), given, silent, new AbortController().signal);
  await fitProjectNeutral(project, backend, { resolutionAngstrom: 24, gaussians: 48, seed: 1, ...machine }, silent);
  await trainProjectRun(project, backend, training, silent);
  return project;
}

const original = await makeProject('project', 'C1');
let copies = 0;
/** A copy of the project of its own: data and paths stay where they are. */
function copy(): ProjectFolder {
  const path = join(folder, `copy${++copies}`);
  cpSync(original.path, path, { recursive: true });
  return ProjectFolder.open(path);
}

const bytes = (project: ProjectFolder, run: string) => readFileSync(orientationsPath(project.run(run)), 'utf8');
const median = (values: Float64Array) => values.slice().sort()[values.length >> 1];

test('from the command line: particles come back from where they were disturbed to, and the star file has the columns of the input and nothing else changed', () => {
  const project = copy();
  const { status, events, stderr } = limber(['orient', project.path, '--run', 'run1', '--cycles', '1', '--threads', '1', '--json'], folder);
  assert.equal(status, 0, stderr);
  const done = events().at(-1)!;
  assert.equal(done.event, 'done');
  assert.equal(done.particles, COUNT);
  assert.ok((done.frcAfter as number) > (done.frcBefore as number));
  assert.equal(done.star, orientationsPath(project.run('run1')));
  assert.ok(events().some(({ event, stage }) => event === 'progress' && stage === 'refining orientations'));

  const [before, now] = [poseErrors(data, disturbed), poseErrors(data, done.star as string)];
  // One short cycle on 96 images of 32 pixels; the accuracy set `orientations` asks for half on a whole set.
  assert.ok(median(now.degrees) < 0.6 * median(before.degrees), `${median(now.degrees)}° of ${median(before.degrees)}°`);
  assert.ok(median(now.pixels) < 0.5 * median(before.pixels), `${median(now.pixels)} of ${median(before.pixels)} pixels`);

  const refined = new Set(['rlnAngleRot', 'rlnAngleTilt', 'rlnAnglePsi', 'rlnOriginXAngst', 'rlnOriginYAngst']);
  const [input, output] = [readStar(disturbed), readStar(done.star as string)];
  const [from, to] = [input.blocks.get('particles')!, output.blocks.get('particles')!];
  assert.deepEqual(to.columns, from.columns);
  for (const column of from.columns) {
    if (refined.has(column)) assert.notDeepEqual(to.strings(column), from.strings(column));
    else assert.deepEqual(to.strings(column), from.strings(column));
  }
  assert.equal(output.text.slice(0, to.rowSpan(0)[0]), input.text.slice(0, from.rowSpan(0)[0]));

  // A reconstruction for the run takes them, and is then nearer to what the images were made of.
  const likeness = (more: string[]) => {
    const file = join(folder, `${more.length}.mrc`);
    assert.equal(limber(['reconstruct', project.path, '--all', ...more, '-o', file], folder).status, 0);
    const [a, b] = [readMap(file).data, readMap(data.map).data];
    const product = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
    return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
  };
  const [asGiven, asRefined] = [likeness([]), likeness(['--run', 'run1'])];
  assert.ok(asRefined > asGiven + 0.01, `${asRefined} and ${asGiven}`);

  const again = limber(['orient', project.path, '--run', 'run1', '--cycles', '1', '--threads', '1'], folder);
  assert.equal(again.status, 0);
  assert.match(again.stdout, /has its orientations already/);
});

test('stopped at any time and taken up again, the orientations are those of a run that was left alone, to the byte', async () => {
  const [alone, stopped] = [copy(), copy()];
  await refineRunOrientations(alone, backend, alone.run('run1'), silent);
  for (const stage of ['measuring how wrong the orientations are', 'refining orientations']) {
    const abort = new AbortController();
    const stopping: Reporter = { ...silent, progress: (now, done, total) => now === stage && done >= total / 2 && abort.abort() };
    await assert.rejects(refineRunOrientations(stopped, backend, stopped.run('run1'), stopping, abort.signal), Cancelled);
    assert.ok(!existsSync(orientationsPath(stopped.run('run1'))));
  }
  const notes: string[] = [];
  await refineRunOrientations(stopped, backend, stopped.run('run1'), { ...silent, note: line => notes.push(line) });
  assert.match(notes.join(), /\d+ of 96 particles were refined before/);
  assert.equal(bytes(stopped, 'run1'), bytes(alone, 'run1'));
  assert.ok(!existsSync(join(stopped.run('run1').path, 'orienting')));
});

test('a second cycle trains a run of the same settings with the orientations of the first; there they stay, and no third is made; a run that continues begins with them too', async () => {
  const project = copy();
  const { reports, changes, stays, file } = await orientProjectRun(project, backend, { run: 'run1', cycles: 12, ...machine }, silent);
  assert.ok(stays);
  assert.equal(reports.length, 2);
  assert.ok(Math.abs(changes[0].degrees - reports[0].medianDegrees) < 0.01 * changes[0].degrees);
  assert.ok(changes[1].degrees < 0.15 * reports[1].medianDegrees, `${changes[1].degrees}° of ${reports[1].medianDegrees}°`);
  assert.ok(changes[1].angstrom < 0.15 * reports[1].medianAngstrom, `${changes[1].angstrom} of ${reports[1].medianAngstrom} Å`);
  const once = await orientProjectRun(copy(), backend, { run: 'run1', cycles: 1, ...machine }, silent);
  assert.ok(!once.stays);
  assert.equal(file, orientationsPath(project.run('run1-cycle2')));
  const next = project.run('run1-cycle2');
  assert.equal(next.settings().epochs, training.epochs);
  assert.equal(reports[1].trainedWith, reports[0].madeFrom);
  assert.notEqual(bytes(project, 'run1-cycle2'), bytes(project, 'run1'));

  await trainProjectRun(project, backend, { ...training, run: 'run2', continueFrom: 'run1', epochs: 1 }, silent);
  assert.equal(bytes(project, 'run2'), bytes(project, 'run1'));
  assert.equal(readOrientationReport(project.run('run2'))?.inheritedFrom, 'run1');

  // Of other orientations than those of run1, run1-cycle2 would mix two histories.
  await trainProjectRun(project, backend, { ...training, epochs: 3 }, silent);
  await assert.rejects(
    orientProjectRun(project, backend, { run: 'run1', cycles: 2, ...machine }, silent),
    (error: Error) => error instanceof InputError && /run1-cycle2.*was not trained with.*delete/.test(error.message),
  );
});

test('orientations read back are those that were refined, so that training sees what orient found', async () => {
  const project = copy();
  const run = project.run('run1');
  const particles = openProjectParticles(project);
  assert.equal(readRefinedOrientations(run, particles), null);
  await refineRunOrientations(project, backend, run, silent);
  const refined = readRefinedOrientations(run, particles)!;
  const errors = poseErrors(data, orientationsPath(run));
  assert.equal(refined.rotations.length, 9 * COUNT);
  assert.equal(errors.degrees.length, COUNT);
  const table = readStar(orientationsPath(run)).blocks.get('particles')!;
  table.numbers('rlnOriginXAngst').forEach((angstrom, i) => {
    assert.ok(Math.abs(refined.shiftsPixels[2 * i] * data.pixelSizeAngstrom - angstrom) < 1e-4);
  });
  particles.close();
});

test('where symmetry was expanded, each particle stays near the orientation that its file gave, whichever copy was refined', async () => {
  const project = await makeProject('symmetric', 'C3');
  const run = project.run('run1');
  const { copy } = run.latents();
  assert.ok(copy !== null && new Set(copy).size === 3);
  const report = await refineRunOrientations(project, backend, run, silent);
  assert.equal(report.particles, COUNT);
  // Compared with the truth a copy that was not turned back would be 120° away.
  const { degrees } = poseErrors(data, orientationsPath(run));
  assert.ok(
    degrees.every(error => error < 60),
    `${Math.max(...degrees)}°`,
  );
});

test('a run that is not there, or has not been trained, is refused in one line', () => {
  const missing = limber(['orient', original.path, '--run', 'nothing'], folder);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^limber: .*no run "nothing".*\n$/);
  const wrong = limber(['orient', original.path, '--run', 'run1', '--cycles', '0'], folder);
  assert.equal(wrong.status, 2);
});
