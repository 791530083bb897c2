// A run repeated on the two halves of its particles: what both find agrees, neither has seen the other's particles, and a stop loses nothing.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import { parseParticleColumns } from '../../../daemon/formats/particle-columns.js';
import { parseGaussians } from '../../../daemon/gaussians/gaussian-set.js';
import { readParticles } from '../../../daemon/particles/read-particles.js';
import { createProject } from '../../../daemon/project/create-project.js';
import { ProjectFolder } from '../../../daemon/project/project-folder.js';
import { trainOptions } from '../../../daemon/settings/training.js';
import { repeatByHalves } from '../../../daemon/training/halves/halves.js';
import { HalvesDisplacement } from '../../../daemon/training/halves/halves-displacement.js';
import type { HalvesReport } from '../../../daemon/training/halves/halves-report.js';
import { fitProjectNeutral } from '../../../daemon/training/neutral/project-neutral.js';
import { Cancelled } from '../../../daemon/training/progress.js';
import { trainProjectRun } from '../../../daemon/training/project-run.js';
import { simulate } from '../../../demo-data/simulate.js';
import { silent } from '../toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-halves-'));
const backend = await createCpuBackend({ threads: 1 });
after(async () => {
  rmSync(folder, { recursive: true });
  await backend.dispose();
});

const COUNT = 400;
// On so few particles a half may fold its one dimension: with seed 5 one of them does, with 1, 2 and 3 none.
const options = trainOptions('run1', { latentDims: 1, epochs: 6, batch: 16, learningRate: 1e-3, seed: 1, backend: 'cpu', threads: 1 });
const HALVES = { clusters: 3, threads: 1 };

/** A project with its neutral model and a run that is nothing but its settings: the halves take no more from it. */
const original = await (async () => {
  const data = await simulate(
    { directory: join(folder, 'original', 'data'), kind: 'linear', particles: COUNT, boxSize: 32, pixelSizeAngstrom: 8, noise: 0.1 },
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
  await fitProjectNeutral(project, backend, { resolutionAngstrom: 32, gaussians: 48, seed: 1, backend: 'cpu', threads: 1 }, silent);
  project.run('run1').writeSettings({
    format: 'limber-run',
    version: 1,
    ...options,
    state: 'done',
    epoch: options.epochs,
    gaussians: 48,
    resolutionAngstrom: 32,
    particles: COUNT,
    copies: 1,
    goesOn: false,
    frc: null,
    seconds: 0,
  });
  return project;
})();

let copies = 0;
function copy(): ProjectFolder {
  const path = join(folder, `copy${copies++}`);
  cpSync(original.path, path, { recursive: true });
  return ProjectFolder.open(path);
}

const halvesOf = (project: ProjectFolder) => join(project.run('run1').path, 'halves');
const table = (project: ProjectFolder, name: string) => {
  const file = join(halvesOf(project), name);
  return parseParticleColumns(readFileSync(file, 'utf8'), file);
};

const whole = copy();
const report = await repeatByHalves(whole, whole.run('run1'), backend, HALVES, silent);

test('two models that share no particle, map or random number find the same motion: each tells the other’s latents, and by chance they tell nothing', () => {
  const { half1FromHalf2, half2FromHalf1, shuffledExplained } = report.latents;
  for (const { explained, coordinates } of [half1FromHalf2, half2FromHalf1]) {
    assert.ok(explained > 0.7, `${explained}`);
    assert.ok(coordinates.length === 1 && coordinates[0].rankCorrelation > 0.85, `${coordinates[0].rankCorrelation}`);
  }
  assert.ok(shuffledExplained < 0.1, `${shuffledExplained}`);
  assert.ok(report.clusters.adjustedRandIndex > 0.4, `${report.clusters.adjustedRandIndex}`);
  const { correlation, rmsAngstrom, disagreementAngstrom } = report.displacements!;
  assert.ok(correlation > 0.4, `${correlation}`);
  // Displacements that had nothing to do with each other would differ by the root of the sum of their squares.
  assert.ok(disagreementAngstrom < 0.8 * Math.hypot(...rmsAngstrom), `${disagreementAngstrom} Å of ${rmsAngstrom}`);
  for (const { difference, differenceToOthers } of report.states) assert.ok(difference! > differenceToOthers! + 0.2);
  assert.notEqual(report.seeds[0], report.seeds[1]);
});

test('the halves are those of rlnRandomSubset, disjoint, and together all particles; each half’s star file finds its images', () => {
  const set = readParticles(whole.resolve(whole.settings.particles));
  const { particle, columns } = table(whole, 'latents.tsv');
  assert.deepEqual(
    [...particle],
    Array.from({ length: COUNT }, (_, i) => i + 1),
  );
  const half = columns.find(({ name }) => name === 'half')!;
  assert.deepEqual([...Array.from(half.values)], [...set.halfSet]);
  const image = new Float32Array(set.boxSize ** 2);
  const same = new Float32Array(set.boxSize ** 2);
  for (const which of [1, 2]) {
    const own = ProjectFolder.open(join(halvesOf(whole), `half${which}`));
    const particles = readParticles(own.resolve(own.settings.particles), { imagesDir: own.resolve(own.settings.imagesDir!) });
    const rows = [...set.halfSet.keys()].filter(row => set.halfSet[row] === which);
    assert.equal(particles.count, rows.length);
    assert.equal(report.particles[which - 1], rows.length);
    rows.forEach((row, i) => {
      if (i % 20 !== 0) return;
      set.readImage(row, image);
      particles.readImage(i, same);
      assert.deepEqual(same, image);
    });
    assert.notDeepEqual(own.readMap()!.data, whole.readMap()!.data);
    particles.close();
  }
  set.close();
});

test('a model’s own particles have the latents of its run, and the tables hold a row a particle with columns for both models', () => {
  const { particle, columns } = table(whole, 'latents.tsv');
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['half', 'half1_z0', 'half2_z0', 'mapped_z0'],
  );
  const own = ProjectFolder.open(join(halvesOf(whole), 'half2'))
    .run('run1')
    .latents();
  const second = [...particle.keys()].filter(i => columns[0].values[i] === 2);
  assert.deepEqual(
    second.map(i => columns[2].values[i]),
    [...own.z],
  );
});

test('states are numbered by their size in half 1, sizes add up to the halves, and each has its maps and a curve', () => {
  const { states } = report;
  assert.equal(states.length, 3);
  for (const half of [0, 1]) {
    assert.equal(
      states.reduce((sum, state) => sum + state.entries[half], 0),
      report.particles[half],
    );
    assert.ok(Math.abs(states.reduce((sum, state) => sum + state.share[half], 0) - 1) < 1e-9);
  }
  assert.ok(states[0].entries[0] >= states[1].entries[0] && states[1].entries[0] >= states[2].entries[0]);
  const clusters = table(whole, 'clusters.tsv');
  const [half, first, second] = clusters.columns.map(({ values }) => Array.from(values));
  for (const { state, entries, resolutionAngstrom } of states) {
    assert.equal(half.filter((h, i) => h === 1 && first[i] === state).length, entries[0]);
    assert.equal(half.filter((h, i) => h === 2 && second[i] === state).length, entries[1]);
    for (const which of [1, 2]) assert.ok(existsSync(join(halvesOf(whole), `state_${state}_half${which}.mrc`)));
    assert.match(readFileSync(join(halvesOf(whole), `state_${state}.fsc.tsv`), 'utf8'), /fsc_difference/);
    assert.ok(resolutionAngstrom !== null && resolutionAngstrom < 100);
  }
  const kept = JSON.parse(readFileSync(join(halvesOf(whole), 'report.json'), 'utf8')) as HalvesReport;
  assert.deepEqual(kept, JSON.parse(JSON.stringify(report)));
});

test('stopped in the second half and run again, it goes on there and ends with the same report; what the first half made stays untouched', async () => {
  const project = copy();
  cpSync(halvesOf(whole), halvesOf(project), { recursive: true });
  // As after a kill when the second half had its map and neutral model.
  rmSync(join(halvesOf(project), 'half2', 'runs'), { recursive: true });
  const abort = new AbortController();
  const stopping = {
    ...silent,
    progress(stage: string) {
      if (stage.startsWith('half 2: epoch 2')) abort.abort();
    },
  };
  await assert.rejects(repeatByHalves(project, project.run('run1'), backend, HALVES, stopping, abort.signal), Cancelled);
  const weights = () => readFileSync(join(halvesOf(project), 'half1', 'runs', 'run1', 'weights.safetensors'));
  const before = weights();
  const notes: string[] = [];
  const again = await repeatByHalves(project, project.run('run1'), backend, HALVES, { ...silent, note: line => void notes.push(line) });
  assert.match(notes.join('\n'), /half 2: run "run1" goes on after epoch 1/);
  assert.ok(weights().equals(before));
  assert.deepEqual(again, report);
});

test('halves of a run that has since been begun again with other settings are refused, with the folder to delete', async () => {
  const project = copy();
  cpSync(halvesOf(whole), halvesOf(project), { recursive: true });
  const run = project.run('run1');
  run.writeSettings({ ...run.settings(), learningRate: 2e-3 });
  await assert.rejects(
    repeatByHalves(project, run, backend, HALVES, silent),
    /--learning-rate 0\.001, run "run1" has 0\.002; delete .*halves and run limber halves again/,
  );
});

test('without rlnRandomSubset odd and even rows are the halves, and a half of a handful of particles is refused', async () => {
  const project = copy();
  const star = project.resolve(project.settings.particles);
  const text = readFileSync(star, 'utf8');
  writeFileSync(star, text.replace('_rlnRandomSubset', '_rlnUnused'));
  const abort = new AbortController();
  const stopping = {
    ...silent,
    progress(stage: string) {
      if (stage.startsWith('half 1:')) abort.abort();
    },
  };
  await assert.rejects(repeatByHalves(project, project.run('run1'), backend, HALVES, stopping, abort.signal), Cancelled);
  const own = readFileSync(join(halvesOf(project), 'half1', 'particles.star'), 'utf8');
  const names = (file: string) => [...file.matchAll(/(\d+)@/g)].map(match => Number(match[1]));
  assert.deepEqual(
    names(own),
    names(text).filter((_, i) => i % 2 === 0),
  );
  rmSync(halvesOf(project), { recursive: true });
  writeFileSync(
    star,
    text.replace(/ [12]( *)$/gm, (_, blanks: string) => ` 1${blanks}`),
  );
  await assert.rejects(repeatByHalves(project, project.run('run1'), backend, HALVES, silent), /half 2 has 0 of 400 particles/);
});

test('a point of the run’s own latent space is asked of both models, and their arrows differ by what is said; with other particles it is refused', () => {
  const project = copy();
  cpSync(halvesOf(whole), halvesOf(project), { recursive: true });
  const run = project.run('run1');
  const first = table(whole, 'latents.tsv').columns.find(({ name }) => name === 'half1_z0')!;
  const z = Float32Array.from(first.values);
  const latents = { count: COUNT, dims: 1, particle: Uint32Array.from({ length: COUNT }, (_, i) => i + 1), z, frc: z };
  run.writeLatents(latents);
  const { positions } = parseGaussians(readFileSync(join(project.neutralFolder, 'gaussians.txt'), 'utf8'), 'gaussians.txt');
  const sorted = z.slice().sort();
  const [low, high] = [sorted[COUNT / 10], sorted[(9 * COUNT) / 10]];
  const asked = new HalvesDisplacement(run);
  const { displacements, disagreementAngstrom } = asked.between([low], [high], positions);
  const product = displacements[0].reduce((sum, value, i) => sum + value * displacements[1][i], 0);
  const sizes = displacements.map(values => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)));
  assert.ok(product > 0.4 * sizes[0] * sizes[1], `${product / (sizes[0] * sizes[1])}`);
  for (const g of [0, 20, 47]) {
    const difference = [0, 1, 2].map(axis => displacements[0][3 * g + axis] - displacements[1][3 * g + axis]);
    assert.ok(Math.abs(disagreementAngstrom[g] - Math.hypot(...difference)) < 1e-4);
  }
  // The same point moves nothing, so nothing is disagreed upon.
  assert.ok(asked.between([low], [low], positions).disagreementAngstrom.every(value => value < 1e-3));
  run.writeLatents({ ...latents, particle: latents.particle.map(number => number + 1) });
  assert.throws(() => new HalvesDisplacement(run), /latents\.tsv is of other particles.*run limber halves again/);
  assert.throws(() => new HalvesDisplacement(copy().run('run1')), /latents\.tsv is missing; make it with limber halves/);
});

test('a run of symmetric copies that continues another on a subset is repeated in full: the earlier run first, then every copy of the subset’s particles by both', async () => {
  const data = await simulate(
    {
      directory: join(folder, 'symmetric', 'data'),
      kind: 'trimer',
      symmetry: 'C3',
      particles: 72,
      boxSize: 24,
      pixelSizeAngstrom: 8,
      noise: 0.1,
    },
    silent,
  );
  const given = {
    particles: data.particles,
    map: data.map,
    imagesDir: null,
    mask: null,
    model: null,
    symmetry: 'C3',
    pixelSizeAngstrom: null,
  };
  const project = await createProject(join(folder, 'symmetric'), given, silent, new AbortController().signal);
  await fitProjectNeutral(project, backend, { resolutionAngstrom: 40, gaussians: 12, seed: 1, backend: 'cpu', threads: 1 }, silent);
  const subset = Array.from({ length: 60 }, (_, i) => i + 7);
  writeFileSync(join(project.path, 'subset.txt'), subset.join('\n'));
  const small = { latentDims: 3, epochs: 1, batch: 16, backend: 'cpu', threads: 1 };
  await trainProjectRun(project, backend, trainOptions('all', { ...small, vary: ['amplitude'] }), silent);
  const continued = trainOptions('some', { ...small, latentDims: 1, vary: ['position'], continueFrom: 'all', subset: 'subset.txt' });
  await trainProjectRun(project, backend, continued, silent);
  const run = project.run('some');
  const { copies, particles } = await repeatByHalves(project, run, backend, { clusters: 2, threads: 1 }, silent);
  assert.deepEqual([copies, particles[0] + particles[1]], [3, 60]);
  const file = join(run.path, 'halves', 'latents.tsv');
  const { particle, columns } = parseParticleColumns(readFileSync(file, 'utf8'), file);
  assert.deepEqual([columns[0].name, columns[1].name], ['copy', 'half']);
  assert.deepEqual(
    Array.from(particle, (number, i) => [number, columns[0].values[i]]),
    subset.flatMap(number => [1, 2, 3].map(copy => [number, copy])),
  );
  const own = ProjectFolder.open(join(run.path, 'halves', 'half1'));
  assert.equal(own.run('all').latents().count, 3 * own.settings.particleCount);
  assert.deepEqual([own.run('some').settings().latentDims, own.run('some').settings().particles], [1, particles[0]]);
});
