// Encoder and decoder learn together: gradient at the neutral model → z → Gaussians → ring correlation with the particle (paper, Methods; method.md section 4.3).

import type { AdamSettings, Backend, ProjectionGeometry, Tensor } from '../compute/backend.js';
import { ComputeError } from '../compute/compute-error.js';
import type { NamedTensor } from '../formats/safetensors.js';
import { logitsToRow } from '../gaussians/model-frame.js';
import { Mlp, type MlpOptions, type TrainingPass } from '../networks/mlp.js';
import { Random } from '../numerics/random.js';
import type { TrainingSettings } from '../settings/training.js';
import type { Departure } from './departure.js';
import { linkReach, MOST_LINKS, neighbourLinks } from './neighbour-links.js';
import type { BatchSource, ParticleGradients } from './particle-gradients.js';
import { Cancelled, type EpochReport, type Reporter } from './progress.js';

/**
 * Adam's learning rate is the one at the start; it falls linearly to nothing over the last third of the run, which settles the latents. For the
 * rest see settings/training.ts.
 */
export type HeterogeneitySettings = { run: string } & Pick<
  TrainingSettings,
  | 'latentDims'
  | 'epochs'
  | 'batch'
  | 'learningRate'
  | 'latentNoise'
  | 'spreadPenalty'
  | 'rigidity'
  | 'weightDecay'
  | 'l2'
  | 'dropout'
  | 'batchNormalisation'
  | 'seed'
>;

export interface HeterogeneityInput {
  geometry: ProjectionGeometry;
  departure: Departure;
  /** 5N weights in [0, 1]: 0 holds a parameter at its neutral value. */
  vary: Float32Array;
  source: BatchSource;
  gradients: ParticleGradients;
  /** n × latentDims: where the encoder is led in its first epoch; null: it finds its own way from the beginning. */
  start: Float32Array | null;
  /** Where both networks are led once more later on, and held from then on; left out: nowhere. */
  relaying?: Relaying;
  /** From when on the decoder learns at places that are drawn by likelihood; left out: to the end at the encoder's. */
  settling?: Settling;
  /** Encoder and decoder of another run to begin from, without the moments of its optimiser. */
  networks?: ReadonlyMap<string, NamedTensor>;
}

/** The latent space is laid out anew between two epochs. */
export interface Relaying {
  /** After this many epochs. A run that goes on from just there does it again, with the same outcome. */
  after: number;
  /** n × latentDims: where every particle is to lie; null: where it lies. `z`: n × latentDims, where each lies by the encoder. */
  layOut(model: Heterogeneity, z: Float32Array): Promise<Float32Array | null>;
}

/** The last epochs, in which the encoder has said its part and every particle lies where its image makes it likely (latents/settling.ts). */
export interface Settling {
  /** After this many epochs. A run that goes on from just there does it again, with the same outcome. */
  after: number;
  /** epochs × n × latentDims: for each of so many epochs where every particle lies in it. `z`: n × latentDims, where each lies by the encoder. */
  draw(model: Heterogeneity, z: Float32Array, epochs: number): Promise<Float32Array>;
}

/** Everything a later sitting needs to go on to the bit. */
export interface Checkpoint {
  tensors: ReadonlyMap<string, NamedTensor>;
  epoch: number;
  step: number;
  random: number[];
}

/** What an epoch leaves behind. */
export interface EpochResult extends EpochReport {
  /** n × latentDims, particles in the order of the source. */
  z: Float32Array;
  /** n: ring correlation of each particle as it was met in this epoch. */
  particleFrc: Float32Array;
  checkpoint(): Promise<Checkpoint>;
}

/** Models that one decoder makes of some latent points. */
export interface DecodedStates {
  /** For every point a planar row of 5N: the Gaussians; with `own` what is added to the logits of the model that an entry departs from. */
  rows: Float32Array[];
  /** Where entries depart from models of their own: they and how much may vary, 5N. */
  own?: { departure: Departure; vary: Tensor };
}

/** A step that was asked for. */
interface Step {
  chosen: Uint32Array;
  frc: Promise<Float32Array>;
}

/**
 * Once laid out anew, the latent space is held there by this much of half the squared distance, beside a loss of one correlation. Latents that noise is added to push one another away, and a
 * curve that wants to be longer than the cloud is wide buckles: of six simulated rings, let go, up to 13 % of the points went to the middle in one, while with the hold neighbours tell
 * the angle as well (mean cosines 0.988 to 0.993, before 0.987 to 0.993) and the rings stay open.
 */
const HOLD = 1;
/** In a checkpoint: where the space was laid out anew, n × latentDims. */
const LAYOUT = 'latents.layout';
/** In a checkpoint: where particles lie in each of the last epochs, epochs × n × latentDims. */
const DRAWN = 'latents.drawn';

/** Widths of the hidden layers of encoder and decoder (paper, Methods). */
export const HIDDEN: readonly number[] = [512, 512, 512];

/** The networks of one run on one backend, with the batch they work on. */
export class Heterogeneity {
  private readonly encoder: Mlp;
  private readonly decoder: Mlp;
  private readonly random: Random;
  private readonly held: Tensor[] = [];
  private readonly vary: Tensor;
  private readonly features: Tensor;
  private readonly noise: Tensor;
  private readonly latents: Tensor;
  private readonly dLatents: Tensor;
  private readonly targets: Tensor;
  private readonly rows: Tensor;
  private readonly dRows: Tensor;
  private readonly rotations: Tensor;
  private readonly images: Tensor;
  /** Between neighbours; null where nothing moves, or nothing is to hold together. */
  private readonly links: Tensor | null;
  /** Of this step and of the one before, which may still be on its way. */
  private readonly frcs: readonly [Tensor, Tensor];
  private readonly featureBatch: Float32Array;
  private step = 0;
  private epoch = 0;
  /** n × latentDims: where the encoder is led in this epoch; null: it learns from the images, or nothing any more. */
  private led: Float32Array | null = null;
  /** n × latentDims: where the decoder learns in this epoch; null: where the encoder says. */
  private learntAt: Float32Array | null = null;
  /** n × latentDims: where the space was laid out anew, and is held; null: nowhere yet. */
  private layout: Float32Array | null = null;
  /** epochs × n × latentDims: where particles lie in each of the last epochs; null: as the encoder says. */
  private drawn: NamedTensor | null = null;
  /** n × latentDims: where the encoder puts particles, once it has said its part; null: it learns. */
  private encoded: Float32Array | null = null;

  constructor(
    private readonly backend: Backend,
    private readonly input: HeterogeneityInput,
    private readonly settings: HeterogeneitySettings,
    checkpoint: Checkpoint | null,
  ) {
    const { batch, latentDims } = settings;
    const width = 5 * input.geometry.gaussians;
    const tensor = (shape: number[], data?: Float32Array) => {
      const made = backend.tensor(shape, data);
      this.held.push(made);
      return made;
    };
    this.random = new Random(settings.seed);
    const options: MlpOptions = {
      dropout: settings.dropout,
      batchNormalisation: settings.batchNormalisation === 'on',
      l2: settings.l2,
    };
    this.encoder = new Mlp(backend, 'encoder', [width, ...HIDDEN, latentDims], batch, 1e-2, this.random, options);
    // One row more than the batch: the decoder at z = 0, which is taken off so that z = 0 is the neutral model exactly.
    this.decoder = new Mlp(backend, 'decoder', [latentDims, ...HIDDEN, width], batch + 1, 1e-3, this.random, options);
    this.vary = tensor([width], input.vary);
    this.features = tensor([batch, width]);
    this.noise = tensor([batch, latentDims]);
    this.latents = tensor([batch + 1, latentDims]);
    this.dLatents = tensor([batch + 1, latentDims]);
    this.targets = tensor([batch, latentDims]);
    this.rows = tensor([batch, width]);
    this.dRows = tensor([batch, width]);
    this.rotations = tensor([batch, 9]);
    this.images = tensor([batch, 2 * input.geometry.ringGeometry.planeSize]);
    this.frcs = [tensor([batch]), tensor([batch])];
    const links = settings.rigidity > 0 ? neighbourLinks(logitsToRow(input.departure.centre), input.vary) : null;
    this.links = links && tensor([3, input.geometry.gaussians, MOST_LINKS], links);
    this.featureBatch = new Float32Array(batch * width);
    if (input.networks) {
      this.encoder.restore(input.networks);
      this.decoder.restore(input.networks);
    }
    if (checkpoint) {
      this.encoder.restore(checkpoint.tensors);
      this.decoder.restore(checkpoint.tensors);
      this.step = checkpoint.step;
      this.epoch = checkpoint.epoch;
      this.random.restore(checkpoint.random);
      this.layout = (checkpoint.tensors.get(LAYOUT)?.data as Float32Array | undefined) ?? null;
      this.drawn = checkpoint.tensors.get(DRAWN) ?? null;
    }
  }

  /** Trains up to the last epoch; `onEpoch` is awaited after each. Throws Cancelled when the signal asks, after the step under way. */
  async train(reporter: Reporter, onEpoch: (result: EpochResult) => Promise<void>, signal?: AbortSignal): Promise<void> {
    const { batch, epochs, run } = this.settings;
    const count = this.input.source.count;
    while (this.epoch < epochs) {
      const started = performance.now();
      await this.chooseLessons();
      if (this.turns().includes(this.epoch)) this.encoder.forgetMoments();
      const order = this.random.shuffle(Uint32Array.from({ length: count }, (_, i) => i));
      const particleFrc = new Float32Array(count);
      let sum = 0;
      let done = 0;
      const meet = async ({ chosen, frc }: Step) => {
        (await frc).forEach((value, i) => {
          particleFrc[chosen[i]] = value;
          sum += value;
        });
        done += chosen.length;
        reporter.progress(`epoch ${this.epoch + 1} of ${epochs}`, done, count);
      };
      // The next step is asked for before this one's correlations are waited for, so that a device always has work.
      let last: Step | null = null;
      for (let first = 0; first < count; first += batch) {
        if (signal?.aborted) throw new Cancelled(`stopped in epoch ${this.epoch + 1}`);
        const step = await this.trainStep(order.subarray(first, Math.min(first + batch, count)));
        if (last) await meet(last);
        last = step;
      }
      if (last) await meet(last);
      this.epoch++;
      const frc = sum / count;
      this.encoded = this.isEncoderDone() ? (this.encoded ?? (await this.encodeAll())) : null;
      const z = this.encoded ?? (await this.encodeAll());
      const loss = -frc + this.settings.spreadPenalty * meanExcess(z, this.settings.latentDims);
      const report = { run, epoch: this.epoch, frc, loss, seconds: (performance.now() - started) / 1000 };
      reporter.epoch(report);
      await onEpoch({ ...report, z, particleFrc, checkpoint: () => this.checkpoint() });
    }
  }

  /** Asks for one step; its correlations come when it is done. */
  private async trainStep(chosen: Uint32Array): Promise<Step> {
    const { backend, settings, input } = this;
    const { latentDims } = settings;
    const rows = chosen.length;
    this.step++;
    input.source.load(chosen, this.rotations, this.images);
    const pass: TrainingPass = { batchRows: rows, seed: settings.seed, step: this.step };
    const isEncoderDone = this.isEncoderDone();
    if (!isEncoderDone) this.encode(chosen, pass);
    const noise = Float32Array.from({ length: rows * latentDims }, () => settings.latentNoise * this.random.normal());
    // Row `rows` is the origin; a short batch moves it forward.
    backend.fill(this.latents, 0);
    if (this.learntAt) {
      const places = this.places(chosen, this.learntAt);
      backend.write(
        this.latents,
        noise.map((value, i) => value + places[i]),
      );
    } else {
      backend.write(this.noise, noise);
      backend.add(rows * latentDims, this.encoder.output, this.noise, this.latents);
    }
    this.decoder.forward(rows + 1, this.latents, pass);
    backend.gaussians(rows, this.decoder.output, true, input.departure.logits(chosen), this.vary, this.rows);
    const frc = this.frcs[this.step % 2];
    backend.projectAndCorrelate(rows, input.geometry, this.rows, false, this.rotations, this.images, -1 / rows, frc, this.dRows, null);
    this.holdTogether(rows);
    backend.gaussiansBackward(rows, this.rows, this.dRows, true, this.vary, this.decoder.outputGradient);
    this.decoder.backward(rows + 1, this.dLatents);
    const adam = this.adam();
    if (!isEncoderDone) {
      this.encoderBackward(chosen);
      this.encoder.step({ ...adam, step: this.step - this.lastTurn() });
    }
    this.decoder.step(adam);
    const met = this.correlations(frc, rows);
    // Whoever stops meanwhile does not wait for it.
    met.catch(() => {});
    return { chosen, frc: met };
  }

  /** Adds what the links between neighbours resist. */
  private holdTogether(rows: number): void {
    if (!this.links) return;
    const { referenceSigmaPixels, ringGeometry } = this.input.geometry;
    const reach = linkReach((this.step - 1) / this.totalSteps());
    // Small stretches cost the same at any reach: rigidity · (e/σ)².
    const weight = this.settings.rigidity * reach ** 2;
    this.backend.stretchBackward(rows, this.rows, this.links, this.dRows, weight, (reach * referenceSigmaPixels) / ringGeometry.boxSize);
  }

  /** Throws ComputeError where one is no number: a weight that is none makes every later one so, and the next checkpoint would keep it. */
  private async correlations(tensor: Tensor, rows: number): Promise<Float32Array> {
    const { epoch, step } = this;
    const frc = (await this.backend.read(tensor)).subarray(0, rows);
    if (frc.every(Number.isFinite)) return frc;
    throw new ComputeError(
      `training diverged in epoch ${epoch + 1}, step ${step}: the ring correlation is not a number; try a lower --learning-rate`,
    );
  }

  private encoderBackward(chosen: Uint32Array): void {
    const { backend, settings, encoder } = this;
    const rows = chosen.length;
    backend.fill(encoder.outputGradient, 0);
    if (!this.led) {
      backend.add(rows * settings.latentDims, this.dLatents, encoder.outputGradient, encoder.outputGradient);
      backend.latentPenaltyBackward(rows, encoder.output, encoder.outputGradient, settings.spreadPenalty);
    }
    const towards = this.led ?? this.layout;
    if (towards) {
      backend.write(this.targets, this.places(chosen, towards));
      backend.latentPullBackward(rows, encoder.output, this.targets, encoder.outputGradient, this.led ? 1 : HOLD);
    }
    encoder.backward(rows, null);
  }

  private adam(): AdamSettings {
    const { weightDecay } = this.settings;
    return { learningRate: this.learningRate(), beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, step: this.step };
  }

  /** Where encoder and decoder learn in the epoch that begins. */
  private async chooseLessons(): Promise<void> {
    const { start, relaying, settling } = this.input;
    this.led = this.epoch === 0 ? start : null;
    this.learntAt = null;
    if (this.epoch > 0 && this.epoch === relaying?.after) {
      this.layout = await relaying.layOut(this, await this.encodeAll());
      // The encoder does not know the new places yet, while the decoder already learns what lies there.
      this.led = this.learntAt = this.layout;
    }
    if (settling && this.epoch > 0 && this.epoch >= settling.after) {
      if (this.epoch === settling.after || !this.drawn) this.drawn = await this.drawPlaces(settling);
      // A run that is given more epochs than it was begun with meets the same draws again.
      this.learntAt = drawnIn(this.drawn, (this.epoch - settling.after) % this.drawn.shape[0]);
    }
  }

  private isEncoderDone(): boolean {
    return this.learntAt !== null && this.led === null;
  }

  private async drawPlaces({ draw }: Settling): Promise<NamedTensor> {
    const { latentDims, epochs } = this.settings;
    const left = epochs - this.epoch;
    return { shape: [left, this.input.source.count, latentDims], data: await draw(this, await this.encodeAll(), left) };
  }

  /** Latents as they are spread: drawn by likelihood in the last epoch, or as the encoder says; of the particles that the run has met. */
  async cloud(): Promise<Float32Array> {
    return this.drawn ? drawnIn(this.drawn, this.drawn.shape[0] - 1) : await this.encodeAll();
  }

  /** After how many epochs the encoder's loss becomes another one, whose gradients are of another size. */
  private turns(): number[] {
    const { start, relaying } = this.input;
    return [...(start ? [1] : []), ...(relaying && this.layout ? [relaying.after, relaying.after + 1] : [])];
  }

  /** The step after which the encoder's loss became what it is. */
  private lastTurn(): number {
    const epoch = Math.max(0, ...this.turns().filter(turn => turn <= this.epoch));
    return epoch * this.stepsOfAnEpoch();
  }

  /** chosen × latentDims rows of led[n × latentDims]. */
  private places(chosen: Uint32Array, led: Float32Array): Float32Array {
    const { latentDims } = this.settings;
    return Float32Array.from(
      { length: chosen.length * latentDims },
      (_, i) => led[chosen[Math.floor(i / latentDims)] * latentDims + (i % latentDims)],
    );
  }

  private learningRate(): number {
    return this.settings.learningRate * Math.min(1, 3 * (1 - (this.step - 1) / this.totalSteps()));
  }

  private totalSteps(): number {
    return this.settings.epochs * this.stepsOfAnEpoch();
  }

  private stepsOfAnEpoch(): number {
    return Math.ceil(this.input.source.count / this.settings.batch);
  }

  /** Encodes the particles `chosen` into the encoder's output. */
  private encode(chosen: ArrayLike<number>, pass: TrainingPass | null = null): void {
    this.input.gradients.store.read(chosen, this.featureBatch);
    this.backend.write(this.features, this.featureBatch);
    this.backend.scaleKinds(chosen.length, this.features, this.input.gradients.scales);
    this.encoder.forward(chosen.length, this.features, pass);
  }

  /** n × latentDims: every particle by the encoder as it now is, without noise. */
  async encodeAll(): Promise<Float32Array> {
    const { latentDims, batch } = this.settings;
    const count = this.input.source.count;
    const z = new Float32Array(count * latentDims);
    for (let first = 0; first < count; first += batch) {
      const rows = Math.min(batch, count - first);
      this.encode(Array.from({ length: rows }, (_, i) => first + i));
      z.set((await this.backend.read(this.encoder.output)).subarray(0, rows * latentDims), first * latentDims);
    }
    return z;
  }

  /** Ring correlation of each particle of `chosen` with the decoder at its row of z[rows × latentDims]; at most `batch` rows. */
  async correlate(chosen: ArrayLike<number>, z: Float32Array): Promise<Float32Array> {
    const { backend, input } = this;
    const rows = chosen.length;
    input.source.load(chosen, this.rotations, this.images);
    this.decode(rows, z, input.departure.logits(chosen));
    backend.projectAndCorrelate(rows, input.geometry, this.rows, false, this.rotations, this.images, 1, this.frcs[0], null, null);
    return (await backend.read(this.frcs[0])).subarray(0, rows);
  }

  /** n: ring correlation of every particle with the decoder at its row of z[n × latentDims]. */
  async correlateAll(z: Float32Array): Promise<Float32Array> {
    const { batch, latentDims } = this.settings;
    const correlations = new Float32Array(this.input.source.count);
    for (let first = 0; first < correlations.length; first += batch) {
      const chosen = Array.from({ length: Math.min(batch, correlations.length - first) }, (_, i) => first + i);
      correlations.set(await this.correlate(chosen, z.subarray(first * latentDims, (first + chosen.length) * latentDims)), first);
    }
    return correlations;
  }

  /** What the decoder makes of each row of z[n × latentDims]. */
  async decodedStates(z: Float32Array): Promise<DecodedStates> {
    const { batch, latentDims } = this.settings;
    const { departure, geometry } = this.input;
    const width = 5 * geometry.gaussians;
    const rows: Float32Array[] = [];
    for (let first = 0; first < z.length / latentDims; first += batch) {
      const count = Math.min(batch, z.length / latentDims - first);
      this.decode(count, z.subarray(first * latentDims, (first + count) * latentDims), departure.centreLogits);
      const values = await this.backend.read(departure.isShared ? this.rows : this.decoder.output);
      // The row behind the last is the decoder at z = 0 (`gaussians`).
      const origin = departure.isShared ? null : values.subarray(count * width, (count + 1) * width);
      for (let r = 0; r < count; r++) {
        const row = values.slice(r * width, (r + 1) * width);
        rows.push(origin ? row.map((value, i) => value - origin[i]) : row);
      }
    }
    return departure.isShared ? { rows } : { rows, own: { departure, vary: this.vary } };
  }

  private decode(rows: number, z: Float32Array, neutral: Tensor): void {
    this.backend.fill(this.latents, 0);
    this.backend.write(this.latents, z);
    this.decoder.forward(rows + 1, this.latents);
    this.backend.gaussians(rows, this.decoder.output, true, neutral, this.vary, this.rows);
  }

  async checkpoint(): Promise<Checkpoint> {
    const tensors = new Map([...(await this.encoder.save(true)), ...(await this.decoder.save(true))]);
    const { latentDims } = this.settings;
    if (this.layout) tensors.set(LAYOUT, { shape: [this.layout.length / latentDims, latentDims], data: this.layout });
    if (this.drawn) tensors.set(DRAWN, this.drawn);
    return { tensors, epoch: this.epoch, step: this.step, random: this.random.save() };
  }

  free(): void {
    this.encoder.free();
    this.decoder.free();
    for (const tensor of this.held) this.backend.free(tensor);
  }
}

/** n × latentDims of epochs × n × latentDims. */
function drawnIn({ shape: [, count, dims], data }: NamedTensor, epoch: number): Float32Array {
  return data.subarray(epoch * count * dims, (epoch + 1) * count * dims);
}

function meanExcess(z: Float32Array, dims: number): number {
  let sum = 0;
  for (let i = 0; i < z.length; i += dims) sum += Math.max(Math.hypot(...z.subarray(i, i + dims)) - 1, 0);
  return (sum * dims) / z.length;
}
