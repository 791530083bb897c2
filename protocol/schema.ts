// Every message's fields and their kinds, in one table a direction: what arrives is checked by it, and typed arrays are restored by it.
import {
  type Fields,
  finite,
  flag,
  float32,
  type Kind,
  latentPoint,
  list,
  Mismatch,
  oneOf,
  optional,
  orNull,
  positive,
  record,
  runName,
  text,
  triple,
  uint32,
  variant,
  whole,
} from './kinds.js';
import type {
  ClientMessage,
  Clusters,
  DecodedFrame,
  EmbeddingTables,
  EpochRow,
  ErrorCode,
  FoundPath,
  HalvesState,
  HalvesSummary,
  LatentPca,
  MadeMap,
  MapSource,
  MotionBetween,
  NeutralRequest,
  OrientationSummary,
  ParticleChoice,
  PathCurve,
  ProjectSummary,
  RegionTurn,
  RunSummary,
  ServerMessage,
  StepMotion,
  TrainingDefaults,
  TrainingRequest,
  VaryKind,
} from './messages.js';

type Table<M extends { type: string }> = { readonly [T in M['type']]: Fields<Omit<Extract<M, { type: T }>, 'type'>> };

const id = whole();
const sequence = whole();

const onOrOff = oneOf('on', 'off');
const varyKind = oneOf<VaryKind>('position', 'amplitude', 'width');
const trainingRequest: Kind<TrainingRequest> = record<TrainingRequest>(
  {
    preset: optional(oneOf('default', 'paper')),
    latentDims: optional(whole(1, 64)),
    vary: optional(list(varyKind, 1, 3)),
    resolutionAngstrom: optional(positive),
    epochs: optional(whole(1, 100_000)),
    batch: optional(whole(1, 4096)),
    learningRate: optional(positive),
    symmetryExpansion: optional(onOrOff),
    seed: optional(whole()),
    focus: optional(runName),
    continueFrom: optional(runName),
    subset: optional(uint32),
  },
  // A misspelt setting must not train with the default in silence.
  true,
);

const neutralRequest: Kind<NeutralRequest> = record<NeutralRequest>(
  { resolutionAngstrom: optional(positive), gaussians: optional(whole(8, 100_000)), seed: optional(whole()) },
  true,
);

const particleChoice = variant<ParticleChoice, 'which'>('which', {
  all: {},
  cluster: { cluster: whole(1) },
  nearest: { z: latentPoint, count: optional(whole(1)) },
  points: { points: list(latentPoint, 1, 999), count: optional(whole(1)) },
  rows: { rows: uint32 },
});

const pathShape = oneOf('dense', 'line');

export const CLIENT_MESSAGES: Table<ClientMessage> = {
  'get-latents': { id, run: runName },
  'get-embeddings': { id, run: runName },
  'get-epochs': { id, run: runName },
  'get-halves': { id, run: runName },
  'get-orientations': { id, run: runName },
  decode: { id, run: runName, z: latentPoint, atoms: flag },
  scrub: { sequence, run: runName, z: latentPoint, atoms: flag },
  'frame-drawn': { sequence },
  'start-training': { id, run: runName, settings: trainingRequest },
  'start-neutral': { id, settings: neutralRequest },
  'start-orientations': { id, run: runName },
  'start-halves': { id, run: runName },
  'start-embedding': { id, run: runName, method: oneOf('pca', 'umap'), dims: optional(whole(1, 32)), seed: optional(whole()) },
  'start-clustering': { id, run: runName, method: oneOf('kmeans', 'gmm'), count: optional(whole(1, 1000)), seed: optional(whole()) },
  'start-reconstruction': {
    id,
    name: runName,
    run: orNull(runName),
    particles: particleChoice,
    halves: optional(flag),
    resolutionAngstrom: optional(positive),
  },
  'delete-map': { id, name: runName },
  'save-region': { id, name: runName, spheres: float32 },
  'find-motions': { id, run: runName, regions: list(runName, 1, 2), count: whole(1, 32) },
  'measure-motion': { id, run: runName, from: latentPoint, to: latentPoint, regions: list(runName, 0, 8) },
  'find-path': {
    id,
    run: runName,
    shape: pathShape,
    from: latentPoint,
    to: latentPoint,
    points: optional(whole(2, 999)),
    reach: optional(positive),
    bandwidth: optional(positive),
  },
  'stop-path': {},
  'cancel-job': { id, job: text },
};

const epochRow = record<EpochRow>({ epoch: whole(), frc: finite, loss: finite, seconds: finite });
const pca = record<LatentPca>({ mean: float32, axes: float32, variances: float32 });
const decodedFrame: Fields<DecodedFrame> = {
  run: runName,
  epoch: whole(),
  z: float32,
  count: whole(),
  positions: float32,
  amplitudes: float32,
  sigmas: float32,
  atoms: orNull(float32),
};
const job = { job: text, run: orNull(runName), stage: text, done: finite, total: finite };
const runSummary = record<RunSummary>({
  name: runName,
  latentDims: whole(),
  epoch: whole(),
  epochs: whole(),
  state: oneOf('training', 'stopped', 'done', 'failed'),
  frc: orNull(finite),
  gaussians: whole(),
  backend: text,
  particles: whole(),
  copies: whole(1),
  vary: list(varyKind),
  focus: orNull(text),
  continueFrom: orNull(runName),
  embeddingsVersion: text,
});
const trainingDefaults = record<TrainingDefaults>({
  latentDims: whole(),
  vary: list(varyKind),
  resolutionAngstrom: orNull(positive),
  epochs: whole(),
  batch: whole(),
  learningRate: positive,
  seed: whole(),
  symmetryExpansion: onOrOff,
});
const clusters = record<Clusters>({ labels: uint32, sizes: uint32, medoids: uint32 });
const embeddings: Fields<EmbeddingTables> = {
  count: whole(),
  columns: list(record<EmbeddingTables['columns'][number]>({ name: text, values: float32 })),
  clusters: orNull(clusters),
  outdated: flag,
};
const mapSource = record<MapSource>({
  run: orNull(runName),
  which: oneOf('all', 'cluster', 'nearest', 'rows'),
  cluster: orNull(whole(1)),
  z: orNull(latentPoint),
  particles: whole(),
  quick: flag,
});
const volume = { path: text, contour: finite, sizeVoxels: triple, voxelSizeAngstrom: triple, originAngstrom: triple };
const project = record<ProjectSummary>({
  name: text,
  particles: whole(),
  boxSize: whole(),
  pixelSizeAngstrom: positive,
  contrast: finite,
  symmetry: text,
  map: orNull(record<NonNullable<ProjectSummary['map']>>(volume)),
  maps: list(record<MadeMap>({ ...volume, name: runName, version: text, resolutionAngstrom: orNull(positive), source: orNull(mapSource) })),
  model: orNull(record<NonNullable<ProjectSummary['model']>>({ path: text, format: oneOf('mmcif', 'pdb'), atoms: whole() })),
  neutral: orNull(record<NonNullable<ProjectSummary['neutral']>>({ gaussians: whole(), resolutionAngstrom: positive })),
  runs: list(runSummary),
  regions: list(runName),
  trainingDefaults: record<ProjectSummary['trainingDefaults']>({ default: trainingDefaults, paper: trainingDefaults }),
  jobs: list(record<ProjectSummary['jobs'][number]>(job)),
});
const pairOf = <T>(kind: Kind<T>) => list(kind, 2, 2) as Kind<T[]> as Kind<[T, T]>;
const figure = orNull(finite);
const halves = record<HalvesSummary>({
  particles: pairOf(whole()),
  latentsExplained: pairOf(figure),
  latentsByChance: figure,
  clusters: record<HalvesSummary['clusters']>({ count: whole(), adjustedRandIndex: figure, adjustedRandIndexAnew: figure }),
  states: list(
    record<HalvesState>({
      state: whole(1),
      entries: pairOf(whole()),
      share: pairOf(finite),
      resolutionAngstrom: figure,
      resolutionAtHalfAngstrom: figure,
      difference: figure,
      differenceToOthers: figure,
    }),
  ),
  motion: orNull(
    record<NonNullable<HalvesSummary['motion']>>({ correlation: figure, rmsAngstrom: pairOf(figure), disagreementAngstrom: figure }),
  ),
});
const orientations = record<OrientationSummary>({
  particles: whole(),
  against: oneOf('own', 'neutral'),
  frcBefore: finite,
  frcAfter: finite,
  medianDegrees: finite,
  degrees95: finite,
  medianAngstrom: finite,
  angstrom95: finite,
  inheritedFrom: orNull(runName),
});
const regionTurn = record<RegionTurn>({
  region: runName,
  angleDegrees: finite,
  axis: triple,
  axisPoint: orNull(triple),
  shiftAngstrom: triple,
  residualAngstrom: finite,
  rmsAngstrom: finite,
  errorAngstrom: figure,
  angleErrorDegrees: figure,
  halvesDegrees: orNull(pairOf(finite)),
});
const stepMotion = record<StepMotion>({ step: float32, insideAngstrom: list(finite), outsideAngstrom: finite, turns: list(regionTurn) });
const motionBetween: Fields<MotionBetween> = { rmsAngstrom: finite, errorAngstrom: figure, regions: list(regionTurn) };
const pathCurve: Fields<PathCurve> = { points: float32, lengths: float32, freeEnergy: float32, standardError: float32, support: float32 };
const foundPath = record<FoundPath>({
  ...pathCurve,
  shape: pathShape,
  dims: whole(1),
  populations: uint32,
  track: record<PathCurve>(pathCurve),
  bandwidth: positive,
  reach: orNull(positive),
  counted: whole(),
  beyond: whole(),
  farther: whole(),
  leastSupport: positive,
  ceiling: finite,
  longestLink: figure,
  medianLink: figure,
});
const errorCode = oneOf<ErrorCode>('malformed', 'unknown-type', 'no-such-run', 'not-ready', 'bad-value', 'busy', 'cancelled', 'failed');

export const SERVER_MESSAGES: Table<ServerMessage> = {
  project: { project },
  latents: {
    id,
    run: runName,
    epoch: whole(),
    dims: whole(),
    count: whole(),
    z: float32,
    frc: float32,
    particle: uint32,
    copy: orNull(uint32),
    observability: orNull(float32),
    pca,
  },
  halves: { id, run: runName, report: orNull(halves) },
  orientations: { id, run: runName, report: orNull(orientations) },
  embeddings: { id, run: runName, ...embeddings },
  path: { id, run: runName, epoch: whole(), path: orNull(foundPath) },
  'path-progress': { id, stage: text, done: finite, total: finite },
  epochs: { id, run: runName, epochs: list(epochRow) },
  decoded: { id, ...decodedFrame },
  frame: { sequence, ...decodedFrame },
  started: { id, job: text },
  cancelled: { id, job: text },
  'map-deleted': { id, name: runName },
  'region-saved': { id, name: runName, gaussians: orNull(whole()) },
  motions: {
    id,
    run: runName,
    epoch: whole(),
    own: list(list(stepMotion)),
    joint: orNull(record<{ together: StepMotion; apart: StepMotion }>({ together: stepMotion, apart: stepMotion })),
  },
  motion: { id, run: runName, epoch: whole(), ...motionBetween },
  progress: { ...job, seconds: finite },
  epoch: { run: runName, row: epochRow, latentsReady: flag },
  'job-ended': { job: text, run: orNull(runName), error: orNull(text) },
  error: { id: orNull(id), code: errorCode, message: text },
};

/** Array lengths that have to agree with the counts beside them; throws Mismatch. */
export function checkLengths(message: ServerMessage): void {
  const want = (field: string, array: ArrayLike<number>, length: number) => {
    if (array.length !== length) throw new Mismatch('malformed', field, `has ${array.length} numbers where ${length} belong`);
  };
  if (message.type === 'latents') {
    const { count, dims } = message;
    want('z', message.z, count * dims);
    want('frc', message.frc, count);
    want('particle', message.particle, count);
    if (message.copy) want('copy', message.copy, count);
    if (message.observability) want('observability', message.observability, count);
    want('pca.mean', message.pca.mean, dims);
    want('pca.axes', message.pca.axes, dims * dims);
    want('pca.variances', message.pca.variances, dims);
  } else if (message.type === 'embeddings') {
    const { count, columns, clusters } = message;
    for (const { name, values } of columns) want(`columns.${name}`, values, count);
    if (clusters) {
      want('clusters.labels', clusters.labels, count);
      want('clusters.medoids', clusters.medoids, clusters.sizes.length);
    }
  } else if (message.type === 'path' && message.path) {
    const { path } = message;
    for (const [name, curve] of [
      ['path', path],
      ['path.track', path.track],
    ] as const) {
      const count = curve.lengths.length;
      want(`${name}.points`, curve.points, count * path.dims);
      for (const field of ['freeEnergy', 'standardError', 'support'] as const) want(`${name}.${field}`, curve[field], count);
    }
    want('path.populations', path.populations, path.lengths.length);
  } else if (message.type === 'decoded' || message.type === 'frame') {
    want('positions', message.positions, 3 * message.count);
    want('amplitudes', message.amplitudes, message.count);
    want('sigmas', message.sigmas, message.count);
  }
}
