// Builds everything into dist/: each TypeScript file one to one, the SIMD kernels, and the viewer bundles. Plain JavaScript, so that it runs before any build.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Several builds can stand side by side, each in its own folder.
const dist = join(root, process.env.LIMBER_DIST ?? 'dist');
const stamp = join(dist, '.built');
const rooms = ['protocol', 'daemon', 'demo-data', 'viewer-plugin', 'test'];
const kernels = join('daemon', 'compute', 'cpu', 'kernels');

function sources(folder) {
  const found = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...sources(path));
    else found.push(path);
  }
  return found;
}

/** True when every source is older than the last complete build. */
export function isBuilt() {
  if (!existsSync(stamp)) return false;
  const built = statSync(stamp).mtimeMs;
  const inputs = [...rooms.filter(room => existsSync(join(root, room))).flatMap(sources), 'package-lock.json'];
  // The list itself is part of the stamp, so that a removed or renamed file counts as a change too.
  return inputs.every(path => statSync(join(root, path)).mtimeMs < built) && readFileSync(stamp, 'utf8') === inputs.join('\n');
}

/** Builds into dist/; throws with the compiler's own message when a source is wrong. */
export async function build({ quiet = false } = {}) {
  const started = Date.now();
  const esbuild = await import('esbuild');
  rmSync(stamp, { force: true });
  const all = rooms.filter(room => existsSync(join(root, room))).flatMap(sources);
  const listed = [...all, 'package-lock.json'].join('\n');
  const scripts = all.filter(path => /\.tsx?$/.test(path) && !path.endsWith('.d.ts') && !path.startsWith(kernels));
  const shaders = all.filter(path => path.endsWith('.wgsl'));
  const output = await esbuild.build({
    absWorkingDir: root,
    entryPoints: [...scripts, ...shaders],
    outdir: dist,
    outbase: root,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'linked',
    loader: { '.wgsl': 'copy' },
    logLevel: 'warning',
    jsx: 'automatic',
    metafile: true,
  });
  removeOrphans(dist, new Set(Object.keys(output.metafile.outputs)));
  buildKernels(all.filter(path => path.startsWith(kernels)));
  const viewerBuild = join(root, 'viewer-plugin', 'bundle.mjs');
  if (existsSync(viewerBuild)) await (await import(pathToFileURL(viewerBuild).href)).bundle({ root, dist });
  writeFileSync(stamp, listed);
  if (!quiet) console.error(`built in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Compiled tests and modules whose source is gone would still run: they go too. */
function removeOrphans(folder, kept) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (rooms.includes(relative(dist, path).split(/[\\/]/)[0])) removeOrphans(path, kept);
    } else if (path.endsWith('.js') && relative(dist, path).includes('/') && !kept.has(relative(root, path).replaceAll('\\', '/')))
      rmSync(path);
  }
}

/**
 * AssemblyScript → WebAssembly modules with SIMD: all kernels on shared memory, in a plain and a fused-multiply-add (relaxed SIMD)
 * version, those of a reconstruction likewise, and those of a decode on a memory of one thread's own.
 */
function buildKernels(files) {
  if (files.length === 0) return;
  const folder = join(dist, kernels);
  mkdirSync(folder, { recursive: true });
  const compiler = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js');
  const changed = Math.max(...[...files, 'daemon/build.mjs', 'package-lock.json'].map(path => statSync(join(root, path)).mtimeMs));
  for (const { name, entry, isRelaxed, isShared } of [
    { name: 'kernels', entry: 'index.ts', isRelaxed: false, isShared: true },
    { name: 'kernels-fma', entry: 'index.ts', isRelaxed: true, isShared: true },
    { name: 'row-kernels', entry: 'row.ts', isRelaxed: false, isShared: false },
    { name: 'map-kernels', entry: 'maps.ts', isRelaxed: false, isShared: true },
    { name: 'map-kernels-fma', entry: 'maps.ts', isRelaxed: true, isShared: true },
  ]) {
    const output = join(folder, `${name}.wasm`);
    if (existsSync(output) && statSync(output).mtimeMs > changed) continue;
    const features = [
      '--enable',
      'simd',
      '--enable',
      'threads',
      ...(isRelaxed ? ['--enable', 'relaxed-simd', '--use', 'FUSED=1'] : ['--use', 'FUSED=0']),
    ];
    const result = spawnSync(
      process.execPath,
      [
        compiler,
        join(root, kernels, entry),
        '--outFile',
        output,
        '-O3',
        '--noAssert',
        '--runtime',
        'stub',
        '--importMemory',
        ...(isShared ? ['--sharedMemory'] : []),
        '--initialMemory',
        '1',
        '--maximumMemory',
        '65536',
        '--memoryBase',
        '65536',
        ...features,
      ],
      { cwd: root, encoding: 'utf8' },
    );
    if (result.status !== 0) throw new Error(`the SIMD kernels do not compile:\n${result.stdout}${result.stderr}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--if-needed') && isBuilt()) process.exit(0);
  try {
    await build();
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
