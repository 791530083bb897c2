// A page with the viewer and a synthetic project, served to a browser: another bundler's page that imports the plugin as an ES module and shares its own Mol* with it.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import type { ShownFiles } from '../../viewer-plugin/scene-in-viewer.js';
import { atoms, frameAt, mmcif, mrc, ORIGIN, SIZE, VOXEL } from './synthetic-molecule.js';

const dist = fileURLToPath(new URL('../../', import.meta.url));
const root = join(dist, '..');

export interface ViewerSite {
  origin: string;
  project: ShownFiles;
  close(): void;
}

/** What the page script adds to `window`, for page.evaluate. */
const PAGE_SCRIPT = `
import * as limber from '${join(dist, 'viewer', 'limber-plugin.js').replaceAll('\\', '/')}';
window.limberTest = {
  ...limber,
  frame: plain => ({ ...plain, z: Float32Array.from(plain.z), positions: Float32Array.from(plain.positions),
    amplitudes: Float32Array.from(plain.amplitudes), sigmas: Float32Array.from(plain.sigmas), atoms: plain.atoms && Float32Array.from(plain.atoms) }),
};
window.ready = true;`;

const PAGE = (
  script: string,
) => `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><link rel="stylesheet" href="molstar.css">
<style>html,body{margin:0;height:100%}#view{position:absolute;inset:0}</style><div id="view"></div>${script}`;

/** Serves the page, the built viewer, the stock Mol* viewer and the project's files. */
export async function serveViewer(contour: number): Promise<ViewerSite> {
  const rows = atoms();
  const map = mrc(frameAt(0, rows));
  const { build } = await import('esbuild');
  const page = await build({
    stdin: { contents: PAGE_SCRIPT, resolveDir: root },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    logLevel: 'warning',
    external: ['fs', 'path', 'crypto', 'stream'],
    define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEBUG': '""' },
    loader: { '.jpg': 'dataurl' },
  });
  const stock = join(root, 'node_modules', 'molstar', 'build', 'viewer');
  const answers: Record<string, () => [type: string, body: string | Uint8Array]> = {
    '/': () => ['text/html', PAGE('<script type="module" src="page-script.js"></script>')],
    '/stock': () => ['text/html', PAGE('<script src="molstar.js"></script><script src="limber-molstar.js"></script>')],
    '/page-script.js': () => ['text/javascript', page.outputFiles[0].contents],
    '/molstar.js': () => ['text/javascript', readFileSync(join(stock, 'molstar.js'))],
    '/limber-molstar.js': () => ['text/javascript', readFileSync(join(dist, 'viewer', 'limber-molstar.js'))],
    '/molstar.css': () => ['text/css', readFileSync(join(dist, 'viewer', 'molstar.css'))],
    '/files/map': () => ['application/octet-stream', map.bytes],
    '/files/model': () => ['text/plain', mmcif(rows)],
    '/files/broken-map': () => ['application/octet-stream', new Uint8Array(2000)],
  };
  const server: Server = createServer((request, response) => {
    const answer = answers[new URL(request.url ?? '/', 'http://localhost').pathname];
    if (!answer) {
      response.writeHead(404).end();
      return;
    }
    const [type, body] = answer();
    response.writeHead(200, { 'Content-Type': type }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const project: ShownFiles = {
    map: { path: '/files/map', contour, sizeVoxels: [SIZE, SIZE, SIZE], voxelSizeAngstrom: [VOXEL, VOXEL, VOXEL], originAngstrom: ORIGIN },
    model: { path: '/files/model', format: 'mmcif', atoms: rows.length },
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, project, close: () => server.close() };
}

/** A frame as page.evaluate can carry it; `limberTest.frame` makes it whole again. */
export function plainFrame(t: number): Record<string, unknown> {
  const frame = frameAt(t);
  return Object.fromEntries(Object.entries(frame).map(([key, value]) => [key, value instanceof Float32Array ? Array.from(value) : value]));
}

/** Opens a page; whatever it logs as an error is kept. */
export async function openPage(
  browser: Browser,
  address: string,
  viewport = { width: 480, height: 360 },
): Promise<{ page: Page; errors: string[] }> {
  const page = await browser.newPage({ viewport, deviceScaleFactor: 1 });
  const errors: string[] = [];
  page.on('pageerror', error => errors.push(error.message));
  page.on('console', message => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(address);
  return { page, errors };
}
