// The thread on which an analysis runs: one question in, progress and one answer out.
import { parentPort, workerData } from 'node:worker_threads';
import { latentPath } from './latent-path.js';
import { clusteringMethods, embeddingMethods } from './registry.js';
import type { AnalysisAnswer, AnalysisQuestion, AnalysisResult, AnalysisStart } from './run-analysis.js';

/** Milliseconds between two reports of the same stage: an analysis may call as often as it likes. */
const INTERVAL = 100;

const { question, stopFlag } = workerData as AnalysisStart;
let shownStage = '';
let shownAt = 0;

function progress(stage: string, done: number, total: number): void {
  if (Atomics.load(stopFlag, 0) !== 0) throw new Error('not wanted any more');
  const now = Date.now();
  if (stage === shownStage && done < total && now - shownAt < INTERVAL) return;
  shownStage = stage;
  shownAt = now;
  tell({ kind: 'progress', stage, done, total });
}

function tell(answer: AnalysisAnswer): void {
  parentPort?.postMessage(answer);
}

function find<T extends { name: string }>(methods: readonly T[], name: string): T {
  const found = methods.find(method => method.name === name);
  if (!found) throw new Error(`no analysis is called ${name}; there are ${methods.map(method => method.name).join(', ')}`);
  return found;
}

function answer(question: AnalysisQuestion): AnalysisResult {
  if (question.kind === 'path') return latentPath(question.cloud, question.options, progress);
  if (question.kind === 'embed') return find(embeddingMethods, question.method).embed(question.cloud, question.options, progress);
  return find(clusteringMethods, question.method).cluster(question.cloud, question.options, progress);
}

try {
  tell({ kind: 'result', result: answer(question) });
} catch (error) {
  tell({ kind: 'error', message: (error as Error).message });
}
