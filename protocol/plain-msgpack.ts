// Whether bytes are one value of plain msgpack: no extension types, not deeper than our messages ever are, nothing missing, nothing after it.
//
// It stands before the library's decoder because that one acts on extension types (class instances, big integers, record definitions that
// stay for later messages), none of which the protocol has.

const DEEPEST = 16;

/** Bytes that follow the first one of a value: fixed-size numbers, and the length prefixes of strings and binaries. */
const FIXED_BYTES: Readonly<Record<number, number>> = { 202: 4, 203: 8, 204: 1, 205: 2, 206: 4, 207: 8, 208: 1, 209: 2, 210: 4, 211: 8 };
const BYTES_LENGTH: Readonly<Record<number, number>> = { 196: 1, 197: 2, 198: 4, 217: 1, 218: 2, 219: 4 };
const LIST_LENGTH: Readonly<Record<number, number>> = { 220: 2, 221: 4 };
const MAP_LENGTH: Readonly<Record<number, number>> = { 222: 2, 223: 4 };
const NIL = 192;
const FALSE = 194;
const TRUE = 195;

export function isPlainMsgpack(bytes: Uint8Array): boolean {
  let position = 0;
  const bigEndian = (size: number) => {
    let value = 0;
    for (let i = 0; i < size; i++) value = 256 * value + (bytes[position++] ?? 0);
    return value;
  };
  // Values still to come at each open level.
  const open = [1];
  while (open.length > 0) {
    if (open[open.length - 1] === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1]--;
    if (position >= bytes.length) return false;
    const first = bytes[position++];
    let children = 0;
    if (first < 0x80 || first >= 0xe0 || first === NIL || first === FALSE || first === TRUE) continue;
    if (first < 0x90) children = 2 * (first & 15);
    else if (first < 0xa0) children = first & 15;
    else if (first < 0xc0) position += first & 31;
    else if (first in FIXED_BYTES) position += FIXED_BYTES[first];
    else if (first in BYTES_LENGTH) {
      const length = bigEndian(BYTES_LENGTH[first]);
      position += length;
    } else if (first in LIST_LENGTH) children = bigEndian(LIST_LENGTH[first]);
    else if (first in MAP_LENGTH) children = 2 * bigEndian(MAP_LENGTH[first]);
    else return false;
    // Every value takes at least a byte, so a count that cannot be met is refused before anything is made for it.
    if (children > bytes.length - position) return false;
    if (children > 0) open.push(children);
    if (open.length > DEEPEST) return false;
  }
  return position === bytes.length;
}
