// The neutral model of a project: from its consensus map, or from the particles themselves where there is none, to neutral/.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../compute/backend.js';
import type { RingGeometry } from '../compute/ring-geometry.js';
import type { DensityMap } from '../formats/density-map.js';
import { InputError } from '../formats/input-error.js';
import { encodeSafetensors, readSafetensors } from '../formats/safetensors.js';
import { formatGaussians } from '../gaussians/gaussian-set.js';
import { logitsToRow, type ModelFrame, toWorld } from '../gaussians/model-frame.js';
import { MapProjector } from '../maps/project-map.js';
import { Random } from '../numerics/random.js';
import { eulerToMatrix } from '../numerics/rotations.js';
import { computingRings, defaultResolution } from '../particles/computing-box.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { ImagePreparer, prepareImages } from '../particles/prepare-images.js';
import { readParticles } from '../particles/read-particles.js';
import type { ProjectFolder } from '../project/project-folder.js';
import { writeFileAtomic } from '../project/write-file-atomic.js';
import type { NeutralOptions } from '../settings/settings.js';
import { fitNeutralModel, type NeutralModel, type ProjectionSource } from './neutral-model.js';
import type { BatchSource } from './particle-gradients.js';
import type { Reporter } from './progress.js';
import { projectionGeometry } from './projection-scale.js';
import { informationShares, meanRingCorrelation } from './ring-shares.js';
import { SETTLE_BATCH, settleNeutral } from './settle-neutral.js';
import { rotationsOf, storedBatches } from './stored-batches.js';

/** neutral/neutral.json: what the model is, for people and for the daemon. */
export interface NeutralReport {
  gaussians: number;
  resolutionAngstrom: number;
  referenceSigmaAngstrom: number;
  boxAngstrom: number;
  centreAngstrom: [number, number, number];
  seed: number;
  /** Ring correlation with unseen projections of the map; ring k of `ringFrc[k − 1]` is at boxAngstrom / k. */
  ringFrc: number[];
}

export interface ProjectNeutral {
  frame: ModelFrame;
  logits: Float32Array;
  report: NeutralReport;
}

/** Fits and writes the neutral model. The caller holds the project's lock. */
export async function fitProjectNeutral(
  project: ProjectFolder,
  backend: Backend,
  options: NeutralOptions,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<ProjectNeutral> {
  const { settings } = project;
  const resolutionAngstrom = options.resolutionAngstrom ?? defaultResolution(settings.pixelSizeAngstrom);
  const map = project.readMap();
  const { source, centreAngstrom } = map ? mapSource(project, map) : particleSource(project);
  const model = await fitNeutralModel(
    backend,
    source,
    {
      boxSize: settings.boxSize,
      pixelSizeAngstrom: settings.pixelSizeAngstrom,
      resolutionAngstrom,
      gaussians: options.gaussians,
      seed: options.seed,
    },
    reporter,
    signal,
  );
  const frame: ModelFrame = {
    boxAngstrom: settings.boxSize * settings.pixelSizeAngstrom,
    centreAngstrom,
    referenceSigmaAngstrom: model.referenceSigmaAngstrom,
  };
  const settled = await settleOnParticles(project, backend, source, model, frame, map !== null, options.seed, reporter, signal);
  return write(project, settled, frame, options.seed);
}

/** Particles that the neutral model settles on, and projections of the map that hold it. */
const SETTLE_PARTICLES = 4096;
const SETTLE_PROJECTIONS = 512;

async function settleOnParticles(
  project: ProjectFolder,
  backend: Backend,
  source: ProjectionSource,
  model: NeutralModel,
  frame: ModelFrame,
  hasMap: boolean,
  seed: number,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<NeutralModel> {
  const { settings } = project;
  const particles = openProjectParticles(project);
  const rings = computingRings(settings.boxSize, settings.pixelSizeAngstrom, model.resolutionAngstrom);
  const geometry = projectionGeometry(model.count, rings, frame);
  const random = new Random(seed);
  const count = Math.min(SETTLE_PARTICLES, particles.count);
  const chosen = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * particles.count) / count));
  const scratch = join(project.neutralFolder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  try {
    const images = await prepareImages(particles, chosen, rings, settings.contrast, join(scratch, 'images.f32'), reporter, signal);
    const batches = storedBatches(backend, images, rotationsOf(particles.rotations, chosen), SETTLE_BATCH);
    const projections = hasMap ? projectionBatches(backend, source, rings, random) : null;
    const correlationWith = async (batch: BatchSource, logits: Float32Array) => {
      const row = backend.tensor([1, logits.length], logitsToRow(logits));
      const correlation = await meanRingCorrelation(backend, geometry, row, batch, SETTLE_BATCH);
      backend.free(row);
      return correlation;
    };
    const ringShares = informationShares(rings, await correlationWith(batches, model.logits), count);
    const logits = await settleNeutral(backend, { ...geometry, ringShares }, model.logits, batches, projections, random, reporter, signal);
    const ringFrc = projections ? [...(await correlationWith(projections, logits))].slice(1) : model.ringFrc;
    images.close();
    return { ...model, logits, ringFrc };
  } finally {
    particles.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function projectionBatches(backend: Backend, source: ProjectionSource, rings: RingGeometry, random: Random): BatchSource {
  const width = 2 * rings.planeSize;
  const images = new Float32Array(SETTLE_PROJECTIONS * width);
  const rotations = new Float32Array(SETTLE_PROJECTIONS * 9);
  source.draw(SETTLE_PROJECTIONS, rings, random, images, rotations);
  return {
    count: SETTLE_PROJECTIONS,
    load(indices, rotationTensor, imageTensor) {
      for (let i = 0; i < indices.length; i++) {
        backend.write(imageTensor, images.subarray(indices[i] * width, (indices[i] + 1) * width), i * width);
        backend.write(rotationTensor, rotations.subarray(indices[i] * 9, indices[i] * 9 + 9), i * 9);
      }
    },
  };
}

/** The project's particles, with its own pixel size and images folder. */
export function openProjectParticles(project: ProjectFolder): ParticleSet {
  const { settings } = project;
  return readParticles(project.resolve(settings.particles), {
    imagesDir: settings.imagesDir === null ? undefined : project.resolve(settings.imagesDir),
    pixelSizeAngstrom: settings.pixelSizeAngstrom,
  });
}

function write(project: ProjectFolder, model: NeutralModel, frame: ModelFrame, seed: number): ProjectNeutral {
  const report: NeutralReport = {
    gaussians: model.count,
    resolutionAngstrom: model.resolutionAngstrom,
    ...frame,
    centreAngstrom: [...frame.centreAngstrom],
    seed,
    ringFrc: model.ringFrc,
  };
  const file = (name: string) => join(project.neutralFolder, name);
  writeFileAtomic(file('gaussians.txt'), formatGaussians(toWorld(logitsToRow(model.logits), frame)));
  writeFileAtomic(file('neutral.safetensors'), encodeSafetensors([['logits', { shape: [5, model.count], data: model.logits }]]));
  // The report comes last: a neutral model exists when it does.
  writeFileAtomic(file('neutral.json'), JSON.stringify(report, null, 2) + '\n');
  return { frame, logits: model.logits, report };
}

/** null when the project has none yet. */
export function readProjectNeutral(project: ProjectFolder): ProjectNeutral | null {
  const path = join(project.neutralFolder, 'neutral.json');
  if (!existsSync(path)) return null;
  let report: NeutralReport;
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as NeutralReport;
  } catch (error) {
    throw new InputError(
      `${path} is not JSON (${(error as Error).message.split('\n')[0]}); make the neutral model again with limber neutral`,
    );
  }
  const logits = readSafetensors(join(project.neutralFolder, 'neutral.safetensors')).tensors.get('logits')?.data;
  if (!logits || logits.length !== 5 * report.gaussians)
    throw new InputError(`${project.neutralFolder} is not of one piece; make the neutral model again with limber neutral`);
  return { frame: report, logits, report };
}

/** World position of voxel b//2, about which particles rotate (method.md section 1). */
export function rotationCentre(map: DensityMap): [number, number, number] {
  return [0, 1, 2].map(axis => map.originAngstrom[axis] + Math.floor(map.size[axis] / 2) * map.voxelSizeAngstrom[axis]) as [
    number,
    number,
    number,
  ];
}

function mapSource(project: ProjectFolder, map: DensityMap): { source: ProjectionSource; centreAngstrom: [number, number, number] } {
  const { settings } = project;
  const boxAngstrom = settings.boxSize * settings.pixelSizeAngstrom;
  const projector = new MapProjector(map, { boxLengthAngstrom: boxAngstrom });
  const centre = rotationCentre(map);
  const mask = project.readMask();
  const world = (x: number, axis: number) => x * boxAngstrom + centre[axis];
  const inside = (x: number, y: number, z: number) => mask === null || valueAt(mask, [world(x, 0), world(y, 1), world(z, 2)]) >= 0.5;

  // Mass above half of the contour, so that seeds fall on the molecule and thin parts get their share.
  const floor = 0.5 * (settings.contour ?? 0);
  const cumulative = new Float64Array(map.data.length);
  let total = 0;
  for (let i = 0; i < cumulative.length; i++) cumulative[i] = total += Math.max(map.data[i] - floor, 0);
  if (!(total > 0)) throw new InputError(`${settings.map}: no voxel is above ${floor}; check the map's sign and contour`);
  const [nx, ny] = map.size;
  const seed = (random: Random): [number, number, number] => {
    const voxel = search(cumulative, random.uniform() * total);
    const index = [voxel % nx, Math.floor(voxel / nx) % ny, Math.floor(voxel / (nx * ny))];
    return index.map((i, axis) => {
      const place = map.originAngstrom[axis] + (i + random.uniform() - 0.5) * map.voxelSizeAngstrom[axis];
      return Math.min(Math.max((place - centre[axis]) / boxAngstrom, -0.49), 0.49);
    }) as [number, number, number];
  };
  const draw = (rows: number, geometry: RingGeometry, random: Random, images: Float32Array, rotations: Float32Array) => {
    for (let r = 0; r < rows; r++) {
      const tilt = (Math.acos(2 * random.uniform() - 1) * 180) / Math.PI;
      eulerToMatrix(360 * random.uniform(), tilt, 360 * random.uniform(), rotations, 9 * r);
      projector.projectToRings(rotations.subarray(9 * r, 9 * r + 9), geometry, images, r * 2 * geometry.planeSize);
    }
  };
  return { source: { draw, seed, inside }, centreAngstrom: centre };
}

/** Without a map the particles themselves, all states and all noise, are what the neutral model is fitted to. */
function particleSource(project: ProjectFolder): { source: ProjectionSource; centreAngstrom: [number, number, number] } {
  const { settings } = project;
  const particles = openProjectParticles(project);
  const draw = (rows: number, geometry: RingGeometry, random: Random, images: Float32Array, rotations: Float32Array) => {
    const preparer = new ImagePreparer(particles, geometry, settings.contrast);
    for (let r = 0; r < rows; r++) {
      const particle = random.integer(particles.count);
      preparer.prepare(particle, -1, images.subarray(r * 2 * geometry.planeSize, (r + 1) * 2 * geometry.planeSize), null);
      rotations.set(particles.rotations.subarray(9 * particle, 9 * particle + 9), 9 * r);
    }
  };
  const seed = (random: Random): [number, number, number] => {
    // Uniform in a ball of a quarter of the box: most molecules fill about half of their box.
    for (;;) {
      const place = [0, 0, 0].map(() => 0.5 * (random.uniform() - 0.5)) as [number, number, number];
      if (Math.hypot(...place) < 0.25) return place;
    }
  };
  const centre = Math.floor(settings.boxSize / 2) * settings.pixelSizeAngstrom;
  return { source: { draw, seed, inside: () => true }, centreAngstrom: [centre, centre, centre] };
}

/** Value of the voxel nearest to a world position; 0 outside. */
export function valueAt(map: DensityMap, place: readonly [number, number, number]): number {
  const [i, j, k] = place.map((p, axis) => Math.round((p - map.originAngstrom[axis]) / map.voxelSizeAngstrom[axis]));
  const [nx, ny, nz] = map.size;
  return i >= 0 && j >= 0 && k >= 0 && i < nx && j < ny && k < nz ? map.data[(k * ny + j) * nx + i] : 0;
}

/** First index whose cumulative value exceeds x. */
function search(cumulative: Float64Array, x: number): number {
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > x) high = middle;
    else low = middle + 1;
  }
  return low;
}
