// A trained run's molecule for those who ask how it moves: its decoder, what its particles do, and what both halves of them say.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { GaussianSet } from '../../gaussians/gaussian-set.js';
import type { MolecularMotion } from '../../latent/local-eigenmotion.js';
import { principalComponents, principalEnds } from '../../latent/pca.js';
import { LatentDecoder } from '../../networks/latent-decoder.js';
import type { RunFolder } from '../../project/run-folder.js';
import { HalvesDisplacement } from '../halves/halves-displacement.js';

export class RunMolecule {
  readonly decoder: LatentDecoder;
  /** At z = 0. */
  readonly neutral: GaussianSet;
  readonly motion: MolecularMotion;
  /** The ends of the particles' first principal component: beyond either lie 2 % of them. */
  readonly principalEnds: readonly [Float32Array, Float32Array];
  private found: HalvesDisplacement | null | undefined;

  /** Throws InputError where the run has no latents or weights yet. */
  constructor(private readonly run: RunFolder) {
    const { z, count, dims } = run.latents();
    this.decoder = new LatentDecoder(run.weights());
    this.neutral = this.decoder.decode(new Float32Array(dims));
    const pca = principalComponents(z, count, dims);
    this.principalEnds = principalEnds(pca, z, count);
    this.motion = {
      decode: point => this.decoder.decode(point).positions,
      origin: new Float32Array(dims),
      spread: pca.axes.map((value, i) => value * Math.sqrt(pca.variances[Math.floor(i / dims)])),
      weights: this.neutral.amplitudes,
    };
  }

  /** What the models of the two halves say, fitted to the run's latents when first asked for (seconds); null where `limber halves` has not been run. Throws InputError where it was, on other particles. */
  halves(): HalvesDisplacement | null {
    if (this.found === undefined)
      this.found = existsSync(join(this.run.path, 'halves', 'report.json')) ? new HalvesDisplacement(this.run) : null;
    return this.found;
  }
}
