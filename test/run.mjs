// `npm test`: installs what is missing (packages, a browser), builds, checks types and style, and runs every test; words after `--` choose files by name.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from '../daemon/prepare.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = process.env.LIMBER_DIST ?? 'dist';
const words = process.argv.slice(2);

await prepare();
const checked =
  words.length > 0 ||
  check('types', 'typescript/bin/tsc', ['--noEmit']) & check('style', '@biomejs/biome/bin/biome', ['check', '--colors=off', '.']);
const files = testFiles(join(root, dist, 'test')).filter(
  file => words.length === 0 || words.some(word => file.slice(root.length).includes(word)),
);
if (files.length === 0) {
  console.error(`no test file has ${words.join(' or ')} in its name`);
  process.exit(2);
}
const browser = findBrowser() ?? installBrowser();
const result = spawnSync(
  process.execPath,
  // Tests of the computing rooms use several threads each: half as many files at once as there are cores.
  ['--test', '--test-reporter=spec', `--test-concurrency=${Math.max(1, Math.floor(availableParallelism() / 2))}`, ...files],
  {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, LIMBER_BUILT: '1', ...(browser ? { CHROMIUM_PATH: browser } : {}) },
  },
);
if (!checked) console.error('types or style failed: see the top');
process.exit(result.status === 0 && checked ? 0 : 1);

/** Runs one checker of node_modules; what it complains about is shown, nothing when it is content. */
function check(name, script, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  console.error(status === 0 ? `${name}: ok` : `${name}: failed\n${stdout}${stderr}`);
  return status === 0;
}

function testFiles(folder) {
  const entries = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  return entries.flatMap(entry => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? testFiles(path) : entry.name.endsWith('.test.js') ? [path] : [];
  });
}

/** A Chromium of this machine. */
function findBrowser() {
  const program = process.env.PROGRAMFILES ?? 'C:\\Program Files';
  const known = [
    process.env.CHROMIUM_PATH,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/opt/google/chrome/chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    join(program, 'Google', 'Chrome', 'Application', 'chrome.exe'),
  ];
  return known.find(path => path && existsSync(path)) ?? null;
}

/** Debian's own package, where we may install one; elsewhere the browser tests skip themselves and say why. */
function installBrowser() {
  const needed = files.some(file => readFileSync(file, 'utf8').includes('CHROMIUM_PATH'));
  if (!needed) return null;
  const isDebian = existsSync('/etc/debian_version') && process.getuid?.() === 0;
  if (isDebian) {
    console.error('no Chromium here: installing the package chromium (apt-get), once …');
    const apt = args =>
      spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
        .status === 0;
    if (
      apt(['install', '-y', '-qq', '--no-install-recommends', 'chromium']) ||
      (apt(['update', '-qq']) && apt(['install', '-y', '-qq', '--no-install-recommends', 'chromium']))
    )
      return findBrowser();
  }
  console.error('no Chromium found: browser tests are skipped; install Chromium or Chrome, or set CHROMIUM_PATH');
  return null;
}
