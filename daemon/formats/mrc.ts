// MRC maps and image stacks: maps are read whole into the world frame, stacks are read in place, image by image.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { AtomicFile, writeAtomically } from './atomic-file.js';
import type { DensityMap } from './density-map.js';
import { InputError } from './input-error.js';
import { encodeMrcHeader, expectedFileBytes, HEADER_BYTES, type MrcHeader, parseMrcHeader, type Triple } from './mrc-header.js';
import { bytesPerRow, decodeSamples } from './mrc-samples.js';
import { RunningStatistics } from './running-statistics.js';

/** Å per pixel outside this range is a mistake, not a microscope. */
export const PIXEL_SIZE_RANGE_ANGSTROM: readonly [number, number] = [0.1, 100];

export function isPlausiblePixelSize(angstrom: number): boolean {
  return angstrom >= PIXEL_SIZE_RANGE_ANGSTROM[0] && angstrom <= PIXEL_SIZE_RANGE_ANGSTROM[1];
}

export interface MapReadingOptions {
  /** Å per voxel, in place of what the header says: the particles' star or cs file knows better. */
  pixelSizeAngstrom?: number;
}

/** A map's place in the world, in the order x, y, z whatever the order in the file. */
export interface MapHeader {
  path: string;
  size: Triple;
  /** Å; the option's, else the header's, else 1. */
  voxelSizeAngstrom: Triple;
  /** The header gives no voxel size, or exactly 1 Å, which many programs write when they do not know it. */
  voxelSizeIsSuspect: boolean;
  originAngstrom: Triple;
  /** Lines the user should read. */
  notes: string[];
  /** The header as it stands in the file. */
  fileHeader: MrcHeader;
}

/** A map as read: the array in the order of DensityMap, and what the user should know of its header. */
export interface MapFromFile extends DensityMap {
  notes: string[];
}

/** An image stack that stays on disk. Not for two threads at once. */
export interface ImageStack {
  path: string;
  /** Pixels along x. */
  width: number;
  /** Pixels along y. */
  height: number;
  count: number;
  /** From the header; null where it says nothing plausible. A star or cs file knows better. */
  pixelSizeAngstrom: number | null;
  /** Reads image `index` (from 0) into out[height·width], rows y, x fastest. Throws InputError where the file ends before. */
  readImage(index: number, out: Float32Array): void;
  close(): void;
}

/** Reads only the header. Throws InputError: no such file, not MRC, truncated, a stack of several volumes. */
export function readMapHeader(path: string, options: MapReadingOptions = {}): MapHeader {
  const handle = openForReading(path);
  try {
    return placeMap(path, checkedHeader(handle, path), options);
  } finally {
    closeSync(handle);
  }
}

/**
 * Reads a whole volume into the frame of method.md section 1: axes permuted to x, y, z; origin from ORIGIN, or from NSTART where ORIGIN is zero.
 * Throws InputError as readMapHeader does, and on a voxel that is not finite.
 */
export function readMap(path: string, options: MapReadingOptions = {}): MapFromFile {
  const handle = openForReading(path);
  try {
    const header = checkedHeader(handle, path);
    const { size, voxelSizeAngstrom, originAngstrom, notes } = placeMap(path, header, options);
    return { size, voxelSizeAngstrom, originAngstrom, data: readVolume(handle, path, header, size), notes };
  } finally {
    closeSync(handle);
  }
}

/** Opens a stack and checks its header and length; the images stay on disk. Throws InputError: no such file, not MRC, truncated. */
export function openStack(path: string): ImageStack {
  const handle = openForReading(path);
  try {
    const header = checkedHeader(handle, path);
    if (header.axes.some((axis, i) => axis !== i)) {
      throw new InputError(
        `${path}: the axes of an image stack must be x, y, z in this order, not ${axisNames(header)}; write it again with MAPC MAPR MAPS = 1 2 3`,
      );
    }
    const { columns, rows, sections } = header;
    const imageBytes = bytesPerRow(header.mode, columns) * rows;
    const bytes = new Uint8Array(imageBytes);
    return {
      path,
      width: columns,
      height: rows,
      count: sections,
      pixelSizeAngstrom: plausible(header.cellAngstrom[0] / (header.intervals[0] || columns)),
      readImage(index, out) {
        if (!(index >= 0 && index < sections)) throw new InputError(`${path}: image ${index + 1} asked for, the stack has ${sections}`);
        if (out.length !== columns * rows) throw new Error(`an image of ${columns} × ${rows} does not fit into ${out.length} numbers`);
        readWhole(handle, path, bytes, HEADER_BYTES + header.extendedHeaderBytes + index * imageBytes);
        decodeSamples(header.mode, header.littleEndian, bytes, columns, rows, out);
      },
      close: () => closeSync(handle),
    };
  } catch (error) {
    closeSync(handle);
    throw error;
  }
}

/** Writes float32, axes x y z, NSTART 0, ORIGIN as given, and the array's true statistics. The file appears when it is complete. */
export function writeMap(path: string, map: DensityMap): void {
  const { size, voxelSizeAngstrom: voxel, originAngstrom, data } = map;
  if (data.length !== size[0] * size[1] * size[2]) throw new Error(`a map of ${size.join(' × ')} does not hold ${data.length} voxels`);
  const statistics = new RunningStatistics();
  statistics.add(data);
  const cellAngstrom: Triple = [size[0] * voxel[0], size[1] * voxel[1], size[2] * voxel[2]];
  writeAtomically(path, file => {
    file.append(encodeMrcHeader({ size, intervals: size, cellAngstrom, originAngstrom, spaceGroup: 1, statistics }));
    file.append(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
}

/** A stack that grows image by image; it appears under its name at `close`. */
export interface StackWriter {
  /** Appends an image, height·width, rows y, x fastest. */
  write(image: Float32Array): void;
  /** Puts the count and the true statistics into the header and the file in place. */
  close(): void;
  /** Removes what was written. */
  abandon(): void;
}

export function createStackWriter(path: string, width: number, height: number, pixelSizeAngstrom: number): StackWriter {
  const file = new AtomicFile(path);
  file.append(new Uint8Array(HEADER_BYTES));
  const statistics = new RunningStatistics();
  let count = 0;
  return {
    write(image) {
      if (image.length !== width * height) throw new Error(`an image of ${width} × ${height} does not hold ${image.length} pixels`);
      file.append(new Uint8Array(image.buffer, image.byteOffset, image.byteLength));
      statistics.add(image);
      count++;
    },
    close() {
      // MRC2014: in a stack of images MZ is 1.
      const cellAngstrom: Triple = [width * pixelSizeAngstrom, height * pixelSizeAngstrom, pixelSizeAngstrom];
      const header = {
        size: [width, height, count] as Triple,
        intervals: [width, height, 1] as Triple,
        cellAngstrom,
        originAngstrom: [0, 0, 0] as Triple,
      };
      file.writeAt(0, encodeMrcHeader({ ...header, spaceGroup: 0, statistics }));
      file.commit();
    },
    abandon: () => file.abandon(),
  };
}

function openForReading(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw new InputError(`${path}: cannot be opened (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
}

/** Fills `bytes` from `position` on. The system may give fewer bytes than asked in one call. */
function readWhole(handle: number, path: string, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(handle, bytes, done, bytes.length - done, position + done);
    if (got === 0)
      throw new InputError(`${path}: ends at byte ${position + done}, ${position + bytes.length} are needed; copy or export it again`);
    done += got;
  }
}

function checkedHeader(handle: number, path: string): MrcHeader {
  const status = fstatSync(handle);
  if (!status.isFile()) throw new InputError(`${path}: not a file; give an .mrc, .mrcs or .map file`);
  const bytes = new Uint8Array(Math.min(HEADER_BYTES, status.size));
  readWhole(handle, path, bytes, 0);
  const header = parseMrcHeader(bytes, path, status.size);
  const expected = expectedFileBytes(header);
  if (status.size < expected) {
    const promised = `${header.columns} × ${header.rows} × ${header.sections} samples of mode ${header.mode}`;
    throw new InputError(
      `${path}: truncated, its header promises ${expected} bytes (${promised}) and it has ${status.size}; copy or export it again`,
    );
  }
  return header;
}

function readVolume(handle: number, path: string, header: MrcHeader, size: Triple): Float32Array {
  const { columns, rows, sections, axes } = header;
  const data = new Float32Array(columns * rows * sections);
  const steps = [1, size[0], size[0] * size[1]];
  const [columnStep, rowStep, sectionStep] = axes.map(axis => steps[axis]);
  const bytes = new Uint8Array(bytesPerRow(header.mode, columns) * rows);
  const section = new Float32Array(columns * rows);
  for (let s = 0; s < sections; s++) {
    readWhole(handle, path, bytes, HEADER_BYTES + header.extendedHeaderBytes + s * bytes.length);
    decodeSamples(header.mode, header.littleEndian, bytes, columns, rows, section);
    for (let r = 0, i = 0; r < rows; r++) {
      let target = s * sectionStep + r * rowStep;
      for (let c = 0; c < columns; c++, i++, target += columnStep) {
        if (!Number.isFinite(section[i])) {
          throw new InputError(
            `${path}: column ${c + 1}, row ${r + 1}, section ${s + 1} is ${section[i]}; mend the map or export it again`,
          );
        }
        data[target] = section[i];
      }
    }
  }
  return data;
}

function placeMap(path: string, header: MrcHeader, { pixelSizeAngstrom }: MapReadingOptions): MapHeader {
  const notes: string[] = [];
  const size: Triple = [0, 0, 0];
  const start: Triple = [0, 0, 0];
  // The counts and NSTART follow the file's axes; the cell, its intervals and ORIGIN follow x, y, z.
  [header.columns, header.rows, header.sections].forEach((length, i) => {
    size[header.axes[i]] = length;
    start[header.axes[i]] = header.start[i];
  });
  if (header.spaceGroup >= 401 && header.intervals[2] > 0 && size[2] > header.intervals[2]) {
    throw new InputError(
      `${path}: a stack of ${Math.floor(size[2] / header.intervals[2])} volumes; write the one you want to a file of its own`,
    );
  }
  const fromHeader = header.cellAngstrom.map((length, i) => plausible(length / (header.intervals[i] > 0 ? header.intervals[i] : size[i])));
  const headerKnows = fromHeader.every(value => value !== null);
  const voxelSizeAngstrom = (
    pixelSizeAngstrom !== undefined ? [pixelSizeAngstrom, pixelSizeAngstrom, pixelSizeAngstrom] : headerKnows ? fromHeader : [1, 1, 1]
  ) as Triple;
  const voxelSizeIsSuspect = !headerKnows || fromHeader.every(value => value === 1);
  if (pixelSizeAngstrom !== undefined) {
    if (!fromHeader.every(value => value !== null && Math.abs(value - pixelSizeAngstrom) <= 0.01 * pixelSizeAngstrom)) {
      notes.push(
        `${path}: the header says ${headerKnows ? `${formatTriple(fromHeader as Triple)} Å` : 'no'} voxel size; ${pixelSizeAngstrom} Å is used`,
      );
    }
  } else if (!headerKnows) {
    notes.push(`${path}: no voxel size in the header; 1 Å is taken until a pixel size is given`);
  } else if (voxelSizeIsSuspect) {
    notes.push(`${path}: a voxel size of exactly 1 Å often means that nobody set it`);
  }
  const angles = header.cellAnglesDegrees;
  if (angles.some(angle => angle > 0 && Math.abs(angle - 90) > 0.1)) {
    notes.push(`${path}: cell angles of ${formatTriple(angles)}° are not right angles; the map is read as if they were`);
  }
  const hasOrigin = header.originAngstrom.every(Number.isFinite) && header.originAngstrom.some(value => value !== 0);
  const originAngstrom = hasOrigin ? header.originAngstrom : (start.map((first, i) => first * voxelSizeAngstrom[i]) as Triple);
  return { path, size, voxelSizeAngstrom, voxelSizeIsSuspect, originAngstrom, notes, fileHeader: header };
}

/** The header's float32 without the digits that only float32 has; null where no microscope gives such a value. */
function plausible(angstrom: number): number | null {
  return isPlausiblePixelSize(angstrom) ? Number(angstrom.toPrecision(7)) : null;
}

function formatTriple(values: Triple): string {
  return values.map(value => String(Number(value.toPrecision(5)))).join(' × ');
}

function axisNames(header: MrcHeader): string {
  return header.axes.map(axis => 'xyz'[axis]).join(', ');
}
