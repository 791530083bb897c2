// `npm run bench:memory`: what the daemon and its training hold in memory, and what each stage costs a particle, on few and on many particles of one set.
//
// Few are trained on before and after the many, so that a disturbance of the machine shows. Placing by likelihood, which compares each particle with over a hundred models and takes as long as some
// twenty epochs, is stopped once it is seen how long it takes.

import { parseArgs } from 'node:util';
import type { TrainingRequest } from '../../protocol/messages.js';
import { ALL_RINGS_ANGSTROM, madeProject } from './made-project.js';
import { treeUse } from './process-tree.js';
import { ServedProject } from './served-project.js';

const HELP = `npm run bench:memory -- --folder DIR [--particles 100000] [--few 4000] [--gaussians 2048] [--latent-dims 4] [--resolution Å]
  --folder       where the set is made, or found again: 65 kB a particle, and up to 110 kB more while training
  --particles    simulated images of 128 px [100000]
  --few          of them, evenly chosen, for comparison [4000]
  --gaussians    of the neutral model [2048]
  --latent-dims  of the run [4]
  --resolution   Å; what is compared [${ALL_RINGS_ANGSTROM}: all rings]
Training takes as many threads as the machine has cores: with taskset it has fewer.`;

/** Milliseconds between two looks at memory and processor time: a look costs some milliseconds of its own. */
const SAMPLING = 250;
const BATCH = 32;
const PLACING = 'placing particles by their likelihood';
const PLACED = 512;
/** Asked of 100,000 particles. */
const ASKED_BYTES = 2 * 2 ** 30;

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    particles: { type: 'string', default: '100000' },
    few: { type: 'string', default: '4000' },
    gaussians: { type: 'string', default: '2048' },
    'latent-dims': { type: 'string', default: '4' },
    resolution: { type: 'string', default: String(ALL_RINGS_ANGSTROM) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.folder === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

interface Stage {
  name: string;
  /** A particle, on the clock and of all processors together. */
  milliseconds: number;
  processorMilliseconds: number;
}

interface Trial {
  particles: number;
  peakBytes: number;
  stages: Stage[];
}

const [many, few, gaussians] = [Number(values.particles), Number(values.few), Number(values.gaussians)];
const project = await madeProject(values.folder, many, gaussians);
const served = await ServedProject.start(project);
try {
  console.log(`${gaussians} Gaussians, box 128, ${values.resolution} Å, batch ${BATCH}, d = ${values['latent-dims']}; one epoch`);
  const evenly = Uint32Array.from({ length: few }, (_, i) => 1 + Math.floor((i * many) / few));
  const before = await trial('few', few, evenly);
  const all = await trial('many', many);
  const after = await trial('few', few, evenly);
  console.log('\nms a particle on the clock (of all processors together)');
  for (const { name } of all.stages) console.log(row(name, before, all, after));
  const most = Math.max(before.peakBytes, all.peakBytes, after.peakBytes);
  console.log(`most memory of daemon and training: ${gigabytes(before)}, ${gigabytes(all)}, ${gigabytes(after)}`);
  if (most > ASKED_BYTES) console.log('that is more than 2 GiB');
} finally {
  await served.stop();
}

/** One run through the daemon, watched. */
async function trial(run: string, particles: number, subset?: Uint32Array): Promise<Trial> {
  let peakBytes = 0;
  let use = treeUse(served.pid);
  const look = () => {
    use = treeUse(served.pid);
    peakBytes = Math.max(peakBytes, use.bytes);
  };
  const timer = setInterval(look, SAMPLING);
  /** First and last that was heard of each stage. */
  const heard = new Map<string, { done: number; seconds: number; processor: number }[]>();
  const settings: TrainingRequest = {
    epochs: 1,
    batch: BATCH,
    latentDims: Number(values['latent-dims']),
    resolutionAngstrom: Number(values.resolution),
    subset,
  };
  served.forget(run);
  await served.train(run, settings, ({ stage, done, seconds }) => {
    const now = { done, seconds, processor: use.processorSeconds };
    heard.set(stage, [...(heard.get(stage) ?? [now]).slice(0, 1), now]);
    if (stage === PLACING && done >= PLACED) served.cancel();
  });
  clearInterval(timer);
  const stages = [...heard].flatMap(([name, [first, last]]) => {
    const met = (last ?? first).done - first.done;
    if (met <= 0) return [];
    const perParticle = (from: number, to: number) => (1000 * (to - from)) / met;
    return [
      { name, milliseconds: perParticle(first.seconds, last.seconds), processorMilliseconds: perParticle(first.processor, last.processor) },
    ];
  });
  console.log(
    `${particles} particles: ${stages.map(({ name, milliseconds }) => `${name} ${milliseconds.toFixed(2)}`).join(', ')} ms each; ${(peakBytes / 2 ** 30).toFixed(2)} GiB`,
  );
  return { particles, peakBytes, stages };
}

function row(name: string, before: Trial, all: Trial, after: Trial): string {
  const of = (trial: Trial) => trial.stages.find(stage => stage.name === name);
  const cells = [before, all, after].map(trial => {
    const stage = of(trial);
    return stage ? `${stage.milliseconds.toFixed(2)} (${stage.processorMilliseconds.toFixed(2)})`.padStart(16) : '–'.padStart(16);
  });
  const ratio = (key: 'milliseconds' | 'processorMilliseconds') => {
    const fewer = [of(before), of(after)].flatMap(stage => (stage ? [stage[key]] : []));
    return ((of(all) as Stage)[key] * fewer.length) / fewer.reduce((sum, value) => sum + value, 0);
  };
  return `${name.padEnd(40)}${cells.join('')}   many/few ${ratio('milliseconds').toFixed(2)} (${ratio('processorMilliseconds').toFixed(2)})`;
}

function gigabytes({ particles, peakBytes }: Trial): string {
  return `${(peakBytes / 2 ** 30).toFixed(2)} GiB at ${particles}`;
}
