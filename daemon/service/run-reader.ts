// Reads a run's large files on a thread of their own; see reader-worker.ts for what happens there.
import { Worker } from 'node:worker_threads';
import type { EmbeddingTables, LatentPca, MadeMap } from '../../protocol/messages.js';
import type { LatentsTable } from '../formats/latents-table.js';
import type { Safetensors } from '../formats/safetensors.js';

export type RunLatents = LatentsTable & { pca: LatentPca };

/** What is read of a map: where it lies, and at which level it is shown. */
export type MapFigures = Pick<MadeMap, 'contour' | 'sizeVoxels' | 'voxelSizeAngstrom' | 'originAngstrom'>;

export interface ReaderQuestion {
  number: number;
  kind: 'latents' | 'weights' | 'embeddings' | 'map';
  /** Of the file; of embeddings, the run's folder. */
  path: string;
}
export type ReaderAnswer =
  | { number: number; value: RunLatents | Safetensors | EmbeddingTables | MapFigures }
  | { number: number; error: string };

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

/** The thread starts with the first question. Questions reject with one line where a file is missing or broken. */
export class RunReader {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private next = 1;

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

  async close(): Promise<void> {
    await this.worker?.terminate();
  }

  private ask<T>(kind: ReaderQuestion['kind'], path: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const number = this.next++;
      this.waiting.set(number, { resolve, reject });
      this.worker ??= this.start();
      this.worker.postMessage({ number, kind, path } satisfies ReaderQuestion);
    });
  }

  private start(): Worker {
    const worker = new Worker(new URL('./reader-worker.js', import.meta.url));
    worker.on('message', (answer: ReaderAnswer) => {
      const waiting = this.waiting.get(answer.number);
      this.waiting.delete(answer.number);
      if ('error' in answer) waiting?.reject(new Error(answer.error));
      else waiting?.resolve(answer.value as never);
    });
    // Out of memory in the thread, or `close`: whoever waits is told, and the next question starts a new thread.
    const end = (reason: string) => {
      if (this.worker === worker) this.worker = null;
      for (const { reject } of this.waiting.values()) reject(new Error(reason));
      this.waiting.clear();
    };
    worker.on('error', error => end(`reading failed: ${error.message}`));
    worker.on('exit', () => end('reading was broken off'));
    return worker;
  }
}
