// Runs an analysis on a thread of its own, so that whoever asked stays awake, sees its progress and can stop it soon.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Cancelled, type Reporter } from '../training/progress.js';
import type { Clustering, ClusteringOptions, Embedding, EmbeddingOptions, LatentCloud } from './analysis.js';
import type { LatentPath, PathOptions } from './latent-path.js';

export type AnalysisQuestion =
  | { kind: 'embed'; method: string; cloud: LatentCloud; options: EmbeddingOptions }
  | { kind: 'cluster'; method: string; cloud: LatentCloud; options: ClusteringOptions }
  | { kind: 'path'; method: 'path'; cloud: LatentCloud; options: PathOptions };

export type AnalysisResult = Embedding | Clustering | LatentPath | null;

/** What the thread begins with. */
export interface AnalysisStart {
  question: AnalysisQuestion;
  /** Not 0: the answer is not wanted any more. */
  stopFlag: Int32Array;
}
export type AnalysisAnswer =
  | { kind: 'progress'; stage: string; done: number; total: number }
  | { kind: 'result'; result: AnalysisResult }
  | { kind: 'error'; message: string };

interface Caller {
  reporter: Pick<Reporter, 'progress'>;
  signal: AbortSignal;
}

/** Embeds the cloud with a method of the registry. Rejects with Cancelled when the signal stops it, with the method's own error when it fails. */
export function runEmbedding(method: string, cloud: LatentCloud, options: EmbeddingOptions, caller: Caller): Promise<Embedding> {
  return ask({ kind: 'embed', method, cloud, options }, caller) as Promise<Embedding>;
}

/** Clusters the cloud with a method of the registry. Rejects as `runEmbedding` does. */
export function runClustering(method: string, cloud: LatentCloud, options: ClusteringOptions, caller: Caller): Promise<Clustering> {
  return ask({ kind: 'cluster', method, cloud, options }, caller) as Promise<Clustering>;
}

/** Finds a path, as `latentPath` does: null where nothing joins its ends. Rejects as `runEmbedding` does. */
export function runPath(cloud: LatentCloud, options: PathOptions, caller: Caller): Promise<LatentPath | null> {
  return ask({ kind: 'path', method: 'path', cloud, options }, caller) as Promise<LatentPath | null>;
}

/** How long an analysis may take to notice that it is not wanted any more. */
const PATIENCE_MS = 5000;

async function ask(question: AnalysisQuestion, { reporter, signal }: Caller): Promise<AnalysisResult> {
  const stopped = () => new Cancelled(`${question.method} stopped; nothing was written`);
  if (signal.aborted) throw stopped();
  const stopFlag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./analysis-worker.js', import.meta.url), {
    workerData: { question, stopFlag } satisfies AnalysisStart,
  });
  const ended = once(worker, 'exit').catch(() => {});
  let stop = () => {};
  try {
    return await new Promise((resolve, reject) => {
      stop = () => reject(stopped());
      signal.addEventListener('abort', stop);
      worker.on('message', (answer: AnalysisAnswer) => {
        if (answer.kind === 'progress') reporter.progress(answer.stage, answer.done, answer.total);
        else if (answer.kind === 'result') resolve(answer.result);
        else reject(new Error(answer.message));
      });
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error(`the thread of ${question.method} ended without a result`)));
    });
  } finally {
    signal.removeEventListener('abort', stop);
    // The thread ends by itself. One that is terminated in full run can take the whole process with it: V8 still compiles for it in the background (Node 20).
    Atomics.store(stopFlag, 0, 1);
    const patience = new AbortController();
    await Promise.race([ended, sleep(PATIENCE_MS, undefined, { signal: patience.signal, ref: false }).catch(() => {})]);
    patience.abort();
    await worker.terminate();
  }
}
