// The first view holds the whole molecule and wastes no room: what Mol*'s own camera projects to the pixels of a view, point by point.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Viewport } from 'molstar/lib/mol-canvas3d/camera/util.js';
import { Camera } from 'molstar/lib/mol-canvas3d/camera.js';
import { Vec3 } from 'molstar/lib/mol-math/linear-algebra.js';
import { Random } from '../../daemon/numerics/random.js';
import { cameraFor } from '../../viewer-plugin/framing.js';

/** The camera that the scene asks for. */
function cameraAt(extent: Parameters<typeof cameraFor>[0], width: number, height: number): Camera {
  const camera = new Camera({}, Viewport.create(0, 0, width, height));
  camera.setState({ ...cameraFor(extent, { fov: camera.state.fov, width, height }, 5), radiusMax: 1e4 }, 0);
  camera.update();
  return camera;
}

/** How far from the middle of the view the outermost point is drawn, over half of its width or height; infinite where one is cut away before or behind. */
function drawnAt(camera: Camera, positions: ArrayLike<number>): number {
  const { width, height } = camera.viewport;
  let farthest = 0;
  for (let i = 0; i < positions.length; i += 3) {
    const [x, y, depth] = camera.project(
      Vec3() as never,
      Vec3.create(positions[i], positions[i + 1], positions[i + 2]),
    ) as unknown as number[];
    if (depth < 0 || depth > 1) return Number.POSITIVE_INFINITY;
    farthest = Math.max(farthest, Math.abs(x / width - 0.5) * 2, Math.abs(y / height - 0.5) * 2);
  }
  return farthest;
}

describe('the camera stands as near as it can and still sees the whole molecule, because the view is fitted to each point in perspective, not to a sphere', () => {
  const random = new Random(1);
  const cloud = (x: number, y: number, z: number) =>
    Float64Array.from({ length: 900 }, (_, i) => 300 + [x, y, z][i % 3] * (2 * random.uniform() - 1));
  for (const [shape, positions] of [
    ['a rod that stands', cloud(5, 5, 120)],
    ['a rod that lies', cloud(120, 5, 5)],
    ['a rod that points to the viewer', cloud(5, 120, 5)],
    ['a stalk under a heavy head', Float64Array.from([...cloud(60, 60, 20), 300, 300, 60])],
  ] as const)
    for (const [width, height] of [
      [880, 800],
      [1520, 1080],
      [400, 900],
    ])
      it(`${shape}, in a view of ${width} × ${height}`, () => {
        const farthest = drawnAt(cameraAt({ positions, reach: () => 0 }, width, height), positions);
        assert.ok(farthest < 1, `drawn outside the view, at ${farthest}`);
        assert.ok(farthest > 0.9, `room is left: nothing is drawn farther out than ${farthest}`);
      });

  it('a point that reaches about itself is seen with its reach', () => {
    const camera = cameraAt({ positions: [0, 0, 0], reach: () => 10 }, 880, 800);
    assert.ok(drawnAt(camera, [0, 0, 10]) < 1);
  });
});
