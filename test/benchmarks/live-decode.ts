// `npm run bench:live`: how long a viewer waits for a decoded molecule while nothing else goes on, and while the daemon trains that run on all cores.

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ALL_RINGS_ANGSTROM, madeProject } from './made-project.js';
import { ServedProject } from './served-project.js';

const HELP = `npm run bench:live -- --folder DIR [--particles 2000] [--gaussians 3082] [--seconds 20]
  --folder     where the set is made, or found again
  --seconds    that each of the two is watched [20]
Prints median and 95th percentile of the wait for a decode asked for 60 times a second, quiet and during training, and their ratio.`;

/** Asked for as often as a screen is drawn. */
const PERIOD_MS = 1000 / 60;
const DIMS = 4;
const RUN = 'live';

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    particles: { type: 'string', default: '2000' },
    gaussians: { type: 'string', default: '3082' },
    seconds: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.folder === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const seconds = Number(values.seconds);
const settings = { latentDims: DIMS, resolutionAngstrom: ALL_RINGS_ANGSTROM };
const project = await madeProject(values.folder, Number(values.particles), Number(values.gaussians));
const served = await ServedProject.start(project);
try {
  served.forget(RUN);
  console.error('training an epoch');
  await served.train(RUN, { ...settings, epochs: 1 });
  await watch(1);
  const quietBefore = await watch(seconds / 2);
  let training: Promise<void> | null = null;
  await new Promise<void>((resolve, reject) => {
    training = served.train(RUN, { ...settings, epochs: 1000 }, ({ stage }) => {
      if (stage.startsWith('epoch')) resolve();
    });
    training.catch(reject);
  });
  const live = await watch(seconds);
  served.cancel();
  await training;
  const quietAfter = await watch(seconds / 2);
  const quiet = [...quietBefore, ...quietAfter];
  console.log(`a decode of ${values.gaussians} Gaussians by the daemon, ms: median, 95th percentile`);
  console.log(`quiet            ${figures(quiet)}`);
  console.log(`during training  ${figures(live)}`);
  console.log(`ratio            ${[0.5, 0.95].map(share => (percentile(live, share) / percentile(quiet, share)).toFixed(2)).join('  ')}`);
} finally {
  await served.stop();
}

/** Waits of all decodes in that time. As a viewer does, it asks for the next one only when the last is here. */
async function watch(seconds: number): Promise<number[]> {
  const waits: number[] = [];
  const end = performance.now() + 1000 * seconds;
  for (let next = performance.now(); next < end; next = Math.max(next + PERIOD_MS, performance.now())) {
    await setTimeout(Math.max(0, next - performance.now()));
    const phase = next / 500;
    waits.push(await served.decode(RUN, [Math.sin(phase), Math.cos(phase), 0, 0]));
  }
  return waits;
}

function figures(waits: readonly number[]): string {
  return `${percentile(waits, 0.5).toFixed(2)}  ${percentile(waits, 0.95).toFixed(2)}  (${waits.length} decodes)`;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
