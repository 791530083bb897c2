// Images beside the states of a decoder: how well each fits each, ring by ring, and the likelihood that follows.

import type { Backend, ProjectionGeometry, Tensor } from '../../compute/backend.js';
import type { DecodedStates } from '../heterogeneity.js';
import type { BatchSource } from '../particle-gradients.js';
import { ringPixels } from '../ring-shares.js';
import { COMPARED_ANYWHERE, type NearbyCandidates, standsFor } from './nearby-candidates.js';
import { COMPARED_FIRST, plausibleNeighbours } from './plausible-candidates.js';

/** chosen × candidates. */
interface Compared {
  /** −∞ where an image was not compared with a candidate. */
  logLikelihood: Float64Array;
  /** Mean ring correlations by the geometry's shares. */
  correlation: Float32Array;
  /** How many points of the cloud each candidate stands for; left out: all as many. */
  standsFor?: Float64Array;
}

/** Candidates beside the images of a batch at a time. */
export class Comparison {
  private readonly pixels: Float64Array;
  /** The candidates where they are the same models for all images; empty where each image has its own. */
  private readonly models: Tensor[];
  private readonly rotations: Tensor;
  private readonly images: Tensor;
  private readonly frc: Tensor;
  private readonly ringFrc: Tensor;
  /** A candidate's row for each image, and its model. */
  private readonly offered: Tensor;
  private readonly own: Tensor;

  constructor(
    private readonly backend: Backend,
    private readonly geometry: ProjectionGeometry,
    private readonly states: DecodedStates,
    private readonly source: BatchSource,
    batch: number,
  ) {
    const { rings, planeSize } = geometry.ringGeometry;
    this.pixels = ringPixels(geometry.ringGeometry);
    this.models = states.own ? [] : states.rows.map(row => backend.tensor([1, row.length], row));
    this.rotations = backend.tensor([batch, 9]);
    this.images = backend.tensor([batch, 2 * planeSize]);
    this.frc = backend.tensor([batch]);
    this.ringFrc = backend.tensor([batch, rings + 1]);
    this.offered = backend.tensor([batch, 5 * geometry.gaussians]);
    this.own = states.own ? backend.tensor([batch, 5 * geometry.gaussians]) : this.offered;
  }

  /** All of `chosen` with the first `count` candidates. */
  async of(chosen: readonly number[], count = this.states.rows.length): Promise<Compared> {
    const { models, states } = this;
    const all = states.rows.length;
    const compared: Compared = {
      logLikelihood: new Float64Array(chosen.length * all).fill(-Infinity),
      correlation: new Float32Array(chosen.length * all),
    };
    if (states.own) {
      const first = Array.from({ length: count }, (_, m) => m);
      await this.each(
        chosen,
        chosen.map(() => first),
        compared,
      );
      return compared;
    }
    this.source.load(chosen, this.rotations, this.images);
    for (let m = 0; m < count; m++) await this.compare(chosen.length, models[m], true, r => r * all + m, compared);
    return compared;
  }

  /** Each of `chosen` with the candidates that may place it (plausible-candidates.ts). */
  async plausible(chosen: readonly number[], graph: readonly number[][], evidence: number): Promise<Compared> {
    const count = this.states.rows.length;
    const compared = await this.of(chosen, Math.min(count, COMPARED_FIRST));
    for (;;) {
      const wanted = chosen.map((_, r) =>
        plausibleNeighbours(compared.logLikelihood.subarray(r * count, (r + 1) * count), graph, evidence),
      );
      if (wanted.every(list => list.length === 0)) return compared;
      await this.each(chosen, wanted, compared);
    }
  }

  /** Each of `chosen` with the first candidates, and with those about the likeliest of them and its guess, a row of `guesses`[n × dims] (nearby-candidates.ts). */
  async nearby(chosen: readonly number[], ground: NearbyCandidates, guesses: Float32Array): Promise<Compared> {
    const count = this.states.rows.length;
    const dims = guesses.length / this.source.count;
    const compared = await this.of(chosen, Math.min(count, COMPARED_ANYWHERE));
    const own = (r: number) => compared.logLikelihood.subarray(r * count, (r + 1) * count);
    const compareWith = async (wanted: readonly Iterable<number>[]) => {
      const open = wanted.map((list, r) => [...list].filter(c => own(r)[c] === -Infinity));
      if (open.some(list => list.length > 0)) await this.each(chosen, open, compared);
    };
    await compareWith(chosen.map(particle => [ground.at(guesses.subarray(particle * dims, (particle + 1) * dims))]));
    const about = chosen.map((_, r) => ground.about(likeliestOf(own(r))));
    await compareWith(about);
    const stands = new Float64Array(chosen.length * count);
    about.forEach((near, r) => void stands.set(standsFor(count, near), r * count));
    return { ...compared, standsFor: stands };
  }

  /** Each of `chosen` with its own list of candidates. */
  private async each(chosen: readonly number[], wanted: readonly number[][], compared: Compared): Promise<void> {
    // Longest lists first: whose list has ended falls off the end of the batch.
    const order = [...wanted.keys()].filter(r => wanted[r].length > 0).sort((a, b) => wanted[b].length - wanted[a].length);
    const { backend, offered } = this;
    const { rows, own } = this.states;
    const met = order.map(r => chosen[r]);
    this.source.load(met, this.rotations, this.images);
    const neutral = own?.departure.logits(met);
    for (let k = 0; k < wanted[order[0]].length; k++) {
      const now = order.filter(r => wanted[r].length > k);
      now.forEach((r, i) => {
        backend.write(offered, rows[wanted[r][k]], i * rows[0].length);
      });
      if (own && neutral) backend.gaussians(now.length, offered, false, neutral, own.vary, this.own);
      await this.compare(now.length, this.own, false, i => now[i] * rows.length + wanted[now[i]][k], compared);
    }
  }

  /** The first `rows` loaded images, each with its row of `models` or all with the one; the outcome of row i goes to `place(i)`. */
  private async compare(rows: number, models: Tensor, shared: boolean, place: (i: number) => number, compared: Compared): Promise<void> {
    const { backend, geometry } = this;
    const { rings } = geometry.ringGeometry;
    backend.projectAndCorrelate(rows, geometry, models, shared, this.rotations, this.images, 1, this.frc, null, this.ringFrc);
    const correlations = await backend.read(this.ringFrc);
    const means = await backend.read(this.frc);
    for (let i = 0; i < rows; i++) {
      let sum = 0;
      for (let k = 1; k <= rings; k++) {
        if (geometry.ringShares?.[k] === 0) continue;
        const c = Math.min(Math.max(correlations[i * (rings + 1) + k], 0), 0.999999);
        sum -= 0.5 * this.pixels[k] * Math.log(1 - c * c);
      }
      compared.logLikelihood[place(i)] = sum;
      compared.correlation[place(i)] = means[i];
    }
  }

  free(): void {
    const { models, rotations, images, frc, ringFrc, offered, own } = this;
    for (const tensor of new Set([...models, rotations, images, frc, ringFrc, offered, own])) this.backend.free(tensor);
  }
}

/** The index of the highest. */
export function likeliestOf(logLikelihood: Float64Array): number {
  let likeliest = 0;
  logLikelihood.forEach((value, c) => {
    if (value > logLikelihood[likeliest]) likeliest = c;
  });
  return likeliest;
}
