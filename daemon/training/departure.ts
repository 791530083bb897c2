// The model that each entry of a run departs from: the neutral one, or, where a run stands on an earlier one, the entry's own model there.
import type { Backend, Tensor } from '../compute/backend.js';
import type { NamedTensor } from '../formats/safetensors.js';
import { FrozenDecoder } from '../networks/frozen-decoder.js';
import { decoderWeights } from '../networks/latent-decoder.js';
import type { DecoderWeights } from '../networks/plain-row-decoder.js';

/** What an earlier run says of every entry: its decoder and where each entry lies in its latent space. */
export interface Base {
  weights: DecoderWeights;
  dims: number;
  /** entries × dims. */
  z: Float32Array;
}

export class Departure {
  /** 5N logits: the neutral model where it is shared, else the mean over all entries; what the run shows at z = 0. */
  centre: Float32Array;
  /** The same on the device. */
  readonly centreLogits: Tensor;
  private readonly rows: Tensor | null;

  private constructor(
    private readonly backend: Backend,
    private readonly neutral: Float32Array,
    private readonly bases: readonly Base[],
    private readonly decoders: readonly FrozenDecoder[],
    private readonly batch: number,
  ) {
    this.centre = neutral;
    this.centreLogits = backend.tensor([neutral.length], neutral);
    this.rows = bases.length > 0 ? backend.tensor([batch, neutral.length]) : null;
  }

  /** `neutral`: 5N logits. Every base adds what its decoder makes of an entry. `batch`: most entries at once. */
  static async create(
    backend: Backend,
    { neutral, bases }: { neutral: Float32Array; bases: readonly Base[] },
    batch: number,
  ): Promise<Departure> {
    const decoders: FrozenDecoder[] = [];
    for (const { weights } of bases) decoders.push(await FrozenDecoder.create(backend, weights, batch));
    const departure = new Departure(backend, neutral, bases, decoders, batch);
    if (bases.length > 0) {
      departure.centre = await departure.mean(bases[0].z.length / bases[0].dims);
      backend.write(departure.centreLogits, departure.centre);
    }
    return departure;
  }

  /**
   * Logits[5N], for all, or one row for each of `chosen`, as `Backend.gaussians` takes them; valid until the next call. `last`: chosen × dims, where each lies in the latent space of
   * the last base, in place of where it was found to lie.
   */
  logits(chosen: ArrayLike<number>, last?: Float32Array): Tensor {
    if (!this.rows) return this.centreLogits;
    const { backend, neutral, rows } = this;
    for (let r = 0; r < chosen.length; r++) backend.write(rows, neutral, r * neutral.length);
    this.bases.forEach((base, b) => {
      const points = (b === this.bases.length - 1 ? last : undefined) ?? pointsOf(base, chosen);
      backend.add(chosen.length * neutral.length, rows, this.decoders[b].offsets(chosen.length, points), rows);
    });
    return rows;
  }

  /** Whether every entry departs from the same model. */
  get isShared(): boolean {
    return this.bases.length === 0;
  }

  private async mean(entries: number): Promise<Float32Array> {
    const width = this.neutral.length;
    const sum = new Float64Array(width);
    for (let first = 0; first < entries; first += this.batch) {
      const rows = Math.min(this.batch, entries - first);
      const values = await this.backend.read(this.logits(Array.from({ length: rows }, (_, i) => first + i)));
      for (let i = 0; i < rows * width; i++) sum[i % width] += values[i] / entries;
    }
    return Float32Array.from(sum);
  }

  free(): void {
    this.backend.free(this.centreLogits);
    if (this.rows) this.backend.free(this.rows);
    for (const decoder of this.decoders) decoder.free();
  }
}

/** chosen × dims: where an earlier run found entries to lie. */
function pointsOf({ dims, z }: Base, chosen: ArrayLike<number>): Float32Array {
  const points = new Float32Array(chosen.length * dims);
  for (let r = 0; r < chosen.length; r++) points.set(z.subarray(chosen[r] * dims, (chosen[r] + 1) * dims), r * dims);
  return points;
}

/** Arrays that a run's weights keep of what it stands on, so that it needs the earlier run no more. */
export function saveBases(neutral: Float32Array, bases: readonly Base[]): [string, NamedTensor][] {
  if (bases.length === 0) return [];
  const saved: [string, NamedTensor][] = [['base.neutral', { shape: [5, neutral.length / 5], data: neutral }]];
  bases.forEach(({ weights, dims, z }, b) => {
    const name = `base.${b}`;
    saved.push([`${name}.z`, { shape: [z.length / dims, dims], data: z }]);
    saved.push([`${name}.neutral.logits`, { shape: [5, neutral.length / 5], data: weights.neutral }]);
    saved.push([`${name}.vary`, { shape: [5, neutral.length / 5], data: weights.vary }]);
    weights.layers.forEach(({ inputs, outputs, weight, bias }, l) => {
      saved.push([`${name}.decoder.${l}.weight`, { shape: [inputs, outputs], data: weight }]);
      saved.push([`${name}.decoder.${l}.bias`, { shape: [outputs], data: bias }]);
    });
  });
  return saved;
}

/** What `saveBases` saved; null for a run that departs from one neutral model. */
export function readBases(tensors: ReadonlyMap<string, NamedTensor>): { neutral: Float32Array; bases: Base[] } | null {
  const neutral = tensors.get('base.neutral');
  if (!neutral) return null;
  const bases: Base[] = [];
  for (let b = 0; tensors.has(`base.${b}.z`); b++) {
    const prefix = `base.${b}.`;
    const own = new Map(
      [...tensors].filter(([name]) => name.startsWith(prefix)).map(([name, tensor]) => [name.slice(prefix.length), tensor]),
    );
    const z = own.get('z') as NamedTensor;
    bases.push({ weights: decoderWeights(own), dims: z.shape[1], z: z.data });
  }
  return { neutral: neutral.data, bases };
}
