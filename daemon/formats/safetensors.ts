// Named float32 arrays in one file with a self-describing header (safetensors, github.com/huggingface/safetensors): what weights are kept in.
//
// Eight bytes: length of the header, little-endian. Then the header, JSON: {"__metadata__": {string: string}, NAME: {"dtype": "F32",
// "shape": […], "data_offsets": [begin, end]}}, padded with spaces. Then the arrays, little-endian, offsets counted from the header's end.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { InputError } from './input-error.js';

export interface NamedTensor {
  /** Slowest axis first; the product is the length of `data`. */
  shape: readonly number[];
  data: Float32Array;
}

export interface Safetensors {
  tensors: Map<string, NamedTensor>;
  metadata: Record<string, string>;
}

/** The format's own bound on the header's length. */
const MAX_HEADER_BYTES = 100_000_000;

/** The file's bytes, piece by piece: the header, then each array as a view (no copy). Throws when a shape and its data disagree. */
export function* encodeSafetensors(
  tensors: Iterable<readonly [string, NamedTensor]>,
  metadata: Record<string, string> = {},
): Generator<Uint8Array> {
  const list = [...tensors];
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of list) {
    if (product(shape) !== data.length) throw new Error(`tensor ${name} of shape [${shape}] holds ${data.length} numbers`);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  // Padding to eight bytes keeps every array aligned for those who map the file into memory.
  const length = Math.ceil(text.length / 8) * 8;
  const head = Buffer.alloc(8 + length, ' ');
  head.writeBigUInt64LE(BigInt(length), 0);
  text.copy(head, 8);
  yield head;
  for (const [, { data }] of list) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Throws InputError, naming the file, when it is missing, cut short or garbled. */
export function readSafetensors(path: string): Safetensors {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new InputError(`${path} cannot be opened (${(error as NodeJS.ErrnoException).code}); check the path`);
  }
  try {
    return readOpen(file, path);
  } finally {
    closeSync(file);
  }
}

function readOpen(file: number, path: string): Safetensors {
  const broken = (what: string) =>
    new InputError(`${path} is not a whole safetensors file: ${what}; restore it from a copy or make it again`);
  const size = fstatSync(file).size;
  if (size < 8) throw broken(`it has ${size} bytes`);
  const headerBytes = Number(readAt(file, 0, 8).readBigUInt64LE());
  if (headerBytes > Math.min(size - 8, MAX_HEADER_BYTES)) throw broken(`its header should have ${headerBytes} bytes, the file has ${size}`);
  let header: Record<string, unknown>;
  try {
    header = JSON.parse(readAt(file, 8, headerBytes).toString('utf8')) as Record<string, unknown>;
  } catch {
    throw broken('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw broken('its header is not a JSON object');
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const { shape, begin, end } = checkEntry(name, entry, broken);
    if (8 + headerBytes + end > size) throw broken(`tensor ${name} ends at byte ${8 + headerBytes + end}, the file at ${size}`);
    const bytes = readAt(file, 8 + headerBytes + begin, end - begin);
    tensors.set(name, { shape, data: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4) });
  }
  return { tensors, metadata: checkMetadata(header.__metadata__ ?? {}, broken) };
}

function checkEntry(name: string, entry: unknown, broken: (what: string) => InputError): { shape: number[]; begin: number; end: number } {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  if (dtype !== 'F32') throw broken(`tensor ${name} has dtype ${JSON.stringify(dtype)}, only F32 is read`);
  if (!isCounts(shape)) throw broken(`tensor ${name} has shape ${JSON.stringify(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[1] - offsets[0] !== 4 * product(shape)) {
    throw broken(`tensor ${name} of shape [${shape}] has data_offsets ${JSON.stringify(offsets)}`);
  }
  return { shape, begin: offsets[0], end: offsets[1] };
}

function checkMetadata(metadata: unknown, broken: (what: string) => InputError): Record<string, string> {
  const entries = typeof metadata === 'object' && metadata !== null ? Object.entries(metadata) : null;
  if (!entries?.every(([, value]) => typeof value === 'string')) throw broken('its metadata are not strings');
  return Object.fromEntries(entries) as Record<string, string>;
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(item => Number.isSafeInteger(item) && item >= 0);
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, length) => total * length, 1);
}

/** A buffer of its own (never a slice of a shared pool), so that it can be seen as float32. */
function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let done = 0; done < length; ) {
    const got = readSync(file, bytes, done, length - done, position + done);
    if (got === 0) throw new Error('the file became shorter while it was read');
    done += got;
  }
  return bytes;
}
