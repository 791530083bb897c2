// Everything decided before the first image: molecule, box, every particle's truth, and the scale that makes the mean signal variance 1.

import { Random } from '../daemon/numerics/random.js';
import { bandLimit } from './band-limit.js';
import { applyCtf } from './ctf.js';
import { findModel } from './models/fetch-model.js';
import type { ModelFile } from './models/read-model.js';
import { assemblyMolecule } from './molecules/assembly.js';
import { blobMolecule } from './molecules/blob.js';
import { modelExtent, moleculeFromModel } from './molecules/from-model.js';
import { spikeMolecule } from './molecules/spike.js';
import { type Conformation, drawProjection, finer, type ImageGeometry } from './projection.js';
import type { MovingMolecule } from './scatterers.js';
import type { SimulationPlan } from './simulation-options.js';
import { drawTruth, type ParticleTruth, poseOf } from './truth.js';

export interface Scene {
  plan: SimulationPlan;
  geometry: ImageGeometry;
  molecule: MovingMolecule;
  truth: ParticleTruth[];
  /** Kind `model`: the file, to be copied beside the images. */
  modelFile: ModelFile | null;
}

const DEFAULT_BOX = 64;
const DEFAULT_PIXEL_ANGSTROM = 4;
/** Box sizes that transform fast. */
const EVEN_BOXES = [64, 72, 80, 90, 96, 100, 108, 120, 128];
/** Side of the box over the diameter of the molecule. */
const BOX_MARGIN = 1.5;
/** Streams of one seed, kept apart. */
const SHAPE_STREAM = 0;
const TRUTH_STREAM = 1;
const NOISE_STREAM = 2;

/** The generator of one of the seed's streams. */
function streamOf(seed: number, stream: number): Random {
  return new Random((seed * 3 + stream) >>> 0);
}

export function noiseStream(plan: SimulationPlan): Random {
  return streamOf(plan.seed, NOISE_STREAM);
}

/** Box and pixel for a molecule of this radius: about 4 Å a pixel and 64 to 128 pixels, unless the plan says otherwise. */
function geometryFor(radiusAngstrom: number, plan: SimulationPlan): ImageGeometry {
  const side = 2 * radiusAngstrom * BOX_MARGIN;
  const pixels = side / (plan.pixelSizeAngstrom ?? DEFAULT_PIXEL_ANGSTROM);
  const boxSize =
    plan.boxSize ?? EVEN_BOXES.find(size => size >= pixels) ?? (plan.pixelSizeAngstrom ? 2 * Math.ceil(pixels / 2) : EVEN_BOXES.at(-1)!);
  return { boxSize, pixelSizeAngstrom: plan.pixelSizeAngstrom ?? Math.ceil((100 * side) / boxSize) / 100 };
}

/** Decides everything; reads or fetches the model. */
export async function prepareScene(plan: SimulationPlan, signal?: AbortSignal): Promise<Scene> {
  let geometry: ImageGeometry = {
    boxSize: plan.boxSize ?? DEFAULT_BOX,
    pixelSizeAngstrom: plan.pixelSizeAngstrom ?? DEFAULT_PIXEL_ANGSTROM,
  };
  let modelFile: ModelFile | null = null;
  let molecule: MovingMolecule;
  if (plan.kind === 'model') {
    modelFile = await findModel(plan.model!.source, signal);
    geometry = geometryFor(modelExtent(modelFile.atoms).radiusAngstrom, plan);
    molecule = moleculeFromModel(modelFile, plan.model!.source, plan.model!, geometry.pixelSizeAngstrom / plan.supersampling);
  } else if (plan.kind === 'trimer') molecule = spikeMolecule(geometry.pixelSizeAngstrom, plan.independentCopies);
  else if (plan.kind === 'assembly') molecule = assemblyMolecule(streamOf(plan.seed, SHAPE_STREAM));
  else molecule = blobMolecule(plan.kind, streamOf(plan.seed, SHAPE_STREAM));
  return { plan, geometry, molecule, modelFile, truth: drawTruth(molecule, plan.particles, plan, streamOf(plan.seed, TRUTH_STREAM)) };
}

/** The noise-free image of particle i in density · Å, with its CTF; in another state than its own when `state` is given. */
export function cleanImage(scene: Scene, i: number, image: Float64Array, state: Conformation = scene.truth[i]): void {
  const truth = scene.truth[i];
  const { supersampling } = scene.plan;
  if (supersampling === 1) drawProjection(scene.molecule, state, poseOf(truth), scene.geometry, image.fill(0));
  else {
    const drawn = finer(scene.geometry, supersampling);
    const { originXPixels, originYPixels, view } = poseOf(truth);
    const pose = { view, originXPixels: originXPixels * supersampling, originYPixels: originYPixels * supersampling };
    const fine = new Float64Array(drawn.boxSize ** 2);
    drawProjection(scene.molecule, state, pose, drawn, fine);
    image.set(bandLimit(fine, drawn.boxSize, 2, supersampling));
  }
  if (truth.ctf) applyCtf(image, scene.geometry.boxSize, scene.geometry.pixelSizeAngstrom, truth.ctf);
}

/** Mean and variance over all pixels. */
export function momentsOf(image: ArrayLike<number>): { mean: number; variance: number } {
  let sum = 0;
  let squares = 0;
  for (let p = 0; p < image.length; p++) {
    sum += image[p];
    squares += image[p] * image[p];
  }
  const mean = sum / image.length;
  return { mean, variance: squares / image.length - mean * mean };
}
