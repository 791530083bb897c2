// Which analyses there are: a new one is a new file and a line here.
import type { ClusteringMethod, EmbeddingMethod } from './analysis.js';
import { gaussianMixture } from './gaussian-mixture.js';
import { kMeans } from './k-means.js';
import { pcaEmbedding } from './pca.js';
import { umapEmbedding } from './umap.js';

export const embeddingMethods: readonly EmbeddingMethod[] = [pcaEmbedding, umapEmbedding];

export const clusteringMethods: readonly ClusteringMethod[] = [kMeans, gaussianMixture];
