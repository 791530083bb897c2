// The yardsticks themselves, on clouds whose answer is known: a wrong measure would praise anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adjustedRandIndex } from '../../daemon/latent/cluster-agreement.js';
import { Random } from '../../daemon/numerics/random.js';
import {
  chanceLevel,
  gaussianMixtureAccuracy,
  type Latents,
  linearAccuracy,
  nearestNeighbours,
  neighbourAccuracy,
  neighbourCosine,
  neighbourMeans,
  principalEnds,
  ringShape,
  twoMeansAccuracy,
} from './measures.js';

/** Two round clouds `apart` deviations from each other in `dims` dimensions. */
function clouds(count: number, dims: number, apart: number): { latents: Latents; classes: Uint8Array } {
  const random = new Random(1);
  const classes = Uint8Array.from({ length: count }, () => random.integer(2));
  const z = Float32Array.from(
    { length: count * dims },
    (_, i) => random.normal() + (i % dims === 0 ? apart * classes[Math.floor(i / dims)] : 0),
  );
  return { latents: { count, dims, z }, classes };
}

const alone = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

test('on two round clouds the clusters and the line reach what the best boundary can, the normal integral of half their distance', () => {
  // Φ(1.5) = 0.9332; over 2,000 points its error is 0.0056, three of them allowed.
  const { latents, classes } = clouds(2000, 3, 3);
  for (const accuracy of [
    twoMeansAccuracy(latents, classes),
    gaussianMixtureAccuracy(latents, classes),
    linearAccuracy(latents, classes, alone(2000)),
  ])
    assert.ok(Math.abs(accuracy - 0.9332) < 0.017, `${accuracy}`);
});

test('on a cloud that knows nothing of the classes every measure stays at chance, so that no boundary is fitted to what it is judged on', () => {
  const { latents, classes } = clouds(2000, 3, 0);
  const chance = chanceLevel(classes);
  assert.ok(chance >= 0.5 && chance < 0.53);
  for (const accuracy of [
    twoMeansAccuracy(latents, classes),
    linearAccuracy(latents, classes, alone(2000)),
    neighbourAccuracy(nearestNeighbours(latents), classes),
  ])
    assert.ok(Math.abs(accuracy - 0.5) < 0.045, `${accuracy}`);
});

test('neighbours are the nearest others and none of the own group, or images of one series would vouch for one another', () => {
  const line: Latents = { count: 40, dims: 1, z: Float32Array.from({ length: 40 }, (_, i) => i * i) };
  assert.deepEqual([...nearestNeighbours(line, null, 2).subarray(20, 22)], [9, 11]);
  const pairs = Int32Array.from({ length: 40 }, (_, i) => i >> 1);
  assert.deepEqual([...nearestNeighbours(line, pairs, 2).subarray(20, 22)], [9, 8]);
});

test('on a circle the neighbours tell the angle, also across the seam, where a mean of numbers would fail', () => {
  const random = new Random(2);
  const angles = Float64Array.from({ length: 500 }, () => 2 * Math.PI * random.uniform());
  const z = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? Math.cos : Math.sin)(angles[i >> 1]));
  const neighbours = nearestNeighbours({ count: 500, dims: 2, z });
  assert.ok(neighbourCosine(neighbours, angles) > 0.998);
  const shuffled = random.shuffle(angles.slice());
  assert.ok(Math.abs(neighbourCosine(neighbours, shuffled)) < 0.2);
});

test('the mean over neighbours is that of their values', () => {
  const neighbours = Int32Array.from({ length: 15 }, (_, k) => k + 1);
  assert.ok(
    Math.abs(
      neighbourMeans(
        neighbours,
        Float64Array.from({ length: 16 }, (_, i) => i),
      )[0] - 8,
    ) < 1e-12,
  );
});

test('a stretched, turned, mirrored ring is a ring, and so is one with a dent; a filled disc has no hole and a cloud that knows no angle no polar angle', () => {
  const random = new Random(3);
  const angles = Float64Array.from({ length: 4000 }, () => 2 * Math.PI * random.uniform());
  const bent = (radius: () => number): Latents => ({
    count: 4000,
    dims: 2,
    z: Float32Array.from(
      Array.from(angles).flatMap(angle => {
        const [x, y] = [radius() * Math.cos(0.7 - angle), radius() * Math.sin(0.7 - angle)];
        return [3 + 2 * x + y, 0.5 * y - 4];
      }),
    ),
  });
  const ring = ringShape(
    bent(() => 1),
    angles,
  );
  // The centroid and axes of 4,000 points are known to about 1/√4,000.
  assert.ok(ring.polarCosine > 0.998 && ring.open === 1, `${ring.polarCosine} ${ring.open}`);
  // A dent on one side, to a fifth of the radius.
  let turn = 0;
  const heart = ringShape(
    bent(() => 1 - 0.8 * Math.exp(-(((angles[(turn++ >> 1) % 4000] - Math.PI) / 0.5) ** 2))),
    angles,
  );
  assert.ok(heart.polarCosine > 0.9 && heart.open > 0.99, `${heart.polarCosine} ${heart.open}`);
  const discRadii = Float64Array.from({ length: 4000 }, () => Math.sqrt(random.uniform()));
  let next = 0;
  // Both coordinates of a point take the same radius.
  const disc = ringShape(
    bent(() => discRadii[(next++ >> 1) % 4000]),
    random.shuffle(angles.slice()),
  );
  // 7/8 seen from the centroid, and not far from it seen from wherever the disc looks emptiest; the mean of 4,000 random directions is about 1/√4,000 long.
  assert.ok(disc.open > 0.8 && disc.open < 0.92, `${disc.open}`);
  assert.ok(disc.polarCosine < 0.07, `${disc.polarCosine}`);
});

test('the adjusted Rand index is that of all pairs counted one by one, whatever the labels are called', () => {
  const random = new Random(3);
  const a = Int32Array.from({ length: 60 }, () => random.integer(4));
  const b = a.map(label => (random.uniform() < 0.7 ? label : random.integer(3)));
  const counts = { both: 0, inA: 0, inB: 0, all: 0 };
  for (let i = 0; i < 60; i++)
    for (let j = 0; j < i; j++) {
      const [sameA, sameB] = [Number(a[i] === a[j]), Number(b[i] === b[j])];
      counts.both += sameA * sameB;
      counts.inA += sameA;
      counts.inB += sameB;
      counts.all++;
    }
  const chance = (counts.inA * counts.inB) / counts.all;
  const wanted = (counts.both - chance) / ((counts.inA + counts.inB) / 2 - chance);
  assert.ok(Math.abs(adjustedRandIndex(a, b) - wanted) < 1e-12);
  assert.ok(
    Math.abs(
      adjustedRandIndex(
        a,
        b.map(label => 9 - label),
      ) - wanted,
    ) < 1e-12,
  );
  // By hand: 2 pairs in both, 6 and 3 in either, 15 in all: (2 − 1.2) / (4.5 − 1.2).
  assert.ok(Math.abs(adjustedRandIndex([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]) - 8 / 33) < 1e-12);
});

test('the adjusted Rand index is 1 for the same partition and nothing for an unrelated one', () => {
  const random = new Random(4);
  const a = Int32Array.from({ length: 3000 }, () => random.integer(6));
  const unrelated = Int32Array.from({ length: 3000 }, () => random.integer(6));
  assert.equal(
    adjustedRandIndex(
      a,
      a.map(label => 5 - label),
    ),
    1,
  );
  assert.ok(Math.abs(adjustedRandIndex(a, unrelated)) < 0.01);
});

test('the ends of the first principal component lie on the long axis of the cloud, a given share of the particles beyond each', () => {
  // Even along (3, 4)/5 from −10 to 10 about (1, 2), with a little of the other direction.
  const random = new Random(5);
  const z = new Float32Array(2002);
  for (let i = 0; i <= 1000; i++) {
    const [t, s] = [i / 50 - 10, 0.2 * random.normal()];
    z.set([1 + 0.6 * t - 0.8 * s, 2 + 0.8 * t + 0.6 * s], 2 * i);
  }
  const ends = principalEnds({ count: 1001, dims: 2, z }, 0.05).sort((a, b) => a[0] - b[0]);
  [-9, 9].forEach((t, k) => {
    assert.ok(Math.hypot(ends[k][0] - (1 + 0.6 * t), ends[k][1] - (2 + 0.8 * t)) < 0.1, `${ends[k]}`);
  });
  const line = principalEnds({ count: 101, dims: 1, z: Float32Array.from({ length: 101 }, (_, i) => 100 - i) }, 0.02);
  assert.deepEqual(
    line.map(([value]) => value).sort((a, b) => a - b),
    [2, 98],
  );
});
