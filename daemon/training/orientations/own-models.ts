// The model that each particle is compared with when its orientation is refined: its own, decoded, and standing where the neutral model stands.
//
// A decoder can also learn to turn and shift the whole molecule, most of all where orientations are wrong: a pose refined against such a model would
// leave the error where it is. So what is common to most Gaussians, one rotation and one shift, is taken off each decoded model.
//
// Where a particle lies in the latent space was found at the orientation that is to be refined, and is as wrong: a domain decoded where it is not pulls the molecule round. So the two
// are refined together, by how the model changes about that point. There a place is told by its coordinates along the cloud's principal axes, each in
// units of the cloud's deviation: what an image does not tell is then expected to be 0 ± 1 in every one.
//
// Under symmetry a particle has a place for each of its copies, of which the decoder knows one piece each. All of them are in the model: the others' pieces change as their places say, seen from the
// copy whose orientation is refined.

import type { Backend } from '../../compute/backend.js';
import type { NamedTensor } from '../../formats/safetensors.js';
import { CarriedChange } from '../../gaussians/carried-change.js';
import { logitsToRow, positionsOf } from '../../gaussians/model-frame.js';
import { fromComponents, type LatentPca, principalComponents, toComponents } from '../../latent/pca.js';
import { decoderWeights } from '../../networks/latent-decoder.js';
import { inverseRotation } from '../../numerics/rotations.js';
import { moved, superpose } from '../../numerics/superposition.js';
import { multiply } from '../../numerics/symmetry.js';
import type { RunFolder } from '../../project/run-folder.js';
import { Departure } from '../departure.js';
import { type Foundation, keptFoundation } from '../foundation.js';

/** One particle's model near a place of the latent space. */
export interface ModelNear {
  /** d coordinates of the place, of all copies' places in a row; none where only the one model is known. */
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

const IDENTITY = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);
/** Way to either side that tangents are taken over, deviations of the cloud: steps in it are seldom longer. */
const TANGENT_STEP = 0.1;
/** Axes along which the cloud has less of its variance are left as they are. */
const LEAST_SHARE = 1e-4;
/** With more coordinates than this of all copies together, the model changes by its own copy alone: the tangents would take longer than all else. */
const MOST_COORDINATES = 16;

export class OwnModels implements Models {
  private constructor(
    private readonly backend: Backend,
    private readonly departure: Departure,
    readonly foundation: Foundation,
    /** Planar 5N; and 3N, x0 y0 z0 x1 …, and N. */
    private readonly neutral: { row: Float32Array; places: Float64Array; amplitudes: Float32Array },
    /** `components`: entries × dims, along all principal axes; `deviations`: of the cloud along the first of them, those that count. */
    private readonly cloud: { pca: LatentPca; components: Float32Array; dims: number; deviations: Float64Array },
    private readonly copies: Copies,
  ) {}

  /** `run` as its weights and latents are; `batch`: most models at once; `group`: the symmetry of the molecule, the identity first. */
  static async create(backend: Backend, run: RunFolder, batch: number, group: readonly Float64Array[] = [IDENTITY]): Promise<OwnModels> {
    const foundation = keptFoundation(run);
    const { z, dims, copy } = run.latents();
    const own = { weights: decoderWeights(foundation.networks as ReadonlyMap<string, NamedTensor>), dims, z };
    const departure = await Departure.create(backend, { neutral: foundation.neutral, bases: [...foundation.bases, own] }, batch);
    const row = logitsToRow(foundation.neutral);
    const neutral = { row, places: positionsOf(row), amplitudes: row.slice((3 * row.length) / 5, (4 * row.length) / 5) };
    const entries = z.length / dims;
    const pca = principalComponents(z, entries, dims);
    const deviations = Float64Array.from(
      pca.variances.filter(variance => variance > LEAST_SHARE * pca.variances[0]),
      Math.sqrt,
    );
    const { referenceSigmaAngstrom, boxAngstrom } = foundation.frame;
    const isTogether = copy !== undefined && group.length * deviations.length <= MOST_COORDINATES;
    const copies = new Copies(row, isTogether ? group : [IDENTITY], copy ?? null, referenceSigmaAngstrom / boxAngstrom);
    const cloud = { pca, components: toComponents(pca, z, entries), dims, deviations };
    return new OwnModels(backend, departure, foundation, neutral, cloud, copies);
  }

  /** Where the run has an entry (a row of its latents), and then its particle's other copies. */
  place(entry: number): Float64Array {
    const { components, dims, deviations } = this.cloud;
    const own = (row: number) => Array.from(deviations, (deviation, k) => components[row * dims + k] / deviation);
    return Float64Array.from(this.copies.of(entry).flatMap(own));
  }

  /** The models of the entries, at most a batch, near these places, standing where the neutral model stands. */
  async near(entries: readonly number[], places: readonly Float64Array[]): Promise<ModelNear[]> {
    const { copies, neutral } = this;
    const dims = this.cloud.deviations.length;
    const whole = entries.map(() => neutral.row.slice());
    const pieces: Float32Array[][] = [];
    /** What the decoder makes of each entry's copy j, `step` further along coordinate k. */
    const piece = (j: number, k = 0, step = 0) =>
      this.decoded(
        entries.map(entry => copies.of(entry)[j]),
        places.map(place => place.slice(j * dims, (j + 1) * dims).map((value, i) => (i === k ? value + step : value))),
      );
    for (let j = 0; j < copies.count; j++) {
      pieces.push(await piece(j));
      for (const [i, row] of whole.entries()) copies.add(entries[i], j, neutral.row, pieces[j][i], row);
    }
    const tangents = whole.map((): Float32Array[] => []);
    for (let j = 0; j < copies.count; j++)
      for (let k = 0; k < dims; k++) {
        const [above, below] = [await piece(j, k, TANGENT_STEP), await piece(j, k, -TANGENT_STEP)];
        for (const [i, own] of tangents.entries()) {
          const [up, down] = [above[i], below[i]].map(to => {
            const row = whole[i].slice();
            copies.add(entries[i], j, pieces[j][i], to, row);
            return this.standing(row);
          });
          own.push(up.map((value, g) => (value - down[g]) / (2 * TANGENT_STEP)));
        }
      }
    return whole.map((row, i) => ({ place: places[i], row: this.standing(row), tangents: tangents[i] }));
  }

  /** The neutral model for every entry, whose place is nowhere. */
  neutralAlone(): Models {
    const { row } = this.neutral;
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
    const places = positionsOf(row);
    const laid = superpose(places, this.neutral.places, this.neutral.amplitudes);
    for (let i = 0; i < n; i++) for (const [axis, x] of moved(laid, places, 3 * i).entries()) row[axis * n + i] = x;
    return row;
  }
}

/** The entries of each particle, one for each symmetric copy, and how each shows in the model of another. */
class Copies {
  private readonly carried = new Map<string, CarriedChange>();

  /** `row`: the neutral model, planar 5N. `copyOf`: of every entry, the copies of a particle following one another; null: an entry a particle. */
  constructor(
    private readonly row: Float32Array,
    private readonly group: readonly Float64Array[],
    private readonly copyOf: Uint8Array | null,
    private readonly sigma: number,
  ) {}

  get count(): number {
    return this.group.length;
  }

  /** The entry, and then the others of its particle. */
  of(entry: number): number[] {
    if (this.count === 1) return [entry];
    const first = entry - this.copy(entry);
    return [entry, ...this.group.map((_, copy) => first + copy).filter(other => other !== entry)];
  }

  /** Adds to the model `out` of an entry what the j-th of `of(entry)` says where its piece goes from `from` to `to`, all planar 5N. */
  add(entry: number, j: number, from: Float32Array, to: Float32Array, out: Float32Array): void {
    if (j > 0) this.carriedTo(this.copy(entry), this.copy(this.of(entry)[j])).add(from, to, out);
    else for (let g = 0; g < out.length; g++) out[g] += to[g] - from[g];
  }

  private copy(entry: number): number {
    return this.copyOf?.[entry] ?? 0;
  }

  /** A particle is seen at A·g of its copies g: what lies at x for one, lies at g⁻¹·h·x for the other, h being that one's. */
  private carriedTo(copy: number, other: number): CarriedChange {
    const key = `${copy} ${other}`;
    const known = this.carried.get(key);
    if (known) return known;
    const carried = new CarriedChange(this.row, multiply(inverseRotation(this.group[copy]), this.group[other]), this.sigma);
    this.carried.set(key, carried);
    return carried;
  }
}
