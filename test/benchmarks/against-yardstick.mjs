// `npm run bench`: `limber bench` beside the PyTorch yardstick, in turns on the same machine, so that both meet the same disturbances; prints the ratio.
//
//   npm run bench -- [--rounds 3] [--threads 4] [--backend cpu] [--device cpu|cuda] [--dense]
//
// --dense also runs the yardstick's dense projection, the paper's way, once: minutes, and some 16 GB of memory.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { prepare } from '../../daemon/prepare.mjs';

const SIZES = [
  { gaussians: 2048, box: 128 },
  { gaussians: 512, box: 64 },
];
const BATCH = 32;
/** Fewer than `limber bench` takes for a map, so that the turns are short; training steps are the same. */
const PARTICLES = 16 * BATCH;
/** A dense projection of 32 particles does not fit into the memory of most machines. */
const DENSE_BATCH = 8;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '4' },
    backend: { type: 'string', default: 'cpu' },
    device: { type: 'string', default: 'cpu' },
    dense: { type: 'boolean', default: false },
  },
});
const launcher = fileURLToPath(new URL('../../daemon/limber.mjs', import.meta.url));
const yardstick = fileURLToPath(new URL('../../../shared/yardstick/e2gmm_torch.py', import.meta.url));

await prepare();
const python = findPython();
for (const size of SIZES) {
  console.log(`\n${size.gaussians} Gaussians, box ${size.box}, batch ${BATCH}, ${values.threads} threads`);
  const ours = new Map();
  const theirs = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { operation, batch, millisecondsPerParticle, gflops, megabytes } of measureOurs(size)) {
      const list = ours.get(operation) ?? [];
      ours.set(operation, [...list, { batch, millisecondsPerParticle, gflops, megabytes }]);
    }
    if (python) theirs.push(measureYardstick(size, 'separable', BATCH));
  }
  for (const [operation, list] of ours) {
    const of = name => median(list.map(measured => measured[name]));
    const each = list.map(measured => measured.millisecondsPerParticle.toFixed(3)).join(' ');
    console.log(
      `limber ${operation.padEnd(14)} ${of('millisecondsPerParticle').toFixed(3)} ms a particle (${each}), ` +
        `${of('gflops').toFixed(0)} GFLOP/s, ${of('megabytes').toFixed(0)} MB, ${list[0].batch} at once`,
    );
  }
  if (!python) continue;
  const step = median(ours.get('training-step').map(measured => measured.millisecondsPerParticle));
  const separable = median(theirs);
  console.log(
    `yardstick separable   ${separable.toFixed(3)} ms a particle (${theirs.map(time => time.toFixed(3)).join(' ')}) on ${values.device}`,
  );
  console.log(`a training step is ${(separable / step).toFixed(1)} times as fast as the yardstick's`);
  if (!values.dense) continue;
  const dense = measureYardstick(size, 'dense', DENSE_BATCH);
  console.log(`yardstick dense       ${dense.toFixed(1)} ms a particle (batch ${DENSE_BATCH}): ${(dense / step).toFixed(0)} times`);
}

/** Medians of one run of `limber bench`. */
function measureOurs({ gaussians, box }) {
  const args = [
    'bench',
    '--json',
    '--gaussians',
    gaussians,
    '--box',
    box,
    '--batch',
    BATCH,
    '--particles',
    PARTICLES,
    '--threads',
    values.threads,
  ];
  const output = run(process.execPath, [launcher, ...args, '--backend', values.backend]);
  return output
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
    .filter(({ event }) => event === 'bench');
}

/** Milliseconds a particle, the median of five steps of the yardstick. */
function measureYardstick({ gaussians, box }, projection, batch) {
  const args = ['time', '--gaussians', gaussians, '--box', box, '--batch', batch, '--projection', projection];
  const output = run(python, [yardstick, ...args, '--threads', values.threads, '--device', values.device]);
  const found = /median ([\d.]+) ms\/particle/.exec(output);
  if (!found) throw new Error(`the yardstick says no median: ${output}`);
  return Number(found[1]);
}

function run(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args.map(String), { encoding: 'utf8' });
  if (status === 0) return stdout;
  console.error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
  process.exit(1);
}

/** A Python with PyTorch; null, having said so, where there is none or no yardstick. */
function findPython() {
  if (!existsSync(yardstick)) {
    console.log('no yardstick: ../shared/yardstick/e2gmm_torch.py is not here; limber alone');
    return null;
  }
  for (const program of ['python3', '/usr/bin/python3']) if (spawnSync(program, ['-c', 'import torch, numpy']).status === 0) return program;
  console.log('no yardstick: no python3 with torch and numpy here; limber alone');
  return null;
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
