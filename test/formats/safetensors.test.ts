// The weights' file format, held to its published layout byte by byte, and to saying in one line what is wrong with a broken file.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '../../daemon/formats/input-error.js';
import { encodeSafetensors, type NamedTensor, readSafetensors } from '../../daemon/formats/safetensors.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-safetensors-'));
after(() => rmSync(folder, { recursive: true }));

const tensors: [string, NamedTensor][] = [
  ['w', { shape: [2, 3], data: Float32Array.of(1, -0, 3.5, Number.NaN, 1e-45, -3.4e38) }],
  ['empty', { shape: [0, 7], data: new Float32Array(0) }],
  ['scalar', { shape: [], data: Float32Array.of(42) }],
];

function write(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

test('what is written is read back bit for bit, NaN, denormals and empty arrays included, since training must resume exactly', () => {
  const path = write('round.safetensors', Buffer.concat([...encodeSafetensors(tensors, { epoch: '7', note: 'Å' })]));
  const read = readSafetensors(path);
  assert.deepEqual(read.metadata, { epoch: '7', note: 'Å' });
  assert.deepEqual([...read.tensors.keys()], ['w', 'empty', 'scalar']);
  for (const [name, { shape, data }] of tensors) {
    const found = read.tensors.get(name);
    assert.deepEqual(found?.shape, shape);
    assert.deepEqual(new Uint8Array(found!.data.buffer, found!.data.byteOffset, found!.data.byteLength), new Uint8Array(data.buffer));
  }
});

test('a file laid out by hand from the published format is read, so that other programs can exchange weights with us', () => {
  const header = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const bytes = Buffer.alloc(8 + header.length + 8);
  bytes.writeUInt32LE(header.length, 0);
  bytes.write(header, 8);
  bytes.writeFloatLE(1.5, 8 + header.length);
  bytes.writeFloatLE(-2, 12 + header.length);
  const { tensors: read, metadata } = readSafetensors(write('hand.safetensors', bytes));
  assert.deepEqual([...read.get('a')!.data], [1.5, -2]);
  assert.deepEqual(metadata, {});
});

test('arrays begin at a multiple of eight bytes, so that others can map them into memory', () => {
  const [head] = encodeSafetensors(tensors);
  assert.equal(head.length % 8, 0);
});

test('every way of being broken is one line that names the file, since weights may have been cut by a full disk', () => {
  const whole = Buffer.concat([...encodeSafetensors(tensors)]);
  const header = (text: string) => {
    const bytes = Buffer.alloc(8 + text.length + 8);
    bytes.writeUInt32LE(text.length, 0);
    bytes.write(text, 8);
    return bytes;
  };
  const broken: Record<string, Uint8Array> = {
    'nothing in it': new Uint8Array(0),
    'cut in the header': whole.subarray(0, 40),
    'cut in the data': whole.subarray(0, whole.length - 1),
    'not JSON': header('hello there'),
    'another type': header('{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}'),
    'offsets that do not fit the shape': header('{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}'),
    'a negative length': header('{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}'),
    'a header longer than the file': Buffer.from('ffffffffffffff7f', 'hex'),
  };
  for (const [what, bytes] of Object.entries(broken)) {
    const path = write(what, bytes);
    assert.throws(
      () => readSafetensors(path),
      (error: Error) => error instanceof InputError && error.message.includes(path) && !error.message.includes('\n'),
      what,
    );
  }
});
