// The thread that reads a run's large files (latents of hundreds of thousands of particles, weights with the optimiser's state), so that frames go on meanwhile.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import { parseLatents } from '../formats/latents-table.js';
import { readMap } from '../formats/mrc.js';
import { readSafetensors } from '../formats/safetensors.js';
import { principalComponents } from '../latent/pca.js';
import { consensusContour } from '../maps/contour.js';
import { RunFolder } from '../project/run-folder.js';
import { embeddingTables } from './embedding-tables.js';
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
    } else if (question.kind === 'embeddings') {
      const tables = embeddingTables(new RunFolder(question.path, basename(question.path), () => false));
      answer = { number: question.number, value: tables };
      const { columns, clusters } = tables;
      arrays = [...columns.map(({ values }) => values), ...(clusters ? [clusters.labels, clusters.sizes, clusters.medoids] : [])];
    } else if (question.kind === 'map') {
      const map = readMap(question.path);
      const { size, voxelSizeAngstrom, originAngstrom } = map;
      answer = { number: question.number, value: { contour: consensusContour(map), sizeVoxels: size, voxelSizeAngstrom, originAngstrom } };
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
