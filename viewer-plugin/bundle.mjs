// Bundles the viewer into dist/viewer/: the page, the plugin as an ES module, and the classic script for the stock Mol* viewer.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Modules of Mol* whose objects are compared by identity, and where a page with the stock viewer has them. */
const FROM_HOST = {
  'mol-plugin-state/objects.js': ['plugin', ['PluginStateObject', 'PluginStateTransform']],
  'mol-plugin-state/transforms.js': ['plugin', ['StateTransforms']],
  'mol-plugin/behavior/behavior.js': ['plugin', ['PluginBehavior']],
  'mol-model/shape.js': ['shape', ['Shape', 'ShapeGroup']],
  'mol-model/volume.js': ['volume', ['Volume']],
};

/**
 * Writes index.html, page.js, styles, limber-plugin.js (ES module; molstar, react and rxjs are left to the page that imports it),
 * limber-molstar.js (classic script) and Mol*'s own style sheets (molstar.css, molstar-dark.css).
 */
export async function bundle({ root, dist }) {
  const esbuild = await import('esbuild');
  const source = join(root, 'viewer-plugin');
  const out = join(dist, 'viewer');
  mkdirSync(out, { recursive: true });
  // The list is part of the stamp: a removed or renamed file counts as a change too.
  const inputs = [...files(source), ...files(join(root, 'protocol')), join(root, 'package-lock.json')];
  const stamp = join(out, '.bundled');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === inputs.join('\n')) {
    const bundled = statSync(stamp).mtimeMs;
    if (inputs.every(path => statSync(path).mtimeMs < bundled)) return;
  }
  rmSync(stamp, { force: true });
  // A file that changes while the bundles are made must count as newer than they are: the stamp is written before they are, and named last.
  writeFileSync(`${stamp}.new`, inputs.join('\n'));
  const worker = await esbuild.build({
    ...common,
    entryPoints: [join(source, 'worker', 'density-worker.ts')],
    format: 'iife',
    write: false,
    plugins: [withoutSideEffects],
  });
  const withWorker = asText('limber:density-worker', worker.outputFiles[0].text);
  await Promise.all([
    esbuild.build({
      ...common,
      entryPoints: { 'limber-plugin': join(source, 'index.ts') },
      outdir: out,
      format: 'esm',
      plugins: [withWorker, leftToThePage],
    }),
    esbuild.build({
      ...common,
      entryPoints: { 'limber-molstar': join(source, 'dropin.ts') },
      outdir: out,
      format: 'iife',
      define: { ...common.define, MOLSTAR_BUILT_AGAINST: JSON.stringify(molstarVersion(root)) },
      plugins: [withWorker, fromHost],
    }),
    existsSync(join(source, 'page', 'main.ts')) &&
      esbuild.build({
        ...common,
        entryPoints: { page: join(source, 'page', 'main.ts') },
        outdir: out,
        format: 'esm',
        plugins: [withWorker],
      }),
  ]);
  for (const file of ['index.html', 'styles.css']) {
    if (existsSync(join(source, 'page', file))) copyFileSync(join(source, 'page', file), join(out, file));
  }
  const themes = join(root, 'node_modules', 'molstar', 'build', 'viewer', 'theme');
  copyFileSync(join(themes, 'light.css'), join(out, 'molstar.css'));
  copyFileSync(join(themes, 'dark.css'), join(out, 'molstar-dark.css'));
  renameSync(`${stamp}.new`, stamp);
}

const common = {
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2022',
  jsx: 'automatic',
  sourcemap: false,
  legalComments: 'none',
  logLevel: 'warning',
  define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEBUG': '""' },
  // Mol* reaches for these only under Node.
  external: ['fs', 'path', 'crypto', 'stream'],
  loader: { '.jpg': 'dataurl', '.png': 'dataurl' },
};

/** A module that is one string. */
function asText(name, text) {
  return {
    name: 'text module',
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: name, namespace: 'text-module' }));
      build.onLoad({ filter: /.*/, namespace: 'text-module' }, () => ({ contents: text, loader: 'text' }));
    },
  };
}

/** Mol* does not say that its modules may be left out when nothing of them is used; in the worker that is nearly all of them. */
const withoutSideEffects = {
  name: 'without side effects',
  setup(build) {
    build.onResolve({ filter: /\.js$/ }, async ({ path, resolveDir, kind, pluginData }) => {
      if (pluginData === 'resolved') return;
      const resolved = await build.resolve(path, { resolveDir, kind, pluginData: 'resolved' });
      return /[\\/]molstar[\\/]lib[\\/]/.test(resolved.path) ? { ...resolved, sideEffects: false } : resolved;
    });
  },
};

/** A page that bundles its own Mol* must share it with the plugin. */
const leftToThePage = {
  name: 'left to the page',
  setup(build) {
    build.onResolve({ filter: /^(molstar|react|react-dom|rxjs)(\/|$)/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Takes what must be the stock viewer's own from its `molstar.lib`; everything else is bundled. */
const fromHost = {
  name: 'from the host viewer',
  setup(build) {
    build.onResolve({ filter: /\.js$/ }, async ({ path, importer, resolveDir, kind, pluginData }) => {
      // Only what our own files import: Mol*'s helpers that are bundled go on among themselves.
      if (pluginData === 'resolved' || importer.includes('node_modules')) return;
      const { path: resolved } = await build.resolve(path, { resolveDir, kind, pluginData: 'resolved' });
      const [, module] = /molstar[\\/]lib[\\/](.*)$/.exec(resolved) ?? [];
      const name = module?.replaceAll('\\', '/');
      return name in FROM_HOST || name === 'mol-state/index.js' ? { path: name, namespace: 'host' } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: 'host' }, ({ path }) => {
      if (path === 'mol-state/index.js') return { contents: HOST_STATE, loader: 'js' };
      const [part, names] = FROM_HOST[path];
      return { contents: `export const { ${names.join(', ')} } = globalThis.molstar.lib.${part};`, loader: 'js' };
    });
  },
};

/** The stock viewer gives no registry of transformers but its own name space: what is saved there must be found there when it is opened again. */
const HOST_STATE = `
const { BuiltIn } = globalThis.molstar.lib.plugin.PluginStateTransform;
export const StateTransformer = {
  builderFactory: namespace => definition => BuiltIn({ ...definition, name: namespace + '-' + definition.name }),
};`;

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

function molstarVersion(root) {
  return JSON.parse(readFileSync(createRequire(join(root, 'package.json')).resolve('molstar/package.json'), 'utf8')).version;
}
