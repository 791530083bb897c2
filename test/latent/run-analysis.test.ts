// Analyses on a thread of their own: the same result as without, progress on the way, and an end as soon as it is asked for.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kMeans } from '../../daemon/latent/k-means.js';
import { runClustering, runEmbedding } from '../../daemon/latent/run-analysis.js';
import { umapEmbedding } from '../../daemon/latent/umap.js';
import { Cancelled } from '../../daemon/training/progress.js';
import { blobs, silent } from './clouds.js';

const { cloud } = blobs(
  [
    [0, 0],
    [6, 0],
  ],
  [150, 100],
  1,
  1,
);
const quiet = { progress: silent };

test('the thread gives the very result that the analysis gives in place', async () => {
  const { signal } = new AbortController();
  const caller = { reporter: quiet, signal };
  assert.deepEqual(
    await runEmbedding('umap', cloud, { dims: 2, seed: 9 }, caller),
    umapEmbedding.embed(cloud, { dims: 2, seed: 9 }, silent),
  );
  assert.deepEqual(
    await runClustering('kmeans', cloud, { count: 2, seed: 9 }, caller),
    kMeans.cluster(cloud, { count: 2, seed: 9 }, silent),
  );
});

test('stages are told in order, never more done than there is, and the last as complete', async () => {
  const told: [string, number, number][] = [];
  const reporter = { progress: (stage: string, done: number, total: number) => void told.push([stage, done, total]) };
  await runEmbedding('umap', cloud, { dims: 2, seed: 1 }, { reporter, signal: new AbortController().signal });
  assert.deepEqual([...new Set(told.map(([stage]) => stage))], ['neighbours', 'layout']);
  for (const [, done, total] of told) assert.ok(done <= total);
  const [, done, total] = told.at(-1)!;
  assert.equal(done, total);
});

test('a stop ends the thread before it is done, and an early stop before it begins', async () => {
  const large = blobs([[0, 0, 0, 0]], [30_000], 1, 2).cloud;
  const abort = new AbortController();
  const stages: string[] = [];
  const reporter = {
    progress: (stage: string) => {
      stages.push(stage);
      if (stage === 'layout') abort.abort();
    },
  };
  await assert.rejects(runEmbedding('umap', large, { dims: 2, seed: 1 }, { reporter, signal: abort.signal }), Cancelled);
  assert.equal(stages.filter(stage => stage === 'layout').length, 1);
  await assert.rejects(runClustering('gmm', cloud, { count: 2, seed: 1 }, { reporter: quiet, signal: AbortSignal.abort() }), Cancelled);
});

test('what an analysis refuses, and a name that nobody has, come back as errors with their reason', async () => {
  const caller = { reporter: quiet, signal: new AbortController().signal };
  await assert.rejects(runClustering('kmeans', cloud, { count: 999, seed: 1 }, caller), /999 clusters of 250 particles/);
  await assert.rejects(runEmbedding('tsne', cloud, { dims: 2, seed: 1 }, caller), /tsne; there are pca, umap/);
});
