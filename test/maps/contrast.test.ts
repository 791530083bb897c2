// The sign of the images against a map: found with either sign and with a CTF, and owned up to as a guess when there is nothing to see.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ringGeometry } from '../../daemon/compute/ring-geometry.js';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { detectContrast } from '../../daemon/maps/contrast.js';
import { MapProjector } from '../../daemon/maps/project-map.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import type { ParticleSet } from '../../daemon/particles/particle-set.js';
import { type Blob, drawnParticles } from '../particles/drawn-particles.js';

const BOX = 32;
const geometry = ringGeometry(24, 9);
const blobs: Blob[] = [
  { centre: [3, -2, 2], amplitude: 1, sigma: 1.8 },
  { centre: [-4, 2, 0], amplitude: 0.7, sigma: 2.2 },
  { centre: [0, 4, -5], amplitude: 0.5, sigma: 1.6 },
];

function mapOfBlobs(): DensityMap {
  const data = new Float32Array(BOX ** 3);
  for (let z = 0, i = 0; z < BOX; z++)
    for (let y = 0; y < BOX; y++)
      for (let x = 0; x < BOX; x++, i++)
        for (const { centre, amplitude, sigma } of blobs) {
          const square = (x - 16 - centre[0]) ** 2 + (y - 16 - centre[1]) ** 2 + (z - 16 - centre[2]) ** 2;
          data[i] += (amplitude * Math.exp(-square / (2 * sigma ** 2))) / (2 * Math.PI * sigma ** 2) ** 1.5;
        }
  return { size: [BOX, BOX, BOX], voxelSizeAngstrom: [2, 2, 2], originAngstrom: [0, 0, 0], data } as DensityMap;
}

const projector = new MapProjector(mapOfBlobs());

/** `signal` times the projections of the blobs, plus white noise of deviation `noise`. */
function particles(count: number, signal: number, noise: number): ParticleSet {
  const random = new Random(5);
  const clean = drawnParticles(
    BOX,
    Array.from({ length: count }, () => ({
      rotation: Array.from(eulerToMatrix(360 * random.uniform(), 180 * random.uniform(), 360 * random.uniform())),
      shift: [4 * random.uniform() - 2, 4 * random.uniform() - 2] as const,
      blobs,
    })),
  );
  return {
    ...clean,
    readImage(i, out) {
      clean.readImage(i, out);
      const noises = new Random(100 + i);
      out.forEach((value, pixel) => {
        out[pixel] = signal * value + noise * noises.normal();
      });
    },
  };
}

test('noise-free projections of the map correlate by 1, dark ones by −1, since correlation knows no scale', () => {
  for (const sign of [1, -1] as const) {
    const found = detectContrast(particles(12, 3 * sign, 0), projector, geometry);
    assert.equal(found.contrast, sign);
    // Interpolation in the padded transform errs by about 1e-3 of the largest value.
    assert.ok(Math.abs(found.correlation - sign) < 2e-3, `${found.correlation}`);
    assert.equal(found.images, 12);
  }
});

test('under noise many times the signal the sign is found all the same, because the mean over many images is what counts', () => {
  for (const sign of [1, -1] as const) {
    const found = detectContrast(particles(200, sign, 0.1), projector, geometry);
    assert.equal(found.contrast, sign);
    assert.ok(found.significance > 10, `${found.significance}`);
  }
});

test('images of noise alone are called a guess: the mean lies within a few of its standard errors', () => {
  assert.ok(detectContrast(particles(200, 0, 1), projector, geometry).significance < 3);
});

test('a sample is spread evenly over the set, so a set sorted by micrograph is judged as a whole', () => {
  const seen: number[] = [];
  const set = particles(40, 1, 0.1);
  const watched: ParticleSet = {
    ...set,
    readImage(i, out) {
      seen.push(i);
      set.readImage(i, out);
    },
  };
  assert.equal(detectContrast(watched, projector, geometry, 10).images, 10);
  assert.deepEqual(seen, [0, 4, 8, 12, 16, 20, 24, 28, 32, 36]);
});
