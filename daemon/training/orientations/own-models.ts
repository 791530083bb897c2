// The model that each particle is compared with when its orientation is refined: its own, decoded, and standing where the neutral model stands.
//
// A decoder can also learn to turn and shift the whole molecule, most of all where orientations are wrong: a pose refined against such a model would
// leave the error where it is. So what is common to most Gaussians, one rotation and one shift, is taken off each decoded model.
//
// Where a particle lies in the latent space was found at the orientation that is to be refined, and is as wrong: a domain decoded where it is not pulls the molecule round. So the two
// are refined together, by how the model changes about that point. There a place is told by its coordinates along the cloud's principal axes, each in
// units of the cloud's deviation: what an image does not tell is then expected to be 0 ± 1 in every one.

import type { Backend } from '../../compute/backend.js';
import type { NamedTensor } from '../../formats/safetensors.js';
import { logitsToRow } from '../../gaussians/model-frame.js';
import { fromComponents, type LatentPca, principalComponents, toComponents } from '../../latent/pca.js';
import { decoderWeights } from '../../networks/latent-decoder.js';
import { moved, superpose } from '../../numerics/superposition.js';
import type { RunFolder } from '../../project/run-folder.js';
import { Departure } from '../departure.js';
import { type Foundation, keptFoundation } from '../foundation.js';

/** One particle's model near a place of the latent space. */
export interface ModelNear {
  /** d coordinates of the place; none where only the one model is known. */
  place: Float64Array;
  /** Planar row of 5N there. */
  row: Float32Array;
  /** d planar rows: how that row changes per unit of each coordinate. */
  tangents: readonly Float32Array[];
}

/** What particles are compared with. */
export interface Models {
  /** Where an entry (a row of the run's latents) starts. */
  place(entry: number): Float64Array;
  /** The models of the entries, at most a batch, near these places. */
  near(entries: readonly number[], places: readonly Float64Array[]): Promise<ModelNear[]>;
}

/** Way to either side that tangents are taken over, deviations of the cloud: steps in it are seldom longer. */
const TANGENT_STEP = 0.1;
/** Axes along which the cloud has less of its variance are left as they are. */
const LEAST_SHARE = 1e-4;

export class OwnModels implements Models {
  private constructor(
    private readonly backend: Backend,
    private readonly departure: Departure,
    readonly foundation: Foundation,
    /** 3N, x0 y0 z0 x1 …, and N. */
    private readonly neutral: { places: Float64Array; amplitudes: Float32Array },
    /** `components`: entries × dims, along all principal axes; `deviations`: of the cloud along the first of them, those that count. */
    private readonly cloud: { pca: LatentPca; components: Float32Array; dims: number; deviations: Float64Array },
  ) {}

  /** `run` as its weights and latents are; `batch`: most models at once. */
  static async create(backend: Backend, run: RunFolder, batch: number): Promise<OwnModels> {
    const foundation = keptFoundation(run);
    const { z, dims } = run.latents();
    const own = { weights: decoderWeights(foundation.networks as ReadonlyMap<string, NamedTensor>), dims, z };
    const departure = await Departure.create(backend, { neutral: foundation.neutral, bases: [...foundation.bases, own] }, batch);
    const row = logitsToRow(foundation.neutral);
    const neutral = { places: interleaved(row), amplitudes: row.slice((3 * row.length) / 5, (4 * row.length) / 5) };
    const entries = z.length / dims;
    const pca = principalComponents(z, entries, dims);
    const deviations = Float64Array.from(
      pca.variances.filter(variance => variance > LEAST_SHARE * pca.variances[0]),
      Math.sqrt,
    );
    return new OwnModels(backend, departure, foundation, neutral, { pca, components: toComponents(pca, z, entries), dims, deviations });
  }

  /** Where the run has an entry (a row of its latents). */
  place(entry: number): Float64Array {
    const { components, dims, deviations } = this.cloud;
    return deviations.map((deviation, k) => components[entry * dims + k] / deviation);
  }

  /** The models of the entries, at most a batch, near these places, standing where the neutral model stands. */
  async near(entries: readonly number[], places: readonly Float64Array[]): Promise<ModelNear[]> {
    const rows = (await this.decoded(entries, places)).map(row => this.standing(row));
    const tangents = rows.map((): Float32Array[] => []);
    for (let k = 0; k < this.cloud.deviations.length; k++) {
      const aside = (step: number) => places.map(place => place.map((value, j) => (j === k ? value + step : value)));
      const above = (await this.decoded(entries, aside(TANGENT_STEP))).map(row => this.standing(row));
      const below = (await this.decoded(entries, aside(-TANGENT_STEP))).map(row => this.standing(row));
      tangents.forEach((own, i) => {
        own.push(above[i].map((value, g) => (value - below[i][g]) / (2 * TANGENT_STEP)));
      });
    }
    return rows.map((row, i) => ({ place: places[i], row, tangents: tangents[i] }));
  }

  /** The neutral model for every entry, whose place is nowhere. */
  neutralAlone(): Models {
    const row = logitsToRow(this.foundation.neutral);
    const place = new Float64Array();
    return { place: () => place, near: async entries => entries.map(() => ({ place, row, tangents: [] })) };
  }

  /** Planar rows of 5N as the decoder has them, with whatever turn and shift of the whole molecule it has learned; at `places`, left out: where the run has the entries. */
  async decoded(entries: readonly number[], places?: readonly Float64Array[]): Promise<Float32Array[]> {
    const width = this.foundation.neutral.length;
    const logits = await this.backend.read(this.departure.logits(entries, places && this.latents(entries, places)));
    return entries.map((_, i) => logitsToRow(logits.subarray(i * width, (i + 1) * width)));
  }

  free(): void {
    this.departure.free();
  }

  /** Entries × dims. */
  private latents(entries: readonly number[], places: readonly Float64Array[]): Float32Array {
    const { pca, components, dims, deviations } = this.cloud;
    const along = Float32Array.from({ length: entries.length * dims }, (_, i) => {
      const [row, k] = [Math.floor(i / dims), i % dims];
      return k < deviations.length ? places[row][k] * deviations[k] : components[entries[row] * dims + k];
    });
    return fromComponents(pca, along, entries.length, dims);
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
