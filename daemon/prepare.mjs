// Makes a fresh clone ready to run: the packages of the lock file, and a build that is newer than its sources. Plain JavaScript, since it runs before any build.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, isBuilt } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Quick when nothing is missing. Ends the process with status 1 and one line when it cannot be done. */
export async function prepare() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    fail(`limber needs Node 20.19 or newer, this is ${process.versions.node}; install it from https://nodejs.org`);
  // Tests that start many commands say so, to spare each of them the look at every source.
  if (process.env.LIMBER_BUILT) return;
  if (!isInstalled()) install();
  if (isBuilt()) return;
  try {
    await build({ quiet: true });
  } catch (error) {
    fail(`the build failed: ${error.message}`);
  }
}

/** npm leaves a copy of what it installed; a lock file that asks for something else was pulled since. */
function isInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, entry]) => path === '' || entry.optional || entry.peer || present[path]?.version === entry.version,
  );
}

function install() {
  console.error('limber: installing packages (npm ci), once …');
  // On Windows npm is a script, which only a shell can start.
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) fail('npm ci failed; see its message above, and check the network');
}

function fail(line) {
  console.error(`limber: ${line}`);
  process.exit(1);
}
