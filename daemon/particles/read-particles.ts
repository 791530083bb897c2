// Opens a particle set: what its star file says, joined to the stacks it names (images stay where they lie); and writes a selection of it.
import { extname } from 'node:path';
import { InputError } from '../formats/input-error.js';
import { isPlausiblePixelSize, PIXEL_SIZE_RANGE_ANGSTROM } from '../formats/mrc.js';
import { readStar, writeStarRows } from '../formats/star.js';
import { locateStacks } from './locate-stacks.js';
import type { ParticleRecords } from './particle-records.js';
import type { ParticleSet } from './particle-set.js';
import { StackPool } from './stack-pool.js';
import { particleTable, readStarRecords } from './star-records.js';

export interface ParticleOptions {
  /** Folder of the stacks, where their paths in the file do not lead to them (`--images-dir`). */
  imagesDir?: string | null;
  /** Å (`--pixel-size`), where the file does not say, or a calibrated value within 5 % of what it says. */
  pixelSizeAngstrom?: number | null;
}

/** How far a given pixel size may lie from the file's before it is a mistake rather than a calibration. */
const PIXEL_SIZE_TOLERANCE = 0.05;

/**
 * Reads a star file and checks every stack it names: there, whole, square, of one size, long enough. Throws InputError, in one line with the cure,
 * where any of it fails. The caller closes the set.
 */
export function readParticles(file: string, options: ParticleOptions = {}): ParticleSet {
  const given = options.pixelSizeAngstrom ?? null;
  checkGivenPixelSize(given);
  const records = readRecords(file);
  const paths = locateStacks(records.stackNames, file, options.imagesDir ?? null);
  const pool = new StackPool();
  try {
    const stacks = checkStacks(records, paths, pool);
    const notes = [...records.notes];
    const pixelSizeAngstrom = choosePixelSize(records, stacks.pixelSizeAngstrom, given, notes);
    const unit = originUnitsPerPixel(records, pixelSizeAngstrom);
    return {
      file,
      count: records.count,
      boxSize: stacks.boxSize,
      pixelSizeAngstrom,
      rotations: records.rotations,
      shiftsPixels: Float32Array.from(records.shifts, shift => shift / unit),
      ctf: records.ctf,
      phaseFlipped: records.phaseFlipped,
      ctfPremultiplied: records.ctfPremultiplied,
      halfSet: records.halfSet,
      notes,
      readImage(i, out) {
        const path = paths[records.stackOf[i]];
        pool.get(path).readImage(records.imageOf[i], out);
        if (!allFinite(out)) {
          throw new InputError(
            `${path}: image ${records.imageOf[i] + 1} (${records.place(i)}) holds values that are not numbers; remove this particle from the file`,
          );
        }
      },
      close: () => pool.close(),
    };
  } catch (error) {
    pool.close();
    throw error;
  }
}

/**
 * Writes a selection of particles as a star file that RELION takes: the input's own columns, unchanged and in order (contract.md). `rows`: rows of the
 * input from 0, in the order wanted. Optics groups, comments and every value's own text stay as they are. Throws InputError where `input` is no particle star file.
 */
export function writeParticleSubset(input: string, rows: Iterable<number>, output: string): void {
  const star = readStar(input);
  writeStarRows(output, star, particleTable(star).name, rows);
}

/** How many units of a file's origins a pixel is: Å in the file were pixels of the file's own pixel size, whatever a calibration says of it since. */
export function originUnitsPerPixel(
  { shiftUnit, pixelSizeAngstrom }: Pick<ParticleRecords, 'shiftUnit' | 'pixelSizeAngstrom'>,
  usedPixelSizeAngstrom: number,
): number {
  return shiftUnit === 'pixel' ? 1 : (pixelSizeAngstrom ?? usedPixelSizeAngstrom);
}

function readRecords(file: string): ParticleRecords {
  const type = extname(file).toLowerCase();
  if (type === '.mrcs' || type === '.mrc') {
    throw new InputError(`${file}: a stack alone has no orientations; give the star file of a consensus refinement that names it`);
  }
  if (type === '.cs') throw new InputError(`${file}: cryoSPARC files cannot be read yet; convert it with pyem's csparc2star.py`);
  return readStarRecords(file);
}

interface CheckedStacks {
  boxSize: number;
  /** From the first stack's header; null where it says nothing plausible. */
  pixelSizeAngstrom: number | null;
}

function checkStacks(records: ParticleRecords, paths: readonly string[], pool: StackPool): CheckedStacks {
  const counts = new Float64Array(paths.length);
  const first = pool.get(paths[0]);
  const { width: boxSize, pixelSizeAngstrom } = first;
  paths.forEach((path, i) => {
    const { width, height, count } = pool.get(path);
    if (width !== height)
      throw new InputError(`${path}: images of ${width} × ${height} pixels; particles must be square: extract them again`);
    if (width !== boxSize)
      throw new InputError(
        `${path}: images of ${width} pixels, those of ${paths[0]} have ${boxSize}; particles of one file must have one size`,
      );
    counts[i] = count;
  });
  if (records.boxSize !== null && records.boxSize !== boxSize) {
    throw new InputError(
      `${records.file}: images of ${records.boxSize} pixels, but those in ${paths[0]} have ${boxSize}, so its pixel size is not theirs; give the star file that belongs to this stack`,
    );
  }
  for (let row = 0; row < records.count; row++) {
    const stack = records.stackOf[row];
    if (records.imageOf[row] >= counts[stack]) {
      throw new InputError(
        `${records.place(row)}: image ${records.imageOf[row] + 1} of ${paths[stack]}, which has ${counts[stack]}; copy the stack again, or give the star file that belongs to it`,
      );
    }
  }
  return { boxSize, pixelSizeAngstrom };
}

function checkGivenPixelSize(given: number | null): void {
  if (given === null || isPlausiblePixelSize(given)) return;
  const [least, most] = PIXEL_SIZE_RANGE_ANGSTROM;
  throw new InputError(`--pixel-size ${given}: not a pixel size; give Å per pixel, between ${least} and ${most}`);
}

/** The given one, where it does not contradict the file; else the file's; else the stack header's. */
function choosePixelSize(records: ParticleRecords, fromHeader: number | null, given: number | null, notes: string[]): number {
  const { file, pixelSizeAngstrom: fromFile } = records;
  if (given !== null) {
    if (fromFile !== null && Math.abs(given - fromFile) > PIXEL_SIZE_TOLERANCE * fromFile) {
      throw new InputError(
        `${file}: its pixel size is ${fromFile} Å, --pixel-size says ${given} Å; leave out --pixel-size, or correct the file`,
      );
    }
    if (fromFile !== null && given !== fromFile) notes.push(`${file}: its pixel size is ${fromFile} Å; ${given} Å is used as given`);
    return given;
  }
  if (fromFile !== null) return fromFile;
  if (fromHeader === null) throw new InputError(`${file}: no pixel size in it, nor in its stacks; give it with --pixel-size, in Å`);
  const doubt = fromHeader === 1 ? ', which often means that nobody set it' : '';
  notes.push(`${file}: no pixel size in it; the stacks' header says ${fromHeader} Å${doubt}; --pixel-size gives another`);
  return fromHeader;
}

/** A product with zero is NaN exactly for NaN and the infinities, so one sum tests all. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  return sum === 0;
}
