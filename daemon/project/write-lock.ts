// One process at a time writes a project: a lock that neither a crash nor a reused process number leaves behind.
//
// Each writer puts a claim of its own beside project.json, named by machine, process and the instant that process started, and then looks for
// claims of others. Two that come at once both see each other, and both step back. Since every name belongs to one process for ever,
// anyone may remove the claim of a dead one without taking a living one's by mistake.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { InputError } from '../formats/input-error.js';

const PREFIX = '.writing';
const machine = hostname().replace(/[^A-Za-z0-9-]/g, '-');

interface Claim {
  file: string;
  machine: string;
  pid: number;
  started: string;
}

/** Held until `release`, or until the process ends in whatever way. */
export interface WriteLock {
  release(): void;
}

/** Throws InputError when another process, or another task of this one, writes the project. */
export function acquireWriteLock(folder: string): WriteLock {
  const own = `${PREFIX}.${machine}.${process.pid}.${startOf(process.pid)}`;
  const path = join(folder, own);
  try {
    closeSync(openSync(path, 'wx'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw heldBy(folder, process.pid);
    throw error;
  }
  const release = () => {
    rmSync(path, { force: true });
    process.removeListener('exit', release);
  };
  const other = livingClaims(folder).find(claim => claim.file !== own);
  if (other) {
    release();
    if (other.machine !== machine) {
      throw new InputError(
        `${folder}: another limber (process ${other.pid} on ${other.machine}) writes this project; wait for it, or delete ${join(folder, other.file)} if it is no longer running`,
      );
    }
    throw heldBy(folder, other.pid);
  }
  process.on('exit', release);
  return { release };
}

/** The number of the living process of this or another machine that writes the project; null when none does. */
export function writerOf(folder: string): number | null {
  return livingClaims(folder)[0]?.pid ?? null;
}

function heldBy(folder: string, pid: number): InputError {
  return new InputError(`${folder}: another limber (process ${pid}) writes this project; wait for it or stop it`);
}

/** Claims in the folder, without those of dead processes, which are removed where the folder may be written. */
function livingClaims(folder: string): Claim[] {
  const living: Claim[] = [];
  for (const file of readdirSync(folder)) {
    const parts = file.split('.');
    if (parts.length !== 5 || `.${parts[1]}` !== PREFIX) continue;
    const claim = { file, machine: parts[2], pid: Number(parts[3]), started: parts[4] };
    // A process of another machine cannot be asked whether it lives; its claim is believed.
    if (claim.machine !== machine || startOf(claim.pid) === claim.started) living.push(claim);
    else removeDead(join(folder, file));
  }
  return living;
}

function removeDead(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // A reader without the right to write sees the claim is dead all the same.
  }
}

/** When the process started, as the system tells it (so that a reused number is told apart); 'gone' when there is none. */
function startOf(pid: number): string {
  if (!Number.isInteger(pid) || pid <= 0) return 'gone';
  try {
    if (process.platform === 'linux') {
      // /proc/PID/stat: the name in parentheses may hold anything; field 22 counted from the start of the line is the start in clock ticks since boot.
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? 'gone' : fields[19];
    }
    if (process.platform === 'win32') {
      process.kill(pid, 0);
      return 'running';
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return started.replace(/[^A-Za-z0-9]+/g, '-') || 'gone';
  } catch {
    return 'gone';
  }
}
