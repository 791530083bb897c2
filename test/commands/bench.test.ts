// `limber bench` as a script reads it: the lines of contract.md, and wrong sizes refused in one.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const scratch = mkdtempSync(join(tmpdir(), 'limber-bench-test-'));
after(() => rmSync(scratch, { recursive: true }));
// Commands started from here make their scratch where nobody else's can be mistaken for it; read when limber-process is loaded.
for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = scratch;
const { limber } = await import('./limber-process.js');

const SMALL = ['--gaussians', '24', '--box', '16', '--batch', '4', '--particles', '40', '--threads', '1', '--backend', 'cpu'];

test('a line for each operation carries every field that contract.md promises, and all are measured, none made up', () => {
  const { status, stderr, events } = limber(['bench', ...SMALL, '--json'], scratch);
  assert.equal(status, 0, stderr);
  const lines = events().filter(({ event }) => event === 'bench');
  const promised = ['backend', 'operation', 'gaussians', 'box', 'batch', 'threads', 'millisecondsPerParticle', 'gflops', 'megabytes'];
  for (const line of lines) {
    assert.deepEqual(
      promised.filter(field => !(field in line)),
      [],
    );
    for (const field of ['millisecondsPerParticle', 'p95Milliseconds', 'gflops', 'megabytes'])
      assert.ok(Number.isFinite(line[field]) && (line[field] as number) > 0, `${field} of ${line.operation} is ${line[field]}`);
    assert.ok((line.p95Milliseconds as number) >= (line.millisecondsPerParticle as number), 'the slowest are faster than the middle');
    assert.ok((line.samples as number) >= 5, 'a median of fewer than five');
    assert.deepEqual([line.backend, line.gaussians, line.box, line.threads], ['cpu', 24, 16, 1]);
  }
  const batches = new Map(lines.map(({ operation, batch }) => [operation, batch]));
  const operations = ['training-step', 'gradients', 'decode', 'reconstruct'];
  assert.deepEqual(
    operations.map(operation => batches.get(operation)),
    [4, 4, 1, 40],
  );
  assert.equal(lines.length, batches.size, 'an operation was told twice');
  assert.equal(events().at(-1)?.event, 'done');
});

test('a decode holds its weights and does two operations for each, so time and rate must say the same', () => {
  const { events } = limber(['bench', ...SMALL, '--json'], scratch);
  const decode = events().find(({ operation }) => operation === 'decode') as Record<string, number>;
  const weights = 4 * 512 + 512 + 2 * (512 * 512 + 512) + 512 * 120 + 120 + 2 * 120;
  assert.equal(decode.megabytes, (4 * weights) / 1e6);
  const operations = decode.gflops * 1e6 * decode.millisecondsPerParticle;
  assert.ok(Math.abs(operations / (2 * weights) - 1) < 1e-9, `${operations} operations on ${weights} weights`);
});

test('--roofline counts what a training step asks of a graphics processor, without one: Adam passes every weight of both networks seven times through memory', () => {
  const { status, stderr, events } = limber(['bench', ...SMALL, '--roofline', '--json'], scratch);
  assert.equal(status, 0, stderr);
  const lines = events().filter(({ event }) => event === 'bench') as Record<string, number>[];
  const of = (kernel: unknown) => lines.find(line => line.kernel === kernel) as Record<string, number>;
  const layers = [120, 512, 512, 512, 4];
  const weights = 2 * layers.slice(1).reduce((sum, outputs, l) => sum + layers[l] * outputs, 0);
  // Biases of the encoder and of the decoder.
  const parameters = weights + 2 * 3 * 512 + 4 + 120;
  assert.ok(Math.abs((of('adam').kilobytes * 1e3 * 4) / (7 * 4 * parameters) - 1) < 1e-9);
  assert.ok(Math.abs(of('adam').microseconds / ((of('adam').kilobytes * 1e3) / 2e12) / 1e6 - 1) < 1e-9, 'memory is what takes its time');
  // Weights and biases of four layers in two networks; a projection is one drawing, whatever the batch.
  assert.deepEqual([of('adam').dispatches, of('draw').dispatches, of('draw-backward').dispatches], [16, 1, 1]);
  // Four rows there, back to the weights, and back to all inputs but the encoder's own; the decoder has a fifth row, at z = 0.
  const forward = 2 * (4 + 5) * (weights / 2);
  const least = 3 * forward - 2 * 4 * 120 * 512;
  assert.ok(of('matrix-product').megaflops * 1e6 * 4 > least, 'the networks alone need more');
  const total = lines.reduce((sum, { microseconds }) => sum + microseconds, 0);
  assert.ok(Math.abs((events().at(-1)?.microsecondsPerParticle as number) / total - 1) < 1e-9);
});

test('nothing is left behind, since the made particles are of no use to anyone', () => {
  const { status, stderr } = limber(['bench', ...SMALL], scratch);
  assert.equal(status, 0, stderr);
  assert.deepEqual(readdirSync(scratch), []);
});

test('sizes that cannot be measured are refused in one line with status 2', () => {
  for (const [args, complaint] of [
    [['--box', '17'], /--box 17 is odd/],
    [['--particles', '100'], /--particles 100 is less than 8 batches of 32; give at least 256/],
    [['--gaussians', 'many'], /--gaussians/],
    [['--backend', 'abacus'], /abacus/],
  ] as const) {
    const { status, stdout, stderr } = limber(['bench', ...args], scratch);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, complaint);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
});
