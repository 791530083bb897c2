// Projections of a map against closed forms, a direct sum, and images that RELION made.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { InputError } from '../../daemon/formats/input-error.js';
import { MapProjector } from '../../daemon/maps/project-map.js';
import { fft2d } from '../../daemon/numerics/fft.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';

interface Blob {
  /** Voxels from the centre voxel n//2. */
  r: [number, number, number];
  amplitude: number;
}

const SIGMA = 1.6;

function blobs(count: number, reach: number, seed: number): Blob[] {
  const random = new Random(seed);
  return Array.from({ length: count }, () => ({
    r: [0, 1, 2].map(() => (2 * random.uniform() - 1) * reach) as [number, number, number],
    amplitude: 0.5 + random.uniform(),
  }));
}

function mapOf(molecule: Blob[], size: [number, number, number]): DensityMap {
  const [nx, ny, nz] = size;
  const data = new Float32Array(nx * ny * nz);
  const norm = (2 * Math.PI * SIGMA ** 2) ** -1.5;
  for (let z = 0, i = 0; z < nz; z++)
    for (let y = 0; y < ny; y++)
      for (let x = 0; x < nx; x++, i++)
        for (const { r, amplitude } of molecule) {
          const d2 = (x - (nx >> 1) - r[0]) ** 2 + (y - (ny >> 1) - r[1]) ** 2 + (z - (nz >> 1) - r[2]) ** 2;
          data[i] += amplitude * norm * Math.exp(-d2 / (2 * SIGMA ** 2));
        }
  return { size, voxelSizeAngstrom: [1, 1, 1], originAngstrom: [0, 0, 0], data };
}

/** The closed form: F(k) = Σ A exp(−2π²σ²k²) exp(−2πi k·(Ar)_xy), k in cycles per box of `box` voxels. */
function exactTransform(molecule: Blob[], A: ArrayLike<number>, kx: number, ky: number, box: number): [number, number] {
  const decay = Math.exp(-2 * (Math.PI * SIGMA) ** 2 * ((kx / box) ** 2 + (ky / box) ** 2));
  let re = 0;
  let im = 0;
  for (const { r, amplitude } of molecule) {
    const x = A[0] * r[0] + A[1] * r[1] + A[2] * r[2];
    const y = A[3] * r[0] + A[4] * r[1] + A[5] * r[2];
    const angle = (-2 * Math.PI * (kx * x + ky * y)) / box;
    re += amplitude * decay * Math.cos(angle);
    im += amplitude * decay * Math.sin(angle);
  }
  return [re, im];
}

/** Largest error of the ring transform in units of the total mass, against the closed form with the centre at pixel boxSize/2. */
function ringError(
  molecule: Blob[],
  projector: MapProjector,
  rings: number,
  boxSize: number,
  frequencyBox: number,
  A: ArrayLike<number>,
): number {
  const geometry = ringGeometry(boxSize, rings);
  const out = new Float32Array(2 * geometry.planeSize + 3).fill(7);
  projector.projectToRings(A, geometry, out, 3);
  assert.deepEqual([...out.subarray(0, 3)], [7, 7, 7], 'nothing before the offset is touched');
  const mass = molecule.reduce((sum, blob) => sum + blob.amplitude, 0);
  let largest = 0;
  for (let kx = -rings; kx <= rings; kx++)
    for (let ky = 0; ky <= rings; ky++) {
      const index = (kx + rings) * geometry.stride + ky;
      const compared = geometry.weights[index] > 0;
      const [re, im] = compared ? exactTransform(molecule, A, kx, ky, frequencyBox) : [0, 0];
      const sign = (kx + ky) % 2 === 0 ? 1 : -1;
      largest = Math.max(largest, Math.hypot(out[3 + index] - sign * re, out[3 + geometry.planeSize + index] - sign * im));
    }
  return largest / mass;
}

test('a map of Gaussians projects to the closed form in any direction, out to the corners of the box: even and odd sides', () => {
  for (const n of [32, 33]) {
    const molecule = blobs(12, n / 2 - 7, n);
    const projector = new MapProjector(mapOf(molecule, [n, n, n]));
    for (const angles of [
      [0, 0, 0],
      [90, 0, 0],
      [31, 77, 205],
      [275, 121, 48],
    ]) {
      const A = eulerToMatrix(angles[0], angles[1], angles[2]);
      // The kernel's own error at twofold padding and width 4 is a few 1e-4; a trilinear slice is some 50 times worse.
      assert.ok(ringError(molecule, projector, 12, 32, n, A) < 1e-3, `angles ${angles} in a box of ${n}`);
    }
  }
});

test('keeping only the rings asked for, unequal sides and an image box of another length change nothing', () => {
  const molecule = blobs(10, 6, 5);
  const A = eulerToMatrix(140, 66, 12);
  const projector = new MapProjector(mapOf(molecule, [28, 36, 31]), { rings: 10, boxLengthAngstrom: 40 });
  assert.ok(ringError(molecule, projector, 10, 24, 40, A) < 1e-3);
});

test('the image is the map summed along z when nothing turns, and a Gaussian at r lands at (A·r)_xy about pixel b//2', () => {
  const n = 31;
  const molecule = blobs(6, 7, 9);
  const map = mapOf(molecule, [n, n, n]);
  const projector = new MapProjector(map);
  const sum = new Float32Array(n * n);
  for (let i = 0; i < map.data.length; i++) sum[i % (n * n)] += map.data[i];
  const straight = projector.projectImage([1, 0, 0, 0, 1, 0, 0, 0, 1], n);
  const highest = Math.max(...sum);
  assert.ok(straight.every((value, i) => Math.abs(value - sum[i]) < 2e-3 * highest));
  const A = eulerToMatrix(50, 110, 20);
  const turned = projector.projectImage(A, n);
  for (let y = 0; y < n; y++)
    for (let x = 0; x < n; x++) {
      let expected = 0;
      for (const { r, amplitude } of molecule) {
        const dx = x - (n >> 1) - (A[0] * r[0] + A[1] * r[1] + A[2] * r[2]);
        const dy = y - (n >> 1) - (A[3] * r[0] + A[4] * r[1] + A[5] * r[2]);
        expected += (amplitude / (2 * Math.PI * SIGMA ** 2)) * Math.exp(-(dx * dx + dy * dy) / (2 * SIGMA ** 2));
      }
      assert.ok(Math.abs(turned[y * n + x] - expected) < 3e-3 * highest, `pixel ${x}, ${y}`);
    }
});

test('a map with a value that is not finite is refused with the voxel named', () => {
  const map = mapOf([], [8, 8, 8]);
  map.data[(3 * 8 + 2) * 8 + 1] = Number.NaN;
  assert.throws(
    () => new MapProjector(map),
    (error: Error) => error instanceof InputError && /\(1, 2, 3\)/.test(error.message),
  );
});

const relion = '../shared/data/relion';

/** Mode 2, little-endian, no extended header: how these files are. */
function readPlainMrc(path: string): { size: [number, number, number]; data: Float32Array } {
  const bytes = readFileSync(path);
  const size = [0, 4, 8].map(at => bytes.readInt32LE(at)) as [number, number, number];
  assert.equal(bytes.readInt32LE(12), 2);
  const data = new Float32Array(size[0] * size[1] * size[2]);
  for (let i = 0; i < data.length; i++) data[i] = bytes.readFloatLE(1024 + bytes.readInt32LE(92) + 4 * i);
  return { size, data };
}

test('projections agree with images that RELION made, in direction, handedness, centre and sign of the shift: correlation above 0.999', {
  skip: existsSync(relion) ? false : 'the folder shared/data is not there',
}, () => {
  const volume = readPlainMrc(`${relion}/clean70SRibosome_vol_65p.mrc`);
  const projector = new MapProjector({ ...volume, voxelSizeAngstrom: [1, 1, 1], originAngstrom: [0, 0, 0] });
  const geometry = ringGeometry(64, 24);
  const projected = new Float32Array(2 * geometry.planeSize);
  // Our volume has 65 voxels and the images 64 pixels. The images "as projected" come from a 64-voxel volume whose centre lies
  // half a voxel away along each axis: one offset explains all five. The other two sets are made about the centre itself.
  const centres = { rln_proj_64: -0.5, rln_proj_64_centered: 0, rln_proj_64_shifted: 0 };
  for (const [name, centre] of Object.entries(centres)) {
    const stack = readPlainMrc(`${relion}/${name}.mrcs`);
    const lines = readFileSync(`${relion}/${name}.star`, 'utf8').split('\n');
    const rows = lines.filter(line => line.includes('@')).map(line => line.trim().split(/\s+/).map(Number));
    assert.equal(rows.length, stack.size[2]);
    rows.forEach(([rot, tilt, psi, originX, originY], particle) => {
      const A = eulerToMatrix(rot, tilt, psi);
      projector.projectToRings(A, geometry, projected);
      // Where the molecule's centre lands in the stored image: (A·r)_xy − origin; one pixel is 1 Å in these files.
      const dx = centre * (A[0] + A[1] + A[2]) - originX;
      const dy = centre * (A[3] + A[4] + A[5]) - originY;
      const re = Float64Array.from(stack.data.subarray(particle * 4096, (particle + 1) * 4096));
      const im = new Float64Array(4096);
      fft2d(re, im, 64, 64);
      let cross = 0;
      let ours = 0;
      let theirs = 0;
      for (let kx = -24; kx <= 24; kx++) {
        for (let ky = 0; ky <= 24; ky++) {
          const index = (kx + 24) * geometry.stride + ky;
          const w = geometry.weights[index];
          const angle = (-2 * Math.PI * (kx * dx + ky * dy)) / 64;
          const pr = projected[index] * Math.cos(angle) - projected[geometry.planeSize + index] * Math.sin(angle);
          const pi = projected[index] * Math.sin(angle) + projected[geometry.planeSize + index] * Math.cos(angle);
          const at = ky * 64 + ((kx + 64) % 64);
          cross += w * (pr * re[at] + pi * im[at]);
          ours += w * (pr * pr + pi * pi);
          theirs += w * (re[at] ** 2 + im[at] ** 2);
        }
      }
      const correlation = cross / Math.sqrt(ours * theirs);
      assert.ok(correlation > 0.999, `${name}, image ${particle + 1}: ${correlation.toFixed(4)}`);
    });
  }
});
