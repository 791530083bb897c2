// What is kept of a placing that goes on: it comes back as it was written, for the same candidates only.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RunFolder } from '../../daemon/project/run-folder.js';
import { keptPlacing } from '../../daemon/training/kept-checkpoint.js';

const folder = mkdtempSync(join(tmpdir(), 'limber-kept-'));
after(() => rmSync(folder, { recursive: true }));

test('a placing that is under way comes back to the bit, and not among points or states that differ in one number, because its places would be others', () => {
  const run = new RunFolder(join(folder, 'run1'), 'run1', () => false);
  mkdirSync(run.path);
  const candidates = { z: Float32Array.of(-1, 0.1, 1), dims: 1, states: { rows: [1, 2, 3].map(value => Float32Array.of(value, 0.5)) } };
  const placing = {
    z: Float32Array.of(0.3, 0, 0),
    frc: Float32Array.of(0.7, 0, 0),
    observability: Float32Array.of(0.2, 0, 0),
    done: 1,
    population: Float64Array.of(1 / 3, 1e-17, 0.1),
  };
  assert.equal(keptPlacing(run, 0).read(candidates), null);
  keptPlacing(run, 0).write(candidates, placing);
  assert.deepEqual(keptPlacing(run).read(candidates), placing);
  assert.equal(keptPlacing(run).read({ ...candidates, z: Float32Array.of(-1, 0.2, 1) }), null);
  assert.equal(keptPlacing(run).read({ ...candidates, guesses: Float32Array.of(0, 0, 0) }), null);
  const rows = [candidates.states.rows[0], candidates.states.rows[1], Float32Array.of(3, 0.6)];
  assert.equal(keptPlacing(run).read({ ...candidates, states: { rows } }), null);
  run.removeKept('placing');
  assert.ok(!existsSync(join(run.path, 'placing.safetensors')));
});
