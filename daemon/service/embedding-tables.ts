// get-embeddings: what limber embed and limber cluster have left beside a run's latents, with the particle in the middle of each cluster.
import type { Clusters, EmbeddingTables } from '../../protocol/messages.js';
import { medoid } from '../latent/medoid.js';
import { analysisColumns } from '../project/run-analyses.js';
import type { RunFolder } from '../project/run-folder.js';

/** Throws InputError: no latents yet, a table that is broken or of other particles. */
export function embeddingTables(run: RunFolder): EmbeddingTables {
  let outdated = false;
  const found = analysisColumns(run, () => {
    outdated = true;
  });
  const latents = run.latents();
  const labels = found.find(({ name }) => name === 'cluster');
  const columns = found.filter(column => column !== labels).map(({ name, values }) => ({ name, values: Float32Array.from(values) }));
  return { count: latents.count, columns, clusters: labels ? clustersOf(latents, Uint32Array.from(labels.values)) : null, outdated };
}

function clustersOf(latents: { count: number; dims: number; z: Float32Array }, labels: Uint32Array): Clusters {
  const rows: number[][] = [];
  labels.forEach((label, row) => {
    while (rows.length < label) rows.push([]);
    rows[label - 1].push(row);
  });
  return {
    labels,
    sizes: Uint32Array.from(rows, members => members.length),
    medoids: Uint32Array.from(rows, members => (members.length > 0 ? medoid(latents, members) : 0)),
  };
}
