// The best that can be done with disturbed poses: an oracle that knows each particle's density, the noise, and how wrong the stated poses typically are.
//
// With white noise of variance v the likeliest pose x (a rotation vector and an origin, away from the stated pose) has the smallest
//   |I − s·P(x)|² / v + Σ (x_k / d_k)²,   s = ⟨I, P⟩ / ⟨P, P⟩,
// d being the deviations that poses were disturbed by. Gauss–Newton steps find it on the simulator's own projections; nothing of the daemon's is used.

import { join } from 'node:path';
import { openStack } from '../../daemon/formats/mrc.js';
import { solvePositiveDefinite } from '../../daemon/numerics/linear-algebra.js';
import { drawProjection, type Pose } from '../../demo-data/projection.js';
import { multiply } from '../../demo-data/quaternion.js';
import { prepareScene, type Scene } from '../../demo-data/scene.js';
import { planSimulation, type SimulationOptions } from '../../demo-data/simulation-options.js';
import { poseOf } from '../../demo-data/truth.js';
import { type Deviations, errorsBetween, type PoseErrors, turnBy } from './disturbed-orientations.js';

/** Rotation vector (degrees) and origin (pixels). */
const SIZE = 5;
/** Way of a finite difference to either side, degrees or pixels: as short as leaves the projections' own curvature out. */
const DIFFERENCE = 0.1;
/** From a few deviations away some five steps come to rest. */
const MOST_STEPS = 15;
const MOST_HALVINGS = 6;
/** A step that is shorter, in units of the deviations, ends the search. */
const SETTLED = 1e-3;

/**
 * What is left of the errors for up to `limit` particles, evenly chosen, of the set that `options` made (its directory holds it; no CTF, no supersampling). `stated`: the pose
 * of each particle as it is disturbed, by `deviations`.
 */
export async function oraclePoseErrors(
  options: SimulationOptions,
  stated: readonly Pose[],
  deviations: Deviations,
  limit: number,
): Promise<PoseErrors> {
  const scene = await prepareScene(planSimulation(options));
  const { truth, plan, geometry } = scene;
  if (plan.ctf || plan.supersampling !== 1) throw new Error('the oracle of poses draws plain projections only');
  const stack = openStack(join(options.directory, 'particles.mrcs'));
  const observed = new Float32Array(geometry.boxSize ** 2);
  const count = Math.min(limit, truth.length);
  const chosen = Array.from({ length: count }, (_, k) => Math.floor((k * truth.length) / count));
  try {
    const found = chosen.map(i => {
      stack.readImage(i, observed);
      return likeliestPose(scene, i, observed, stated[i], deviations);
    });
    return errorsBetween(
      found,
      chosen.map(i => poseOf(truth[i])),
    );
  } finally {
    stack.close();
  }
}

/** A pose, and how likely it is. */
interface Trial {
  /** SIZE: away from the stated pose. */
  x: Float64Array;
  drawn: Float64Array;
  /** Of the projection, as suits the image best. */
  scale: number;
  /** Minus twice the logarithm of the posterior probability. */
  cost: number;
}

function likeliestPose(scene: Scene, i: number, observed: Float32Array, stated: Pose, { degrees, pixels }: Deviations): Pose {
  const { noise } = scene.plan;
  const deviation = [degrees, degrees, degrees, pixels, pixels];
  const draw = (x: Float64Array) => {
    const image = new Float64Array(observed.length);
    drawProjection(scene.molecule, scene.truth[i], poseAt(stated, x), scene.geometry, image);
    return image;
  };
  const trial = (x: Float64Array): Trial => {
    const drawn = draw(x);
    const scale = dot(observed, drawn) / dot(drawn, drawn);
    const missed = dot(observed, observed) - scale ** 2 * dot(drawn, drawn);
    return { x, drawn, scale, cost: missed / noise + x.reduce((sum, value, k) => sum + (value / deviation[k]) ** 2, 0) };
  };
  let best = trial(new Float64Array(SIZE));
  for (let step = 0; step < MOST_STEPS; step++) {
    const way = gaussNewton(best, draw, observed, noise, deviation);
    let length = 1;
    const along = () => trial(best.x.map((value, k) => value + length * way[k]));
    let found = along();
    for (let halving = 0; halving < MOST_HALVINGS && found.cost > best.cost; halving++) {
      length /= 2;
      found = along();
    }
    if (found.cost > best.cost) break;
    best = found;
    if (Math.hypot(...way.map((value, k) => (length * value) / deviation[k])) < SETTLED) break;
  }
  return poseAt(stated, best.x);
}

/** The step to the least cost, were projections to change linearly. */
function gaussNewton(
  { x, drawn, scale }: Trial,
  draw: (x: Float64Array) => Float64Array,
  observed: Float32Array,
  noise: number,
  deviation: readonly number[],
): Float64Array {
  const slopes = deviation.map((_, k) => {
    const [above, below] = [1, -1].map(side => draw(x.with(k, x[k] + side * DIFFERENCE)));
    return above.map((value, p) => (scale * (value - below[p])) / (2 * DIFFERENCE));
  });
  const missed = drawn.map((value, p) => observed[p] - scale * value);
  const curvature = Float64Array.from({ length: SIZE * SIZE }, (_, at) => {
    const [k, l] = [Math.floor(at / SIZE), at % SIZE];
    return dot(slopes[k], slopes[l]) / noise + (k === l ? 1 / deviation[k] ** 2 : 0);
  });
  const way = Float64Array.from(deviation, (d, k) => dot(slopes[k], missed) / noise - x[k] / d ** 2);
  solvePositiveDefinite(curvature, way, SIZE);
  return way;
}

function poseAt({ view, originXPixels, originYPixels }: Pose, x: Float64Array): Pose {
  return {
    view: multiply(turnBy([x[0], x[1], x[2]]), view),
    originXPixels: originXPixels + x[3],
    originYPixels: originYPixels + x[4],
  };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let p = 0; p < a.length; p++) sum += a[p] * b[p];
  return sum;
}
