// Runs the command line as a user does: the launcher in a process of its own, seen by its exit status and what it prints.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../..', import.meta.url));
const launcher = fileURLToPath(new URL('../../../daemon/limber.mjs', import.meta.url));
const environment = { ...process.env, LIMBER_DIST: basename(dist), LIMBER_BUILT: '1', CI: 'true' };

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
  /** Standard output as JSON, a value per line; only to be read after --json. */
  events: () => Record<string, unknown>[];
}

export function limber(args: string[], cwd: string): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], { cwd, encoding: 'utf8', env: environment });
  return {
    status,
    stdout,
    stderr,
    events: () =>
      stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Record<string, unknown>),
  };
}

export function startLimber(args: string[], cwd: string): ChildProcess {
  return spawn(process.execPath, [launcher, ...args], { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Every file below a folder with its digest: equal before and after means that nothing was touched. */
export function fingerprint(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .sort()
    .map(path => `${path} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`);
}
