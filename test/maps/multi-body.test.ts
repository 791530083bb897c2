// Maps of particles whose bodies have moved by motions known exactly: what is undone must be as if it had never been.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';
import { type BodyPoses, emptyPoses, reconstructBodies, standingAs } from '../../daemon/maps/multi-body.js';
import { reconstruct } from '../../daemon/maps/reconstruct.js';
import { Random } from '../../daemon/numerics/random.js';
import { vectorToRotation } from '../../daemon/numerics/rotations.js';
import type { ParticleSet } from '../../daemon/particles/particle-set.js';
import { Cancelled, type Reporter } from '../../daemon/training/progress.js';

const BOX = 32;
const PIXEL = 2;
const SILENT: Reporter = { progress: () => {}, epoch: () => {}, note: () => {} };
const OPTIONS = { centreAngstrom: [0, 0, 0] as const, contrast: 1 as const, threads: 1 };

type Point = [number, number, number];
type Motion = { rotation: ArrayLike<number>; shift: Point };

/** Å from the rotation centre; σ 3 Å, 1.5 pixels: so wide that sampling at pixel centres is exact to 1e-9. */
const SIGMA = 3;
const CORE: Point[] = [
  [-10, 6, -5],
  [-12, -7, 8],
  [-6, 0, -14],
  [-16, 2, 2],
];
const ARM: Point[] = [
  [12, 5, 3],
  [14, -6, -4],
];

const STILL: Motion = { rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1], shift: [0, 0, 0] };

function at({ rotation: r, shift }: Motion, [x, y, z]: Point): Point {
  return [0, 1, 2].map(k => r[3 * k] * x + r[3 * k + 1] * y + r[3 * k + 2] * z + shift[k]) as Point;
}

/** Random orientations and origins; particle i shows the core moved by `core[i]` and the arm by `arm[i]`. */
function particlesOf(core: Motion[], arm: Motion[]): ParticleSet {
  const count = core.length;
  const random = new Random(3);
  const turns = Array.from({ length: count }, () => randomTurn(random, Math.PI));
  const shiftsPixels = Float32Array.from({ length: 2 * count }, () => 3 * random.uniform() - 1.5);
  return {
    file: 'made by the test',
    count,
    boxSize: BOX,
    pixelSizeAngstrom: PIXEL,
    rotations: Float32Array.from(turns.flatMap(turn => [...turn])),
    shiftsPixels,
    ctf: null,
    phaseFlipped: false,
    ctfPremultiplied: false,
    halfSet: new Uint8Array(count),
    notes: [],
    readImage(i, out) {
      out.fill(0);
      for (const place of [...CORE.map(p => at(core[i], p)), ...ARM.map(p => at(arm[i], p))]) {
        const [x, y] = at({ rotation: turns[i], shift: [0, 0, 0] }, place);
        for (let p = 0; p < out.length; p++) {
          const dx = ((p % BOX) - BOX / 2 + shiftsPixels[2 * i]) * PIXEL - x;
          const dy = (Math.floor(p / BOX) - BOX / 2 + shiftsPixels[2 * i + 1]) * PIXEL - y;
          out[p] += Math.exp(-(dx * dx + dy * dy) / (2 * SIGMA ** 2));
        }
      }
    },
    close: () => {},
  };
}

/** Up to `most` radians about a random axis; of all orientations at π, near enough. */
function randomTurn(random: Random, most: number): Float64Array {
  const axis = [random.normal(), random.normal(), random.normal()];
  const angle = (most * random.uniform()) / Math.hypot(...axis);
  return vectorToRotation(axis.map(value => angle * value) as Point);
}

function posesOf(motions: Motion[]): BodyPoses {
  const poses = emptyPoses(motions.length);
  motions.forEach(({ rotation, shift }, i) => {
    poses.rotations.set(rotation, 9 * i);
    poses.shifts.set(shift, 3 * i);
  });
  return poses;
}

/** The core's voxels lie at x < 0. */
const splitAtMiddle = ({ size: [n] }: Pick<DensityMap, 'size'>): Float32Array[] =>
  [0, 1].map(body => Float32Array.from({ length: n ** 3 }, (_, i) => (i % n < n / 2 === (body === 0) ? 1 : 0)));
const wholeMap = ({ size: [n] }: Pick<DensityMap, 'size'>) => [new Float32Array(n ** 3).fill(1)];

const COUNT = 240;
const still = Array.from({ length: COUNT }, () => STILL);
const direct = (particles: ParticleSet, halves = false) =>
  reconstruct(particles, [...Array(particles.count).keys()], { ...OPTIONS, halves }, SILENT);
const within = (map: DensityMap, other: DensityMap, mask: DensityMap | null, last: number) =>
  Math.min(...fourierShellCorrelation(map, other, mask).correlation.subarray(1, last + 1));

test('bodies that have not moved give the map of the plain reconstruction, number for number, half-maps too', async () => {
  const particles = particlesOf(still, still);
  const plain = await direct(particles, true);
  const made = await reconstructBodies(particles, [posesOf(still)], wholeMap, { ...OPTIONS, halves: true }, SILENT);
  assert.deepEqual(made, plain);
  const parted = await reconstructBodies(particles, [posesOf(still), posesOf(still)], splitAtMiddle, { ...OPTIONS, halves: true }, SILENT);
  // Shares of 0 and 1 take each voxel from one of two equal maps; −0 is 0.
  assert.deepEqual(
    [parted.map, ...parted.halves!].map(({ data }) => data.map(value => value + 0)),
    [plain.map, ...plain.halves!].map(({ data }) => data.map(value => value + 0)),
  );
});

test('a molecule that every particle has turned and shifted in its own way comes out as if it had stood still, since a rigid motion is one of the view', async () => {
  const random = new Random(5);
  const shift = () => 6 * random.uniform() - 3;
  const motions = still.map((): Motion => ({ rotation: randomTurn(random, 0.5), shift: [shift(), shift(), shift()] }));
  const particles = particlesOf(motions, motions);
  const rest = (await direct(particlesOf(still, still))).map;
  const blurred = (await direct(particles)).map;
  const { map } = await reconstructBodies(particles, [posesOf(motions)], wholeMap, OPTIONS, SILENT);
  // Shells to 8 of 16 hold all but 1e-4 of the power of balls 3 Å wide; views are others, so their gaps are.
  assert.ok(within(map, rest, null, 8) > 0.99, `${within(map, rest, null, 8)}`);
  assert.ok(within(blurred, rest, null, 8) < 0.5, 'it was needed');
  const scale =
    map.data.reduce((sum, value, i) => sum + value * rest.data[i], 0) / rest.data.reduce((sum, value) => sum + value * value, 0);
  assert.ok(Math.abs(scale - 1) < 0.02, `${scale}`);
});

test('an arm that swings against its core becomes as sharp as one that stands still, and the core stays so', async () => {
  const random = new Random(7);
  const swings = still.map((): Motion => ({ rotation: randomTurn(random, 0.5), shift: [0, 16 * random.uniform() - 8, 0] }));
  const particles = particlesOf(still, swings);
  const rest = (await direct(particlesOf(still, still))).map;
  const blurred = (await direct(particles)).map;
  const { map } = await reconstructBodies(particles, [posesOf(still), posesOf(swings)], splitAtMiddle, OPTIONS, SILENT);
  const [core, arm] = splitAtMiddle(rest).map(data => ({ ...rest, data }));
  assert.ok(within(blurred, rest, arm, 8) < 0.6, `blurred ${within(blurred, rest, arm, 8)}`);
  // What the other body leaves behind, smeared over the whole box, is the error.
  assert.ok(within(map, rest, arm, 8) > 0.95, `arm ${within(map, rest, arm, 8)}`);
  assert.ok(within(map, rest, core, 8) > 0.97, `core ${within(map, rest, core, 8)}`);
});

test('a particle keeps its half when it is turned, and an abort ends the work', async () => {
  const particles = particlesOf(still.slice(0, 4), still.slice(0, 4));
  const poses = posesOf(still.slice(0, 4));
  assert.deepEqual([...standingAs(particles, poses).halfSet], [1, 2, 1, 2], 'odd and even rows where the file has no halves');
  assert.deepEqual([...standingAs({ ...particles, halfSet: Uint8Array.of(2, 2, 1, 1) }, poses).halfSet], [2, 2, 1, 1]);
  const abort = new AbortController();
  abort.abort();
  await assert.rejects(reconstructBodies(particles, [poses, poses], splitAtMiddle, OPTIONS, SILENT, abort.signal), Cancelled);
});
