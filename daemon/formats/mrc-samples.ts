// The sample types of MRC files and how their bytes become floats (MRC2014; modes 12 and 101 as in IMOD's format page).

/** Bits of one sample of each real mode: 0 signed byte, 1 signed 16, 2 float32, 6 unsigned 16, 12 float16, 101 unsigned 4-bit. */
const BITS: Readonly<Record<number, number>> = { 0: 8, 1: 16, 2: 32, 6: 16, 12: 16, 101: 4 };

export const MACHINE_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function isReadableMode(mode: number): boolean {
  return mode in BITS;
}

/** Bytes of one row of `columns` samples. A row of 4-bit samples is padded to whole bytes. */
export function bytesPerRow(mode: number, columns: number): number {
  return Math.ceil((columns * BITS[mode]) / 8);
}

/**
 * Turns `rows` rows of `columns` samples in `bytes` into floats in `out` (rows·columns, row after row). `bytes` must start on a four-byte boundary
 * of its buffer and is used as working space: samples of the other byte order are turned around in place.
 */
export function decodeSamples(
  mode: number,
  littleEndian: boolean,
  bytes: Uint8Array,
  columns: number,
  rows: number,
  out: Float32Array,
): void {
  const count = columns * rows;
  if (littleEndian !== MACHINE_IS_LITTLE_ENDIAN && BITS[mode] >= 16) {
    const whole = Buffer.from(bytes.buffer, bytes.byteOffset, (count * BITS[mode]) / 8);
    if (BITS[mode] === 32) whole.swap32();
    else whole.swap16();
  }
  const { buffer, byteOffset } = bytes;
  switch (mode) {
    case 0:
      out.set(new Int8Array(buffer, byteOffset, count));
      return;
    case 1:
      out.set(new Int16Array(buffer, byteOffset, count));
      return;
    case 2:
      out.set(new Float32Array(buffer, byteOffset, count));
      return;
    case 6:
      out.set(new Uint16Array(buffer, byteOffset, count));
      return;
    case 12: {
      const table = halfFloats();
      const halves = new Uint16Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) out[i] = table[halves[i]];
      return;
    }
    case 101: {
      const stride = bytesPerRow(mode, columns);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const pair = bytes[row * stride + (column >> 1)];
          // The left sample of a pair is in the low four bits.
          out[row * columns + column] = column & 1 ? pair >> 4 : pair & 15;
        }
      }
      return;
    }
    default:
      throw new Error(`mode ${mode} has no real samples`);
  }
}

let halfFloatTable: Float32Array | null = null;

/** The value of each of the 65,536 IEEE 754 half-precision patterns. */
function halfFloats(): Float32Array {
  if (halfFloatTable) return halfFloatTable;
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    const magnitude =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? Number.NaN
            : Number.POSITIVE_INFINITY
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    table[bits] = bits & 0x8000 ? -magnitude : magnitude;
  }
  return (halfFloatTable = table);
}
