// `limber cluster` as a user runs it, and the particles of a cluster in a star file of their own.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ProjectFolder } from '../../daemon/project/project-folder.js';
import { blobs } from '../latent/clouds.js';
import { runSettings } from '../service/small-project.js';
import { limber } from './limber-process.js';

const scratch = mkdtempSync(join(tmpdir(), 'limber-cluster-'));
after(() => rmSync(scratch, { recursive: true }));

const SIZES = [10, 32, 22];
const PARTICLES = 64;
const { cloud, truth } = blobs(
  [
    [0, 0],
    [9, 0],
    [0, 9],
  ],
  SIZES,
  0.4,
  1,
);

before(() => {
  const made = limber(['demo', 'demo', '--kind', 'linear', '--particles', `${PARTICLES}`], scratch);
  assert.equal(made.status, 0, made.stderr);
  const run = ProjectFolder.open(join(scratch, 'demo')).run('first');
  run.writeSettings(runSettings('first', { particles: PARTICLES }));
  // In the order of a shuffled training: rows of the table are not rows of the star file.
  const particle = Uint32Array.from({ length: PARTICLES }, (_, i) => PARTICLES - i);
  run.writeLatents({ ...cloud, particle, frc: new Float32Array(PARTICLES).fill(0.5) });
});

const cluster = (...options: string[]) => limber(['cluster', 'demo', '--run', 'first', ...options], scratch);

/** Rows of a star file's particles, in order; the simulator names each image. */
function particleRows(file: string): string[] {
  return readFileSync(join(scratch, file), 'utf8')
    .split('\n')
    .filter(line => /\d@/.test(line));
}

test('clusters count from 1 by falling size with either method, and the number that the particles suggest is told', () => {
  for (const method of ['kmeans', 'gmm']) {
    const { status, stderr, events } = cluster('--method', method, '--count', '3', '--json');
    assert.deepEqual([status, stderr], [0, '']);
    const result = events().at(-1) as { event: string; count: number; sizes: number[]; suggestion: { count: number } };
    assert.deepEqual([result.event, result.count, result.sizes, result.suggestion.count], ['done', 3, [32, 22, 10], 3]);
    assert.ok(events().some(({ event }) => event === 'progress'));
  }
});

test('without --count the suggested number is taken', () => {
  const { status, stdout } = cluster('--method', 'gmm');
  assert.equal(status, 0);
  assert.match(stdout, /cluster 1 {2}32 particles\ncluster 2 {2}22 particles\ncluster 3 {2}10 particles\nsuggested {2}3 clusters/);
});

test("the star file of a cluster holds that cluster's particles and no others, rows of the input unchanged", () => {
  assert.equal(cluster('--method', 'kmeans', '--count', '3').status, 0);
  const exported = limber(['export', 'demo', '--run', 'first', '--star', 'all.star'], scratch);
  assert.equal(exported.status, 0, exported.stderr);
  const all = particleRows('all.star');
  assert.equal(all.length, PARTICLES);
  // Blobs by falling size: 1, 2, 0.
  [1, 2, 0].forEach((blob, k) => {
    const { status, stderr } = limber(['export', 'demo', '--run', 'first', '--star', 'one.star', '--cluster', `${k + 1}`], scratch);
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      particleRows('one.star'),
      all.filter((_, i) => truth[i] === blob),
    );
  });
});

test('the latents table ends with the cluster of each particle', () => {
  assert.equal(cluster('--method', 'kmeans', '--count', '3').status, 0);
  assert.equal(limber(['export', 'demo', '--run', 'first', '--latents', 'all.tsv'], scratch).status, 0);
  const [header, ...rows] = readFileSync(join(scratch, 'all.tsv'), 'utf8').trimEnd().split('\n');
  assert.equal(header, 'particle\tz0\tz1\tfrc\tcluster');
  assert.deepEqual(
    rows.map(row => Number(row.split('\t')[4])),
    [...truth].map(blob => [3, 1, 2][blob]),
  );
});

test('wrong numbers are refused in one line with what would be right', () => {
  for (const [args, message] of [
    [['cluster', 'demo', '--run', 'first', '--method', 'kmeans', '--count', '65'], /--count 65: .* 64 particles/],
    [['cluster', 'demo', '--run', 'first', '--method', 'kmeans', '--count', '0'], /whole number from 1/],
    [['cluster', 'demo', '--run', 'first', '--method', 'dbscan'], /kmeans, gmm/],
    [['export', 'demo', '--run', 'first', '--star', 'x.star', '--cluster', '4'], /clusters 1 to 3/],
    [['export', 'demo', '--run', 'first', '--star', 'x.star', '--cluster', 'one'], /number of a cluster/],
    [['export', 'demo', '--run', 'first', '--cluster', '1'], /add --star/],
  ] as const) {
    const { status, stderr } = limber([...args], scratch);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^limber: [^\n]+\n$/);
    assert.match(stderr, message);
  }
});

test('the particles nearest to a latent point make a star file of their own, whatever else is exported there', () => {
  const distance = (row: number) => Math.hypot(cloud.z[2 * row] - 9, cloud.z[2 * row + 1]);
  const nearest = [...truth.keys()].sort((a, b) => distance(a) - distance(b)).slice(0, 7);
  const exported = limber(['export', 'demo', '--run', 'first', '--star', 'near.star', '--at', '9,0', '--particles', '7'], scratch);
  assert.equal(exported.status, 0, exported.stderr);
  assert.equal(limber(['export', 'demo', '--run', 'first', '--star', 'all.star'], scratch).status, 0);
  const all = particleRows('all.star');
  assert.equal(all.length, PARTICLES);
  // Star files are in the order of the latents, and these nearest first.
  assert.deepEqual(
    particleRows('near.star'),
    nearest.map(row => all[row]),
  );
  const refused = limber(['export', 'demo', '--run', 'first', '--star', 'near.star', '--at', '9,0', '--cluster', '1'], scratch);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /takes a cluster or the particles nearest to --at, not both/);
});
