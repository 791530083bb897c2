// The isosurface of the Gaussians' density as one mesh, exchanged in place when the worker has a new one.
import { Mesh } from 'molstar/lib/mol-geo/geometry/mesh/mesh.js';
import type { MeshValues } from 'molstar/lib/mol-gl/renderable/mesh.js';
import { Shape } from 'molstar/lib/mol-model/shape.js';
import { Color } from 'molstar/lib/mol-util/color/index.js';
import { ValueCell } from 'molstar/lib/mol-util/value-cell.js';
import type { DensitySurface } from '../worker/density-surface.js';

export interface DensityData {
  surface: DensitySurface;
  color: number;
  /** Absolute, amplitude per Å³. */
  contour: number;
}

export function buildDensityMesh(data: DensityData, previous?: Shape<Mesh>): Shape<Mesh> {
  const { vertices, indices, normals, vertexCount, triangleCount } = data.surface;
  const mesh = Mesh.create(vertices, indices, normals, new Float32Array(vertexCount), vertexCount, triangleCount, previous?.geometry);
  const label = () => `Density of the Gaussians at ${data.contour.toPrecision(3)} Å⁻³`;
  return Shape.create(
    'Density',
    data,
    mesh,
    () => Color(data.color),
    () => 1,
    label,
    undefined,
    1,
  );
}

/** Exchanges the triangles of a mesh on screen. */
export function writeDensityMesh(values: MeshValues, geometry: Mesh, data: DensityData, surface: DensitySurface): void {
  data.surface = surface;
  geometry.vertexCount = surface.vertexCount;
  geometry.triangleCount = surface.triangleCount;
  ValueCell.update(values.aPosition, surface.vertices);
  ValueCell.update(values.aNormal, surface.normals);
  ValueCell.update(values.elements, surface.indices);
  if (values.aGroup.ref.value.length !== surface.vertexCount) ValueCell.update(values.aGroup, new Float32Array(surface.vertexCount));
  ValueCell.update(values.drawCount, 3 * surface.triangleCount);
  ValueCell.update(values.uVertexCount, surface.vertexCount);
}
