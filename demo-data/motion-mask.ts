// Where a motion takes place, as a soft mask: what a user who knows the molecule would draw round the moving piece to focus on it.

import type { DensityMap } from '../daemon/formats/density-map.js';
import { mapOf } from './consensus.js';
import type { ImageGeometry } from './projection.js';
import { applyMove, type MovingMolecule } from './scatterers.js';

/** In σ of the Gaussian that is passed over: 1 up to the first, falling evenly to 0 at the second. */
const [INNER_SIGMAS, OUTER_SIGMAS] = [1, 2];

/** The region that motion `motion` sweeps in all of its steps, 1 inside, in the frame of the consensus map. */
export function motionMask(molecule: MovingMolecule, motion: number, geometry: ImageGeometry): DensityMap {
  const { boxSize, pixelSizeAngstrom } = geometry;
  const data = new Float32Array(boxSize ** 3);
  const { scatterers, motions } = molecule;
  const moves = motions[motion].values.map(value => motions[motion].move(value));
  const middle = Math.floor(boxSize / 2);
  scatterers.motion.forEach((carried, i) => {
    if (carried !== motion) return;
    const sigma = scatterers.sigmaAngstrom[i] / pixelSizeAngstrom;
    const reach = OUTER_SIGMAS * sigma;
    for (const move of moves) {
      const centre = applyMove(move, [scatterers.x[i], scatterers.y[i], scatterers.z[i]]).map(c => c / pixelSizeAngstrom + middle);
      const [x0, y0, z0] = centre.map(c => Math.max(0, Math.ceil(c - reach)));
      const [x1, y1, z1] = centre.map(c => Math.min(boxSize - 1, Math.floor(c + reach)));
      for (let z = z0; z <= z1; z++)
        for (let y = y0; y <= y1; y++)
          for (let x = x0; x <= x1; x++) {
            const distance = Math.hypot(x - centre[0], y - centre[1], z - centre[2]) / sigma;
            const value = Math.min(1, (OUTER_SIGMAS - distance) / (OUTER_SIGMAS - INNER_SIGMAS));
            const at = (z * boxSize + y) * boxSize + x;
            if (value > data[at]) data[at] = value;
          }
    }
  });
  return mapOf(data, molecule, geometry);
}
