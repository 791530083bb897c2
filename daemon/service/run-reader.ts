// Reads a run's large files on a thread of their own; see reader-worker.ts for what happens there.
import type { EmbeddingTables, LatentPca, MadeMap } from '../../protocol/messages.js';
import type { LatentsTable } from '../formats/latents-table.js';
import type { Safetensors } from '../formats/safetensors.js';
import { QuestionThread } from './question-thread.js';

export type RunLatents = LatentsTable & { pca: LatentPca };

/** What is read of a map: where it lies, and at which level it is shown. */
export type MapFigures = Pick<MadeMap, 'contour' | 'sizeVoxels' | 'voxelSizeAngstrom' | 'originAngstrom'>;

export interface ReaderQuestion {
  kind: 'latents' | 'weights' | 'embeddings' | 'map';
  /** Of the file; of embeddings, the run's folder. */
  path: string;
}
export type ReaderAnswer = RunLatents | Safetensors | EmbeddingTables | MapFigures;

/** Questions reject with one line where a file is missing or broken. */
export class RunReader {
  private readonly thread = new QuestionThread<ReaderQuestion, ReaderAnswer>(new URL('./reader-worker.js', import.meta.url), 'reading');

  /** Latents with their principal components. */
  latents(path: string): Promise<RunLatents> {
    return this.ask('latents', path);
  }

  weights(path: string): Promise<Safetensors> {
    return this.ask('weights', path);
  }

  /** Embeddings and clusters of the run in this folder. */
  embeddings(folder: string): Promise<EmbeddingTables> {
    return this.ask('embeddings', folder);
  }

  /** Rejects where Mol* could not show the file as it is. */
  map(path: string): Promise<MapFigures> {
    return this.ask('map', path);
  }

  close(): Promise<void> {
    return this.thread.close();
  }

  private ask<A extends ReaderAnswer>(kind: ReaderQuestion['kind'], path: string): Promise<A> {
    return this.thread.ask({ kind, path }) as Promise<A>;
  }
}
