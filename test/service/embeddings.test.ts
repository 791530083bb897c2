// Embeddings and clusters through the daemon: real commands run as its jobs, and a viewer gets what they made, row for row.
import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeClusters, writeEmbedding } from '../../daemon/project/run-analyses.js';
import { DIMS, makeProject, makeRun, realLimber, serve, Viewer } from './small-project.js';

const COUNT = 40;

test('an embedding and clusters that a viewer asked for are made by the command line and told by a new version of the run', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'a', COUNT);
  const viewer = await Viewer.connect(await serve(t, small, realLimber(small)));
  const { project } = await viewer.next('project');
  assert.equal(project.runs[0].embeddingsVersion, '');
  viewer.send({ type: 'get-embeddings', id: 1, run: 'a' });
  assert.deepEqual(await viewer.next('embeddings'), {
    type: 'embeddings',
    id: 1,
    run: 'a',
    count: COUNT,
    columns: [],
    clusters: null,
    outdated: false,
  });
  viewer.send({ type: 'start-embedding', id: 2, run: 'a', method: 'pca', dims: 2 });
  const { job } = await viewer.next('started');
  assert.match(job, /^embed-/);
  assert.equal((await viewer.next('job-ended')).error, null);
  const after = await viewer.next('project', ({ project }) => project.runs[0].embeddingsVersion !== '');
  viewer.send({ type: 'start-clustering', id: 3, run: 'a', method: 'kmeans', count: 3, seed: 1 });
  assert.equal((await viewer.next('job-ended', ({ job }) => job.startsWith('cluster-'))).error, null);
  await viewer.next('project', ({ project }) => project.runs[0].embeddingsVersion !== after.project.runs[0].embeddingsVersion);
  viewer.send({ type: 'get-embeddings', id: 4, run: 'a' });
  const { columns, clusters, outdated } = await viewer.next('embeddings');
  assert.equal(outdated, false);
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['pca0', 'pca1'],
  );
  // Principal components keep distances: all of them together are a turn of the cloud.
  const { z } = run.latents();
  for (let i = 1; i < COUNT; i++) {
    const apart = Math.hypot(...Array.from({ length: DIMS }, (_, d) => z[i * DIMS + d] - z[d]));
    const apartThere = Math.hypot(...columns.map(({ values }) => values[i] - values[0]));
    assert.ok(Math.abs(apart - apartThere) < 1e-5);
  }
  assert.ok(clusters);
  const { labels, sizes, medoids } = clusters;
  assert.equal(sizes.length, 3);
  sizes.forEach((size, k) => {
    const members = [...labels.keys()].filter(row => labels[row] === k + 1);
    assert.equal(size, members.length);
    // The medoid by its definition, all pairs.
    const sum = (a: number) => members.reduce((total, b) => total + Math.hypot(...[0, 1].map(d => z[a * DIMS + d] - z[b * DIMS + d])), 0);
    const least = Math.min(...members.map(sum));
    assert.equal(labels[medoids[k]], k + 1);
    assert.ok(sum(medoids[k]) <= least + 1e-9);
  });
});

test('tables of latents that were trained on since are said to be outdated, and their version changes, because the files do not', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'a', 5);
  const { particle } = run.latents();
  writeEmbedding(
    run,
    'umap',
    particle,
    Float32Array.from({ length: 10 }, (_, i) => i),
    2,
  );
  const viewer = await Viewer.connect(await serve(t, small));
  const before = (await viewer.next('project')).project.runs[0].embeddingsVersion;
  viewer.send({ type: 'get-embeddings', id: 1, run: 'a' });
  const { columns, outdated } = await viewer.next('embeddings');
  assert.equal(outdated, false);
  assert.deepEqual(columns, [
    { name: 'umap0', values: Float32Array.of(0, 2, 4, 6, 8) },
    { name: 'umap1', values: Float32Array.of(1, 3, 5, 7, 9) },
  ]);
  const later = new Date(Date.now() + 5000);
  utimesSync(run.latentsPath, later, later);
  await viewer.next('project', ({ project }) => project.runs[0].embeddingsVersion !== before);
  viewer.send({ type: 'get-embeddings', id: 2, run: 'a' });
  assert.equal((await viewer.next('embeddings')).outdated, true);
});

test('a table of other particles is refused with its file and the cure, and a run that is not there with no-such-run', async t => {
  const small = makeProject(t);
  const run = makeRun(small.project, 'a', 5);
  writeClusters(run, Uint32Array.of(1, 2, 3), Uint32Array.of(1, 1, 2));
  const viewer = await Viewer.connect(await serve(t, small));
  viewer.send({ type: 'get-embeddings', id: 1, run: 'a' });
  const refused = await viewer.next('error');
  assert.equal(refused.code, 'failed');
  assert.match(refused.message, /clusters\.tsv.*make it again/);
  writeFileSync(join(run.path, 'clusters.tsv'), 'particle\tcluster\n1\tx\n');
  viewer.send({ type: 'get-embeddings', id: 2, run: 'a' });
  assert.match((await viewer.next('error')).message, /clusters\.tsv:2/);
  for (const type of ['get-embeddings', 'start-embedding', 'start-clustering'] as const) {
    const rest = { id: 3, run: 'none' };
    viewer.send(
      type === 'get-embeddings'
        ? { type, ...rest }
        : type === 'start-embedding'
          ? { type, ...rest, method: 'pca' }
          : { type, ...rest, method: 'gmm' },
    );
    assert.equal((await viewer.next('error')).code, 'no-such-run');
  }
});
