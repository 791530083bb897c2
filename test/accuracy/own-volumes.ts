// The volume of one particle as our program gives it: the Gaussians decoded at its latent point, or the particles nearest to it reconstructed.
//
// Volumes come on the grid of the truth with the rotation centre at voxel n//2, wherever headers put it: so do all programs that CryoBench compares.

import type { DensityMap } from '../../daemon/formats/density-map.js';
import { type DensityGrid, gaussiansToDensity } from '../../daemon/gaussians/to-density.js';
import { nearestParticles } from '../../daemon/latent/neighbours.js';
import { reconstruct } from '../../daemon/maps/reconstruct.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import type { ProjectFolder } from '../../daemon/project/project-folder.js';
import type { RunFolder } from '../../daemon/project/run-folder.js';
import type { Reporter } from '../../daemon/training/progress.js';
import { openProjectParticles } from '../../daemon/training/project-neutral.js';

const quiet: Reporter = { progress() {}, epoch() {}, note() {} };

/** The grid's own voxels about `centre`, Å, at voxel n//2. */
export function gridAbout(grid: DensityGrid, centre: readonly number[]): DensityGrid {
  const origin = centre.map((c, axis) => c - (grid.size[axis] >> 1) * grid.voxelSizeAngstrom[axis]);
  return { size: grid.size, voxelSizeAngstrom: grid.voxelSizeAngstrom, originAngstrom: origin as [number, number, number] };
}

/** By row of the run's latents, from 0. */
export function decodedVolumes(run: RunFolder, grid: DensityGrid): (row: number) => DensityMap {
  const decoder = new LatentDecoder(run.weights());
  const { z, dims } = run.latents();
  const about = gridAbout(grid, decoder.frame.centreAngstrom);
  return row => gaussiansToDensity(decoder.decode(z.subarray(row * dims, (row + 1) * dims)), about);
}

/** The neutral model, the same for every particle: what a run that sees no difference between particles gives. */
export function neutralVolume(run: RunFolder, grid: DensityGrid): DensityMap {
  const decoder = new LatentDecoder(run.weights());
  return gaussiansToDensity(decoder.decode(new Float32Array(decoder.dims)), gridAbout(grid, decoder.frame.centreAngstrom));
}

/** As `limber reconstruct --at z --particles most` does, without a filter. */
export function nearestVolumes(
  project: ProjectFolder,
  run: RunFolder,
  most: number,
  threads?: number,
): (row: number) => Promise<DensityMap> {
  const latents = run.latents();
  return async row => {
    const { dims, z, particle } = latents;
    const [{ rows }] = nearestParticles(latents, [z.subarray(row * dims, (row + 1) * dims)], most);
    const particles = openProjectParticles(project);
    try {
      const chosen = Uint32Array.from(rows, near => particle[near] - 1).sort();
      const { map } = await reconstruct(
        particles,
        chosen,
        { centreAngstrom: [0, 0, 0], contrast: project.settings.contrast, threads },
        quiet,
      );
      return map;
    } finally {
      particles.close();
    }
  };
}
