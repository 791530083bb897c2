// What the daemon serves over HTTP: the viewer's own files, the maps and the fitted model. No address names a path on disk.
import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import type { Access } from './access.js';
import { securityHeaders } from './security-headers.js';

export const MAP_PATH = '/files/map';
export const MODEL_PATH = '/files/model';
/** Above the names of the maps made from particles. */
export const MADE_MAPS_PATH = '/files/maps';

export interface ServedFiles {
  /** Folder of the built viewer, with index.html. */
  viewerDir: string;
  /** Absolute paths; null where the project has none. */
  map: string | null;
  model: string | null;
  /** Absolute path of a map made from particles; null where there is none of that name. */
  madeMap: (name: string) => string | null;
}

export function createFileServer(access: Access, files: ServedFiles): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.use((request, response, next) => {
    const refusal = access.refusal(request);
    if (refusal) {
      response.status(refusal.status).type('text/plain').send(`${refusal.reason}\n`);
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.status(405).set('Allow', 'GET, HEAD').type('text/plain').send('only GET and HEAD\n');
    } else {
      if (access.hasTokenInAddress(request)) response.append('Set-Cookie', access.cookie);
      next();
    }
  });
  serveOne(app, MAP_PATH, files.map, 'application/octet-stream');
  serveOne(app, MODEL_PATH, files.model, 'text/plain; charset=utf-8');
  app.get(`${MADE_MAPS_PATH}/:name`, (request, response, next) => {
    const path = files.madeMap(request.params.name);
    if (path === null) next();
    else sendProjectFile(response, path, 'application/octet-stream');
  });
  // The token is in the address, and the files change with each build: nothing may outlive the start.
  app.use(express.static(files.viewerDir, { dotfiles: 'ignore', cacheControl: false, redirect: false }));
  app.use((_request, response) => void response.status(404).type('text/plain').send('not found\n'));
  app.use(onError);
  return app;
}

function serveOne(app: Express, address: string, path: string | null, type: string): void {
  if (path === null) return;
  app.get(address, (_request, response) => sendProjectFile(response, path, type));
}

/** The path is the project's own, never the request's, and a folder on the way to it may well begin with a dot. */
function sendProjectFile(response: Response, path: string, type: string): void {
  response.sendFile(path, { dotfiles: 'allow', cacheControl: false, headers: { 'Content-Type': type } });
}

/** One line, no stack, whatever went wrong: a garbled address, a map that was deleted meanwhile, a download that was broken off. */
const onError: ErrorRequestHandler = (error: { status?: number }, _request, response, next) => {
  if (response.headersSent) return next(error);
  const status = error.status ?? 500;
  response
    .status(status)
    .type('text/plain')
    .send(status === 404 ? 'not found\n' : status < 500 ? 'bad request\n' : 'the file cannot be read\n');
};
