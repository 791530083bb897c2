// The thread that reads a run's large files (latents of hundreds of thousands of particles, weights with the optimiser's state), so that frames go on meanwhile.
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { parseLatents } from '../formats/latents-table.js';
import { readSafetensors } from '../formats/safetensors.js';
import { principalComponents } from '../latent/pca.js';
import type { ReaderAnswer, ReaderQuestion } from './run-reader.js';

parentPort?.on('message', (question: ReaderQuestion) => {
  let answer: ReaderAnswer;
  let arrays: Float32Array[] | (Float32Array | Uint32Array)[] = [];
  try {
    if (question.kind === 'latents') {
      const table = parseLatents(readFileSync(question.path, 'utf8'), question.path);
      const pca = principalComponents(table.z, table.count, table.dims);
      answer = { number: question.number, value: { ...table, pca } };
      arrays = [table.particle, table.z, table.frc, pca.mean, pca.axes, pca.variances];
    } else {
      const weights = readSafetensors(question.path);
      answer = { number: question.number, value: weights };
      arrays = [...weights.tensors.values()].map(tensor => tensor.data);
    }
  } catch (error) {
    answer = { number: question.number, error: (error as Error).message.split('\n')[0] };
  }
  const buffers = new Set(arrays.map(array => array.buffer as ArrayBuffer));
  parentPort?.postMessage(answer, [...buffers]);
});
