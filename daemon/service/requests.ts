// The registry of questions: one line for each message that gets an answer with its id.
import type { ClientMessage, ServerMessage } from '../../protocol/messages.js';
import type { Jobs } from './jobs.js';
import type { Latents } from './latents.js';
import type { MadeMaps } from './made-maps.js';
import type { Molecules } from './molecules.js';
import type { Motions } from './motions.js';
import type { Paths } from './paths.js';
import type { ProjectWatch } from './project-watch.js';
import type { Regions } from './regions.js';
import { explain } from './request-error.js';
import type { RunReader } from './run-reader.js';
import { halvesSummary, orientationSummary } from './run-reports.js';

/** Answered in order; `find-path`, which takes a while, has its own way (paths.ts). */
export type Question = Exclude<Extract<ClientMessage, { id: number }>, { type: 'find-path' }>;

export interface Features {
  watch: ProjectWatch;
  latents: Latents;
  molecules: Molecules;
  motions: Motions;
  jobs: Jobs;
  paths: Paths;
  maps: MadeMaps;
  reader: RunReader;
  regions: Regions;
}

type Answerers = {
  readonly [T in Question['type']]: (
    features: Features,
    question: Extract<Question, { type: T }>,
  ) => ServerMessage | Promise<ServerMessage>;
};

const answerers: Answerers = {
  'get-latents': async ({ latents }, { id, run }) => ({ type: 'latents', id, ...(await latents.get(run)) }),
  'get-embeddings': async ({ watch, reader }, { id, run }) => ({
    type: 'embeddings',
    id,
    run,
    ...(await reader.embeddings(watch.run(run).folder.path)),
  }),
  'get-epochs': ({ watch }, { id, run }) => ({ type: 'epochs', id, run, epochs: watch.epochs(run) }),
  'get-halves': ({ watch }, { id, run }) => ({ type: 'halves', id, run, report: halvesSummary(watch.run(run).folder) }),
  'get-orientations': ({ watch }, { id, run }) => ({ type: 'orientations', id, run, report: orientationSummary(watch.run(run).folder) }),
  decode: async ({ molecules }, { id, run, z, atoms }) => ({ type: 'decoded', id, ...(await molecules.decode(run, z, atoms)) }),
  'start-training': ({ jobs }, { id, run, settings }) => ({ type: 'started', id, job: jobs.train(run, settings) }),
  'start-neutral': ({ jobs }, { id, settings }) => ({ type: 'started', id, job: jobs.fitNeutral(settings) }),
  'start-orientations': ({ jobs }, { id, run }) => ({ type: 'started', id, job: jobs.refineOrientations(run) }),
  'start-halves': ({ jobs }, { id, run }) => ({ type: 'started', id, job: jobs.compareHalves(run) }),
  'start-embedding': ({ jobs }, { id, ...request }) => ({ type: 'started', id, job: jobs.embed(request) }),
  'start-clustering': ({ jobs }, { id, ...request }) => ({ type: 'started', id, job: jobs.cluster(request) }),
  'start-reconstruction': ({ jobs }, { id, ...request }) => ({ type: 'started', id, job: jobs.reconstruct(request) }),
  'delete-map': ({ maps }, { id, name }) => {
    maps.delete(name);
    return { type: 'map-deleted', id, name };
  },
  'save-region': ({ regions }, { id, name, spheres }) => ({ type: 'region-saved', id, name, gaussians: regions.save(name, spheres) }),
  'find-motions': async ({ motions }, { id, run, regions, count }) => ({
    type: 'motions',
    id,
    ...(await motions.find(run, regions, count)),
  }),
  'measure-motion': async ({ motions }, { id, run, from, to, regions }) => ({
    type: 'motion',
    id,
    ...(await motions.measure(run, from, to, regions)),
  }),
  'cancel-job': ({ jobs }, { id, job }) => {
    jobs.cancel(job);
    return { type: 'cancelled', id, job };
  },
};

/** The answer, or the error message; never rejects. */
export async function answer(features: Features, question: Question): Promise<ServerMessage> {
  try {
    const answerer = answerers[question.type] as (features: Features, question: Question) => ServerMessage | Promise<ServerMessage>;
    return await answerer(features, question);
  } catch (error) {
    return explain(error, question.id);
  }
}
