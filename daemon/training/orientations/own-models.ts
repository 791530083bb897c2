// The model that each particle is compared with when its orientation is refined: its own, decoded, and standing where the neutral model stands.
//
// A decoder can also learn to turn and shift the whole molecule, most of all where orientations are wrong: a pose refined against such a model would
// leave the error where it is. So what is common to most Gaussians, one rotation and one shift, is taken off each decoded model.

import type { Backend } from '../../compute/backend.js';
import type { NamedTensor } from '../../formats/safetensors.js';
import { logitsToRow } from '../../gaussians/model-frame.js';
import { decoderWeights } from '../../networks/latent-decoder.js';
import { moved, superpose } from '../../numerics/superposition.js';
import type { RunFolder } from '../../project/run-folder.js';
import { Departure } from '../departure.js';
import { type Foundation, keptFoundation } from '../foundation.js';

export class OwnModels {
  private constructor(
    private readonly backend: Backend,
    private readonly departure: Departure,
    readonly foundation: Foundation,
    /** 3N, x0 y0 z0 x1 …, and N. */
    private readonly neutral: { places: Float64Array; amplitudes: Float32Array },
  ) {}

  /** `run` as its weights and latents are; `batch`: most models at once. */
  static async create(backend: Backend, run: RunFolder, batch: number): Promise<OwnModels> {
    const foundation = keptFoundation(run);
    const { z, dims } = run.latents();
    const own = { weights: decoderWeights(foundation.networks as ReadonlyMap<string, NamedTensor>), dims, z };
    const departure = await Departure.create(backend, { neutral: foundation.neutral, bases: [...foundation.bases, own] }, batch);
    const row = logitsToRow(foundation.neutral);
    return new OwnModels(backend, departure, foundation, {
      places: interleaved(row),
      amplitudes: row.slice((3 * row.length) / 5, (4 * row.length) / 5),
    });
  }

  /** Planar rows of 5N of the entries (rows of the run's latents), standing where the neutral model stands; at most a batch. */
  async rows(entries: readonly number[]): Promise<Float32Array[]> {
    return (await this.decoded(entries)).map(row => this.standing(row));
  }

  /** The same as the decoder has them, with whatever turn and shift of the whole molecule it has learned. */
  async decoded(entries: readonly number[]): Promise<Float32Array[]> {
    const width = this.foundation.neutral.length;
    const logits = await this.backend.read(this.departure.logits(entries));
    return entries.map((_, i) => logitsToRow(logits.subarray(i * width, (i + 1) * width)));
  }

  free(): void {
    this.departure.free();
  }

  private standing(row: Float32Array): Float32Array {
    const n = row.length / 5;
    const places = interleaved(row);
    const laid = superpose(places, this.neutral.places, this.neutral.amplitudes);
    for (let i = 0; i < n; i++) for (const [axis, x] of moved(laid, places, 3 * i).entries()) row[axis * n + i] = x;
    return row;
  }
}

function interleaved(row: ArrayLike<number>): Float64Array {
  const n = row.length / 5;
  return Float64Array.from({ length: 3 * n }, (_, i) => row[(i % 3) * n + Math.floor(i / 3)]);
}
