// A density map in memory: the array and its place in the world.

export interface DensityMap {
  /** Voxels along x, y, z. */
  size: [number, number, number];
  /** Å per voxel along x, y, z. */
  voxelSizeAngstrom: [number, number, number];
  /** World position of voxel (0,0,0), Å. Voxel (i,j,k) sits at origin + (i,j,k) · voxel size. */
  originAngstrom: [number, number, number];
  /** z slowest, x fastest: data[(z·ny + y)·nx + x]. */
  data: Float32Array;
}
