// The arrows of a motion, as many copies of a unit cylinder and a unit cone, moved by writing their matrices.
import { addCylinder } from 'molstar/lib/mol-geo/geometry/mesh/builder/cylinder.js';
import type { Mesh } from 'molstar/lib/mol-geo/geometry/mesh/mesh.js';
import { MeshBuilder } from 'molstar/lib/mol-geo/geometry/mesh/mesh-builder.js';
import type { MeshValues } from 'molstar/lib/mol-gl/renderable/mesh.js';
import { Mat4, Vec3 } from 'molstar/lib/mol-math/linear-algebra.js';
import { Shape } from 'molstar/lib/mol-model/shape.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';
import { ValueCell } from 'molstar/lib/mol-util/value-cell.js';
import type { DecodedFrame } from '../../protocol/messages.js';
import { type ArrowPart, displacement, writeArrowMatrix } from './arrow-matrices.js';

/** What the arrows show; frames and scale are replaced as a person drags. */
export interface ArrowsData {
  part: ArrowPart;
  from: DecodedFrame;
  to: DecodedFrame;
  /** Gaussian of each arrow. */
  gaussians: Uint32Array;
  /** Arrow length in units of the displacement. */
  scale: number;
  shaftRadius: number;
  color: number;
}

const SEGMENTS = 14;

/** Stands on the origin along +z, radius 1 at the base, length 1. */
function unitMesh(part: ArrowPart, previous?: Mesh): Mesh {
  const state = MeshBuilder.createState(256, 256, previous);
  const radii =
    part === 'shaft'
      ? { radiusTop: 1, radiusBottom: 1, topCap: false, bottomCap: true }
      : { radiusTop: 0, radiusBottom: 1, bottomCap: true };
  addCylinder(state, Vec3.create(0, 0, 0), Vec3.create(0, 0, 1), 1, { ...radii, radialSegments: SEGMENTS });
  return MeshBuilder.getMesh(state);
}

export function buildArrows(data: ArrowsData, previous?: Shape<Mesh>): Shape<Mesh> {
  const transforms = Array.from(data.gaussians, gaussian => {
    const matrix = Mat4();
    writeArrowMatrix(matrix, 0, data.part, data.from, data.to, gaussian, data.scale, data.shaftRadius);
    return matrix;
  });
  return Shape.create(
    data.part === 'shaft' ? 'Arrow shafts' : 'Arrow heads',
    data,
    previous?.geometry ?? unitMesh(data.part),
    () => Color(data.color),
    () => 1,
    (_group, instance) => arrowLabel(data, instance),
    transforms,
    1,
  );
}

/** Rewrites the matrices of arrows on screen. False when their number has changed, which needs new buffers. */
export function writeArrows(values: MeshValues, shape: Shape<Mesh>, data: ArrowsData): boolean {
  const count = data.gaussians.length;
  if (values.instanceCount.ref.value !== count) return false;
  const inOrder = values.transform.ref.value;
  const slots = values.aTransform.ref.value;
  const instanceOfSlot = values.aInstance.ref.value;
  for (let instance = 0; instance < count; instance++) {
    writeArrowMatrix(inOrder, 16 * instance, data.part, data.from, data.to, data.gaussians[instance], data.scale, data.shaftRadius);
    Mat4.fromArray(shape.transforms[instance], inOrder, 16 * instance);
  }
  // Mol* sorts instances into a spatial grid: slot k draws instance aInstance[k], in another order for shafts and for heads.
  for (let slot = 0; slot < count; slot++) {
    const from = 16 * instanceOfSlot[slot];
    slots.set(inOrder.subarray(from, from + 16), 16 * slot);
  }
  ValueCell.update(values.transform, inOrder);
  ValueCell.update(values.aTransform, slots);
  return true;
}

function arrowLabel(data: ArrowsData, instance: number): string {
  const gaussian = data.gaussians[instance];
  return `Gaussian ${gaussian + 1} moves ${Math.hypot(...displacement(data.from, data.to, gaussian)).toFixed(1)} Å`;
}
