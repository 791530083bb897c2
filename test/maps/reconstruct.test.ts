// Reconstruction of molecules whose density and projections are known in closed form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { lowPass, resampleMap } from '../../daemon/maps/filter.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';
import { type ReconstructionOptions, reconstruct } from '../../daemon/maps/reconstruct.js';
import { fft2d, fft3d, frequency } from '../../daemon/numerics/fft.js';
import { Random } from '../../daemon/numerics/random.js';
import type { CtfParameters, ParticleSet } from '../../daemon/particles/particle-set.js';
import { Cancelled, type Reporter } from '../../daemon/training/progress.js';

const PIXEL = 2;
const SILENT: Reporter = { progress: () => {}, epoch: () => {}, note: () => {} };

/** Å about the rotation centre; weight is the integral. */
interface Ball {
  place: [number, number, number];
  weight: number;
  sigma: number;
}

const MOLECULE: Ball[] = [
  { place: [12, 3, -5], weight: 30, sigma: 1.8 },
  { place: [-8, 10, 7], weight: 22, sigma: 1.5 },
  { place: [2, -13, 4], weight: 26, sigma: 1.6 },
  { place: [-3, -2, -12], weight: 18, sigma: 1.5 },
];

/**
 * V(r) = Σ w (2πσ²)^(−3/2) exp(−|r − c|²/2σ²), times the pixel size so that voxels sum to pixels along z, from its transform
 * Σ w exp(−2π²σ²k²) exp(−2πi k·c): band-limited as the images are, so without the aliases of a density sampled at voxels.
 */
function density(balls: Ball[], box: number): DensityMap {
  const re = new Float64Array(box ** 3);
  const im = new Float64Array(box ** 3);
  for (let i = 0; i < re.length; i++) {
    const k = [i % box, Math.floor(i / box) % box, Math.floor(i / box ** 2)].map(n => frequency(n, box) / (box * PIXEL));
    for (const { place, weight, sigma } of balls) {
      const amplitude = (weight * Math.exp(-2 * Math.PI ** 2 * sigma ** 2 * (k[0] ** 2 + k[1] ** 2 + k[2] ** 2))) / PIXEL ** 2;
      const angle = -2 * Math.PI * k.reduce((sum, value, axis) => sum + value * (place[axis] + (box >> 1) * PIXEL), 0);
      re[i] += amplitude * Math.cos(angle);
      im[i] += amplitude * Math.sin(angle);
    }
  }
  fft3d(re, im, [box, box, box], true);
  const origin = -(box >> 1) * PIXEL;
  return {
    size: [box, box, box],
    voxelSizeAngstrom: [PIXEL, PIXEL, PIXEL],
    originAngstrom: [origin, origin, origin],
    data: Float32Array.from(re),
  };
}

/** RELION's CTF, −sin(γ − K3), written out from method.md section 1. */
function contrastTransfer(ctf: CtfParameters, kx: number, ky: number): number {
  const volts = 1000 * ctf.voltageKv;
  const wavelength = 12.2643247 / Math.sqrt(volts * (1 + 0.978466e-6 * volts));
  const angle = Math.atan2(ky, kx) - (ctf.defocusAngleDegrees * Math.PI) / 180;
  const defocus = ctf.defocusUAngstrom * Math.cos(angle) ** 2 + ctf.defocusVAngstrom * Math.sin(angle) ** 2;
  const square = kx * kx + ky * ky;
  const gamma =
    -Math.PI * wavelength * defocus * square + (Math.PI / 2) * ctf.sphericalAberrationMm * 1e7 * wavelength ** 3 * square * square;
  return -Math.sin(gamma - Math.asin(ctf.amplitudeContrast));
}

interface Making {
  box?: number;
  shifts?: boolean;
  /** What the molecule's transform is multiplied with in place of the CTF: the CTF itself, its magnitude or its square; null: images without CTF. */
  transfer?: ((ctf: number) => number) | null;
  contrast?: 1 | -1;
  noise?: number;
  seed?: number;
}

/** Images from the closed form of their transform, Σ w exp(−2π²σ²k²) exp(−2πi k·(A·c)_xy), with orientations from random unit quaternions. */
function particlesOf(balls: Ball[], count: number, making: Making = {}): ParticleSet {
  const { box = 32, shifts = false, transfer = null, contrast = 1, noise = 0, seed = 1 } = making;
  const random = new Random(seed);
  const rotations = new Float32Array(9 * count);
  const shiftsPixels = new Float32Array(2 * count);
  const ctf: CtfParameters[] = [];
  const images: Float32Array[] = [];
  for (let p = 0; p < count; p++) {
    const q = [0, 1, 2, 3].map(() => random.normal());
    const length = Math.hypot(...q);
    const [a, b, c, d] = q.map(value => value / length);
    // prettier-ignore
    const turn = [
      a * a + b * b - c * c - d * d,
      2 * (b * c - a * d),
      2 * (b * d + a * c),
      2 * (b * c + a * d),
      a * a - b * b + c * c - d * d,
      2 * (c * d - a * b),
      2 * (b * d - a * c),
      2 * (c * d + a * b),
      a * a - b * b - c * c + d * d,
    ];
    rotations.set(turn, 9 * p);
    if (shifts) shiftsPixels.set([4 * random.uniform() - 2, 4 * random.uniform() - 2], 2 * p);
    const defocus = 8000 + 12000 * random.uniform();
    ctf.push({
      defocusUAngstrom: defocus + 400,
      defocusVAngstrom: defocus,
      defocusAngleDegrees: 180 * random.uniform(),
      voltageKv: 300,
      sphericalAberrationMm: 2.7,
      amplitudeContrast: 0.1,
      phaseShiftDegrees: 0,
    });
    const re = new Float64Array(box * box);
    const im = new Float64Array(box * box);
    for (let row = 0, i = 0; row < box; row++) {
      for (let column = 0; column < box; column++, i++) {
        const kx = frequency(column, box) / (box * PIXEL);
        const ky = frequency(row, box) / (box * PIXEL);
        const factor = contrast * (transfer ? transfer(contrastTransfer(ctf[p], kx, ky)) : 1);
        for (const { place, weight, sigma } of balls) {
          const seen = [0, 1].map(r => turn[3 * r] * place[0] + turn[3 * r + 1] * place[1] + turn[3 * r + 2] * place[2]);
          const x = seen[0] + ((box >> 1) - shiftsPixels[2 * p]) * PIXEL;
          const y = seen[1] + ((box >> 1) - shiftsPixels[2 * p + 1]) * PIXEL;
          // The integral over Å² becomes a sum over pixels.
          const amplitude = (factor * weight * Math.exp(-2 * Math.PI ** 2 * sigma ** 2 * (kx * kx + ky * ky))) / PIXEL ** 2;
          re[i] += amplitude * Math.cos(2 * Math.PI * (kx * x + ky * y));
          im[i] -= amplitude * Math.sin(2 * Math.PI * (kx * x + ky * y));
        }
      }
    }
    fft2d(re, im, box, box, true);
    images.push(Float32Array.from(re, value => value + noise * random.normal()));
  }
  return {
    file: 'particles made by the test',
    count,
    boxSize: box,
    pixelSizeAngstrom: PIXEL,
    rotations,
    shiftsPixels,
    ctf: transfer ? ctf : null,
    phaseFlipped: false,
    ctfPremultiplied: false,
    halfSet: new Uint8Array(count),
    notes: [],
    readImage: (i, out) => out.set(images[i]),
    close: () => {},
  };
}

const allOf = ({ count }: ParticleSet) => Uint32Array.from({ length: count }, (_, i) => i);
const make = (particles: ParticleSet, options: Partial<ReconstructionOptions> = {}) =>
  reconstruct(particles, allOf(particles), { centreAngstrom: [0, 0, 0], contrast: 1, threads: 2, ...options }, SILENT);

/** Lowest correlation of the shells from 1 to `last`. */
const worstShell = (a: DensityMap, b: DensityMap, last: number) =>
  Math.min(...fourierShellCorrelation(a, b).correlation.subarray(1, last + 1));

/** Σ ab / Σ bb: 1 where a is b in the same units. */
const scaleOf = (a: DensityMap, b: DensityMap) =>
  a.data.reduce((sum, value, i) => sum + value * b.data[i], 0) / b.data.reduce((sum, value) => sum + value * value, 0);

test('projections without noise give their density back, in shape and in the units of the images, for even and odd boxes', async () => {
  for (const box of [32, 33]) {
    const { map, halves } = await make(particlesOf(MOLECULE, 400, { box }));
    const truth = density(MOLECULE, box);
    assert.equal(halves, null);
    assert.ok(worstShell(map, truth, 14) > 0.99, `box ${box}: ${fourierShellCorrelation(map, truth).correlation}`);
    // τ is a hundredth of the weights: the map falls short of the density by about as much.
    assert.ok(Math.abs(scaleOf(map, truth) - 0.99) < 0.015, `box ${box}: scale ${scaleOf(map, truth)}`);
  }
});

test('CTF, astigmatism, shifts and inverted contrast are undone: the density comes back although no image shows it as it is', async () => {
  const particles = particlesOf(MOLECULE, 500, { shifts: true, transfer: ctf => ctf, contrast: -1 });
  const truth = density(MOLECULE, 32);
  const { map } = await make(particles, { contrast: -1 });
  assert.ok(worstShell(map, truth, 14) > 0.99, `${fourierShellCorrelation(map, truth).correlation}`);
  assert.ok(Math.abs(scaleOf(map, truth) - 0.99) < 0.02);
  const wrongSign = (await make(particles)).map;
  assert.ok(scaleOf(wrongSign, truth) < -0.9, 'the contrast is the sign of the map');
  const unshifted = (await make({ ...particles, shiftsPixels: new Float32Array(1000) }, { contrast: -1 })).map;
  assert.ok(worstShell(unshifted, truth, 14) < 0.7, 'and without the shifts it is blurred');
});

test('phase-flipped and CTF-premultiplied images give the same map as plain ones, since the flags say what is in them', async () => {
  const plain = (await make(particlesOf(MOLECULE, 300, { transfer: ctf => ctf }))).map;
  const flipped = { ...particlesOf(MOLECULE, 300, { transfer: Math.abs }), phaseFlipped: true };
  const premultiplied = { ...particlesOf(MOLECULE, 300, { transfer: ctf => ctf * ctf }), ctfPremultiplied: true };
  for (const particles of [flipped, premultiplied]) {
    const { map } = await make(particles);
    // The same sums but for rounding, which the iterations enlarge a little.
    assert.ok(worstShell(map, plain, 14) > 0.99999);
    assert.ok(Math.abs(scaleOf(map, plain) - 1) < 1e-3);
  }
});

test('with C3 an asymmetric molecule becomes the mean of its three turns, and C1 leaves it alone', async () => {
  const turned = [0, 120, 240].flatMap(degrees => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return MOLECULE.map(({ place: [x, y, z], weight, sigma }) => ({
      place: [c * x - s * y, s * x + c * y, z] as [number, number, number],
      weight: weight / 3,
      sigma,
    }));
  });
  const particles = particlesOf(MOLECULE, 400);
  const mean = density(turned, 32);
  const { map } = await make(particles, { symmetry: 'C3' });
  // Images of one asymmetric molecule contradict each other under C3, which is noise to the mean, the more the fewer images a shell has.
  assert.ok(worstShell(map, mean, 8) > 0.95, `${fourierShellCorrelation(map, mean).correlation}`);
  const symmetric = particlesOf(turned, 60);
  const truth = density(turned, 32);
  const few = worstShell((await make(symmetric)).map, truth, 14);
  const fewWithSymmetry = worstShell((await make(symmetric, { symmetry: 'C3' })).map, truth, 14);
  assert.ok(fewWithSymmetry > few && fewWithSymmetry > 0.97, `60 images with C3 ${fewWithSymmetry}, without ${few}`);
  await assert.rejects(make(symmetric, { symmetry: 'X9' }), /symmetry "X9" is not known/);
});

test('half-maps are of the particles that the file says, share the signal and not the noise', async () => {
  const particles = particlesOf(MOLECULE, 300, { noise: 0.25 });
  const byParity = await make(particles, { halves: true });
  assert.deepEqual(byParity.counts, [150, 150]);
  const [first, second] = byParity.halves!;
  const { correlation } = fourierShellCorrelation(first, second);
  assert.ok(correlation[2] > 0.95 && correlation[15] < 0.5, `${correlation}`);
  const truth = density(MOLECULE, 32);
  const quality = (map: DensityMap) => fourierShellCorrelation(map, truth).correlation[8];
  assert.ok(
    quality(byParity.map) > quality(first) && quality(byParity.map) > quality(second),
    'both halves together are better than either',
  );
  // A half-map is the map of its particles alone.
  const alone = await reconstruct(
    particles,
    allOf(particles).filter(row => row % 2 === 0),
    { centreAngstrom: [0, 0, 0], contrast: 1, threads: 2 },
    SILENT,
  );
  // Two images share a transform in single precision, each with another partner here: it leaves the one's rounding in the other.
  const largest = Math.max(...first.data.map(Math.abs));
  first.data.forEach((value, i) => {
    assert.ok(Math.abs(value - alone.map.data[i]) < 1e-4 * largest);
  });
  const bySubset = await make({ ...particles, halfSet: particles.halfSet.map((_, i) => (i < 100 ? 2 : 1)) }, { halves: true });
  assert.deepEqual(bySubset.counts, [200, 100]);
});

test("the map lies in the project's frame: a Gaussian's peak is at its place in Å, for any world position of the rotation centre", async () => {
  const [ball] = MOLECULE;
  const particles = particlesOf([ball], 200);
  for (const centre of [
    [32, 32, 32],
    [-17.3, 250.1, 4],
  ] as [number, number, number][]) {
    const { map } = await make(particles, { centreAngstrom: centre });
    let total = 0;
    const moment = [0, 0, 0];
    map.data.forEach((value, i) => {
      const index = [i % 32, Math.floor(i / 32) % 32, Math.floor(i / 1024)];
      const place = index.map((n, axis) => map.originAngstrom[axis] + n * map.voxelSizeAngstrom[axis]);
      if (Math.hypot(...place.map((p, axis) => p - centre[axis] - ball.place[axis])) > 7) return;
      total += value;
      for (let axis = 0; axis < 3; axis++) moment[axis] += value * place[axis];
    });
    // A centroid within a sphere of whole voxels around the truth: good to a tenth of a voxel.
    for (let axis = 0; axis < 3; axis++) {
      const found = moment[axis] / total;
      assert.ok(Math.abs(found - centre[axis] - ball.place[axis]) < 0.1 * PIXEL, `axis ${axis}: ${found}`);
    }
  }
});

test('the number of threads changes not one bit, since every sum has one order', async () => {
  const particles = particlesOf(MOLECULE, 61, { noise: 0.2, shifts: true, transfer: ctf => ctf });
  const [one, three] = [(await make(particles, { threads: 1 })).map, (await make(particles, { threads: 3 })).map];
  assert.deepEqual(one.data, three.data);
});

test('a quick look in half the box, or only up to a resolution, shows what the full map shows there', async () => {
  const particles = particlesOf(MOLECULE, 400);
  const full = (await make(particles)).map;
  const small = (await make(particles, { outputBox: 16 })).map;
  assert.deepEqual(small.voxelSizeAngstrom, [4, 4, 4]);
  const expected = resampleMap(full, 16);
  assert.deepEqual(small.originAngstrom, expected.originAngstrom);
  assert.ok(worstShell(small, expected, 6) > 0.995, `${fourierShellCorrelation(small, expected).correlation}`);
  // The resampled map also has the corners of its Fourier cube: both are filtered to 13 Å, within the sphere, before their units are compared.
  const scale = scaleOf(lowPass(small, 13), lowPass(expected, 13));
  assert.ok(Math.abs(scale - 1) < 0.02, `${scale}`);
  // 64 Å of box at 8 Å is ring 8.
  assert.ok(worstShell((await make(particles, { resolutionAngstrom: 8 })).map, full, 8) > 0.995);
});

test('an abort ends it with Cancelled, and an image that cannot be read with its own error', async () => {
  const particles = particlesOf(MOLECULE, 10);
  const abort = new AbortController();
  abort.abort();
  const options = { centreAngstrom: [0, 0, 0] as const, contrast: 1 as const, threads: 2 };
  await assert.rejects(reconstruct(particles, allOf(particles), options, SILENT, abort.signal), Cancelled);
  const broken = {
    ...particles,
    readImage: () => {
      throw new Error('stack.mrcs is truncated');
    },
  };
  await assert.rejects(reconstruct(broken, allOf(particles), options, SILENT), /stack\.mrcs is truncated/);
});
