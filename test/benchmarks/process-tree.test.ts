// What a process and all that it started hold: a figure of memory that forgot the training process or its threads would promise too much.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { treeUse } from './process-tree.js';

const MEGABYTES = 150;
const SECONDS = 0.5;

/** Starts a process that starts this one: holds that memory, works for that long, and says so. */
const GRANDCHILD = `const held = Buffer.alloc(${MEGABYTES}e6, 1); const end = performance.now() + ${SECONDS * 1000};
  while (performance.now() < end); console.log(held.length); process.stdin.resume(); process.stdin.on('end', () => process.exit())`;
const CHILD = `require('child_process').spawn(process.execPath, ['-e', process.argv[1]], { stdio: 'inherit' })`;

test('memory and processor time of a grandchild count, and no longer once it is gone', { skip: process.platform === 'win32' }, async () => {
  const before = treeUse(process.pid);
  const child = spawn(process.execPath, ['-e', CHILD, GRANDCHILD], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const during = treeUse(process.pid);
  const above = treeUse(child.pid as number);
  child.stdin.end();
  await once(child, 'exit');
  const after = treeUse(process.pid);
  assert.ok(during.bytes - before.bytes > MEGABYTES * 1e6, `${during.bytes} bytes, ${before.bytes} before`);
  assert.ok(above.bytes > MEGABYTES * 1e6 && above.bytes < during.bytes, 'the tree below the child is part of the tree below this process');
  assert.ok(after.bytes < during.bytes - MEGABYTES * 1e6, `${after.bytes} bytes after`);
  // It looked at the clock all that time, of which a busy machine may have given it a part.
  assert.ok(above.processorSeconds > 0 && during.processorSeconds >= above.processorSeconds);
});
