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

/** The map's value at a world position (Å) by trilinear interpolation; null outside the box. */
export function valueAt(map: DensityMap, x: number, y: number, z: number): number | null {
  const [nx, ny, nz] = map.size;
  const px = (x - map.originAngstrom[0]) / map.voxelSizeAngstrom[0];
  const py = (y - map.originAngstrom[1]) / map.voxelSizeAngstrom[1];
  const pz = (z - map.originAngstrom[2]) / map.voxelSizeAngstrom[2];
  if (!(px >= 0 && py >= 0 && pz >= 0 && px <= nx - 1 && py <= ny - 1 && pz <= nz - 1)) return null;
  const ix = Math.min(Math.floor(px), nx - 2);
  const iy = Math.min(Math.floor(py), ny - 2);
  const iz = Math.min(Math.floor(pz), nz - 2);
  let value = 0;
  for (let corner = 0; corner < 8; corner++) {
    const [cx, cy, cz] = [corner & 1, (corner >> 1) & 1, corner >> 2];
    const weight = (cx ? px - ix : 1 - px + ix) * (cy ? py - iy : 1 - py + iy) * (cz ? pz - iz : 1 - pz + iz);
    value += weight * map.data[((iz + cz) * ny + iy + cy) * nx + ix + cx];
  }
  return value;
}
