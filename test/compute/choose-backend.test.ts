// The choice of a backend: what auto takes on the machine at hand, what it says, and what a name that does not work here costs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseBackend } from '../../daemon/compute/choose-backend.js';
import { openGpu } from '../../daemon/compute/webgpu/device.js';
import { InputError } from '../../daemon/formats/input-error.js';
import { parameters } from '../../daemon/settings/settings.js';
import { provideSoftwareVulkan } from './software-vulkan.js';

async function choose(backend: string, isAsked?: boolean) {
  const notes: string[] = [];
  const reporter = { progress: () => {}, epoch: () => {}, note: (line: string) => notes.push(line) };
  const chosen = await chooseBackend({ backend, threads: 1, isAsked }, reporter);
  await chosen.dispose();
  return { name: chosen.name, notes };
}

test('auto takes webgpu where a graphics processor answers and else the cpu, and says in one line which, and why not the other', async () => {
  const gpu = await openGpu();
  const { name, notes } = await choose('auto');
  assert.equal(notes.length, 1);
  if ('reason' in gpu || gpu.isSoftware) {
    assert.equal(name, 'cpu');
    assert.match(notes[0], /^computing on cpu: 1 thread, .* \(not webgpu: .+\)$/);
    if ('reason' in gpu) assert.ok(notes[0].includes(gpu.reason), notes[0]);
  } else {
    assert.equal(name, 'webgpu');
    assert.ok(notes[0].startsWith(`computing on webgpu: ${gpu.description}`), notes[0]);
  }
  if (!('reason' in gpu)) gpu.device.destroy();
});

test('webgpu asked for where no adapter answers is refused in one line that says why', async t => {
  const gpu = await openGpu();
  if (!('reason' in gpu)) {
    gpu.device.destroy();
    return t.skip('this machine has an adapter');
  }
  await assert.rejects(
    choose('webgpu'),
    error => error instanceof InputError && error.message === `--backend webgpu: ${gpu.reason}` && !error.message.includes('\n'),
  );
});

test('a name that no backend has is refused with those there are', async () => {
  await assert.rejects(
    choose('abacus'),
    error => error instanceof InputError && /abacus.*auto or webgpu or tfjs or cpu/.test(error.message),
  );
  for (const name of parameters.backend.choices) await choose(name).catch(error => assert.doesNotMatch(error.message, /not known/));
});

// Last, since from here on this process has an adapter.
test('auto leaves a software adapter alone, as the processor is faster by itself, while its name takes it', async t => {
  const gpu = await openGpu();
  if ('reason' in gpu) {
    if (!provideSoftwareVulkan()) return t.skip('no Chromium with its software Vulkan here');
  } else {
    gpu.device.destroy();
    if (!gpu.isSoftware) return t.skip('this machine has a graphics processor');
  }
  const { name, notes } = await choose('auto');
  assert.equal(name, 'cpu');
  assert.match(notes[0], /not webgpu: only .*in software/);
  await assert.rejects(choose('webgpu', false), InputError);
  assert.equal((await choose('webgpu')).name, 'webgpu');
});
