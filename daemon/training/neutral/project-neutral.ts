// The neutral model of a project: fitted to its consensus map (or a reconstruction where it has none), settled on its particles, kept in neutral/.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend } from '../../compute/backend.js';
import type { RingGeometry } from '../../compute/ring-geometry.js';
import { InputError } from '../../formats/input-error.js';
import { writeMap } from '../../formats/mrc.js';
import { encodeSafetensors, readSafetensors } from '../../formats/safetensors.js';
import { formatGaussians } from '../../gaussians/gaussian-set.js';
import { logitsToRow, type ModelFrame, toWorld } from '../../gaussians/model-frame.js';
import { formatShellCorrelations } from '../../maps/fsc.js';
import { Random } from '../../numerics/random.js';
import { symmetryRotations } from '../../numerics/symmetry.js';
import { computingRings, defaultResolution } from '../../particles/computing-box.js';
import type { ParticleSet } from '../../particles/particle-set.js';
import { prepareImages } from '../../particles/prepare-images.js';
import { readParticles } from '../../particles/read-particles.js';
import type { ProjectFolder } from '../../project/project-folder.js';
import { writeFileAtomic } from '../../project/write-file-atomic.js';
import type { NeutralOptions } from '../../settings/settings.js';
import type { BatchSource } from '../particle-gradients.js';
import type { Reporter } from '../progress.js';
import { projectionGeometry } from '../projection-scale.js';
import { informationShares, meanRingCorrelation, sharesOfSignal } from '../ring-shares.js';
import { runEntries } from '../run-entries.js';
import { storedBatches } from '../stored-batches.js';
import { type Consensus, mapProjections, moleculeVolume } from './map-projections.js';
import { neutralConsensus } from './neutral-consensus.js';
import { fitNeutralModel, type NeutralFit, type NeutralModel, type ProjectionSource, removeOutside } from './neutral-model.js';
import type { NeutralReport } from './neutral-report.js';
import { SETTLE_BATCH, settleNeutral } from './settle-neutral.js';

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
  const { boxSize, pixelSizeAngstrom } = settings;
  const boxAngstrom = boxSize * pixelSizeAngstrom;
  const resolutionAngstrom = options.resolutionAngstrom ?? defaultResolution(pixelSizeAngstrom);
  const particles = openProjectParticles(project);
  try {
    const consensus = await neutralConsensus(project, particles, { resolutionAngstrom, threads: options.threads }, reporter, signal);
    const { fitted, source } = await fitToConsensus(
      backend,
      consensus,
      { boxSize, pixelSizeAngstrom, resolutionAngstrom, gaussians: options.gaussians, seed: options.seed },
      reporter,
      signal,
    );
    const frame: ModelFrame = {
      boxAngstrom,
      centreAngstrom: consensus.centreAngstrom,
      referenceSigmaAngstrom: fitted.referenceSigmaAngstrom,
    };
    const settled = await settleOnParticles({ project, particles, backend, source, fitted, frame, seed: options.seed }, reporter, signal);
    return write(project, consensus, { fitted, settled, frame, seed: options.seed });
  } finally {
    particles.close();
  }
}

/** The model as the map alone makes it, and the map's projections that it was fitted to. */
export async function fitToConsensus(
  backend: Backend,
  consensus: Consensus,
  options: Omit<NeutralFit, 'mostGaussians'>,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<{ fitted: NeutralModel; source: ProjectionSource }> {
  const source = mapProjections(consensus, options.boxSize * options.pixelSizeAngstrom);
  const mostGaussians = independentValues(moleculeVolume(consensus), options.resolutionAngstrom);
  return { fitted: await fitNeutralModel(backend, source, { ...options, mostGaussians }, reporter, signal), source };
}

/**
 * Independent real numbers that a molecule of this volume (Å³) has up to a resolution: cells of its volume in the sphere of frequencies. More
 * Gaussians than these, of five numbers each, find nothing left to tell.
 */
function independentValues(volume: number, resolutionAngstrom: number): number {
  return Math.max(FEWEST_AT_MOST, Math.ceil((volume * (4 / 3) * Math.PI) / resolutionAngstrom ** 3));
}

/** The paper's first number is never too many to begin with. */
const FEWEST_AT_MOST = 256;
/** Particles that the neutral model settles on, projections of the map that hold it, and others that it is judged on afterwards. */
const SETTLE_PARTICLES = 4096;
const SETTLE_PROJECTIONS = 512;
const JUDGED_PROJECTIONS = 128;

interface Settling {
  project: ProjectFolder;
  particles: ParticleSet;
  backend: Backend;
  source: ProjectionSource;
  fitted: NeutralModel;
  frame: ModelFrame;
  seed: number;
}

/** Under symmetry every particle is met in all orientations that are as good, so that its model stays symmetric. */
async function settleOnParticles(
  { project, particles, backend, source, fitted, frame, seed }: Settling,
  reporter: Reporter,
  signal?: AbortSignal,
): Promise<NeutralModel> {
  const { settings } = project;
  const rings = computingRings(settings.boxSize, settings.pixelSizeAngstrom, fitted.resolutionAngstrom);
  const random = new Random(seed);
  const count = Math.min(SETTLE_PARTICLES, particles.count);
  const chosen = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * particles.count) / count));
  const entries = runEntries(particles.rotations, chosen, symmetryRotations(settings.symmetry));
  const scratch = join(project.neutralFolder, 'scratch');
  mkdirSync(scratch, { recursive: true });
  try {
    const images = await prepareImages(particles, chosen, rings, settings.contrast, join(scratch, 'images.rows'), reporter, signal);
    const batches = storedBatches(backend, images, entries.rotations, SETTLE_BATCH, entries.copies);
    const projections = projectionBatches(backend, source, rings, SETTLE_PROJECTIONS, random);
    const correlationWith = async (batch: BatchSource, logits: Float32Array) => {
      const row = backend.tensor([1, logits.length], logitsToRow(logits));
      const geometry = projectionGeometry(logits.length / 5, rings, frame);
      const correlation = await meanRingCorrelation(backend, geometry, row, batch, SETTLE_BATCH);
      backend.free(row);
      return correlation;
    };
    const ringShares = informationShares(rings, await correlationWith(batches, fitted.logits), count);
    const geometry = { ...projectionGeometry(fitted.count, rings, frame), ringShares };
    const settled = await settleNeutral(
      backend,
      {
        geometry,
        start: fitted.logits,
        particles: batches,
        projections,
        projectionShares: sharesOfSignal(rings.rings, source.ceiling),
        random,
      },
      reporter,
      signal,
    );
    images.close();
    const logits = removeOutside(settled, source);
    const unseen = projectionBatches(backend, source, rings, JUDGED_PROJECTIONS, random);
    return {
      ...fitted,
      count: logits.length / 5,
      logits,
      ringFrc: [...(await correlationWith(unseen, logits))].slice(1),
      fsc:
        source.shellCorrelation && [...Array.from(source.shellCorrelation(logits, frame.referenceSigmaAngstrom))].slice(1, rings.rings + 1),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function projectionBatches(backend: Backend, source: ProjectionSource, rings: RingGeometry, count: number, random: Random): BatchSource {
  const width = 2 * rings.planeSize;
  const images = new Float32Array(count * width);
  const rotations = new Float32Array(count * 9);
  source.draw(count, rings, random, images, rotations);
  return {
    count,
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

interface Made {
  fitted: NeutralModel;
  settled: NeutralModel;
  frame: ModelFrame;
  seed: number;
}

function write(project: ProjectFolder, consensus: Consensus, { fitted, settled, frame, seed }: Made): ProjectNeutral {
  const shells = settled.ringFrc.length;
  const report: NeutralReport = {
    gaussians: settled.count,
    resolutionAngstrom: settled.resolutionAngstrom,
    ...frame,
    centreAngstrom: [...frame.centreAngstrom],
    seed,
    ringFrc: settled.ringFrc,
    fittedTo: consensus.name,
    fsc: settled.fsc ?? [],
    fscBeforeSettling: fitted.fsc ?? [],
    noiseCeiling: [...consensus.ceiling.subarray(1, shells + 1)],
  };
  const file = (name: string) => join(project.neutralFolder, name);
  // Without a map of its own the project keeps what stood for it.
  if (project.settings.map === null) writeMap(file('reconstruction.mrc'), consensus.map);
  writeFileAtomic(file('gaussians.txt'), formatGaussians(toWorld(logitsToRow(settled.logits), frame)));
  writeFileAtomic(file('neutral.safetensors'), encodeSafetensors([['logits', { shape: [5, settled.count], data: settled.logits }]]));
  const curve = (values: readonly number[]) => ({ correlation: Float64Array.of(1, ...values), boxLengthAngstrom: frame.boxAngstrom });
  const curves = {
    fsc: report.fsc,
    before_settling: report.fscBeforeSettling,
    noise_ceiling: report.noiseCeiling,
    ring_frc: report.ringFrc,
  };
  writeFileAtomic(
    file('fsc.tsv'),
    formatShellCorrelations(Object.fromEntries(Object.entries(curves).map(([name, values]) => [name, curve(values ?? [])]))),
  );
  // The report comes last: a neutral model exists when it does.
  writeFileAtomic(file('neutral.json'), JSON.stringify(report, null, 2) + '\n');
  return { frame, logits: settled.logits, report };
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
