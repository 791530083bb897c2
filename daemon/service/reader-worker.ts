// The thread that reads a run's large files (latents of hundreds of thousands of particles, weights with the optimiser's state), so that frames go on meanwhile.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseLatents } from '../formats/latents-table.js';
import { readMap } from '../formats/mrc.js';
import { readSafetensors } from '../formats/safetensors.js';
import { principalComponents } from '../latent/pca.js';
import { consensusContour } from '../maps/contour.js';
import { RunFolder } from '../project/run-folder.js';
import { answerQuestions } from './answer-questions.js';
import { embeddingTables } from './embedding-tables.js';
import type { ReaderAnswer, ReaderQuestion } from './run-reader.js';

answerQuestions(read, buffersOf);

function read({ kind, path }: ReaderQuestion): ReaderAnswer {
  switch (kind) {
    case 'latents': {
      const table = parseLatents(readFileSync(path, 'utf8'), path);
      return { ...table, pca: principalComponents(table.z, table.count, table.dims) };
    }
    case 'embeddings':
      return embeddingTables(new RunFolder(path, basename(path), () => false));
    case 'map': {
      const map = readMap(path);
      const { size, voxelSizeAngstrom, originAngstrom } = map;
      return { contour: consensusContour(map), sizeVoxels: size, voxelSizeAngstrom, originAngstrom };
    }
    case 'weights':
      return readSafetensors(path);
  }
}

function buffersOf(answer: ReaderAnswer): ArrayBufferLike[] {
  const arrays: ArrayBufferView[] = [];
  if ('pca' in answer) {
    const { particle, z, frc, pca } = answer;
    arrays.push(particle, z, frc, pca.mean, pca.axes, pca.variances);
  } else if ('columns' in answer) {
    arrays.push(...answer.columns.map(({ values }) => values));
    if (answer.clusters) arrays.push(answer.clusters.labels, answer.clusters.sizes, answer.clusters.medoids);
  } else if ('tensors' in answer) arrays.push(...[...answer.tensors.values()].map(({ data }) => data));
  return arrays.map(array => array.buffer);
}
