// The simulator's pictures against closed forms: where a Gaussian lands, how bright it is, and what turning and the microscope do to it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consensusMap } from '../../demo-data/consensus.js';
import { applyCtf, contrastTransfer } from '../../demo-data/ctf.js';
import { drawProjection, type ImageGeometry, type Pose } from '../../demo-data/projection.js';
import { aboutAxis, rotate, type Vector, viewFromEuler } from '../../demo-data/quaternion.js';
import { type MovingMolecule, packScatterers, type Scatterer } from '../../demo-data/scatterers.js';
import { transformAlongRows, transpose } from '../../demo-data/small-fourier.js';

const geometry: ImageGeometry = { boxSize: 48, pixelSizeAngstrom: 3 };

function moleculeOf(...scatterers: Scatterer[]): MovingMolecule {
  return { scatterers: packScatterers(scatterers), motions: [], parts: [], centreAngstrom: null, modelText: null };
}

function project(molecule: MovingMolecule, pose: Pose, shape = geometry): Float64Array {
  const image = new Float64Array(shape.boxSize ** 2);
  drawProjection(molecule, { steps: [], present: [] }, pose, shape, image);
  return image;
}

/** Sum, centroid (pixels) and variance along x (pixels²) of an image. */
function measure(image: Float64Array, b: number) {
  let [sum, x, y, xx] = [0, 0, 0, 0];
  for (let p = 0; p < image.length; p++) {
    sum += image[p];
    x += image[p] * (p % b);
    y += image[p] * Math.floor(p / b);
    xx += image[p] * (p % b) ** 2;
  }
  return { sum, x: x / sum, y: y / sum, variance: xx / sum - (x / sum) ** 2 };
}

/** The matrix of method.md section 1, written out: the independent derivation for the quaternions. */
function relionMatrixTimes(rot: number, tilt: number, psi: number, r: Vector): number[] {
  const [ca, cb, cg] = [rot, tilt, psi].map(angle => Math.cos((angle * Math.PI) / 180));
  const [sa, sb, sg] = [rot, tilt, psi].map(angle => Math.sin((angle * Math.PI) / 180));
  const rows = [
    [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
    [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
    [sb * ca, sb * sa, cb],
  ];
  return rows.map(row => row[0] * r[0] + row[1] * r[1] + row[2] * r[2]);
}

const VIEWS = [
  [0, 0, 0],
  [35, 0, 0],
  [0, 50, 0],
  [0, 0, -70],
  [-123.4, 77.7, 31.1],
  [170, 178, -5],
] as const;
const POINT: Vector = [14.2, -22.7, 9.1];

test('three turns of the axes composed as quaternions are the matrix that RELION documents, because both are the same convention', () => {
  for (const [rot, tilt, psi] of VIEWS) {
    const [seen, expected] = [rotate(viewFromEuler(rot, tilt, psi), POINT), relionMatrixTimes(rot, tilt, psi, POINT)];
    // Rounding of a dozen products of numbers near 25.
    for (let axis = 0; axis < 3; axis++)
      assert.ok(Math.abs(seen[axis] - expected[axis]) < 1e-12, `${rot} ${tilt} ${psi}: ${seen} against ${expected}`);
  }
});

test('one Gaussian lands at b//2 + (A·r)_xy / pixel size − origin with its own weight and width, in even and odd boxes', () => {
  for (const boxSize of [48, 49])
    for (const [rot, tilt, psi] of VIEWS) {
      const shape = { boxSize, pixelSizeAngstrom: 3 };
      const pose = { view: viewFromEuler(rot, tilt, psi), originXPixels: 1.7, originYPixels: -2.4 };
      const found = measure(project(moleculeOf({ position: POINT, weight: 5, sigmaAngstrom: 4.5 }), pose, shape), boxSize);
      const [x, y] = relionMatrixTimes(rot, tilt, psi, POINT);
      // Cutting at 4.5 σ loses less than 1e-4 of the whole.
      assert.ok(Math.abs(found.x - (Math.floor(boxSize / 2) + x / 3 - 1.7)) < 1e-4);
      assert.ok(Math.abs(found.y - (Math.floor(boxSize / 2) + y / 3 + 2.4)) < 1e-4);
      assert.ok(Math.abs(found.sum * 9 - 5) < 1e-3);
      assert.ok(Math.abs(found.variance - 1.5 ** 2) < 5e-3);
    }
});

test('turning the molecule and turning the view back leave the picture as it is, because only their product is seen', () => {
  const turn = aboutAxis([1, -2, 0.5], 64);
  const points: Vector[] = [POINT, [-20, 5, 12], [3, 18, -25]];
  const make = (place: (r: Vector) => Vector) =>
    moleculeOf(...points.map((r, i) => ({ position: place(r), weight: 1 + i, sigmaAngstrom: 5 })));
  const centred = { originXPixels: 0, originYPixels: 0 };
  const still = project(
    make(r => r),
    { view: viewFromEuler(0, 0, 0), ...centred },
  );
  const turned = project(
    make(r => rotate(turn, r)),
    { view: [turn[0], -turn[1], -turn[2], -turn[3]], ...centred },
  );
  for (let p = 0; p < still.length; p++) assert.ok(Math.abs(still[p] - turned[p]) < 1e-12);
});

test('the consensus map summed along z is the untilted projection, because both are the same integral', () => {
  const molecule = moleculeOf({ position: POINT, weight: 7, sigmaAngstrom: 4 }, { position: [-9, 3, -15], weight: 2, sigmaAngstrom: 6 });
  const map = consensusMap(molecule, geometry, { scale: 1 });
  const image = project(molecule, { view: viewFromEuler(0, 0, 0), originXPixels: 0, originYPixels: 0 });
  const peak = image.reduce((most, value) => Math.max(most, value), 0);
  for (let p = 0; p < image.length; p++) {
    let sum = 0;
    for (let z = 0; z < geometry.boxSize; z++) sum += map.data[z * image.length + p];
    // Single precision, and the sum over samples of a Gaussian of σ 1.33 pixels is exact to 1e-15; the cut at 4.5 σ leaves 1e-5.
    assert.ok(Math.abs(sum - image[p]) < 5e-5 * peak, `${sum} against ${image[p]}`);
  }
});

test('a symmetric consensus map has the same value at a point and at its turned copy', () => {
  const map = consensusMap(moleculeOf({ position: [20, 0, 6], weight: 1, sigmaAngstrom: 6 }), geometry, { scale: 1 }, 4);
  const at = (x: number, y: number) => map.data[((24 + 2) * 48 + 24 + y) * 48 + 24 + x];
  for (const [x, y] of [
    [7, 0],
    [6, 2],
    [3, 5],
  ])
    assert.ok(Math.abs(at(x, y) - at(-y, x)) < 1e-6 * at(7, 0));
});

test('the small Fourier transform is the sum that defines it, for lengths with factors 2, 3, 5 and 7', () => {
  for (const n of [8, 12, 15, 14]) {
    const source = Float64Array.from({ length: n * n }, (_, i) => Math.sin(i * i + 1));
    const re = source.slice();
    const im = new Float64Array(n * n);
    transformAlongRows(re, im, n, 1);
    for (let k = 0; k < n; k++)
      for (let x = 0; x < n; x++) {
        let [sumRe, sumIm] = [0, 0];
        for (let j = 0; j < n; j++) {
          sumRe += source[j * n + x] * Math.cos((2 * Math.PI * j * k) / n);
          sumIm -= source[j * n + x] * Math.sin((2 * Math.PI * j * k) / n);
        }
        assert.ok(Math.hypot(sumRe - re[k * n + x], sumIm - im[k * n + x]) < 1e-11);
      }
  }
});

test('a transposition twice is no change', () => {
  const values = Float64Array.from({ length: 25 }, (_, i) => i);
  transpose(values, 5);
  assert.equal(values[1], 5);
  transpose(values, 5);
  assert.deepEqual(
    [...values],
    Array.from({ length: 25 }, (_, i) => i),
  );
});

test('a plane wave comes out of the microscope times the CTF at its frequency, astigmatism and sign included', () => {
  const [b, px] = [32, 4];
  const settings = { defocusUAngstrom: 18000, defocusVAngstrom: 14000, defocusAngleDegrees: 30 };
  for (const [i, j] of [
    [0, 0],
    [3, 0],
    [0, 5],
    [4, 7],
    [-6, 2],
  ]) {
    const [kx, ky] = [i / (b * px), j / (b * px)];
    const wave = Float64Array.from({ length: b * b }, (_, p) => Math.cos((2 * Math.PI * (i * (p % b) + j * Math.floor(p / b))) / b));
    const image = wave.slice();
    applyCtf(image, b, px, settings);
    // −sin(γ − K3), written once more from angles: U lies along 30°.
    const k2 = kx * kx + ky * ky;
    const lambda = 12.2643247 / Math.sqrt(3e5 * (1 + 0.978466e-6 * 3e5));
    const defocus = 16000 + 2000 * Math.cos(2 * (Math.atan2(ky, kx) - Math.PI / 6));
    const gamma = (Math.PI / 2) * 2.7e7 * lambda ** 3 * k2 * k2 - Math.PI * lambda * defocus * k2;
    const expected = -Math.sin(gamma - Math.asin(0.1));
    assert.ok(Math.abs(contrastTransfer(settings)(kx, ky) - expected) < 1e-12);
    for (let p = 0; p < wave.length; p++) assert.ok(Math.abs(image[p] - expected * wave[p]) < 1e-10);
  }
  assert.ok(contrastTransfer(settings)(1 / 40, 0) > 0.5, 'underfocused particles are white');
});
