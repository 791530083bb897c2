// The command line starts at once: what is slow to load is loaded by the command that needs it, when it runs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const MAIN = 'daemon/main.ts';

test('help for every command loads no package but the one that reads the command line, since Mol*, express and the like take longer than a user waits', async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [MAIN],
    outdir: 'never-written',
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  const loaded = new Set<string>();
  const packages = new Map<string, string>();
  const visit = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path, kind, external } of metafile.inputs[file].imports) {
      // Help asks every command what it is; what commands themselves import dynamically waits until they run.
      if (kind !== 'import-statement' && !(file === MAIN && kind === 'dynamic-import')) continue;
      if (!external) visit(path);
      else if (!path.startsWith('node:')) packages.set(path, file);
    }
  };
  visit(MAIN);
  assert.ok(loaded.has('daemon/commands/serve.ts') && loaded.has('daemon/commands/train.ts'), 'the commands were not followed');
  packages.delete('commander');
  assert.deepEqual([...packages], []);
});
