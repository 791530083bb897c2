// The 1024-byte MRC header (MRC2014, ccpem.ac.uk/mrc_format), read tolerantly and written strictly.
//
// Stamps of byte order and format are often null, so the byte order is the one in which the numbers make sense.
import { InputError } from './input-error.js';
import { bytesPerRow, isReadableMode, MACHINE_IS_LITTLE_ENDIAN } from './mrc-samples.js';

export const HEADER_BYTES = 1024;

export type Triple = [number, number, number];

/** The header as it stands in the file. "Columns, rows, sections" is the order in the file, fastest first; x, y, z are the axes of space. */
export interface MrcHeader {
  littleEndian: boolean;
  columns: number;
  rows: number;
  sections: number;
  mode: number;
  /** NSTART of columns, rows, sections. */
  start: Triple;
  /** MX MY MZ, grid intervals along the cell's x, y, z. */
  intervals: Triple;
  /** Cell lengths along x, y, z, Å. */
  cellAngstrom: Triple;
  cellAnglesDegrees: Triple;
  /** Axis of space (0 x, 1 y, 2 z) along columns, rows, sections (MAPC, MAPR, MAPS less one). */
  axes: Triple;
  minimum: number;
  maximum: number;
  mean: number;
  rms: number;
  /** 0 image stack, 1 volume, 401 stack of volumes. */
  spaceGroup: number;
  /** NSYMBT: bytes between this header and the data. */
  extendedHeaderBytes: number;
  extendedHeaderType: string;
  version: number;
  /** ORIGIN along x, y, z, Å. */
  originAngstrom: Triple;
  labels: string[];
}

const OFFSET = {
  size: 0,
  mode: 12,
  start: 16,
  intervals: 28,
  cell: 40,
  angles: 52,
  axes: 64,
  statistics: 76,
  spaceGroup: 88,
  extendedBytes: 92,
  extendedType: 104,
  version: 108,
  origin: 196,
  map: 208,
  stamp: 212,
  rms: 216,
  labelCount: 220,
  labels: 224,
} as const; // prettier-ignore
const LABEL_BYTES = 80;
const MAX_LABELS = 10;
/** Every mode that MRC programs write; those of complex and colour samples are recognised, then refused by name. */
const KNOWN_MODES = new Set([0, 1, 2, 3, 4, 6, 12, 16, 101]);

/** `bytes`: the first 1024 of `file`. Throws InputError when no byte order makes sense of them, or the samples are not real numbers. */
export function parseMrcHeader(bytes: Uint8Array, file: string, fileBytes: number): MrcHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) {
    throw new InputError(`${file}: only ${bytes.length} bytes, an MRC file begins with ${HEADER_BYTES}; copy or export it again`);
  }
  const littleEndian = byteOrder(view, fileBytes);
  if (littleEndian === null) {
    throw new InputError(
      `${file}: not an MRC file (no image size and mode that make sense in its header); give an .mrc, .mrcs or .map file, uncompressed`,
    );
  }
  const integer = (offset: number) => view.getInt32(offset, littleEndian);
  const float = (offset: number) => view.getFloat32(offset, littleEndian);
  const integers = (offset: number): Triple => [integer(offset), integer(offset + 4), integer(offset + 8)];
  const floats = (offset: number): Triple => [float(offset), float(offset + 4), float(offset + 8)];
  const text = (offset: number, length: number) =>
    Buffer.from(bytes.subarray(offset, offset + length))
      .toString('latin1')
      .replace(/[\0\s]+$/, ''); // prettier-ignore

  const mode = integer(OFFSET.mode);
  if (!isReadableMode(mode)) {
    throw new InputError(`${file}: MRC mode ${mode} holds complex or colour samples; convert it to real numbers (mode 2)`);
  }
  const [columns, rows, sections] = integers(OFFSET.size);
  const mapAxes = integers(OFFSET.axes);
  const isPermutation = [1, 2, 3].every(axis => mapAxes.includes(axis));
  const labelCount = Math.min(Math.max(integer(OFFSET.labelCount), 0), MAX_LABELS);
  return {
    littleEndian,
    columns,
    rows,
    sections,
    mode,
    start: integers(OFFSET.start),
    intervals: integers(OFFSET.intervals),
    cellAngstrom: floats(OFFSET.cell),
    cellAnglesDegrees: floats(OFFSET.angles),
    // Old programs leave the axes zero, and mean x, y, z.
    axes: isPermutation ? (mapAxes.map(axis => axis - 1) as Triple) : [0, 1, 2],
    minimum: float(OFFSET.statistics),
    maximum: float(OFFSET.statistics + 4),
    mean: float(OFFSET.statistics + 8),
    rms: float(OFFSET.rms),
    spaceGroup: integer(OFFSET.spaceGroup),
    extendedHeaderBytes: integer(OFFSET.extendedBytes),
    extendedHeaderType: text(OFFSET.extendedType, 4),
    version: integer(OFFSET.version),
    originAngstrom: floats(OFFSET.origin),
    labels: Array.from({ length: labelCount }, (_, i) => text(OFFSET.labels + i * LABEL_BYTES, LABEL_BYTES)),
  };
}

/** Bytes the whole file must have by its header. */
export function expectedFileBytes(header: Pick<MrcHeader, 'columns' | 'rows' | 'sections' | 'mode' | 'extendedHeaderBytes'>): number {
  return HEADER_BYTES + header.extendedHeaderBytes + bytesPerRow(header.mode, header.columns) * header.rows * header.sections;
}

/** True: little-endian; null: neither order makes sense. Where both do (8-bit data with sizes of 256), the stamp decides, then the file's length. */
function byteOrder(view: DataView, fileBytes: number): boolean | null {
  const sensible = [true, false].filter(little => isSensible(view, little));
  if (sensible.length < 2) return sensible.length === 1 ? sensible[0] : null;
  const stamp = view.getUint8(OFFSET.stamp);
  if (stamp === 0x44) return true;
  if (stamp === 0x11) return false;
  return sensible.find(little => lengthByHeader(view, little) === fileBytes) ?? true;
}

function isSensible(view: DataView, little: boolean): boolean {
  const [columns, rows, sections] = [0, 4, 8].map(offset => view.getInt32(offset, little));
  const extended = view.getInt32(OFFSET.extendedBytes, little);
  return (
    columns > 0 &&
    columns < 1e5 &&
    rows > 0 &&
    rows < 1e5 &&
    sections > 0 &&
    sections < 1e8 &&
    extended >= 0 &&
    KNOWN_MODES.has(view.getInt32(OFFSET.mode, little))
  );
}

function lengthByHeader(view: DataView, little: boolean): number {
  const [columns, rows, sections, mode] = [0, 4, 8, 12].map(offset => view.getInt32(offset, little));
  return expectedFileBytes({ columns, rows, sections, mode, extendedHeaderBytes: view.getInt32(OFFSET.extendedBytes, little) });
}

/** What a written header says; the rest follows from it: mode 2, axes x y z, NSTART 0, no extended header, this machine's byte order. */
export interface NewHeader {
  size: Triple;
  intervals: Triple;
  cellAngstrom: Triple;
  originAngstrom: Triple;
  spaceGroup: 0 | 1;
  statistics: { minimum: number; maximum: number; mean: number; rms: number };
}

export function encodeMrcHeader(header: NewHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const little = MACHINE_IS_LITTLE_ENDIAN;
  const integers = (offset: number, ...values: number[]) => values.forEach((value, i) => void view.setInt32(offset + 4 * i, value, little));
  const floats = (offset: number, ...values: number[]) => values.forEach((value, i) => void view.setFloat32(offset + 4 * i, value, little));
  const { minimum, maximum, mean, rms } = header.statistics;
  integers(OFFSET.size, ...header.size, 2);
  integers(OFFSET.intervals, ...header.intervals);
  floats(OFFSET.cell, ...header.cellAngstrom);
  floats(OFFSET.angles, 90, 90, 90);
  integers(OFFSET.axes, 1, 2, 3);
  floats(OFFSET.statistics, minimum, maximum, mean);
  integers(OFFSET.spaceGroup, header.spaceGroup);
  integers(OFFSET.version, 20140);
  floats(OFFSET.origin, ...header.originAngstrom);
  bytes.set(Buffer.from('MAP '), OFFSET.map);
  bytes.set(little ? [0x44, 0x44] : [0x11, 0x11], OFFSET.stamp);
  floats(OFFSET.rms, rms);
  integers(OFFSET.labelCount, 1);
  bytes.fill(0x20, OFFSET.labels, OFFSET.labels + LABEL_BYTES);
  bytes.set(Buffer.from('written by limber'), OFFSET.labels);
  return bytes;
}
