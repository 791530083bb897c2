// The house rules that a machine can keep: imports go downhill only, no drawer named util, every file opens with its purpose (architecture.md).
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const TOPS = ['protocol', 'daemon', 'viewer-plugin', 'demo-data', 'test'];

/**
 * Which rooms each room may import, besides itself. A room may import only rooms that stand before it in this list, so the table itself
 * cannot hold a circle. `daemon/training/progress` is a contract that all long work speaks and that imports nothing. `daemon` is the command line and the plain-JavaScript launchers at the top of that folder.
 */
const ALLOWED: readonly (readonly [string, readonly string[]])[] = [
  ['daemon/training/progress', []],
  ['protocol', []],
  ['viewer-plugin', ['protocol']],
  ['daemon/numerics', []],
  ['daemon/settings', []],
  ['daemon/formats', ['daemon/numerics']],
  ['demo-data', ['daemon/training/progress', 'daemon/numerics', 'daemon/formats']],
  ['daemon/compute', ['daemon/training/progress', 'daemon/numerics', 'daemon/formats']],
  ['daemon/gaussians', ['daemon/numerics', 'daemon/formats']],
  ['daemon/models', ['daemon/numerics', 'daemon/formats', 'daemon/gaussians']],
  ['daemon/latent', ['daemon/training/progress', 'daemon/numerics']],
  ['daemon/particles', ['daemon/numerics', 'daemon/formats', 'daemon/compute', 'daemon/training/progress']],
  ['daemon/maps', ['daemon/training/progress', 'daemon/numerics', 'daemon/formats', 'daemon/compute', 'daemon/particles']],
  ['daemon/networks', ['daemon/numerics', 'daemon/formats', 'daemon/compute', 'daemon/gaussians']],
  [
    'daemon/project',
    [
      'daemon/training/progress',
      'daemon/numerics',
      'daemon/settings',
      'daemon/formats',
      'daemon/models',
      'daemon/maps',
      'daemon/particles',
    ],
  ],
  [
    'daemon/training',
    [
      'daemon/training/progress',
      'daemon/numerics',
      'daemon/settings',
      'daemon/formats',
      'daemon/compute',
      'daemon/gaussians',
      'daemon/models',
      'daemon/latent',
      'daemon/maps',
      'daemon/particles',
      'daemon/networks',
      'daemon/project',
    ],
  ],
  [
    'daemon/service',
    [
      'protocol',
      'daemon/training/progress',
      'daemon/numerics',
      'daemon/settings',
      'daemon/formats',
      'daemon/gaussians',
      'daemon/models',
      'daemon/latent',
      'daemon/maps',
      'daemon/networks',
      'daemon/project',
      'daemon/training',
    ],
  ],
  [
    'daemon/commands',
    [
      'demo-data',
      'daemon/training/progress',
      'daemon/numerics',
      'daemon/settings',
      'daemon/formats',
      'daemon/compute',
      'daemon/gaussians',
      'daemon/models',
      'daemon/latent',
      'daemon/maps',
      'daemon/particles',
      'daemon/networks',
      'daemon/project',
      'daemon/training',
      'daemon/service',
    ],
  ],
  ['daemon', ['daemon/commands', 'viewer-plugin']],
];

/** Narrower than the room: the simulator shares no rotation or projection code with the daemon, or a wrong convention cancels and all is green. */
const SIMULATOR_MAY_SHARE = /^daemon\/(formats\/|numerics\/random\.|training\/progress\.)/;

interface Import {
  from: string;
  to: string;
}

const files = TOPS.flatMap(sources);
const imports = files.filter(file => /\.(tsx?|mjs)$/.test(file)).flatMap(importsOf);

test('every import goes downhill, so that a room can be read and tested without those above it', () => {
  const allowed = new Map(ALLOWED);
  const uphill = imports.filter(({ from, to }) => {
    const [source, target] = [roomOf(from), roomOf(to)];
    if (source === 'test' || source === target) return false;
    return !allowed.get(source)?.includes(target);
  });
  assert.deepEqual(uphill.map(describe), []);
});

test('the table of allowed imports holds no circle, since each room names only rooms listed before it', () => {
  const before = new Set<string>();
  for (const [room, targets] of ALLOWED) {
    for (const target of targets) assert.ok(before.has(target), `${room} may not name ${target}: it stands later`);
    before.add(room);
  }
});

test('every folder of source is in the table, so that a new room has to choose its place', () => {
  const known = new Set([...ALLOWED.map(([room]) => room), 'test']);
  assert.deepEqual(
    [...new Set(files.map(roomOf))].filter(room => !known.has(room)),
    [],
  );
});

test('no file is imported by a file it imports, in a single step or many, so that every file can be understood after those below it', () => {
  const targets = new Map<string, string[]>();
  for (const { from, to } of imports) targets.set(from, [...(targets.get(from) ?? []), to]);
  const state = new Map<string, 'open' | 'closed'>();
  const visit = (file: string, path: string[]): void => {
    assert.notEqual(state.get(file), 'open', `a circle: ${[...path, file].join(' → ')}`);
    if (state.has(file)) return;
    state.set(file, 'open');
    for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    state.set(file, 'closed');
  };
  for (const file of targets.keys()) visit(file, []);
});

test('the simulator shares only file formats, random numbers and the progress contract with the daemon, so that a wrong convention cannot cancel', () => {
  const shared = imports.filter(
    ({ from, to }) => from.startsWith('demo-data/') && !to.startsWith('demo-data/') && !SIMULATOR_MAY_SHARE.test(to),
  );
  assert.deepEqual(shared.map(describe), []);
});

test('the protocol knows neither Node nor a page, so that both sides can speak it', () => {
  const protocol = files.filter(file => file.startsWith('protocol/') && file.endsWith('.ts'));
  assert.ok(protocol.length > 0);
  const outside = protocol.flatMap(specifiers).filter(to => !to.startsWith('.') && to !== 'msgpackr');
  assert.deepEqual(outside, []);
});

test('only service and the commands that start it know a network', () => {
  const network = /^(node:)?(https?|http2|net|tls|dgram)$|^(ws|express)$/;
  const known = files.filter(file => file.startsWith('daemon/') && !file.startsWith('daemon/service/') && file.endsWith('.ts'));
  assert.deepEqual(
    known.filter(file => specifiers(file).some(to => network.test(to))),
    [],
  );
});

test('every import of ours exists, the folders and endings included', () => {
  const missing = imports.filter(({ to }) => !existsSync(join(root, to)));
  assert.deepEqual(missing.map(describe), []);
});

test('no file is a drawer: a name says what lies inside', () => {
  assert.deepEqual(
    files.filter(file => /(^|[/.-])(utils?|helpers?|common|misc)([/.-]|$)/i.test(file)),
    [],
  );
});

test('every file opens with a sentence that says what it is for', () => {
  const opening = /^(#!.*\n)?(\/\/|\/\*\*?|<!--)\s*\S.{20,}/;
  const scripts = files.filter(file => /\.(tsx?|mjs|wgsl|css)$/.test(file));
  assert.deepEqual(
    scripts.filter(file => !opening.test(readFileSync(join(root, file), 'utf8'))),
    [],
  );
});

/** Files below a top folder, relative to the root, with forward slashes. */
function sources(folder: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap(entry => {
    const name = `${folder}/${entry.name}`;
    return entry.isDirectory() ? sources(name) : [name];
  });
}

function roomOf(file: string): string {
  if (file === 'daemon/training/progress.ts') return 'daemon/training/progress';
  const [top, room, ...rest] = file.split('/');
  return top === 'daemon' && rest.length > 0 ? `${top}/${room}` : top;
}

/** What stands after `from` or in `import(…)`, as written. Comments cannot hold a line that begins with import. */
function specifiers(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const pattern =
    /^\s*(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;
  return [...text.matchAll(pattern)].map(match => match[1] ?? match[2] ?? match[3]);
}

function importsOf(file: string): Import[] {
  return specifiers(file)
    .filter(specifier => specifier.startsWith('.'))
    .map(specifier => ({ from: file, to: sourceOf(normalize(join(dirname(file), specifier)).replaceAll('\\', '/')) }));
}

/** The source behind a compiled name: x.js is x.ts or x.tsx, unless it is JavaScript itself. */
function sourceOf(path: string): string {
  const stem = path.replace(/\.js$/, '');
  return (
    [`${stem}.ts`, `${stem}.tsx`].find(candidate => files.includes(candidate)) ?? relative(root, join(root, path)).replaceAll('\\', '/')
  );
}

function describe({ from, to }: Import): string {
  return `${from} imports ${to}`;
}
