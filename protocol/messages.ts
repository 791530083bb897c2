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
  /** → embeddings: pictures of the latent cloud and its clusters, where somebody has made them. */
  | { type: 'get-embeddings'; id: number; run: string }
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
  /** → started: refines every particle's orientation against its own model in the run, or the neutral one where that fits better. */
  | { type: 'start-orientations'; id: number; run: string }
  /** → started: neutral model and run once more on each half of the particles, and how far the two agree. */
  | { type: 'start-halves'; id: number; run: string }
  /** → started: lays the latent cloud out for looking; see `limber embed`. */
  | { type: 'start-embedding'; id: number; run: string; method: 'pca' | 'umap'; dims?: number; seed?: number }
  /** → started: sorts the particles into clusters of the latent cloud; without a count, as many as the particles suggest. */
  | { type: 'start-clustering'; id: number; run: string; method: 'kmeans' | 'gmm'; count?: number; seed?: number }
  /** → started: a map from the particles themselves, first a quick one of half as many voxels a side. It appears in `project.maps`. */
  | {
      type: 'start-reconstruction';
      id: number;
      /** Of the map to be, like a run's; no map of this name may be there yet. */
      name: string;
      /** Whose latents, clusters and orientations are meant; null: those of the particles' file, for `all` and `rows`. */
      run: string | null;
      particles: ParticleChoice;
      /** Also half-maps and their FSC; false where left out. */
      halves?: boolean;
      /** Finest detail wanted; what the particles give where left out. */
      resolutionAngstrom?: number;
    }
  /** → map-deleted: a map that was made from particles goes, with its half-maps. */
  | { type: 'delete-map'; id: number; name: string }
  /** → region-saved: a region of the molecule, as spheres in Å, becomes a mask of the project under that name. */
  | {
      type: 'save-region';
      id: number;
      name: string /** 4·n: x y z radius of each sphere, Å in the frame of the map */;
      spheres: Float32Array;
    }
  /** → motions: the latent directions along which each region moves by itself, and with two regions both together and apart. */
  | { type: 'find-motions'; id: number; run: string /** Names of one or two regions of the project. */; regions: string[]; count: number }
  /** → motion: how far the molecule and each region go from one latent point to another. */
  | { type: 'measure-motion'; id: number; run: string; from: number[]; to: number[]; regions: string[] }
  /**
   * → path, when it is found: meanwhile `path-progress`, and other questions are answered. A viewer's newer question ends the one before, which
   * is answered with the error `cancelled`.
   */
  | {
      type: 'find-path';
      id: number;
      run: string;
      /** Through dense regions, by the particles' neighbour graph, or straight. */
      shape: 'dense' | 'line';
      /** dims each; a dense path begins and ends at the particles nearest to them. */
      from: number[];
      to: number[];
      /** Points of the path, ends included; 10 where left out. */
      points?: number;
      /** Latent distance from the path within which particles are counted; the width of the stream about it where left out. */
      reach?: number;
      /** Latent distance along the path that the density is blurred with; that which suits the particles where left out. */
      bandwidth?: number;
    }
  /** No answer of its own: ends the viewer's find-path. */
  | { type: 'stop-path' }
  /** → cancelled: stops a job at its next checkpoint; nothing is lost. */
  | { type: 'cancel-job'; id: number; job: string };

/** The particles of a map. Counts left out take the defaults of `limber reconstruct`. */
export type ParticleChoice =
  /** Those the run has, or without a run all. */
  | { which: 'all' }
  /** From 1. */
  | { which: 'cluster'; cluster: number }
  /** The `count` particles nearest to a latent point. */
  | { which: 'nearest'; z: number[]; count?: number }
  /** The `count` nearest to each of several latent points, as of a line or path: a map each, NAME_001 and so on, of one grey scale and contour. */
  | { which: 'points'; points: number[][]; count?: number }
  /** 1-based rows of the input file. */
  | { which: 'rows'; rows: Uint32Array };

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
  | ({ type: 'embeddings'; id: number; run: string } & EmbeddingTables)
  /** `path`: null where no chain of neighbouring particles joins the ends. */
  | { type: 'path'; id: number; run: string; epoch: number; path: FoundPath | null }
  /** How far the find-path with this id is. */
  | { type: 'path-progress'; id: number; stage: string; done: number; total: number }
  | { type: 'epochs'; id: number; run: string; epochs: EpochRow[] }
  | ({ type: 'decoded'; id: number } & DecodedFrame)
  | ({ type: 'frame'; sequence: number } & DecodedFrame)
  | { type: 'started'; id: number; job: string }
  | { type: 'cancelled'; id: number; job: string }
  | { type: 'map-deleted'; id: number; name: string }
  /** `gaussians`: how many of the neutral model lie inside; null before there is one. */
  | { type: 'region-saved'; id: number; name: string; gaussians: number | null }
  /** `own`: by region, its own motions, best first; `joint`: null for a single region. */
  | {
      type: 'motions';
      id: number;
      run: string;
      epoch: number;
      own: StepMotion[][];
      joint: { together: StepMotion; apart: StepMotion } | null;
    }
  | ({ type: 'motion'; id: number; run: string; epoch: number } & MotionBetween)
  /** Unasked: a job of this daemon moved on. */
  | { type: 'progress'; job: string; run: string | null; stage: string; done: number; total: number; seconds: number }
  /** Unasked: a run finished an epoch (trained by this daemon or by another process). New latents are ready when `latentsReady`. */
  | { type: 'epoch'; run: string; row: EpochRow; latentsReady: boolean }
  /** Unasked: a job ended. `error` is one line, null when all went well. */
  | { type: 'job-ended'; job: string; run: string | null; error: string | null }
  /** Answer to a message that cannot be served; `id` is null when the message had none that could be read. */
  | { type: 'error'; id: number | null; code: ErrorCode; message: string };

export type ErrorCode = 'malformed' | 'unknown-type' | 'no-such-run' | 'not-ready' | 'bad-value' | 'busy' | 'cancelled' | 'failed';

/** What the particles say along a path, at each of its vertices. */
export interface PathCurve {
  /** vertices × dims, evenly along the path. */
  points: Float32Array;
  /** Latent distance from the start. */
  lengths: Float32Array;
  /** −ln of the density along the path, 0 at its highest; NaN where fewer than `leastSupport` effective particles speak. */
  freeEnergy: Float32Array;
  /** Its standard error from counting alone; NaN likewise. */
  standardError: Float32Array;
  /** Effective number of particles in the kernel. */
  support: Float32Array;
}

/** A path between two latent points. Distances are latent. */
export interface FoundPath extends PathCurve {
  shape: 'dense' | 'line';
  dims: number;
  /** Per point: particles nearer to it than to any other, along the path. */
  populations: Uint32Array;
  /** The same path in finer steps, for drawing and playing it; every point is one of its vertices. */
  track: PathCurve;
  /** Standard deviation of the Gaussian that the density is blurred with. */
  bandwidth: number;
  /** Distance from the path within which particles are counted; null: any. */
  reach: number | null;
  /** Particles counted, beyond the ends, and farther from the path than `reach`. */
  counted: number;
  beyond: number;
  farther: number;
  leastSupport: number;
  /** Free energy above which so many particles could not support it. */
  ceiling: number;
  /** Of a dense path: longest link of the chain of neighbours, and the median link between neighbours anywhere; null for a line. */
  longestLink: number | null;
  medianLink: number | null;
}

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

/** Refined orientations beside those of the project's file. */
export interface OrientationSummary {
  particles: number;
  /** The models they were refined against: each particle's own, or the neutral one for all. */
  against: 'own' | 'neutral';
  /** Mean ring correlation with these, before and after. */
  frcBefore: number;
  frcAfter: number;
  medianDegrees: number;
  degrees95: number;
  medianAngstrom: number;
  angstrom95: number;
  /** The run that they were taken over from; null: they were refined against this one. */
  inheritedFrom: string | null;
}

/** What has been found out about a run's latents; row i is row i of the latents. */
export interface EmbeddingTables {
  count: number;
  /** `umap0`, `umap1`, `pca0`, …; count values each. */
  columns: { name: string; values: Float32Array }[];
  clusters: Clusters | null;
  /** Some of it was made before the run was trained on, of latents that are no more. */
  outdated: boolean;
}

export interface Clusters {
  /** count; from 1, the largest first. */
  labels: Uint32Array;
  /** A number for each cluster: how many rows it has, and which row (from 0) lies in its middle. */
  sizes: Uint32Array;
  medoids: Uint32Array;
}

/** A motion through the neutral point, from −step to +step. */
export interface StepMotion {
  /** dims; one standard deviation of the particles along an own motion, the sum or difference of two where both regions move. */
  step: Float32Array;
  /** By region: root mean square displacement of its Gaussians, Å. */
  insideAngstrom: number[];
  /** The same of all that belong to no region, Å. */
  outsideAngstrom: number;
  /** By region, from −step to +step; without errors. */
  turns: RegionTurn[];
}

/** How far the molecule goes from one latent point to another. */
export interface MotionBetween {
  /** Root mean square displacement of all Gaussians by their amplitudes, Å. */
  rmsAngstrom: number;
  /** Half of the root mean square difference of the two half-set models' displacements, Å; null where halves were not compared. */
  errorAngstrom: number | null;
  regions: RegionTurn[];
}

/** A region's motion as that of a rigid body. Errors are null where halves were not compared. */
export interface RegionTurn {
  region: string;
  /** 0 to 180, right-handed about the axis. */
  angleDegrees: number;
  /** Unit vector. */
  axis: [number, number, number];
  /** A point of the screw axis beside the region, Å in the frame of the map; null where hardly anything turns. */
  axisPoint: [number, number, number] | null;
  /** How far the region's centre goes, Å. */
  shiftAngstrom: [number, number, number];
  /** Root mean square of what turn and shift leave unexplained, Å. */
  residualAngstrom: number;
  /** Root mean square displacement, Å. */
  rmsAngstrom: number;
  /** Half of the root mean square difference of the halves' displacements, Å. */
  errorAngstrom: number | null;
  /** Half of the angle that takes one half's turn to the other's. */
  angleErrorDegrees: number | null;
  /** By how much it turns in the model of either half. */
  halvesDegrees: [number, number] | null;
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
  /** Maps in the project's folder maps/ that were made from particles. */
  maps: MadeMap[];
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

/** A map made from particles, in the frame of the consensus map. */
export interface MadeMap {
  name: string;
  /** Below the daemon's origin, to be fetched with the token. */
  path: string;
  /** Changes when the file is replaced: it has to be fetched again. */
  version: string;
  /** A level that encloses the molecule, absolute, in the map's own values. */
  contour: number;
  sizeVoxels: [number, number, number];
  voxelSizeAngstrom: [number, number, number];
  originAngstrom: [number, number, number];
  /** Å where the FSC of its half-maps falls below 0.143; null without half-maps. */
  resolutionAngstrom: number | null;
  /** What it was made of; null where it came here another way. */
  source: MapSource | null;
}

export interface MapSource {
  run: string | null;
  which: 'all' | 'cluster' | 'nearest' | 'rows';
  /** null unless `which` is cluster. */
  cluster: number | null;
  /** The latent point; null unless `which` is nearest. */
  z: number[] | null;
  /** How many particles. */
  particles: number;
  /** Of half as many voxels a side; the whole one follows. */
  quick: boolean;
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
  /** '' before anything has been made of its latents; another one whenever `get-embeddings` has something new. */
  embeddingsVersion: string;
}
