// Placing particles by likelihood: an image made of one candidate goes to it, a hopeless one to the middle of the cloud.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProjectionGeometry } from '../../daemon/compute/backend.js';
import { PlainBackend, plainTransform } from '../../daemon/compute/cpu/plain-backend.js';
import { equalShares, ringGeometry } from '../../daemon/compute/ring-geometry.js';
import { Random } from '../../daemon/numerics/random.js';
import { eulerToMatrix } from '../../daemon/numerics/rotations.js';
import type { BatchSource } from '../../daemon/training/particle-gradients.js';
import { drawCandidates, posteriorLatents } from '../../daemon/training/posterior-latents.js';
import type { Reporter } from '../../daemon/training/progress.js';

const silent: Reporter = { progress() {}, epoch() {}, note() {} };
const N = 6;
const ring = ringGeometry(24, 9);
const geometry: ProjectionGeometry = {
  gaussians: N,
  ringGeometry: ring,
  referenceSigmaPixels: 1.5,
  blurVariancePixels: 0,
  ringShares: equalShares(9),
};
const random = new Random(1);
/** Candidates: one of the Gaussians at three places along a line; z is the place. */
const places = [-1, 0, 1];
const base = Float32Array.from({ length: 5 * N }, (_, i) => (i < 3 * N ? 0.5 * (random.uniform() - 0.5) : i < 4 * N ? 0.5 : 1));
const rows = places.map(place => base.map((value, i) => (i === 0 ? 0.25 * place : value)));
const backend = new PlainBackend();
const A = Float32Array.from(eulerToMatrix(30, 20, 70));

function sourceOf(images: Float32Array[]): BatchSource {
  return {
    count: images.length,
    load(indices, rotations, tensor) {
      for (let i = 0; i < indices.length; i++) {
        backend.write(rotations, A, 9 * i);
        backend.write(tensor, images[indices[i]], i * 2 * ring.planeSize);
      }
    },
  };
}

const picture = (row: Float32Array) => Float32Array.from(plainTransform(24, 9, ring.stride).forward(backend.draw(geometry, row, A)));
const place = (images: Float32Array[], batch: number) =>
  posteriorLatents(backend, geometry, { z: Float32Array.from(places), dims: 1, rows }, sourceOf(images), batch, silent);

test('the image of a candidate goes to it, because its likelihood there leaves nothing to the others, and the batch makes no difference', async () => {
  const images = [2, 0, 1].map(i => picture(rows[i]));
  for (const batch of [2, 8]) {
    const { z, frc } = await place(images, batch);
    [1, -1, 0].forEach((wanted, i) => void assert.ok(Math.abs(z[i] - wanted) < 1e-3, `${z[i]} for ${wanted}`));
    assert.ok(frc.every(value => value > 0.999));
  }
});

test('with white noise the mean is the sum of places weighted by (1 − c²)^(−n/2) over the rings, as computed naively', async () => {
  const image = picture(rows[2]).map((value, i) => value + (ring.weights[i % ring.planeSize] > 0 ? 3 * random.normal() : 0));
  const { z } = await place([image], 1);
  const logs = rows.map(row => {
    const P = picture(row);
    let log = 0;
    for (let k = 1; k <= 9; k++) {
      let [c, p, q, n] = [0, 0, 0, 0];
      for (let i = 0; i < 2 * ring.planeSize; i++) {
        const at = i % ring.planeSize;
        if (ring.ring[at] !== k) continue;
        c += ring.weights[at] * P[i] * image[i];
        p += ring.weights[at] * P[i] ** 2;
        q += ring.weights[at] * image[i] ** 2;
        if (i === at) n += ring.weights[at];
      }
      log -= (n / 2) * Math.log(1 - Math.max(c / Math.sqrt(p * q), 0) ** 2);
    }
    return log;
  });
  const weights = logs.map(log => Math.exp(log - Math.max(...logs)));
  const expected = weights.reduce((sum, w, i) => sum + w * places[i], 0) / weights.reduce((sum, w) => sum + w, 0);
  // Correlations in single precision, multiplied by up to 60 pixels a ring.
  assert.ok(Math.abs(z[0] - expected) < 1e-3, `${z[0]}, ${expected}`);
});

test('candidates are particles of the cloud itself, so that dense places have more of them', () => {
  const cloud = Float32Array.from({ length: 2000 }, (_, i) => (i < 1800 ? 0 : 1));
  const drawn = drawCandidates(cloud, 1, new Random(3));
  const share = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
  // A tenth, to within three standard errors of 128 draws.
  assert.ok(Math.abs(share - 0.1) < 0.08);
  assert.ok(drawn.every(value => value === 0 || value === 1));
});
