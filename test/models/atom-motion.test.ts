// Atoms that follow Gaussians: rigid motions must stay rigid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { AtomMotion } from '../../daemon/models/atom-motion.js';
import { Random } from '../../daemon/numerics/random.js';

/** Ideal α-helices side by side (2.3 Å radius, 1.5 Å and 100° a residue, 20 residues each), four backbone atoms a residue. */
function helices(residues: number): Float32Array {
  const atoms: number[] = [];
  for (let residue = 0; residue < residues; residue++) {
    const helix = Math.floor(residue / 20);
    for (let atom = 0; atom < 4; atom++) {
      const step = (residue % 20) + atom / 4;
      const angle = (100 * step * Math.PI) / 180;
      atoms.push(10 * (helix % 4) + 2.3 * Math.cos(angle), 10 * Math.floor(helix / 4) + 2.3 * Math.sin(angle), 1.5 * step);
    }
  }
  return Float32Array.from(atoms);
}

/** One Gaussian for every `share` atoms, near an atom but not on it: as a fitted model has them. */
function gaussiansNear(atoms: Float32Array, share: number, seed: number): GaussianSet {
  const random = new Random(seed);
  const picked = random.shuffle(Array.from({ length: atoms.length / 3 }, (_, i) => i)).slice(0, Math.round(atoms.length / 3 / share));
  return {
    count: picked.length,
    positions: Float32Array.from(picked.flatMap(i => [0, 1, 2].map(axis => atoms[3 * i + axis] + random.normal()))),
    amplitudes: Float32Array.from(picked, () => 0.3 + 0.5 * random.uniform()),
    sigmas: Float32Array.from(picked, () => 3),
  };
}

function moved(set: GaussianSet, map: (x: number, y: number, z: number) => [number, number, number]): GaussianSet {
  return { ...set, positions: movedPoints(set.positions, map) };
}

function movedPoints(points: Float32Array, map: (x: number, y: number, z: number) => [number, number, number]): Float32Array {
  const out = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += 3) out.set(map(points[i], points[i + 1], points[i + 2]), i);
  return out;
}

/** Rotation by an angle about the x direction through a hinge below the domain. */
function tilt(degrees: number): (x: number, y: number, z: number) => [number, number, number] {
  const c = Math.cos((degrees * Math.PI) / 180);
  const s = Math.sin((degrees * Math.PI) / 180);
  return (x, y, z) => [x, c * (y + 5) - s * (z + 10) - 5, s * (y + 5) + c * (z + 10) - 10];
}

function rms(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum / (a.length / 3));
}

const domain = helices(200);

test('Gaussians at rest leave every atom where it is, to the last bit', () => {
  const neutral = gaussiansNear(domain, 8, 1);
  assert.deepEqual(new AtomMotion(domain, neutral).move(neutral), domain);
});

test('a rigid translation moves every atom by it: the weights of each atom sum to one', () => {
  const neutral = gaussiansNear(domain, 8, 2);
  const shift = (x: number, y: number, z: number): [number, number, number] => [x + 12, y - 7, z + 3.5];
  const result = new AtomMotion(domain, neutral).move(moved(neutral, shift));
  const expected = movedPoints(domain, shift);
  // Twelve single-precision weights of 12 Å: a few 1e-6 Å.
  assert.ok(result.every((value, i) => Math.abs(value - expected[i]) < 3e-5));
});

test('a rigid tilt of 11° of a domain of 200 residues is followed within 0.05 Å rms, where the mean of the neighbours is off by far more', () => {
  for (const seed of [3, 4, 5]) {
    const neutral = gaussiansNear(domain, 8, seed);
    const current = moved(neutral, tilt(11));
    const expected = movedPoints(domain, tilt(11));
    const error = rms(new AtomMotion(domain, neutral).move(current), expected);
    // A ridge so large that no gradient is left makes the fit a weighted mean.
    const ofMean = rms(new AtomMotion(domain, neutral, { ridge: 1e9 }).move(current), expected);
    assert.ok(rms(domain, expected) > 5, 'the tilt itself is large');
    assert.ok(error < 0.05, `${error.toFixed(4)} Å`);
    assert.ok(ofMean > 5 * error, `${ofMean.toFixed(3)} Å for the mean, ${error.toFixed(3)} Å for the affine fit`);
  }
});

test('independent errors of the Gaussians are averaged: atoms move less wrongly than the Gaussians do', () => {
  const neutral = gaussiansNear(domain, 8, 6);
  const random = new Random(7);
  const noise = 0.5;
  const current = moved(neutral, (x, y, z) => [x + noise * random.normal(), y + noise * random.normal(), z + noise * random.normal()]);
  const error = rms(new AtomMotion(domain, neutral).move(current), domain);
  assert.ok(error < 0.75 * noise * Math.sqrt(3), `${error.toFixed(3)} Å against ${(noise * Math.sqrt(3)).toFixed(3)} Å`);
});

test('two domains apart move each on their own', () => {
  const far = movedPoints(domain, (x, y, z) => [x + 100, y, z]);
  const both = new Float32Array(2 * domain.length);
  both.set(domain);
  both.set(far, domain.length);
  const neutral = gaussiansNear(both, 8, 8);
  const current = moved(neutral, (x, y, z) => (x > 60 ? [x, y, z + 9] : [x, y, z]));
  const result = new AtomMotion(both, neutral).move(current);
  for (let i = 2; i < result.length; i += 3) assert.ok(Math.abs(result[i] - both[i] - (i >= domain.length ? 9 : 0)) < 1e-4);
});

test('atoms that no Gaussian describes are counted and follow the nearest one', () => {
  const neutral = gaussiansNear(domain, 8, 9);
  const atoms = new Float32Array(domain.length + 3);
  atoms.set(domain);
  atoms.set([15, 5, 400], domain.length);
  const motion = new AtomMotion(atoms, neutral);
  assert.equal(motion.farAtoms, 1);
  const result = motion.move(moved(neutral, tilt(11)));
  const distances = Array.from({ length: neutral.count }, (_, g) =>
    Math.hypot(neutral.positions[3 * g] - 15, neutral.positions[3 * g + 1] - 5, neutral.positions[3 * g + 2] - 400),
  );
  const nearest = distances.indexOf(Math.min(...distances));
  const target = moved(neutral, tilt(11)).positions;
  for (let axis = 0; axis < 3; axis++) {
    const expected = atoms[domain.length + axis] + target[3 * nearest + axis] - neutral.positions[3 * nearest + axis];
    assert.ok(Math.abs(result[domain.length + axis] - expected) < 1e-4);
  }
});

test('few Gaussians, Gaussians in one plane and at one point still give finite motion, exact for a translation', () => {
  const sets = [1, 3, 20].map(count => ({
    count,
    positions: Float32Array.from({ length: 3 * count }, (_, i) => (i % 3 === 2 ? 15 : count === 20 ? 5 : ((i * 7) % 30) + 1)),
    amplitudes: new Float32Array(count).fill(0.5),
    sigmas: new Float32Array(count).fill(20),
  }));
  for (const neutral of sets) {
    const result = new AtomMotion(domain, neutral).move(moved(neutral, (x, y, z) => [x + 4, y, z]));
    for (let i = 0; i < result.length; i++) assert.ok(Math.abs(result[i] - domain[i] - (i % 3 === 0 ? 4 : 0)) < 1e-4);
  }
});

test('a set of another size is no state of the model', () => {
  const neutral = gaussiansNear(domain, 8, 10);
  assert.throws(() => new AtomMotion(domain, neutral).move(gaussiansNear(domain, 9, 10)), /no state of a neutral model/);
});

test('atoms of a domain in focus turn with it, though Gaussians that are held lie between and beside its own; those of the rest stay to the bit, and the seam is crossed step by step', () => {
  // The domain, and the same again beside it, 38 Å along x: an atom at its side has as many neighbours there.
  const beside = movedPoints(domain, (x, y, z) => [x + 38, y, z]);
  const [own, held] = [gaussiansNear(domain, 8, 3), gaussiansNear(beside, 8, 4)];
  const count = own.count + held.count;
  const both = (first: GaussianSet): GaussianSet => ({
    count,
    positions: Float32Array.from([...first.positions, ...held.positions]),
    amplitudes: Float32Array.from([...own.amplitudes, ...held.amplitudes]),
    sigmas: Float32Array.from([...own.sigmas, ...held.sigmas]),
  });
  const neutral = both(own);
  const current = both(moved(own, tilt(10)));
  const movable = Uint8Array.from({ length: count }, (_, i) => Number(i < own.count));
  const expected = movedPoints(domain, tilt(10));
  const way = rms(domain, expected);
  const error = rms(new AtomMotion(domain, neutral, { movable }).move(current), expected);
  const dragged = rms(new AtomMotion(domain, neutral).move(current), expected);
  assert.ok(error < 0.1 * way && error < 0.7 * dragged, `${error} Å of ${way}, without knowing what is held ${dragged}`);

  const still = Float32Array.from({ length: beside.length / 3 }, (_, i) => beside[3 * i]);
  const rest = new AtomMotion(beside, neutral, { movable }).move(current);
  // Deep within the rest nothing of the domain's density is left.
  for (let i = 0; i < still.length; i++)
    if (still[i] > 52) for (let axis = 0; axis < 3; axis++) assert.equal(rest[3 * i + axis], beside[3 * i + axis]);

  const across = Float32Array.from(Array.from({ length: 400 }, (_, i) => [20 + 0.1 * i, 10, 15]).flat());
  const there = new AtomMotion(across, neutral, { movable }).move(current);
  const gone = (i: number) => Math.hypot(...[0, 1, 2].map(axis => there[3 * i + axis] - across[3 * i + axis]));
  for (let i = 1; i < 400; i++) assert.ok(Math.abs(gone(i) - gone(i - 1)) < 0.5, `a jump at ${across[3 * i]} Å`);
});
