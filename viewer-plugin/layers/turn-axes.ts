// The axes that regions turn about: a rod through the axis' point, and a cone at the end from which the turn is seen to go anticlockwise.
import { addCylinder } from 'molstar/lib/mol-geo/geometry/mesh/builder/cylinder.js';
import type { Mesh } from 'molstar/lib/mol-geo/geometry/mesh/mesh.js';
import { MeshBuilder } from 'molstar/lib/mol-geo/geometry/mesh/mesh-builder.js';
import { Vec3 } from 'molstar/lib/mol-math/linear-algebra.js';
import { Shape } from 'molstar/lib/mol-model/shape.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';

export interface TurnAxis {
  region: string;
  angleDegrees: number;
  /** Unit vector; the turn is right-handed about it. */
  axis: [number, number, number];
  /** Å in the frame of the map. */
  point: [number, number, number];
}

export interface AxesData {
  axes: readonly TurnAxis[];
  /** Å to either side of the point. */
  halfLength: number;
  color: number;
}

/** Proportions over the half length. */
const ROD_RADIUS = 0.018;
const CONE = { radius: 0.055, length: 0.16 };
const SEGMENTS = 20;

export function buildAxes(data: AxesData, previous?: Shape<Mesh>): Shape<Mesh> {
  const { axes, halfLength, color } = data;
  const state = MeshBuilder.createState(1024, 512, previous?.geometry);
  axes.forEach(({ axis, point }, group) => {
    state.currentGroup = group;
    const at = (along: number) =>
      Vec3.create(...(point.map((value, k) => value + along * halfLength * axis[k]) as [number, number, number]));
    const rod = ROD_RADIUS * halfLength;
    addCylinder(state, at(-1), at(1), 1, { radiusTop: rod, radiusBottom: rod, topCap: true, bottomCap: true, radialSegments: SEGMENTS });
    const cone = { radiusTop: 0, radiusBottom: CONE.radius * halfLength, bottomCap: true, radialSegments: SEGMENTS };
    addCylinder(state, at(1), at(1 + CONE.length), 1, cone);
  });
  return Shape.create(
    'Axes of turning',
    data,
    MeshBuilder.getMesh(state),
    () => Color(color),
    () => 1,
    group => (axes[group] ? `${axes[group].region} turns by ${axes[group].angleDegrees.toFixed(1)}° about this axis` : ''),
  );
}
