// A run of a whole project on disk: from a star file to latents, and after a stop the same numbers as without one.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../daemon/compute/cpu/cpu-backend.js';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { writeMap } from '../../daemon/formats/mrc.js';
import { parseGaussians } from '../../daemon/gaussians/gaussian-set.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { createProject } from '../../daemon/project/create-project.js';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import { type TrainOptions, trainOptions } from '../../daemon/settings/training.js';
import { rotationCentre } from '../../daemon/training/neutral/map-projections.js';
import { fitProjectNeutral, readProjectNeutral } from '../../daemon/training/neutral/project-neutral.js';
import { Cancelled, type Reporter } from '../../daemon/training/progress.js';
import { trainProjectRun } from '../../daemon/training/project-run.js';
import { simulate } from '../../demo-data/simulate.js';
import { silent } from './toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-run-'));
const backend = await createCpuBackend({ threads: 2 });
after(async () => {
  rmSync(folder, { recursive: true });
  await backend.dispose();
});

const options: TrainOptions = trainOptions('run1', {
  latentDims: 2,
  vary: ['position', 'amplitude'],
  epochs: 3,
  batch: 16,
  seed: 5,
  backend: 'cpu',
  threads: 2,
});

const COUNT = 90;
const NEUTRAL = { resolutionAngstrom: 32, gaussians: 24, seed: 1, backend: 'cpu', threads: 2 };

/** A project with its neutral model, made once; each test trains in a copy of its own. */
const original = await (async () => {
  const data = await simulate(
    { directory: join(folder, 'data'), kind: 'linear', particles: COUNT, boxSize: 32, pixelSizeAngstrom: 8 },
    silent,
  );
  const given = {
    particles: data.particles,
    map: data.map,
    imagesDir: null,
    mask: null,
    model: null,
    symmetry: 'C1',
    pixelSizeAngstrom: null,
  };
  const project = await createProject(join(folder, 'original'), given, silent, new AbortController().signal);
  await fitProjectNeutral(project, backend, NEUTRAL, silent);
  return project;
})();

let copies = 0;
function copy(): ProjectFolder {
  const path = join(folder, `copy${copies++}`);
  cpSync(original.path, path, { recursive: true });
  return ProjectFolder.open(path);
}

const contents = (project: ProjectFolder, name: string) => readFileSync(join(project.run('run1').path, name));

test('the neutral model on disk is of one piece: text in Å, logits and report say the same', () => {
  const neutral = readProjectNeutral(original);
  assert.ok(neutral);
  assert.equal(neutral.report.gaussians, 24);
  assert.equal(neutral.logits.length, 120);
  assert.equal(neutral.report.boxAngstrom, 256);
  const text = readFileSync(join(original.neutralFolder, 'gaussians.txt'), 'utf8');
  const set = parseGaussians(text, 'gaussians.txt');
  assert.equal(set.count, 24);
  for (let i = 0; i < 24; i++) {
    // Seven digits of a few hundred Å.
    const x = (1 / (1 + Math.exp(-neutral.logits[i])) - 0.5) * 256 + neutral.report.centreAngstrom[0];
    assert.ok(Math.abs(set.positions[3 * i] - x) < 1e-3);
  }
  assert.ok(neutral.report.ringFrc.length === 8 && neutral.report.ringFrc[1] > 0.9, `${neutral.report.ringFrc}`);
  assert.ok(!existsSync(join(original.neutralFolder, 'scratch')), 'images prepared for it are gone');
});

test('a run leaves a latent and a correlation a particle, a row of losses an epoch, weights that a decoder reads, and no scratch', async () => {
  const project = copy();
  const result = await trainProjectRun(project, backend, options, silent);
  const run = project.run('run1');
  assert.deepEqual([result.particles, result.gaussians, result.backend], [COUNT, 24, 'cpu']);
  const { count, dims, particle, z, frc } = run.latents();
  assert.deepEqual([count, dims, z.length], [COUNT, 2, 2 * COUNT]);
  assert.deepEqual(
    [...particle],
    Array.from({ length: COUNT }, (_, i) => i + 1),
  );
  assert.ok(z.every(Number.isFinite) && frc.every(value => value > 0 && value < 1));
  assert.deepEqual(
    run.losses().map(row => row.epoch),
    [1, 2, 3],
  );
  assert.equal(run.losses()[2].frc, result.frc);
  assert.deepEqual([run.settings().state, run.settings().epoch, run.settings().frc], ['done', 3, result.frc]);
  assert.ok(!existsSync(join(run.path, 'scratch')));

  // Widths were not to vary, and z = 0 is the neutral model that the text file holds.
  const decoder = new LatentDecoder(run.weights());
  const neutral = parseGaussians(readFileSync(join(project.neutralFolder, 'gaussians.txt'), 'utf8'), 'gaussians.txt');
  const origin = decoder.decode([0, 0]);
  origin.positions.forEach((value, i) => void assert.ok(Math.abs(value - neutral.positions[i]) < 1e-3));
  assert.deepEqual(decoder.decode([1, -1]).sigmas, origin.sigmas);
  assert.notDeepEqual(decoder.decode([1, -1]).positions, origin.positions);
});

test('stopped before its first epoch, while the latent space is scouted, a run goes on from the last epoch of the scout and ends with the same bits; a scout for other settings is not taken', async () => {
  const [whole, stopped, other] = [copy(), copy(), copy()];
  await trainProjectRun(whole, backend, options, silent);
  const scouted = async (project: ProjectFolder, asked: typeof options, stopAt: number) => {
    const abort = new AbortController();
    const seen: number[] = [];
    const reporter: Reporter = {
      ...silent,
      progress(stage, done) {
        if (!stage.startsWith('scouting')) return;
        seen.push(done);
        if (done > stopAt) abort.abort();
      },
    };
    const training = trainProjectRun(project, backend, asked, reporter, abort.signal);
    if (stopAt < Number.POSITIVE_INFINITY) await assert.rejects(training, Cancelled);
    else await training;
    return seen[0];
  };
  await scouted(stopped, options, 1.5 * COUNT);
  cpSync(stopped.run('run1').path, other.run('run1').path, { recursive: true });
  assert.ok((await scouted(stopped, options, Number.POSITIVE_INFINITY)) > COUNT, 'the first epoch is not done again');
  assert.deepEqual(contents(stopped, 'latents.tsv'), contents(whole, 'latents.tsv'));
  assert.deepEqual(stopped.run('run1').weights().tensors, whole.run('run1').weights().tensors);
  assert.ok(!existsSync(join(stopped.run('run1').path, 'scout.safetensors')));
  assert.ok((await scouted(other, { ...options, latentNoise: 2 * options.latentNoise }, Number.POSITIVE_INFINITY)) < COUNT);
});

test('stopped in the middle of an epoch and taken up again, a run ends with the same latents and weights to the bit as one that was left alone', async () => {
  const [whole, stopped] = [copy(), copy()];
  await trainProjectRun(whole, backend, options, silent);
  const abort = new AbortController();
  const stopping: Reporter = {
    ...silent,
    progress(stage, done) {
      if (stage.startsWith('epoch 3') && done > 40) abort.abort();
    },
  };
  await assert.rejects(trainProjectRun(stopped, backend, options, stopping, abort.signal), Cancelled);
  const run = stopped.run('run1');
  assert.deepEqual([run.settings().state, run.settings().epoch, run.losses().length], ['stopped', 2, 2]);
  assert.ok(!contents(stopped, 'latents.tsv').equals(contents(whole, 'latents.tsv')));
  const notes: string[] = [];
  await trainProjectRun(stopped, backend, options, { ...silent, note: line => void notes.push(line) });
  assert.match(notes.join('\n'), /goes on after epoch 2/);
  assert.deepEqual(contents(stopped, 'latents.tsv'), contents(whole, 'latents.tsv'));
  const [a, b] = [stopped.run('run1').weights().tensors, whole.run('run1').weights().tensors];
  assert.deepEqual(a, b);
  assert.equal(run.losses().length, 3);
});

test('by the preset paper rings count alike as far as single particles are seen and none beyond, and the run says which, since latents of other particles need the same', async () => {
  const project = copy();
  await trainProjectRun(
    project,
    backend,
    trainOptions('run1', { preset: 'paper', latentDims: 1, epochs: 1, batch: 16, threads: 2 }),
    silent,
  );
  const [, ...shares] = JSON.parse(project.run('run1').weights().metadata.ringShares) as number[];
  const seen = shares.filter(share => share > 0).length;
  assert.ok(seen > 0);
  assert.deepEqual(shares, [...new Array(seen).fill(Math.fround(1 / seen)), ...new Array(shares.length - seen).fill(0)]);
});

test('a run is not gone on with under other settings, and the line names the flag', async () => {
  const project = copy();
  await trainProjectRun(project, backend, { ...options, epochs: 1 }, silent);
  const before = contents(project, 'weights.safetensors');
  for (const [change, words] of [
    [{ latentDims: 3 }, /--latent-dims 2, not 3/],
    [{ seed: 6 }, /--seed 5, not 6/],
    [{ batch: 8 }, /--batch 16, not 8/],
    [{ vary: ['position'] }, /--vary position,amplitude, not position/],
    [{ dropout: 0.1 }, /--dropout 0, not 0.1/],
    [{ focus: 'mask.mrc' }, /--focus not given, not mask.mrc/],
  ] as [Partial<TrainOptions>, RegExp][])
    await assert.rejects(trainProjectRun(project, backend, { ...options, ...change }, silent), words);
  assert.deepEqual(contents(project, 'weights.safetensors'), before);
});

test('a run holds all that it stands on: with another neutral model in the project it goes on to the same bits', async () => {
  const [project, untouched] = [copy(), copy()];
  for (const each of [project, untouched]) await trainProjectRun(each, backend, { ...options, epochs: 1 }, silent);
  await fitProjectNeutral(project, backend, { ...NEUTRAL, seed: 2 }, silent);
  for (const each of [project, untouched]) await trainProjectRun(each, backend, options, silent);
  assert.deepEqual(contents(project, 'latents.tsv'), contents(untouched, 'latents.tsv'));
});

/** A mask in the consensus map's frame: 1 where x, in Å about the rotation centre, is above `least`. */
function halfMask(project: ProjectFolder, least: number): string {
  const map = project.readMap() as DensityMap;
  const centre = rotationCentre(map);
  const data = map.data.map((_, i) => (map.originAngstrom[0] + (i % map.size[0]) * map.voxelSizeAngstrom[0] - centre[0] > least ? 1 : 0));
  const path = join(project.path, 'half.mrc');
  writeMap(path, { ...map, data });
  return path;
}

test('with a focus mask only the Gaussians inside move, at any latent point, while all are still there', async () => {
  const project = copy();
  await trainProjectRun(project, backend, { ...options, epochs: 1, focus: halfMask(project, 0) }, silent);
  const decoder = new LatentDecoder(project.run('run1').weights());
  const [neutral, moved] = [decoder.decode([0, 0]), decoder.decode([2, -3])];
  const centre = rotationCentre(project.readMap() as DensityMap)[0];
  let [inside, outside] = [0, 0];
  for (let i = 0; i < neutral.count; i++) {
    const shift = Math.hypot(...[0, 1, 2].map(axis => moved.positions[3 * i + axis] - neutral.positions[3 * i + axis]));
    // Half a voxel at the border: the mask is asked at the nearest one.
    if (neutral.positions[3 * i] < centre - 8) {
      assert.equal(shift, 0);
      outside++;
    } else if (neutral.positions[3 * i] > centre + 8) {
      assert.ok(shift > 0);
      inside++;
    }
  }
  assert.ok(inside > 0 && outside > 0, `${inside} inside, ${outside} outside`);
});

test('a mask that holds no Gaussian is refused before anything is written', async () => {
  const project = copy();
  await assert.rejects(
    trainProjectRun(project, backend, { ...options, focus: halfMask(project, 500) }, silent),
    /half\.mrc: none of the 24 Gaussians/,
  );
  assert.ok(!project.run('run1').exists());
});

test('a run on a subset has latents of those particles alone', async () => {
  const project = copy();
  const subset = join(project.path, 'rows.txt');
  writeFileSync(subset, Array.from({ length: 40 }, (_, i) => 2 * i + 2).join('\n'));
  const result = await trainProjectRun(project, backend, { ...options, epochs: 1, subset }, silent);
  assert.equal(result.particles, 40);
  assert.deepEqual(
    [...project.run('run1').latents().particle],
    Array.from({ length: 40 }, (_, i) => 2 * i + 2),
  );
});

test('continued with the same freedom the networks go on: after no more than one short epoch the correlation is already the earlier one, not a beginner’s', async () => {
  const project = copy();
  await trainProjectRun(project, backend, { ...options, epochs: 6 }, silent);
  await trainProjectRun(project, backend, { ...options, run: 'on', continueFrom: 'run1', epochs: 1, learningRate: 1e-6 }, silent);
  const [first, last] = [0, 5].map(i => project.run('run1').losses()[i].frc);
  const on = project.run('on').losses()[0].frc;
  assert.ok(project.run('on').settings().goesOn);
  assert.ok(on > last - 0.2 * (last - first), `${first} … ${last}, then ${on}`);
});

test('continued with other freedom, each particle departs from its own model: what it could vary before is kept, and resuming gives the same bits', async () => {
  const [whole, stopped] = [copy(), copy()];
  const second: TrainOptions = { ...options, run: 'second', continueFrom: 'run1', vary: ['width'], latentDims: 1, epochs: 2 };
  for (const project of [whole, stopped]) await trainProjectRun(project, backend, options, silent);
  await trainProjectRun(whole, backend, second, silent);
  const abort = new AbortController();
  const stopping: Reporter = { ...silent, progress: (stage, done) => void (stage.startsWith('epoch 2') && done > 40 && abort.abort()) };
  await assert.rejects(trainProjectRun(stopped, backend, second, stopping, abort.signal), Cancelled);
  // The earlier run is needed no more.
  rmSync(stopped.run('run1').path, { recursive: true });
  mkdirSync(stopped.run('run1').path);
  cpSync(whole.run('run1').settingsPath, stopped.run('run1').settingsPath);
  await trainProjectRun(stopped, backend, second, silent);
  const [a, b] = [whole, stopped].map(project => project.run('second').weights().tensors);
  assert.deepEqual(b, a);
  const decoder = new LatentDecoder(whole.run('second').weights());
  assert.deepEqual(decoder.decode([1]).positions, decoder.decode([0]).positions);
  assert.notDeepEqual(decoder.decode([1]).sigmas, decoder.decode([0]).sigmas);
  assert.equal(whole.run('second').settings().goesOn, false);
  await assert.rejects(
    trainProjectRun(whole, backend, { ...second, run: 'third', continueFrom: 'nobody' }, silent),
    /has no run "nobody"; it has run1, second/,
  );
});

test('in a symmetric project every particle has a place for each copy, named in the table, and one asymmetric unit varies', async () => {
  const project = copy();
  const settings = JSON.parse(readFileSync(join(project.path, 'project.json'), 'utf8'));
  writeFileSync(join(project.path, 'project.json'), JSON.stringify({ ...settings, symmetry: 'C2' }));
  const symmetric = ProjectFolder.open(project.path);
  const result = await trainProjectRun(symmetric, backend, { ...options, epochs: 1 }, silent);
  const run = symmetric.run('run1');
  const { particle, copy: copyOf, count } = run.latents();
  assert.deepEqual([result.particles, count, run.settings().copies], [COUNT, 2 * COUNT, 2]);
  assert.deepEqual([...particle.slice(0, 4)], [1, 1, 2, 2]);
  assert.deepEqual([...(copyOf as Uint8Array).slice(0, 4)], [0, 1, 0, 1]);
  assert.match(readFileSync(run.latentsPath, 'utf8'), /^particle\tcopy\tz0\tz1\tfrc\tobservability\n1\t1\t[^\n]+\n1\t2\t/);
  const decoder = new LatentDecoder(run.weights());
  const [neutral, moved] = [decoder.decode([0, 0]), decoder.decode([1, 1])];
  const still = neutral.amplitudes.filter((_, i) =>
    [0, 1, 2].every(axis => moved.positions[3 * i + axis] === neutral.positions[3 * i + axis]),
  );
  assert.ok(still.length > 4 && still.length < neutral.count - 4, `${still.length} of ${neutral.count} hold still`);
  const plain = await trainProjectRun(symmetric, backend, { ...options, run: 'plain', epochs: 1, symmetryExpansion: 'off' }, silent);
  assert.deepEqual([plain.particles, symmetric.run('plain').latents().count], [COUNT, COUNT]);
});
