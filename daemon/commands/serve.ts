// `limber serve`: starts the daemon that a browser shows the project from.
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { ProjectFolder } from '../project/project-folder.js';
import { parameters } from '../settings/settings.js';
import { addParameter, type CommandContext, runLong } from './long-command.js';
import { openBrowser } from './open-browser.js';

interface ServeOptions {
  port?: number;
  host: string;
  open: boolean;
  json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('serve')
    .description('Show the project in a browser: latent space beside the moving molecule.')
    .argument('<DIR>', 'project folder');
  addParameter(command, 'port')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--no-open', 'do not open a browser')
    .option('--json', 'one JSON object a line')
    .action((dir: string, { port, host, open, json }: ServeOptions) =>
      runLong({ json }, context => serveProject({ dir, port: port ?? null, host, open, train: null }, context)),
    );
}

export interface ServeRequest {
  dir: string;
  /** null: the default, or the next free one after it. */
  port: number | null;
  host: string;
  open: boolean;
  /** A run to train while it is shown; null for none. */
  train: string | null;
}

/** Serves until the signal asks to stop; then jobs save and end, and the port is given back. */
export async function serveProject(request: ServeRequest, { reporter, signal }: CommandContext): Promise<void> {
  // Said before the network is loaded, so that a wrong folder is told at once.
  ProjectFolder.open(request.dir);
  const { startService } = await import('../service/server.js');
  const service = await startService({
    projectDir: request.dir,
    host: request.host,
    port: request.port ?? parameters.port.default,
    nextFreePort: request.port === null,
    viewerDir: fileURLToPath(new URL('../../viewer/', import.meta.url)),
    limber: [process.execPath, fileURLToPath(new URL('../../../daemon/limber.mjs', import.meta.url))],
  });
  if (request.train !== null) service.startTraining(request.train);
  reporter.ready(service.url);
  if (request.open) openBrowser(service.url);
  if (!signal.aborted) await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
  await service.close();
}
