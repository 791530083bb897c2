// `npm run bench:maps`: `limber reconstruct --all` beside relion_reconstruct --ctf on the same particles with CTF and shifts, in turns on the same cores: time, memory, and the FSC of both maps with the truth.
//
// relion_reconstruct works on one core, so that is what limber gets (taskset); with --threads N > 1 it is relion_reconstruct_mpi with N processes on N cores.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { DensityMap } from '../../daemon/formats/density-map.js';
import { readMap } from '../../daemon/formats/mrc.js';
import { fourierShellCorrelation } from '../../daemon/maps/fsc.js';
import { median } from '../../daemon/numerics/quantile.js';
import { createProject } from '../../daemon/project/create-project.js';
import type { Reporter } from '../../daemon/training/progress.js';
import { simulate } from '../../demo-data/simulate.js';
import { softMask } from '../accuracy/soft-mask.js';
import { treeUse } from './process-tree.js';

const HELP = `npm run bench:maps -- [--boxes 64,128] [--particles 4000] [--noise 10] [--rounds 5] [--threads 1] [--cores 0] [--folder DIR]
  --boxes    pixels along the side of the images
  --noise    variance of the noise over that of the signal
  --threads  of limber; processes of relion_reconstruct_mpi where more than 1
  --cores    those that both are confined to, as taskset takes them [0 to threads − 1; - for no confinement]
  --folder   keeps the data there, and uses what is there already
Exit status 1 where limber is slower, takes more than twice the memory, or is behind by more than 0.01 in a shell.`;

const { values } = parseArgs({
  options: {
    boxes: { type: 'string', default: '64,128' },
    particles: { type: 'string', default: '4000' },
    noise: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: '1' },
    cores: { type: 'string' },
    folder: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const SILENT: Reporter = { progress() {}, epoch() {}, note() {} };
const LAUNCHER = fileURLToPath(new URL('../../../daemon/limber.mjs', import.meta.url));
/** Behind in no shell by more. */
const BEHIND = 0.01;
/** The finest shell that is judged is the last in which either map's FSC with the truth is at least this. */
const RESOLVED = 0.143;
/** Milliseconds between two looks at the memory of a program. */
const LOOK = 50;

interface Measured {
  seconds: number;
  /** Of all its processes together, as seen last; less disturbed by what else runs than the seconds. */
  processorSeconds: number;
  /** The most that all its processes held at once. */
  megabytes: number;
}

const threads = Number(values.threads);
const rounds = Number(values.rounds);
const confinement = confinementTo(values.cores ?? (threads === 1 ? '0' : `0-${Math.min(threads, availableParallelism()) - 1}`));
const relion = findRelion();
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'limber-bench-maps-'));
let failed = false;
try {
  for (const box of values.boxes.split(',').map(Number)) await compare(box);
} finally {
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

async function compare(box: number): Promise<void> {
  const data = join(folder, `box${box}`);
  const particles = join(data, 'particles.star');
  if (!existsSync(particles)) {
    mkdirSync(data, { recursive: true });
    const made = {
      kind: 'trimer',
      boxSize: box,
      particles: Number(values.particles),
      noise: Number(values.noise),
      ctf: true,
      shiftPixels: 3,
    } as const;
    await simulate({ directory: data, ...made }, SILENT);
  }
  const truth = readMap(join(data, 'consensus.mrc'));
  const project = join(data, 'project');
  if (!existsSync(join(project, 'project.json'))) {
    const files = {
      particles,
      map: join(data, 'consensus.mrc'),
      imagesDir: null,
      mask: null,
      model: null,
      symmetry: 'C1',
      pixelSizeAngstrom: null,
    };
    await createProject(project, files, SILENT, new AbortController().signal);
  }
  console.log(
    `\n${values.particles} particles of ${box} px with CTF and shifts, noise ${values.noise}, ${threads === 1 ? 'one core' : `${threads} cores`}`,
  );
  const [ours, theirs]: Measured[][] = [[], []];
  const [ourMap, theirMap] = ['limber.mrc', 'relion.mrc'].map(name => join(data, name));
  for (let round = 0; round < rounds; round++) {
    ours.push(
      await measure([process.execPath, LAUNCHER, 'reconstruct', project, '--all', '--threads', String(threads), '-o', ourMap], data),
    );
    if (relion) theirs.push(await measure([...relion, '--i', 'particles.star', '--o', theirMap, '--ctf'], data));
  }
  tell('limber reconstruct', ours);
  if (!relion) return;
  tell(relion.find(word => word.startsWith('relion'))!, theirs);
  const ratio = (of: keyof Measured) => median(ours.map(run => run[of])) / median(theirs.map(run => run[of]));
  console.log(
    `limber takes ${ratio('seconds').toFixed(2)} of the time (${ratio('processorSeconds').toFixed(2)} of the processor time) and ${ratio('megabytes').toFixed(2)} of the memory`,
  );
  const behind = compareCurves(truth, readMap(ourMap), readMap(theirMap));
  failed ||= ratio('seconds') > 1 || ratio('megabytes') > 2 || behind > BEHIND;
}

/** Prints both maps' FSC with the truth, as they are and in a soft mask, and returns the largest shortfall of ours in a shell that either resolves. */
function compareCurves(truth: DensityMap, ours: DensityMap, theirs: DensityMap): number {
  let worst = Number.NEGATIVE_INFINITY;
  for (const [name, mask] of [
    ['no mask', null],
    ['soft mask', softMask(truth)],
  ] as const) {
    const [our, their] = [ours, theirs].map(map => fourierShellCorrelation(map, truth, mask).correlation);
    let last = 1;
    for (let shell = 1; shell < our.length; shell++) if (Math.max(our[shell], their[shell]) >= RESOLVED) last = shell;
    console.log(`FSC with the truth, ${name}: shell (Å), limber, relion, difference`);
    let behind = Number.NEGATIVE_INFINITY;
    let where = 1;
    for (let shell = 1; shell <= last; shell++) {
      const shortfall = their[shell] - our[shell];
      if (shortfall > behind) [behind, where] = [shortfall, shell];
      const angstrom = (truth.size[0] * truth.voxelSizeAngstrom[0]) / shell;
      console.log(`  ${shell} (${angstrom.toFixed(2)})  ${our[shell].toFixed(4)}  ${their[shell].toFixed(4)}  ${(-shortfall).toFixed(4)}`);
    }
    console.log(
      `  worst of ${last} shells: ${behind > 0 ? `${behind.toFixed(4)} behind` : `${(-behind).toFixed(4)} ahead`}, in shell ${where}`,
    );
    worst = Math.max(worst, behind);
  }
  return worst;
}

/** Runs a program to its end. */
async function measure(words: string[], directory: string): Promise<Measured> {
  const [program, ...args] = [...confinement, ...words];
  const started = performance.now();
  const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-2000);
  });
  const most = { bytes: 0, processorSeconds: 0 };
  const look = () => {
    const { bytes, processorSeconds } = treeUse(child.pid!);
    most.bytes = Math.max(most.bytes, bytes);
    most.processorSeconds = Math.max(most.processorSeconds, processorSeconds);
  };
  const timer = setInterval(look, LOOK);
  const status = await new Promise<number | null>((resolve, reject) => child.on('exit', resolve).on('error', reject));
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  if (status !== 0) throw new Error(`${words.join(' ')} failed:\n${errors}`);
  return { seconds, processorSeconds: most.processorSeconds, megabytes: most.bytes / 2 ** 20 };
}

/** The words before a command that keep it on some cores; none, having said so, where that cannot be done. */
function confinementTo(cores: string): string[] {
  if (cores === '-') return [];
  if (spawnSync('taskset', ['-c', cores, 'true']).status === 0) return ['taskset', '-c', cores];
  console.log('no taskset here: nothing keeps the programs on the same cores');
  return [];
}

/** relion_reconstruct, with MPI for more than one core; null, having said so, where it is not there. */
function findRelion(): string[] | null {
  const program = threads === 1 ? 'relion_reconstruct' : 'relion_reconstruct_mpi';
  const version = /version: (\S+)/i.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout ?? '');
  if (!version) {
    console.log(`no ${program} here (Debian: apt install relion): limber alone, and nothing is compared`);
    return null;
  }
  console.log(`${program} ${version[1]}`);
  return threads === 1 ? [program] : ['mpirun', '--allow-run-as-root', '--oversubscribe', '-n', String(threads), program];
}

function tell(name: string, runs: Measured[]): void {
  const of = (what: keyof Measured) => median(runs.map(run => run[what]));
  const each = runs.map(run => run.seconds.toFixed(1)).join(' ');
  console.log(
    `${name.padEnd(24)} ${of('seconds').toFixed(2)} s (${each}), ${of('processorSeconds').toFixed(2)} s of processor time, ${of('megabytes').toFixed(0)} MB at most`,
  );
}
