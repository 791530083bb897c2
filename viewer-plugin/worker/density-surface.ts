// The isosurface of a Gaussian density, as triangles in Å in the map frame.
import { computeMarchingCubesMesh } from 'molstar/lib/mol-geo/util/marching-cubes/algorithm.js';
import { Tensor } from 'molstar/lib/mol-math/linear-algebra/tensor.js';
import { densityOnGrid, type GaussianCloud, type Grid } from './gaussian-grid.js';

export interface DensitySurface {
  /** 3·vertexCount, Å. */
  vertices: Float32Array;
  /** 3·vertexCount, outward. */
  normals: Float32Array;
  /** 3·triangleCount. */
  indices: Uint32Array;
  vertexCount: number;
  triangleCount: number;
}

/** The surface where the density of the cloud equals `contour` (amplitude per Å³), sampled on the grid. */
export async function densitySurface(cloud: GaussianCloud, grid: Grid, contour: number, scratch?: Float32Array): Promise<DensitySurface> {
  const [nx, ny, nz] = grid.size;
  const density = densityOnGrid(cloud, grid, scratch);
  // Dimensions are named slowest first here: z, y, x.
  const space = Tensor.Space([nx, ny, nz], [2, 1, 0], Float32Array as unknown as Tensor.ArrayCtor);
  const scalarField = Tensor.create(space, Tensor.Data1(density));
  const mesh = await computeMarchingCubesMesh({ isoLevel: contour, scalarField }).run();
  const { vertexCount, triangleCount } = mesh;
  // The builder's arrays are longer than what it filled, and they are handed over to another thread.
  const vertices = mesh.vertexBuffer.ref.value.slice(0, 3 * vertexCount);
  const normals = mesh.normalBuffer.ref.value.slice(0, 3 * vertexCount);
  const indices = mesh.indexBuffer.ref.value.slice(0, 3 * triangleCount);
  for (let v = 0; v < 3 * vertexCount; v++) vertices[v] = grid.originAngstrom[v % 3] + grid.spacingAngstrom * vertices[v];
  return { vertices, normals, indices, vertexCount, triangleCount };
}
