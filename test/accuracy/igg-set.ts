// An IgG-1D-like set: the antibody of PDB 1HZH with one Fab going all the way round its hinge, imaged as CryoBench's IgG-1D is.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SimulationOptions } from '../../demo-data/simulation-options.js';

const MODEL = fileURLToPath(new URL('../../../../shared/data/structures/1hzh.pdb', import.meta.url));

/** In a few words; null: nothing. */
export function missingForIgg(): string | null {
  return existsSync(MODEL) ? null : '../shared/data/structures/1hzh.pdb is not there';
}

/**
 * Signal over noise variance of CryoBench's images. It adds the noise in 256 pixels of 1.5 Å, the variance of the signal taken over all pixels of the images with their
 * CTF (cryosim/add_noise.py), and Fourier-crops to 128 pixels afterwards; a quarter of white noise is left then, and nearly all of the signal.
 */
export const CRYOBENCH_SNR = 0.01;
const NOISE_LEFT = 1 / 4;

/**
 * Facts of CryoBench (cryosim/README.md, pdb2mrc.py, add_ctf.py): 256 pixels of 1.5 Å cropped to 128 of 3 Å; atoms as ChimeraX's molmap at 3 Å draws them (σ 0.225 · 3 Å);
 * a CTF with an envelope of B = 100 Å², which is the same as atoms wider by B/8π²; shifts to ±20 of 256 pixels. Its defocus comes from a measured set, ours from the
 * simulator's 1 to 2.5 µm.
 */
const ATOM_SIGMA_ANGSTROM = Math.sqrt((0.225 * 3) ** 2 + 100 / (8 * Math.PI ** 2));

/** Where the signal-to-noise ratio of 0.01 holds: in CryoBench's 256 pixels before they are cropped, or in the 128 pixels themselves, which is four times the noise. */
export type NoisePlace = 'before cropping' | 'after cropping';

export function iggSet(directory: string, seed: number, particles: number, noisePlace: NoisePlace): SimulationOptions {
  return {
    directory,
    kind: 'model',
    model: {
      source: MODEL,
      // One Fab: its light chain, and the heavy chain up to the disulphide that ties the two heavy chains together. The axis runs along the hinge, from Cys 239 to Cys 230, and
      // the Fab leans 33° from it, so that it sweeps a cone without running into the rest (at no angle are more than two Cα within 4 Å of another part's).
      moving: 'L,H:1-230',
      hinge: 'H:230',
      axis: '-0.024,0.057,0.998',
      angles: '0:356.4',
      steps: 100,
      atomSigmaAngstrom: ATOM_SIGMA_ANGSTROM,
    },
    particles,
    noise: (noisePlace === 'before cropping' ? NOISE_LEFT : 1) / CRYOBENCH_SNR,
    seed,
    boxSize: 128,
    pixelSizeAngstrom: 3,
    supersampling: 2,
    ctf: true,
    shiftPixels: 10,
  };
}
