// The volume of one particle as our program gives it: the Gaussians decoded at its latent point, or the particles nearest to it reconstructed.
//
// Volumes come on the grid of the truth with the rotation centre at voxel n//2, wherever headers put it: so do all programs that CryoBench compares.

import type { DensityMap } from '../../daemon/formats/density-map.js';
import type { GaussianSet } from '../../daemon/gaussians/gaussian-set.js';
import { type DensityGrid, gaussiansToDensity } from '../../daemon/gaussians/to-density.js';
import { nearestParticles } from '../../daemon/latent/neighbours.js';
import { resampleMap } from '../../daemon/maps/filter.js';
import { reconstruct } from '../../daemon/maps/reconstruct.js';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import type { ProjectFolder } from '../../daemon/project/project-folder.js';
import type { RunFolder } from '../../daemon/project/run-folder.js';
import { openProjectParticles } from '../../daemon/training/neutral/project-neutral.js';
import type { Reporter } from '../../daemon/training/progress.js';

type Triple = [number, number, number];

const quiet: Reporter = { progress() {}, epoch() {}, note() {} };

/**
 * Voxels are sampled so much finer, and cropped: what a Gaussian narrower than a voxel has beyond Nyquist would fold back otherwise. Of one of σ = 0.4 voxels, the narrowest of a
 * model fitted to Nyquist, 4 % of the amplitude still does so at the outermost shell.
 */
const SUPERSAMPLING = 1.5;

/** The Gaussians' density on the grid's own voxels, cubic, about `centre`, Å, at voxel n//2; band-limited to them. */
export function densityAbout(set: GaussianSet, { size, voxelSizeAngstrom }: DensityGrid, centre: readonly number[]): DensityMap {
  const fine = voxelSizeAngstrom.map(step => step / SUPERSAMPLING) as Triple;
  const density = gaussiansToDensity(set, {
    size: size.map(n => n * SUPERSAMPLING) as Triple,
    voxelSizeAngstrom: fine,
    originAngstrom: centre.map((c, axis) => c - ((size[axis] * SUPERSAMPLING) >> 1) * fine[axis]) as Triple,
  });
  return resampleMap(density, size[0]);
}

/** By row of the run's latents, from 0. */
export function decodedVolumes(run: RunFolder, grid: DensityGrid): (row: number) => DensityMap {
  const decoder = new LatentDecoder(run.weights());
  const { z, dims } = run.latents();
  return row => densityAbout(decoder.decode(z.subarray(row * dims, (row + 1) * dims)), grid, decoder.frame.centreAngstrom);
}

/** The neutral model, the same for every particle: what a run that sees no difference between particles gives. */
export function neutralVolume(run: RunFolder, grid: DensityGrid): DensityMap {
  const decoder = new LatentDecoder(run.weights());
  return densityAbout(decoder.decode(new Float32Array(decoder.dims)), grid, decoder.frame.centreAngstrom);
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
