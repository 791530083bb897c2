// The Python client of protocol/README.md, run as it stands there against a real daemon: the page must be enough for another language.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LatentDecoder } from '../../daemon/networks/latent-decoder.js';
import { DIMS, GAUSSIANS, makeProject, makeRun, serve } from '../service/small-project.js';

const hasModules = (python: string) => spawnSync(python, ['-c', 'import msgpack, websockets']).status === 0;
const python = ['python3', '/usr/bin/python3', 'python'].find(hasModules);

test('the Python client of the README prints what the decoder gives, because it shares no code with ours', {
  skip: python ? false : 'no Python with the packages msgpack and websockets',
}, async t => {
  const readme = readFileSync(fileURLToPath(new URL('../../../protocol/README.md', import.meta.url)), 'utf8');
  const client = /```python\n([\s\S]*?)```/.exec(readme)?.[1];
  assert.ok(client);
  const small = makeProject(t);
  const run = makeRun(small.project, 'run-1');
  const service = await serve(t, small);
  const script = join(small.folder, 'client.py');
  writeFileSync(script, client);
  const { stdout } = await promisify(execFile)(python as string, [script, service.url]);
  const [first, second] = stdout.trim().split('\n');
  assert.equal(first, 'small run run-1 epoch 2');
  assert.ok(second.startsWith(`${GAUSSIANS} Gaussians, the first at `), stdout);
  // Python prints the float32 in full as a double.
  const expected = new LatentDecoder(run.weights()).decode(new Float32Array(DIMS)).positions.subarray(0, 3);
  assert.deepEqual(second.split(' ').slice(-3).map(Number), [...expected]);
});
