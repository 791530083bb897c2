// Makes a project of a particle file and what belongs to it; all of it is read and checked before the first byte is written.
import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { DensityMap } from '../formats/density-map.js';
import { InputError } from '../formats/input-error.js';
import { readMap, readMapHeader } from '../formats/mrc.js';
import { consensusContour } from '../maps/contour.js';
import { type Contrast, contrastOfReconstruction, detectContrast } from '../maps/contrast.js';
import { MapProjector } from '../maps/project-map.js';
import { checkPlacement } from '../models/place.js';
import { readModel } from '../models/read-model.js';
import { computingRings, defaultResolution } from '../particles/computing-box.js';
import type { ParticleSet } from '../particles/particle-set.js';
import { readParticles } from '../particles/read-particles.js';
import { Cancelled, type Reporter } from '../training/progress.js';
import { ProjectFolder, storedPath } from './project-folder.js';

/** Files as the user named them, relative to the working folder. */
export interface NewProject {
  particles: string;
  imagesDir: string | null;
  map: string | null;
  mask: string | null;
  model: string | null;
  /** Schoenflies symbol. */
  symmetry: string;
  /** null: the particle file's own. */
  pixelSizeAngstrom: number | null;
}

/** Up to this many images are all read here; of more, a sample (training reads the rest, and checks each as well). */
const READ_ALL_BELOW = 20_000;
const SAMPLE = 2_000;
/** Relative difference of pixel sizes that rounding in headers explains, and the one that a calibration does, given by hand (read-particles.ts takes no more). */
const ROUNDING = 0.01;
const CALIBRATION = 0.05;
/** Mean correlation over its standard error below which its sign is a guess. */
const SIGNIFICANT = 3;

/** Throws InputError on any input that is missing, wrong or at odds with another; nothing is left behind then. */
export async function createProject(path: string, given: NewProject, reporter: Reporter, signal: AbortSignal): Promise<ProjectFolder> {
  const folder = resolve(path);
  ProjectFolder.refuseExisting(folder);
  requireFile(given.particles, '--particles');
  for (const name of ['map', 'mask', 'model'] as const) if (given[name] !== null) requireFile(given[name], `--${name}`);
  if (given.imagesDir !== null && !(existsSync(given.imagesDir) && statSync(given.imagesDir).isDirectory())) {
    throw new InputError(`--images-dir ${given.imagesDir} is no folder; give the folder that the image stacks lie in`);
  }
  const symmetry = checkSymmetry(given.symmetry);
  const particles = readParticles(given.particles, {
    imagesDir: given.imagesDir ?? undefined,
    pixelSizeAngstrom: given.pixelSizeAngstrom ?? undefined,
  });
  try {
    for (const line of particles.notes) reporter.note(line);
    const tolerance = given.pixelSizeAngstrom === null ? ROUNDING : CALIBRATION;
    const map = given.map === null ? null : readOnGrid(given.map, particles, tolerance, reporter);
    if (given.mask !== null) readOnGrid(given.mask, particles, tolerance, reporter);
    const model = given.model === null ? null : await readModel(given.model);
    const placement = model && map ? checkPlacement(model, map) : null;
    if (placement?.note) reporter.note(`warning: ${placement.note}`);
    await readImages(particles, reporter, signal);
    const contrast = map ? contrastOf(particles, map, reporter) : null;
    const sign = contrast?.contrast ?? (await contrastWithoutMap(particles, symmetry, reporter, signal));
    const stored = (file: string | null) => (file === null ? null : storedPath(folder, file));
    return ProjectFolder.create(folder, {
      format: 'limber-project',
      version: 1,
      name: basename(folder),
      particles: storedPath(folder, given.particles),
      imagesDir: stored(given.imagesDir),
      map: stored(given.map),
      mask: stored(given.mask),
      model: stored(given.model),
      symmetry,
      pixelSizeAngstrom: particles.pixelSizeAngstrom,
      boxSize: particles.boxSize,
      particleCount: particles.count,
      contrast: sign,
      contrastCorrelation: contrast?.correlation ?? null,
      contour: map ? consensusContour(map) : null,
    });
  } finally {
    particles.close();
  }
}

function requireFile(path: string, flag: string): void {
  if (!existsSync(path)) throw new InputError(`${flag} ${path} does not exist; check the path`);
  if (!statSync(path).isFile()) throw new InputError(`${flag} ${path} is not a file; give the file itself`);
}

function checkSymmetry(symbol: string): string {
  const upper = symbol.toUpperCase();
  if (!/^([CD][1-9]\d?|T|O|I)$/.test(upper)) throw new InputError(`--symmetry ${symbol} is no point group; take C1, C3, D7, T, O or I`);
  return upper;
}

/** A map or mask must lie on the particles' grid: same box, same pixels. A header that does not know its voxel size takes the particles'. */
function readOnGrid(file: string, particles: ParticleSet, tolerance: number, reporter: Reporter): DensityMap {
  const { boxSize, pixelSizeAngstrom } = particles;
  const { size, voxelSizeAngstrom, voxelSizeIsSuspect } = readMapHeader(file);
  const sameBox = size.every(side => side === boxSize);
  const samePixel = voxelSizeAngstrom.every(side => Math.abs(side / pixelSizeAngstrom - 1) <= tolerance);
  if (sameBox && (samePixel || voxelSizeIsSuspect)) {
    const map = readMap(file, { pixelSizeAngstrom });
    for (const line of map.notes) reporter.note(line);
    return map;
  }
  const shown = [...new Set(voxelSizeAngstrom.map(side => side.toFixed(3)))];
  const cure = sameBox
    ? `one of them is wrong: correct the pixel size in ${basename(particles.file)}, or the header of ${basename(file)}`
    : "give the map of the same refinement, on the particles' own box and pixel size";
  throw new InputError(
    `${file} has ${size.join(' × ')} voxels of ${shown.join(' × ')} Å, but ${particles.file} has images of ${boxSize} × ${boxSize} pixels of ${pixelSizeAngstrom.toFixed(3)} Å; ${cure}`,
  );
}

/** Reading an image checks it: a stack cut short or a value that is not a number throws here, before anything is made. */
async function readImages(particles: ParticleSet, reporter: Reporter, signal: AbortSignal): Promise<void> {
  const count = particles.count < READ_ALL_BELOW ? particles.count : SAMPLE;
  const image = new Float32Array(particles.boxSize ** 2);
  for (let s = 0; s < count; s++) {
    particles.readImage(Math.floor((s * particles.count) / count), image);
    if (s % 64 !== 0) continue;
    reporter.progress('reading images', s, count);
    // Lets a Ctrl-C arrive between two images.
    await setImmediate();
    if (signal.aborted) throw new Cancelled('stopped before the project was made; nothing was written');
  }
  reporter.progress('reading images', count, count);
}

function contrastOf(particles: ParticleSet, map: DensityMap, reporter: Reporter): Contrast {
  const { boxSize, pixelSizeAngstrom } = particles;
  const boxLengthAngstrom = boxSize * pixelSizeAngstrom;
  const geometry = computingRings(boxSize, pixelSizeAngstrom, Math.min(defaultResolution(pixelSizeAngstrom), boxLengthAngstrom / 3));
  const found = detectContrast(particles, new MapProjector(map, { boxLengthAngstrom, rings: geometry.rings }), geometry);
  const measured = `mean correlation with the projected map ${found.correlation.toFixed(3)} over ${found.images} images`;
  if (found.significance < SIGNIFICANT)
    reporter.note(`warning: images and map hardly agree (${measured}): check orientations, pixel size and handedness`);
  else if (found.contrast < 0) reporter.note(`contrast is inverted: ${measured}; the images are taken with the opposite sign from here on`);
  else reporter.note(`contrast is as RELION has it: ${measured}`);
  return found;
}

async function contrastWithoutMap(particles: ParticleSet, symmetry: string, reporter: Reporter, signal: AbortSignal): Promise<1 | -1> {
  const { contrast, skewness, isSignificant } = await contrastOfReconstruction(particles, symmetry, reporter, signal);
  const measured = `a reconstruction of the particles has a skewness of ${skewness.toFixed(2)}`;
  if (!isSignificant) {
    reporter.note(
      `warning: a reconstruction of the particles hardly shows a molecule; contrast is taken to be as RELION has it, --map would tell`,
    );
    return 1;
  }
  if (contrast < 0) reporter.note(`contrast is inverted: ${measured}; the images are taken with the opposite sign from here on`);
  else reporter.note(`contrast is as RELION has it: ${measured}`);
  return contrast;
}
