// `npm run bench:umap`: the UMAP of `limber embed` on a cloud as large as EMPIAR-10076: seconds, trustworthiness as scikit-learn defines it, and whether a seed fixes the picture; beside umap-learn.
//
//   npm run bench:umap -- [--particles 124900] [--seed 1] [--sample 5000] [--no-reference]
//
// Trustworthiness needs a python3 with scikit-learn, the comparison one with umap-learn; without them those lines say so. --no-reference leaves umap-learn out.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { prepare } from '../../daemon/prepare.mjs';

const DIMS = 4;
const NEIGHBOURS = 15;

const { values } = parseArgs({
  options: {
    particles: { type: 'string', default: '124900' },
    seed: { type: 'string', default: '1' },
    sample: { type: 'string', default: '5000' },
    reference: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const count = Number(values.particles);
const seed = Number(values.seed);

await prepare();
const built = path => import(new URL(`../../${process.env.LIMBER_DIST ?? 'dist'}/daemon/${path}`, import.meta.url).href);
const [{ runEmbedding }, { Random }] = await Promise.all([built('latent/run-analysis.js'), built('numerics/random.js')]);

const z = clustersAndCurves(count, new Random(7));
const first = await embed();
console.log(
  `limber      ${first.seconds.toFixed(1)} s (${first.processorSeconds.toFixed(1)} s of the processor) for ${count} particles × ${DIMS}`,
);
const second = await embed();
const same = first.picture.every((value, i) => value === second.picture[i]);
console.log(
  `again       ${second.seconds.toFixed(1)} s (${second.processorSeconds.toFixed(1)} s), ${same ? 'the same picture to the bit' : 'ANOTHER PICTURE from the same seed'}`,
);

const folder = mkdtempSync(join(tmpdir(), 'limber-umap-'));
try {
  compare();
} finally {
  rmSync(folder, { recursive: true });
}
if (!same) process.exitCode = 1;

/** As `limber embed` does it: on a thread of its own. */
async function embed() {
  const started = performance.now();
  const before = process.cpuUsage();
  const reporter = { progress() {} };
  const { signal } = new AbortController();
  const { coordinates } = await runEmbedding('umap', { count, dims: DIMS, z }, { dims: 2, seed }, { reporter, signal });
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - started) / 1000, processorSeconds: (user + system) / 1e6, picture: coordinates };
}

/** Three round clusters of unlike size and width, an elongated one, and two curves of which one is a closed ring: half the particles each. */
function clustersAndCurves(particles, random) {
  const points = new Float32Array(particles * DIMS);
  const noise = width => Array.from({ length: DIMS }, () => width * random.normal());
  const kinds = [
    () => noise(0.5),
    () => noise(0.25).map((value, d) => value + [4, 1, 0, -1][d]),
    () => noise(0.7).map((value, d) => value + [-3, 3, 2, 0][d]),
    () => noise(1).map((value, d) => [1.6, 0.3, 0.3, 0.2][d] * value + [0, -4, 1, 2][d]),
    () => {
      const angle = 2 * Math.PI * random.uniform();
      return noise(0.12).map((value, d) => value + [3 * Math.cos(angle), 3 * Math.sin(angle), 4 + Math.cos(2 * angle), 1][d]);
    },
    () => {
      const t = 2 * random.uniform() - 1;
      return noise(0.15).map((value, d) => value + [4 * t, 3 * t * t - 6, Math.sin(3 * t), -3 + t][d]);
    },
  ];
  const shares = [0.25, 0.12, 0.08, 0.05, 0.25, 0.25];
  for (let i = 0; i < particles; i++) {
    let left = random.uniform();
    const kind = shares.findIndex(share => (left -= share) < 0);
    points.set(kinds[Math.max(0, kind)](), i * DIMS);
  }
  return points;
}

function compare() {
  const [points, ours, theirs] = ['z.f32', 'limber.f32', 'umap-learn.f32'].map(name => join(folder, name));
  writeFileSync(points, z);
  writeFileSync(ours, first.picture);
  const sklearn = pythonWith('sklearn.manifold');
  if (!sklearn) {
    console.log('no trustworthiness: no python3 with scikit-learn here');
    return;
  }
  const trust = picture => ask(sklearn, ['trust', points, count, DIMS, picture, '--sample', values.sample, '--neighbours', NEIGHBOURS]);
  const { trustworthiness, sample } = trust(ours);
  const of = `of ${NEIGHBOURS} neighbours, on ${sample} particles`;
  console.log(`limber      trustworthiness ${trustworthiness.toFixed(4)} ${of}`);
  const umap = values.reference ? pythonWith('umap') : null;
  if (!umap) {
    console.log(values.reference ? 'no comparison: no python3 with umap-learn here' : 'umap-learn was left out');
    return;
  }
  const { seconds, version } = ask(umap, ['embed', points, count, DIMS, theirs, '--seed', seed]);
  const reference = trust(theirs).trustworthiness;
  console.log(`umap-learn  trustworthiness ${reference.toFixed(4)} ${of} (version ${version}, ${seconds.toFixed(1)} s after compiling)`);
  const difference = trustworthiness - reference;
  console.log(`limber is ${Math.abs(difference).toFixed(4)} ${difference < 0 ? 'below' : 'above'} umap-learn; 0.01 below is allowed`);
}

function ask(python, args) {
  const script = fileURLToPath(new URL('./umap_reference.py', import.meta.url));
  const { status, stdout, stderr, error } = spawnSync(python, [script, ...args.map(String)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${python} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

/** The first Python that has the module; null without. */
function pythonWith(module) {
  return ['python3', '/usr/bin/python3'].find(program => spawnSync(program, ['-c', `import ${module}`]).status === 0) ?? null;
}
