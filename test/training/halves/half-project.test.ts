// The project of each half: its own particles with their orientations, images found wherever the whole project finds them, and nothing of the other half.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readMap } from '../../../daemon/formats/mrc.js';
import { readStarRecords } from '../../../daemon/particles/star-records.js';
import { createProject, type NewProject } from '../../../daemon/project/create-project.js';
import { ProjectFolder } from '../../../daemon/project/project-folder.js';
import { carriedPath, openHalfProjects } from '../../../daemon/training/halves/half-project.js';
import { openProjectParticles } from '../../../daemon/training/neutral/project-neutral.js';
import { simulate } from '../../../demo-data/simulate.js';
import { silent } from '../toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-half-'));
after(() => rmSync(folder, { recursive: true }));

const data = await simulate({ directory: join(folder, 'data'), kind: 'linear', particles: 80, boxSize: 16, pixelSizeAngstrom: 16 }, silent);
const given: NewProject = {
  particles: data.particles,
  map: null,
  imagesDir: null,
  mask: null,
  model: null,
  symmetry: 'C1',
  pixelSizeAngstrom: null,
};

let made = 0;
async function projectOf(change: Partial<NewProject> = {}): Promise<ProjectFolder> {
  return createProject(join(folder, `project${made++}`), { ...given, ...change }, silent, new AbortController().signal);
}

async function halvesOf(whole: ProjectFolder, star: string | null = null) {
  const particles = openProjectParticles(whole);
  try {
    return await openHalfProjects(whole, join(whole.path, 'runs', 'a', 'halves'), particles, star ?? particles.file, 1, silent);
  } finally {
    particles.close();
  }
}

test('images named from a folder above the star file, as RELION names them, are found from the half’s own star file too', async () => {
  const job = join(folder, 'relion', 'Refine3D', 'job001');
  mkdirSync(job, { recursive: true });
  mkdirSync(join(folder, 'relion', 'Extract'));
  cpSync(data.stack, join(folder, 'relion', 'Extract', 'stack.mrcs'));
  writeFileSync(join(job, 'run_data.star'), readFileSync(data.particles, 'utf8').replaceAll('@particles.mrcs', '@Extract/stack.mrcs'));
  const whole = await projectOf({ particles: join(job, 'run_data.star') });
  const all = openProjectParticles(whole);
  const [image, same] = [new Float32Array(256), new Float32Array(256)];
  for (const { project, rows } of await halvesOf(whole)) {
    const own = openProjectParticles(project);
    assert.equal(own.count, rows.length);
    for (const i of [0, rows.length - 1]) {
      all.readImage(rows[i], image);
      own.readImage(i, same);
      assert.deepEqual(same, image);
    }
    own.close();
  }
  all.close();
});

test('a project that holds its own data can be moved as a whole, halves included', async () => {
  const before = join(folder, 'before');
  const inside = await simulate(
    { directory: join(before, 'data'), kind: 'linear', particles: 60, boxSize: 16, pixelSizeAngstrom: 16 },
    silent,
  );
  const whole = await createProject(before, { ...given, particles: inside.particles }, silent, new AbortController().signal);
  await halvesOf(whole);
  renameSync(before, join(folder, 'moved'));
  const [first, second] = await halvesOf(ProjectFolder.open(join(folder, 'moved')));
  assert.equal(first.rows.length + second.rows.length, 60);
  assert.equal(carriedPath(whole, 'masks/a.mrc', first.project.path.replace('moved', 'before')), '../../../../masks/a.mrc');
  assert.equal(carriedPath(whole, '/elsewhere/a.mrc', first.project.path), '/elsewhere/a.mrc');
});

test('the maps of the halves come from their own particles: they sum up to the same molecule and differ by their noise', async () => {
  const whole = await projectOf({ map: data.map });
  const halves = await halvesOf(whole);
  const [first, second] = halves.map(({ project }) => {
    assert.equal(project.settings.map, 'consensus.mrc');
    assert.ok(project.settings.contour! > 0);
    return readMap(join(project.path, 'consensus.mrc'));
  });
  let [ab, aa, bb] = [0, 0, 0];
  first.data.forEach((value, i) => {
    ab += value * second.data[i];
    aa += value * value;
    bb += second.data[i] ** 2;
  });
  const correlation = ab / Math.sqrt(aa * bb);
  assert.ok(correlation > 0.7 && correlation < 0.9999, `${correlation}`);
  assert.deepEqual(first.originAngstrom, whole.readMap()!.originAngstrom);
});

test('orientations that a run has of its own are those of its halves, and halves of earlier ones are refused with the folder to delete', async () => {
  const whole = await projectOf();
  await halvesOf(whole);
  const star = join(whole.path, 'refined.star');
  // Every particle turned by another in-plane angle: the fourth column is rlnAnglePsi.
  const text = readFileSync(data.particles, 'utf8').replace(
    /^(\S+@\S+ \S+ \S+) (\S+)/gm,
    (_, start: string, psi: string) => `${start} ${Number(psi) + 7}`,
  );
  writeFileSync(star, text);
  const { rotations } = readStarRecords(star);
  const particles = { ...openProjectParticles(whole), rotations };
  await assert.rejects(
    openHalfProjects(whole, join(whole.path, 'runs', 'a', 'halves'), particles, star, 1, silent),
    /half1 is a half of other particles or orientations than .*refined\.star has; delete .*halves and run limber halves again/,
  );
  const [first] = await openHalfProjects(whole, join(whole.path, 'runs', 'b', 'halves'), particles, star, 1, silent);
  const own = openProjectParticles(first.project);
  for (let e = 0; e < 9; e++) assert.ok(Math.abs(own.rotations[e] - rotations[9 * first.rows[0] + e]) < 1e-6);
  for (const set of [particles, own]) set.close();
});
