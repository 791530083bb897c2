// Where the camera looks so that a molecule just fills the view.
import type { Camera } from 'molstar/lib/mol-canvas3d/camera.js';
import { Vec3 } from 'molstar/lib/mol-math/linear-algebra.js';

/** How much wider the view is than what it has to hold: contours reach over their Gaussians, side chains over their backbone. */
const MARGIN = 1.08;

/** What of a camera decides how much it sees. `fov`: radians, top to bottom. `width`, `height`: of the view, in any unit. */
export interface View {
  fov: number;
  width: number;
  height: number;
}

/** The points that are to be seen. */
export interface Extent {
  /** x, y and z of each, Å. */
  positions: ArrayLike<number>;
  /** How far the i-th reaches about itself, Å. */
  reach(i: number): number;
}

/**
 * Mol*'s camera, looking along −y with z upright, so that every point is seen in perspective and one touches the margin. Its radius, before and behind which Mol* cuts, holds them all and no less than
 * `leastRadius` (Å).
 */
export function cameraFor({ positions, reach }: Extent, { fov, width, height }: View, leastRadius: number): Partial<Camera.Snapshot> {
  const low = Vec3.create(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const high = Vec3.negate(Vec3(), low);
  for (let i = 0; i < positions.length; i++) {
    const around = reach(Math.floor(i / 3));
    low[i % 3] = Math.min(low[i % 3], positions[i] - around);
    high[i % 3] = Math.max(high[i % 3], positions[i] + around);
  }
  const target = Vec3.scale(Vec3(), Vec3.add(Vec3(), low, high), 0.5);
  const upwards = Math.tan(fov / 2);
  const sideways = (upwards * width) / height;
  let [distance, radius] = [leastRadius / Math.sin(fov / 2), leastRadius];
  for (let i = 0; i < positions.length; i += 3) {
    const [x, y, z] = [0, 1, 2].map(axis => positions[i + axis] - target[axis]);
    const around = reach(i / 3);
    radius = Math.max(radius, Math.hypot(x, y, z) + around);
    distance = Math.max(distance, (MARGIN * (Math.abs(x) + around)) / sideways + y, (MARGIN * (Math.abs(z) + around)) / upwards + y);
  }
  const position = Vec3.create(target[0], target[1] + distance, target[2]);
  return { target, position, radius, up: Vec3.create(0, 0, 1) };
}
