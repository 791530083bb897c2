// A project without a map: contrast from a reconstruction, the neutral model from it, held against the true consensus map that the project never saw.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createCpuBackend } from '../../../daemon/compute/cpu/cpu-backend.js';
import type { DensityMap } from '../../../daemon/formats/density-map.js';
import { createStackWriter, readMap } from '../../../daemon/formats/mrc.js';
import { parseGaussians } from '../../../daemon/gaussians/gaussian-set.js';
import { gaussiansToDensity } from '../../../daemon/gaussians/to-density.js';
import { skewness } from '../../../daemon/maps/contrast.js';
import { fourierShellCorrelation } from '../../../daemon/maps/fsc.js';
import { spreadPairs } from '../../../daemon/maps/reconstruct.js';
import { createProject } from '../../../daemon/project/create-project.js';
import { fitProjectNeutral } from '../../../daemon/training/neutral/project-neutral.js';
import { simulate } from '../../../demo-data/simulate.js';
import { silent } from '../toy-molecule.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-consensus-'));
const backend = await createCpuBackend({ threads: 2 });
after(async () => {
  rmSync(folder, { recursive: true });
  await backend.dispose();
});

const directory = join(folder, 'data');
const simulated = await simulate({ directory, kind: 'linear', particles: 300, boxSize: 32, pixelSizeAngstrom: 8, ctf: true }, silent);
const given = {
  particles: simulated.particles,
  map: null,
  imagesDir: null,
  mask: null,
  model: null,
  symmetry: 'C1',
  pixelSizeAngstrom: null,
};

/** The project of the simulated images as they now are, and what was said of them. */
async function projectOf(name: string) {
  const notes: string[] = [];
  const reporter = { ...silent, note: (line: string) => void notes.push(line) };
  return { project: await createProject(join(folder, name), given, reporter, new AbortController().signal), notes };
}

test('without a map the particles make one, and the neutral model agrees with the true consensus, which the project never saw', async () => {
  const { project, notes } = await projectOf('bright');
  assert.equal(project.settings.contrast, 1);
  assert.match(notes.join(' '), /contrast is as RELION has it: a reconstruction/);
  const { report } = await fitProjectNeutral(
    project,
    backend,
    { resolutionAngstrom: 32, gaussians: 64, seed: 1, backend: 'cpu', threads: 1 },
    silent,
  );
  assert.match(report.fittedTo ?? '', /reconstruction/);
  const truth = readMap(simulated.map);
  const path = join(project.neutralFolder, 'gaussians.txt');
  const density = gaussiansToDensity(parseGaussians(readFileSync(path, 'utf8'), path), truth);
  const { correlation } = fourierShellCorrelation(density, truth);
  // 256 Å / 32 Å: eight shells. Frame, hand and sign are all in it: any of them wrong, and nothing would agree.
  for (let k = 1; k <= 8; k++) assert.ok(correlation[k] > 0.95, `shell ${k}: ${correlation[k]}`);
  assert.ok(existsSync(join(project.neutralFolder, 'reconstruction.mrc')));
  const table = readFileSync(join(project.neutralFolder, 'fsc.tsv'), 'utf8').trimEnd().split('\n');
  const header = table.findIndex(line => line.startsWith('shell\t'));
  assert.equal(table.length - header - 1, 8);
  assert.equal(Number(table[header + 3].split('\t')[2]), Number(report.fsc?.[2].toFixed(5)));
});

test('under C3 the model is symmetric though the molecule of the images is not, since map and particles are met in every copy', async () => {
  const project = await createProject(join(folder, 'c3'), { ...given, symmetry: 'C3' }, silent, new AbortController().signal);
  await fitProjectNeutral(project, backend, { resolutionAngstrom: 40, gaussians: 96, seed: 1, backend: 'cpu', threads: 1 }, silent);
  const path = join(project.neutralFolder, 'gaussians.txt');
  const set = parseGaussians(readFileSync(path, 'utf8'), path);
  const truth = readMap(simulated.map);
  const turned = { ...set, positions: set.positions.slice() };
  const [c, s] = [-0.5, Math.sqrt(0.75)];
  for (let i = 0; i < set.count; i++) {
    const [x, y] = [set.positions[3 * i] - 128, set.positions[3 * i + 1] - 128];
    turned.positions[3 * i] = 128 + c * x - s * y;
    turned.positions[3 * i + 1] = 128 + s * x + c * y;
  }
  const correlationOfTurned = (density: DensityMap, other: DensityMap) => fourierShellCorrelation(density, other).correlation;
  const symmetric = correlationOfTurned(gaussiansToDensity(set, truth), gaussiansToDensity(turned, truth));
  for (let k = 1; k <= 6; k++) assert.ok(symmetric[k] > 0.9, `shell ${k}: ${symmetric[k]}`);
  // The molecule itself is far from it, or this would say nothing.
  const own = correlationOfTurned(gaussiansToDensity(set, truth), truth);
  assert.ok(Math.min(...own.subarray(2, 7)) < 0.7, `${own.subarray(1, 7)}`);
});

test('images of the opposite sign are found out without a map, since a molecule is a compact body on an even background', async () => {
  const { size, images } = readImages();
  const writer = createStackWriter(simulated.stack, size, size, simulated.pixelSizeAngstrom);
  for (const image of images) writer.write(image.map(value => -value));
  writer.close();
  const { project, notes } = await projectOf('dark');
  assert.equal(project.settings.contrast, -1);
  assert.match(notes.join(' '), /contrast is inverted/);
});

function readImages(): { size: number; images: Float32Array[] } {
  const bytes = readFileSync(simulated.stack);
  const size = simulated.boxSize;
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 1024, bytes.byteOffset + 1024 + 4 * simulated.count * size * size));
  return { size, images: Array.from({ length: simulated.count }, (_, i) => data.slice(i * size * size, (i + 1) * size * size)) };
}

test('skewness is the third standardised moment: a share p of ones among zeros has (1 − 2p)/√(p(1 − p)), and the opposite map the opposite', () => {
  const map = {
    size: [20, 20, 20] as [number, number, number],
    voxelSizeAngstrom: [1, 1, 1] as [number, number, number],
    originAngstrom: [0, 0, 0] as [number, number, number],
    data: Float32Array.from({ length: 8000 }, (_, i) => (i % 7 === 0 ? 1 : 0)),
  };
  // A seventh of the voxels in the sphere, give or take its border.
  assert.ok(Math.abs(skewness(map) - 5 / Math.sqrt(6)) < 0.1, `${skewness(map)}`);
  assert.ok(Math.abs(skewness({ ...map, data: map.data.map(value => 3 - 2 * value) }) + skewness(map)) < 1e-4);
});

test('chosen rows come in pairs of an odd and an even one, so that half-sets by row number are both there', () => {
  assert.deepEqual([...spreadPairs(5, 8)], [0, 1, 2, 3, 4]);
  const rows = [...spreadPairs(1000, 100)];
  assert.equal(new Set(rows).size, 100);
  assert.equal(rows.filter(row => row % 2 === 0).length, 50);
  assert.ok(rows.every(row => row < 1000) && Math.max(...rows) > 970);
});
