// A path as it is handed out: points and track are one line, and what stands at a point is what the track says there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latentPath } from '../../daemon/latent/latent-path.js';
import { Random } from '../../daemon/numerics/random.js';
import { blobs, cloudOf } from './clouds.js';

const random = new Random(1);
/** Half a ring of radius 2 in four dimensions, with three quarters of its particles at either end. */
const arc = cloudOf(
  Array.from({ length: 3000 }, (_, i) => {
    const angle = i % 4 === 0 ? Math.PI * random.uniform() : (i % 2 ? 0.2 : Math.PI - 0.2) + 0.2 * random.normal();
    return [2 * Math.cos(angle), 2 * Math.sin(angle), 0, 0].map(value => value + 0.1 * random.normal());
  }),
);
const ends = { from: [2, 0, 0, 0], to: [-2, 0, 0, 0] };

test('along half a ring the dense path has its length, its populations add up to those counted, and the profile has its barrier in the middle', () => {
  const path = latentPath(arc, { shape: 'dense', ...ends, points: 9 })!;
  const { lengths, populations, counted, freeEnergy, standardError, track, links } = path;
  const total = lengths[8];
  assert.ok(Math.abs(total / (2 * Math.PI) - 1) < 0.1, `${total}`);
  assert.equal(
    populations.reduce((sum, n) => sum + n, 0),
    counted,
  );
  assert.ok(counted > 2400, `${counted}`);
  // A sixteenth of the particles a radian along the ring against their density at the ends: the middle eighth has 1/8 of 750.
  const middle = populations[4];
  assert.ok(Math.abs(middle - 750 / 8) < 4 * Math.sqrt(750 / 8), `${middle}`);
  const depth = Math.log(populations[1] / middle);
  assert.ok(Math.abs(freeEnergy[4] - freeEnergy[1] - depth) < 0.5 + 3 * standardError[4], `${freeEnergy[4]} ${depth}`);
  assert.deepEqual(lengths[8], track.lengths[track.lengths.length - 1]);
  assert.ok(links!.longest < 10 * links!.median);
});

test('points are vertices of the track, and the same is said of both', () => {
  for (const points of [2, 3, 10, 250]) {
    const path = latentPath(arc, { shape: 'line', ...ends, points })!;
    const stride = (path.track.lengths.length - 1) / (points - 1);
    assert.ok(Number.isInteger(stride));
    for (let i = 0; i < points; i++) {
      assert.equal(path.lengths[i], path.track.lengths[i * stride]);
      assert.deepEqual(path.points.slice(4 * i, 4 * i + 4), path.track.points.slice(4 * i * stride, 4 * i * stride + 4));
      assert.equal(path.freeEnergy[i], path.track.freeEnergy[i * stride]);
      assert.equal(path.support[i], path.track.support[i * stride]);
    }
  }
});

test('a straight line across a gap says that nobody is there; through the graph there is no path across it', () => {
  const { cloud } = blobs(
    [
      [0, 0],
      [20, 0],
    ],
    [300, 300],
    1,
    3,
  );
  const asked = { from: [0, 0], to: [20, 0], points: 5 };
  assert.equal(latentPath(cloud, { shape: 'dense', ...asked }), null);
  const line = latentPath(cloud, { shape: 'line', ...asked })!;
  assert.equal(line.populations[2], 0);
  assert.ok(line.support[2] < 1);
  assert.equal(line.links, null);
});
