// MRC files: every sample type and byte order against bytes written by hand here, broken headers, the frame, and files made by others.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { createStackWriter, openStack, readMap, readMapHeader, writeMap } from '../../daemon/formats/mrc.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-mrc-'));
after(() => rmSync(folder, { recursive: true }));

const shared = join('..', 'shared', 'data');
const skip = existsSync(shared) ? false : `${shared} is not there`;

interface HandMade {
  little?: boolean;
  size?: number[];
  mode?: number;
  start?: number[];
  intervals?: number[];
  cell?: number[];
  axes?: number[];
  origin?: number[];
  spaceGroup?: number;
  stamps?: boolean;
  extended?: number;
  data: Uint8Array;
}

/** Writes an MRC file field by field from the format's own table of offsets, sharing nothing with the daemon. */
function handMade(name: string, f: HandMade): string {
  const header = Buffer.alloc(1024);
  const little = f.little ?? true;
  const int = (offset: number, values: number[]) =>
    values.forEach((v, i) => void (little ? header.writeInt32LE(v, offset + 4 * i) : header.writeInt32BE(v, offset + 4 * i)));
  const float = (offset: number, values: number[]) =>
    values.forEach((v, i) => void (little ? header.writeFloatLE(v, offset + 4 * i) : header.writeFloatBE(v, offset + 4 * i)));
  const size = f.size ?? [3, 2, 2];
  int(0, [...size, f.mode ?? 2]);
  int(16, f.start ?? [0, 0, 0]);
  int(28, f.intervals ?? size);
  float(40, f.cell ?? size.map(n => 2 * n));
  int(64, f.axes ?? [1, 2, 3]);
  int(88, [f.spaceGroup ?? 1, f.extended ?? 0]);
  float(196, f.origin ?? [0, 0, 0]);
  if (f.stamps ?? true) {
    header.write('MAP ', 208, 'latin1');
    header.set(little ? [0x44, 0x44] : [0x11, 0x11], 212);
  }
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([header, Buffer.alloc(f.extended ?? 0, 7), f.data]));
  return path;
}

/** Twelve float32 values 0 … 11 (3 columns, 2 rows, 2 sections). */
function ramp(little = true, length = 12): Buffer {
  const data = Buffer.alloc(4 * length);
  for (let i = 0; i < length; i++) little ? data.writeFloatLE(i, 4 * i) : data.writeFloatBE(i, 4 * i);
  return data;
}

// Values chosen so that a wrong sign, width or byte order cannot give the same numbers.
const sampleTypes: { mode: number; values: number[]; write: (b: Buffer, v: number, i: number, little: boolean) => void; bytes: number }[] =
  [
    { mode: 0, values: [0, 1, -1, 127, -128, 5], bytes: 1, write: (b, v, i) => b.writeInt8(v, i) },
    {
      mode: 1,
      values: [0, 1, -2, 32767, -32768, 300],
      bytes: 2,
      write: (b, v, i, l) => (l ? b.writeInt16LE(v, 2 * i) : b.writeInt16BE(v, 2 * i)),
    },
    {
      mode: 2,
      values: [0, 1.5, -2.25, 1e10, -1e-10, 3],
      bytes: 4,
      write: (b, v, i, l) => (l ? b.writeFloatLE(v, 4 * i) : b.writeFloatBE(v, 4 * i)),
    },
    {
      mode: 6,
      values: [0, 1, 40000, 65535, 256, 5],
      bytes: 2,
      write: (b, v, i, l) => (l ? b.writeUInt16LE(v, 2 * i) : b.writeUInt16BE(v, 2 * i)),
    },
  ];

for (const little of [true, false]) {
  for (const stamps of [true, false]) {
    for (const { mode, values, bytes, write } of sampleTypes) {
      const title = `mode ${mode}, ${little ? 'little' : 'big'}-endian, ${stamps ? 'stamped' : 'with null stamps'}: the same numbers come out, as the order is the one in which the header makes sense`;
      test(title, () => {
        const data = Buffer.alloc(6 * bytes);
        values.forEach((v, i) => void write(data, v, i, little));
        const path = handMade(`mode${mode}.mrc`, { little, stamps, mode, size: [3, 2, 1], data });
        assert.deepEqual([...readMap(path).data], values.map(Math.fround));
      });
    }
    test(`mode 12 (half floats), ${little ? 'little' : 'big'}-endian, stamps ${stamps}: normal, subnormal, negative and largest values by the IEEE 754 table`, () => {
      const patterns: [number, number][] = [[0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x0001, 2 ** -24], [0x3555, 0.333251953125], [0x8000, -0]]; // biome-ignore format: a table
      const data = Buffer.alloc(12);
      patterns.forEach(([bits], i) => void (little ? data.writeUInt16LE(bits, 2 * i) : data.writeUInt16BE(bits, 2 * i)));
      const path = handMade('mode12.mrc', { little, stamps, mode: 12, size: [3, 2, 1], data });
      assert.deepEqual(
        [...readMap(path).data],
        patterns.map(([, value]) => value),
      );
    });
  }
}

test('mode 101 (4 bit): the left pixel of a pair is in the low half, and a row of odd length is padded to whole bytes', () => {
  const path = handMade('mode101.mrc', { mode: 101, size: [3, 2, 1], data: Buffer.from([0x21, 0x0f, 0x43, 0x05]) });
  assert.deepEqual([...readMap(path).data], [1, 2, 15, 3, 4, 5]);
});

test('8-bit headers of 256 × 256 × 256 read the same in both byte orders; without a stamp the file length decides', () => {
  // 256 is 65,536 the other way round, and mode 0 is 0: both orders look sensible.
  const data = Buffer.alloc(256 * 256 * 256, 3);
  const path = handMade('ambiguous.mrc', { little: false, stamps: false, mode: 0, size: [256, 256, 256], data });
  assert.deepEqual(readMapHeader(path).size, [256, 256, 256]);
});

test('an extended header is stepped over, so the data begin behind it', () => {
  assert.deepEqual([...readMap(handMade('extended.mrc', { extended: 160, data: ramp() })).data], [...Array(12).keys()]);
});

test('permuted axes: voxel (x, y, z) is where MAPC, MAPR, MAPS say, NSTART goes with the file axes, cell and intervals with x, y, z', () => {
  // Columns run along z, rows along x, sections along y (as in EMD-3001). Sizes 4, 3, 2 → x 3, y 2, z 4.
  const path = handMade('permuted.mrc', {
    size: [4, 3, 2],
    axes: [3, 1, 2],
    start: [5, -7, 11],
    intervals: [30, 20, 40],
    cell: [30, 40, 120],
    data: ramp(true, 24),
  });
  const map = readMap(path);
  assert.deepEqual(map.size, [3, 2, 4]);
  assert.deepEqual(map.voxelSizeAngstrom, [1, 2, 3]);
  assert.deepEqual(map.originAngstrom, [-7 * 1, 11 * 2, 5 * 3]);
  for (let z = 0; z < 4; z++) {
    for (let y = 0; y < 2; y++) {
      for (let x = 0; x < 3; x++) assert.equal(map.data[(z * 2 + y) * 3 + x], (y * 3 + x) * 4 + z);
    }
  }
});

test('ORIGIN wins over NSTART where any component is set; it is in Å along x, y, z and knows nothing of the file axes', () => {
  const path = handMade('origin.mrc', { axes: [3, 1, 2], origin: [0, -12.5, 0], start: [1, 2, 3], data: ramp() });
  assert.deepEqual(readMap(path).originAngstrom, [0, -12.5, 0]);
});

test('a given pixel size wins over the header, moves NSTART with it, and the disagreement is said', () => {
  const path = handMade('override.mrc', { start: [10, 0, 0], data: ramp() });
  const map = readMap(path, { pixelSizeAngstrom: 3 });
  assert.deepEqual(map.voxelSizeAngstrom, [3, 3, 3]);
  assert.deepEqual(map.originAngstrom, [30, 0, 0]);
  assert.match(map.notes.join('\n'), /2 × 2 × 2 Å.*3 Å/);
  assert.deepEqual(readMap(path, { pixelSizeAngstrom: 2 }).notes, []);
});

for (const [what, fields] of [
  ['zero cell', { cell: [0, 0, 0] }],
  ['a cell that is not a number', { cell: [Number.NaN, 1, 1] }],
  ['a cell of a tenth of a picometre', { cell: [0.001, 0.001, 0.001] }],
] as const) {
  test(`${what}: the voxel size is 1 Å, and that it is not known is said, because maps with such headers are common and usable`, () => {
    const path = handMade('nocell.mrc', { cell: [...fields.cell], data: ramp() });
    const header = readMapHeader(path);
    assert.deepEqual(header.voxelSizeAngstrom, [1, 1, 1]);
    assert.equal(header.voxelSizeIsSuspect, true);
    assert.match(header.notes.join(), /no voxel size/);
  });
}

test('zero intervals fall back to the size, zero axes to x, y, z', () => {
  const header = readMapHeader(handMade('zeros.mrc', { intervals: [0, 0, 0], axes: [0, 0, 0], data: ramp() }));
  assert.deepEqual(header.voxelSizeAngstrom, [2, 2, 2]);
  assert.deepEqual(header.size, [3, 2, 2]);
});

for (const [what, make, expected] of [
  ['a truncated file', () => handMade('short.mrc', { data: ramp().subarray(0, 40) }), /short\.mrc: truncated.*1072 bytes.*1064.*again/],
  ['a file of a few bytes', () => text('tiny.mrc', 'hello'), /tiny\.mrc: only 5 bytes/],
  ['text', () => text('text.mrc', 'x'.repeat(5000)), /text\.mrc: not an MRC file/],
  ['complex samples', () => handMade('complex.mrc', { mode: 4, data: Buffer.alloc(96) }), /mode 4.*complex/],
  ['a missing file', () => join(folder, 'missing.mrc'), /missing\.mrc: cannot be opened \(ENOENT\)/],
  ['a folder', () => folder, /not a file|cannot be opened/],
  ['a stack of volumes', () => handMade('volumes.mrc', { spaceGroup: 401, intervals: [3, 2, 1], data: ramp() }), /stack of 2 volumes/],
] as const) {
  test(`${what} is refused in one line that names it`, () => {
    const path = make();
    assert.throws(
      () => readMap(path),
      (error: Error) => error instanceof InputError && expected.test(error.message) && !error.message.includes('\n'),
    );
  });
}

function text(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('a voxel that is not a number is refused with its place', () => {
  const data = ramp();
  data.writeFloatLE(Number.NaN, 4 * 7);
  // Voxel 7 of 3 × 2 × 2: column 2, row 1, section 2.
  assert.throws(() => readMap(handMade('nan.mrc', { data })), /nan\.mrc: column 2, row 1, section 2 is NaN/);
});

test('a written map has the header other programs need: mode 2, axes 1 2 3, NSTART 0, ORIGIN, cell, true statistics, both stamps', () => {
  const path = join(folder, 'written.mrc');
  const data = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18]);
  writeMap(path, { size: [3, 2, 2], voxelSizeAngstrom: [1.5, 2, 2.5], originAngstrom: [-4, 5, 6.25], data });
  const bytes = readFileSync(path);
  const ints = (offset: number, n: number) => Array.from({ length: n }, (_, i) => bytes.readInt32LE(offset + 4 * i));
  const floats = (offset: number, n: number) => Array.from({ length: n }, (_, i) => bytes.readFloatLE(offset + 4 * i));
  assert.equal(bytes.length, 1024 + 48);
  assert.deepEqual(ints(0, 10), [3, 2, 2, 2, 0, 0, 0, 3, 2, 2]);
  assert.deepEqual(floats(40, 6), [4.5, 4, 5, 90, 90, 90]);
  assert.deepEqual(ints(64, 3), [1, 2, 3]);
  // Mean 84/12 = 7; mean square 830/12, so the deviation is √(830/12 − 49).
  assert.deepEqual(floats(76, 3), [1, 18, 7]);
  assert.equal(bytes.readFloatLE(216), Math.fround(Math.sqrt(830 / 12 - 49)));
  assert.deepEqual(ints(88, 2), [1, 0]);
  assert.equal(bytes.readInt32LE(108), 20140);
  assert.deepEqual(floats(196, 3), [-4, 5, 6.25]);
  assert.equal(bytes.toString('latin1', 208, 212), 'MAP ');
  assert.deepEqual([...bytes.subarray(212, 216)], [0x44, 0x44, 0, 0]);
  const { notes, ...back } = readMap(path);
  assert.deepEqual(back, { size: [3, 2, 2], voxelSizeAngstrom: [1.5, 2, 2.5], originAngstrom: [-4, 5, 6.25], data });
  assert.deepEqual(notes, []);
});

test('a stack is written image by image, its header true at the end, and read in place in any order', () => {
  const path = join(folder, 'stack.mrcs');
  const writer = createStackWriter(path, 4, 3, 1.25);
  const images = [0, 1, 2].map(n => Float32Array.from({ length: 12 }, (_, i) => Math.sin(i + 100 * n) + n));
  for (const image of images) writer.write(image);
  assert.equal(existsSync(path), false, 'nothing stands under the name before it is complete');
  writer.close();
  assert.deepEqual(
    readdirSync(folder).filter(name => name.endsWith('.partial')),
    [],
  );
  const all = images.flatMap(image => [...image]);
  const mean = all.reduce((sum, v) => sum + v) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / all.length);
  const bytes = readFileSync(path);
  assert.equal(bytes.readInt32LE(88), 0, 'ISPG 0 is an image stack');
  // float32 holds seven digits.
  assert.ok(Math.abs(bytes.readFloatLE(84) - mean) < 1e-6);
  assert.ok(Math.abs(bytes.readFloatLE(216) - deviation) < 1e-6);
  const stack = openStack(path);
  assert.deepEqual([stack.width, stack.height, stack.count, stack.pixelSizeAngstrom], [4, 3, 3, 1.25]);
  const out = new Float32Array(12);
  for (const n of [2, 0, 1]) {
    stack.readImage(n, out);
    assert.deepEqual(out, images[n]);
  }
  assert.throws(() => stack.readImage(3, out), /image 4 asked for, the stack has 3/);
  stack.close();
});

test('a stack cut short after it was opened ends in a clear line, not in old bytes', () => {
  const path = handMade('cut.mrcs', { data: ramp() });
  const stack = openStack(path);
  writeFileSync(path, readFileSync(path).subarray(0, 1024 + 30));
  assert.throws(
    () => stack.readImage(1, new Float32Array(6)),
    (error: Error) => error instanceof InputError && /cut\.mrcs: ends at byte/.test(error.message),
  );
  stack.close();
});

test('EMD-3197: NSTART −2, 0, 0 at 11.4 Å moves the map by −22.8 Å along x', { skip }, () => {
  const map = readMap(join(shared, 'maps', 'EMD-3197.map'));
  assert.deepEqual(
    map.originAngstrom.map(v => Number(v.toFixed(6))),
    [-22.8, 0, 0],
  );
  // Statistics of the deposited header, which another program computed: DMEAN and RMS, seven digits.
  checkStatistics(map.data, 0.783612, 2.399953);
});

test('EMD-3001: axes 3, 1, 2 give x 43, y 25, z 73 voxels, NSTART 0, −21, −12 of z, x, y the origin; the skewed cell is said', {
  skip,
}, () => {
  const map = readMap(join(shared, 'maps', 'EMD-3001.map'));
  assert.deepEqual(map.size, [43, 25, 73]);
  const expected = [(-21 * 17.93) / 40, (-12 * 4.71) / 12, 0];
  map.originAngstrom.forEach((v, i) => void assert.ok(Math.abs(v - expected[i]) < 1e-4));
  checkStatistics(map.data, 0.0005329667, 0.15705723);
  assert.match(map.notes.join(), /right angles/);
});

test('a RELION stack whose stamps are null (relion31.mrcs) opens: 5 images of 256', { skip }, () => {
  const stack = openStack(join(shared, 'relion', 'relion31.mrcs'));
  assert.deepEqual([stack.width, stack.height, stack.count], [256, 256, 5]);
  stack.close();
});

function checkStatistics(data: Float32Array, mean: number, rms: number): void {
  const found = data.reduce((sum, v) => sum + v, 0) / data.length;
  assert.ok(Math.abs(found - mean) < 1e-5 * rms, `mean ${found}`);
  const spread = Math.sqrt(data.reduce((sum, v) => sum + (v - found) ** 2, 0) / data.length);
  assert.ok(Math.abs(spread - rms) < 1e-5 * rms, `rms ${spread}`);
}
