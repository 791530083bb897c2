// Pictures and clusters of the current run's latents: asked for anew whenever the daemon says that there are others.
import { BehaviorSubject } from 'rxjs';
import type { EmbeddingTables, RunSummary } from '../protocol/messages.js';
import { DaemonError, type DaemonLink } from './daemon-link.js';

export type RunEmbeddings = EmbeddingTables & { run: string };

export class Embeddings {
  /** null: nothing has been made, or it is on its way. */
  readonly tables$ = new BehaviorSubject<RunEmbeddings | null>(null);
  private run = '';
  private version = '';

  constructor(
    private readonly link: DaemonLink,
    private readonly failed: (run: string, error: unknown) => void,
  ) {}

  /** Keeps up with the run that is shown. */
  follow(run: RunSummary | null): void {
    const { name, embeddingsVersion: version } = run ?? { name: '', embeddingsVersion: '' };
    if (name === this.run && version === this.version) return;
    if (name !== this.run || version === '') this.tables$.next(null);
    this.run = name;
    this.version = version;
    if (version !== '') void this.fetch(name, version);
  }

  private async fetch(run: string, version: string): Promise<void> {
    const isWanted = () => this.run === run && this.version === version;
    try {
      const tables = await this.link.ask('get-embeddings', { run });
      if (isWanted()) this.tables$.next(tables);
    } catch (error) {
      if (!isWanted()) return;
      // Asked for again when the daemon is back; a table that cannot be read stays so until it is another.
      if (error instanceof DaemonError && error.code === 'away') this.version = '';
      this.failed(run, error);
    }
  }
}

/** The columns `umap0`, `umap1`, …; [] unless there are two at least, of as many rows as the latents have. */
export function umapColumns(tables: RunEmbeddings | null, cloud: { run: string; count: number } | null): Float32Array[] {
  if (!tables || !cloud || tables.run !== cloud.run || tables.count !== cloud.count) return [];
  const columns = tables.columns.filter(({ name }) => /^umap\d+$/.test(name)).map(({ values }) => values);
  return columns.length > 1 ? columns : [];
}
