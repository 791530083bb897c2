// Every message between daemon and viewer, with its direction, fields and units. README.md beside this file is the same for people.
//
// World coordinates are Å in the frame of the density map. Arrays travel as msgpack `bin`, little-endian, and are typed arrays here.

export const SUBPROTOCOL = 'limber.v1';
/** Where the WebSocket is, below the daemon's origin. */
export const SOCKET_PATH = '/socket';
/** Bytes; a larger message from a viewer closes the connection with code 1009. */
export const MAX_MESSAGE_BYTES = 1 << 20;

/** What a viewer asks. `id` is chosen by the viewer and comes back in the answer. */
export type ClientMessage =
  /** → latents: every particle's place in the latent space of a run. */
  | { type: 'get-latents'; id: number; run: string }
  /** → halves: what repeating the run on both halves of the particles has shown. */
  | { type: 'get-halves'; id: number; run: string }
  /** → orientations: what refining the orientations against the run has changed. */
  | { type: 'get-orientations'; id: number; run: string }
  /** → epochs: the training curve so far. */
  | { type: 'get-epochs'; id: number; run: string }
  /** → decoded: the Gaussians (and, with `atoms`, the moved atoms) at one latent point. Every one is answered. */
  | { type: 'decode'; id: number; run: string; z: number[]; atoms: boolean }
  /** → frame: like decode, but latest-wins: of those that wait only the one with the highest sequence is answered. */
  | { type: 'scrub'; sequence: number; run: string; z: number[]; atoms: boolean }
  /** Tells that a frame was drawn; the daemon sends the next frame only after this, or after a second. */
  | { type: 'frame-drawn'; sequence: number }
  /** → started: begins a training run in a process of its own; fields left out take the defaults of settings. */
  | { type: 'start-training'; id: number; run: string; settings: TrainingRequest }
  /** → started: fits the neutral model anew. */
  | { type: 'start-neutral'; id: number; settings: NeutralRequest }
  /** → started: refines every particle's orientation against its own model in the run. */
  | { type: 'start-orientations'; id: number; run: string }
  /** → started: neutral model and run once more on each half of the particles, and how far the two agree. */
  | { type: 'start-halves'; id: number; run: string }
  /** → region-saved: a region of the molecule, as spheres in Å, becomes a mask of the project under that name. */
  | {
      type: 'save-region';
      id: number;
      name: string /** 4·n: x y z radius of each sphere, Å in the frame of the map */;
      spheres: Float32Array;
    }
  /** → cancelled: stops a job at its next checkpoint; nothing is lost. */
  | { type: 'cancel-job'; id: number; job: string };

/** What `limber train` takes; see its help for each. */
export interface TrainingRequest {
  preset?: 'default' | 'paper';
  latentDims?: number;
  vary?: VaryKind[];
  resolutionAngstrom?: number;
  epochs?: number;
  batch?: number;
  learningRate?: number;
  symmetryExpansion?: 'on' | 'off';
  seed?: number;
  /** Name of a region: only the Gaussians inside vary. */
  focus?: string;
  /** The run that this one continues. */
  continueFrom?: string;
  /** The particles to train on, rows of the input file from 1. */
  subset?: Uint32Array;
}

export type VaryKind = 'position' | 'amplitude' | 'width';

export interface NeutralRequest {
  resolutionAngstrom?: number;
  gaussians?: number;
  seed?: number;
}

/** What the daemon says: answers carry the `id` of their question, the others come unasked. */
export type ServerMessage =
  /** First message of every connection, and again whenever anything in it changes. */
  | { type: 'project'; project: ProjectSummary }
  | {
      type: 'latents';
      id: number;
      run: string;
      epoch: number;
      dims: number;
      count: number /** count × dims */;
      z: Float32Array /** count; NaN where unknown */;
      frc: Float32Array /** count; 1-based row of the input file */;
      particle: Uint32Array;
      /** count: which symmetric orientation of the particle, from 1; null where each has one place. */
      copy: Uint32Array | null;
      /** count: how well the motion can be seen in the particle's image, 0 to 1, NaN where unknown; null where nobody asked. */
      observability: Float32Array | null;
      pca: LatentPca;
    }
  | { type: 'halves'; id: number; run: string /** null: not compared yet */; report: HalvesSummary | null }
  | { type: 'orientations'; id: number; run: string /** null: not refined yet */; report: OrientationSummary | null }
  | { type: 'epochs'; id: number; run: string; epochs: EpochRow[] }
  | ({ type: 'decoded'; id: number } & DecodedFrame)
  | ({ type: 'frame'; sequence: number } & DecodedFrame)
  | { type: 'started'; id: number; job: string }
  | { type: 'cancelled'; id: number; job: string }
  /** `gaussians`: how many of the neutral model lie inside; null before there is one. */
  | { type: 'region-saved'; id: number; name: string; gaussians: number | null }
  /** Unasked: a job of this daemon moved on. */
  | { type: 'progress'; job: string; run: string | null; stage: string; done: number; total: number; seconds: number }
  /** Unasked: a run finished an epoch (trained by this daemon or by another process). New latents are ready when `latentsReady`. */
  | { type: 'epoch'; run: string; row: EpochRow; latentsReady: boolean }
  /** Unasked: a job ended. `error` is one line, null when all went well. */
  | { type: 'job-ended'; job: string; run: string | null; error: string | null }
  /** Answer to a message that cannot be served; `id` is null when the message had none that could be read. */
  | { type: 'error'; id: number | null; code: ErrorCode; message: string };

export type ErrorCode = 'malformed' | 'unknown-type' | 'no-such-run' | 'not-ready' | 'bad-value' | 'busy' | 'failed';

export interface EpochRow {
  epoch: number;
  /** Mean ring correlation over the epoch's particles. */
  frc: number;
  loss: number;
  seconds: number;
}

/** How far two runs agree that were trained independently on half of the particles each. Pairs: half 1, half 2; null: could not be measured. */
export interface HalvesSummary {
  particles: [number, number];
  /** Share of the variance of either half's latents that the other half's tell, on particles that the map between them has not seen. */
  latentsExplained: [number | null, number | null];
  /** The same where particles are paired at random. */
  latentsByChance: number | null;
  clusters: {
    count: number;
    /** Adjusted Rand index of the clusters that the two models put the same particles in; `anew`: clustered afresh in half 2. */
    adjustedRandIndex: number | null;
    adjustedRandIndexAnew: number | null;
  };
  states: HalvesState[];
  /** The motion between pairs of particles by either model; null where positions do not vary. */
  motion: { correlation: number | null; rmsAngstrom: [number | null, number | null]; disagreementAngstrom: number | null } | null;
}

/** A cluster of half 1's latents and its match in half 2. */
export interface HalvesState {
  /** From 1. */
  state: number;
  /** Particles, or particles in one of their symmetric orientations, of either half; and which share of the half that is. */
  entries: [number, number];
  share: [number, number];
  /** Å where the FSC of the two maps falls below 0.143 and below 0.5. */
  resolutionAngstrom: number | null;
  resolutionAtHalfAngstrom: number | null;
  /** Correlation between the halves of what sets the state apart from the mean; and the highest such with another state. */
  difference: number | null;
  differenceToOthers: number | null;
}

/** Orientations refined against the particles' own models, beside those of the project's file. */
export interface OrientationSummary {
  particles: number;
  /** Mean ring correlation with their models, before and after. */
  frcBefore: number;
  frcAfter: number;
  medianDegrees: number;
  degrees95: number;
  medianAngstrom: number;
  angstrom95: number;
  /** The run that they were taken over from; null: they were refined against this one. */
  inheritedFrom: string | null;
}

/** Principal components of the latents: z ≈ mean + Σ c_k axes_k. Row k of axes is component k. */
export interface LatentPca {
  mean: Float32Array;
  /** dims × dims, orthonormal rows, falling variance. */
  axes: Float32Array;
  /** dims; variance along each axis. */
  variances: Float32Array;
}

/** The molecule at latent point z. */
export interface DecodedFrame {
  run: string;
  /** Epoch of the weights that decoded it. */
  epoch: number;
  z: Float32Array;
  count: number;
  /** 3·count, Å: x0 y0 z0 x1 … */
  positions: Float32Array;
  /** count, in (0, 1): weight at zero frequency. */
  amplitudes: Float32Array;
  /** count, Å. */
  sigmas: Float32Array;
  /** 3·atoms, Å, in the order of the model file's rows (first model); null when not asked for or no model is there. */
  atoms: Float32Array | null;
}

export interface ProjectSummary {
  name: string;
  particles: number;
  boxSize: number;
  pixelSizeAngstrom: number;
  /** +1, or −1 where the particles' contrast was found inverted. */
  contrast: number;
  symmetry: string;
  /** The consensus map, as a path below the daemon's origin, to be fetched with the token; null without one. Contour absolute, in the map's own values. */
  map: {
    path: string;
    contour: number;
    sizeVoxels: [number, number, number];
    voxelSizeAngstrom: [number, number, number];
    originAngstrom: [number, number, number];
  } | null;
  /** The fitted atomic model as given by the user. */
  model: { path: string; format: 'mmcif' | 'pdb'; atoms: number } | null;
  neutral: { gaussians: number; resolutionAngstrom: number } | null;
  runs: RunSummary[];
  /** Names of the regions that a run can be focused on. */
  regions: string[];
  /** What a request for training takes where it leaves fields out, for each preset. */
  trainingDefaults: { default: TrainingDefaults; paper: TrainingDefaults };
  jobs: { job: string; run: string | null; stage: string; done: number; total: number }[];
}

export interface TrainingDefaults {
  latentDims: number;
  vary: VaryKind[];
  /** null: chosen from the data. */
  resolutionAngstrom: number | null;
  epochs: number;
  batch: number;
  learningRate: number;
  seed: number;
  symmetryExpansion: 'on' | 'off';
}

export interface RunSummary {
  name: string;
  latentDims: number;
  epoch: number;
  epochs: number;
  state: 'training' | 'stopped' | 'done' | 'failed';
  frc: number | null;
  gaussians: number;
  backend: string;
  /** Particles it trains on, and the symmetric orientations each is used in. */
  particles: number;
  copies: number;
  vary: VaryKind[];
  /** Name of the region it is focused on, or of the mask's file; null: none. */
  focus: string | null;
  continueFrom: string | null;
}
