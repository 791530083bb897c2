// Projects of many particles for benchmarks: made by the simulator once, kept in a folder of the user's choice, and used again.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { simulate } from '../../demo-data/simulate.js';

export const LAUNCHER = fileURLToPath(new URL('../../../daemon/limber.mjs', import.meta.url));

/** The box of the paper's large sets, over the same 256 Å as the simulator's own default. */
const BOX = 128;
const PIXEL_ANGSTROM = 2;
/** Å at which all 63 rings of such a box are compared. */
export const ALL_RINGS_ANGSTROM = 4.05;

/**
 * The project of `particles` simulated images (kind linear, noise as strong as the signal) with a neutral model of `gaussians`, in `folder`/P-particles-N-gaussians.
 * What an earlier call made, or another number of Gaussians left there, is not made again.
 */
export async function madeProject(folder: string, particles: number, gaussians: number): Promise<string> {
  const data = join(folder, `${particles}-particles`);
  if (!existsSync(join(data, 'particles.star'))) {
    mkdirSync(data, { recursive: true });
    let told = 0;
    await simulate(
      { directory: data, kind: 'linear', particles, boxSize: BOX, pixelSizeAngstrom: PIXEL_ANGSTROM },
      {
        progress: (stage, done, total) => {
          if (done < told) return;
          console.error(`${stage}: ${done} of ${total}`);
          told = done + total / 10;
        },
        epoch: () => {},
        note: line => console.error(line),
      },
    );
  }
  const project = join(folder, `${particles}-particles-${gaussians}-gaussians`);
  if (!existsSync(join(project, 'project.json')))
    limber('new', project, '--particles', join(data, 'particles.star'), '--map', join(data, 'consensus.mrc'));
  if (!existsSync(join(project, 'neutral', 'neutral.json'))) limber('neutral', project, '--gaussians', String(gaussians));
  return project;
}

/** Runs a command to its end; the benchmark ends where it fails. */
function limber(...args: string[]): void {
  console.error(`limber ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exit(1);
}
