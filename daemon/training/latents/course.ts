// The course of a run's latents: where they begin, when their space is laid out anew, from when on places are drawn, and where particles lie in the end.

import type { Backend } from '../../compute/backend.js';
import { Random } from '../../numerics/random.js';
import type { RunFolder, RunSettings } from '../../project/run-folder.js';
import type { Checkpoint, Heterogeneity, HeterogeneityInput } from '../heterogeneity.js';
import { keptScout } from '../kept-checkpoint.js';
import type { Reporter } from '../progress.js';
import type { RunEntries } from '../run-entries.js';
import { POOL, SURVEYED_DIMS } from './nearby-candidates.js';
import { type KeptPlacing, type Placement, posteriorLatents } from './placing.js';
import { CANDIDATES, type Candidates, type ComparedImages, drawCandidates } from './posteriors.js';
import { principalStart } from './principal-start.js';
import { FEWEST_STEPS, RELAYING_AT, relaidLatents } from './relaying.js';
import { ROOMY_DIMS, scoutDims, scoutLatents } from './scout.js';
import { drawnPlaces, FEWEST_SETTLING_STEPS, SETTLED_DIMS, SETTLING_AT } from './settling.js';

/** Fewer particles make no graph worth following. */
const FEWEST_TO_SCOUT = 64;

/** What the latents' course depends on, of one sitting at a run. */
export interface LatentCourse {
  run: RunFolder;
  settings: RunSettings;
  entries: Pick<RunEntries, 'count'>;
  backend: Backend;
  /** null for a run that begins. */
  checkpoint: Checkpoint | null;
  reporter: Reporter;
  signal?: AbortSignal;
}

/** Where the encoder is led in the first epoch; null where it begins from random weights, or from a run that is continued. */
export async function latentStart(
  { run, backend, settings, checkpoint, entries, reporter, signal }: LatentCourse,
  input: Omit<HeterogeneityInput, 'start'>,
): Promise<Float32Array | null> {
  const { latentDims, seed, gaussians } = settings;
  if (settings.latentStart === 'random' || settings.goesOn) return null;
  // A run that goes on has its led epoch behind it, and its start is asked for nothing.
  if (checkpoint !== null) return new Float32Array();
  const begin = (dims: number) => principalStart(input.gradients, entries.count, gaussians, dims, new Random(seed));
  const isCramped = latentDims < ROOMY_DIMS && entries.count >= FEWEST_TO_SCOUT;
  if (!isCramped) return begin(latentDims);
  const kept = keptScout(run, settings, input.departure.centre);
  return await scoutLatents(backend, { ...input, start: begin(scoutDims(latentDims)) }, settings, kept, reporter, signal);
}

/** Where the latent space is laid out anew; undefined where it has room to unfold, or was begun otherwise than here. */
export function latentRelaying(
  { backend, settings, entries, reporter, signal }: LatentCourse,
  { geometry, source }: Pick<HeterogeneityInput, 'geometry' | 'source'>,
): HeterogeneityInput['relaying'] {
  const { latentDims, latentStart, goesOn, epochs, batch } = settings;
  const isBegunHere = latentStart !== 'random' && !goesOn;
  if (!isBegunHere || latentDims >= ROOMY_DIMS || entries.count / batch < FEWEST_STEPS) return undefined;
  return {
    after: Math.round(RELAYING_AT * epochs),
    layOut: (model, z) => relaidLatents(backend, geometry, source, model, { z, dims: latentDims }, settings, reporter, signal),
  };
}

/** When the encoder has said its part; undefined where its latents are to stay, or the decoder would have no time to learn others. */
export function latentSettling(
  { backend, settings, entries, reporter, signal }: LatentCourse,
  input: Compared,
): HeterogeneityInput['settling'] {
  const { latentDims, latentRefinement, epochs, batch, seed } = settings;
  // Not in the epoch in which a space that was laid out anew is learned.
  const after = Math.max(Math.round(SETTLING_AT * epochs), Math.round(RELAYING_AT * epochs) + 1);
  const steps = ((epochs - after) * entries.count) / batch;
  if (latentRefinement !== 'on' || latentDims > SETTLED_DIMS || steps < FEWEST_SETTLING_STEPS) return undefined;
  return {
    after,
    draw: async (model, z, left) => {
      reporter.note(
        `the encoder has said its part: in the last ${left === 1 ? 'epoch' : `${left} epochs`} the decoder learns where each image makes its particle likely, at which the correlation is a little lower`,
      );
      const candidates = await candidatesOf(model, z, latentDims, CANDIDATES.drawing, seed);
      return await drawnPlaces(comparedImages(backend, input, settings), candidates, left, seed, reporter, signal);
    },
  };
}

type Compared = Pick<HeterogeneityInput, 'geometry' | 'source' | 'vary'>;

/** Up to `most` of the latents z[n × dims], decoded. */
async function candidatesOf(model: Heterogeneity, z: Float32Array, dims: number, most: number, seed: number): Promise<Candidates> {
  const drawn = drawCandidates(z, dims, most, new Random(seed));
  return { z: drawn, dims, states: await model.decodedStates(drawn) };
}

function comparedImages(backend: Backend, { geometry, source, vary }: Compared, { batch }: Pick<RunSettings, 'batch'>): ComparedImages {
  return { backend, geometry, source, batch, parameters: vary.reduce((sum, weight) => sum + Number(weight > 0), 0) };
}

/** The latents that a finished run leaves: the cloud that it has ended with gives the candidates, decoder and image the place among them. Null where the encoder's stay. `kept`: where it is kept while it goes on. */
export async function placedLatents(
  backend: Backend,
  model: Heterogeneity,
  input: Compared,
  { latentDims: dims, latentRefinement, batch, seed }: Pick<RunSettings, 'latentDims' | 'latentRefinement' | 'batch' | 'seed'>,
  reporter: Reporter,
  signal?: AbortSignal,
  kept?: KeptPlacing,
): Promise<Placement | null> {
  if (latentRefinement !== 'on') return null;
  const cloud = await model.cloud();
  const images = comparedImages(backend, input, { batch });
  const candidates = await candidatesOf(model, cloud, dims, dims <= SURVEYED_DIMS ? CANDIDATES.placing : POOL, seed);
  const guesses = dims <= SURVEYED_DIMS ? undefined : cloud;
  return await posteriorLatents(images, { ...candidates, guesses }, reporter, signal, kept);
}
