// The contract of every analysis of the latent cloud: points in, coordinates or clusters out, the same seed giving the same result.
//
// An analysis is a plain function that takes the thread it runs on for as long as it needs; `run-analysis.ts` gives it a thread of its own,
// shows its progress and stops it. It knows neither files nor networks nor the molecule.

/** Latent coordinates of the particles. */
export interface LatentCloud {
  count: number;
  dims: number;
  /** count × dims, row-major. */
  z: Float32Array;
}

/** May be called often; the receiver thins it. */
export type Progress = (stage: string, done: number, total: number) => void;

export interface EmbeddingOptions {
  dims: number;
  seed: number;
}

/** Where each particle stands in a picture of the cloud. */
export interface Embedding {
  dims: number;
  /** count × dims, row-major. */
  coordinates: Float32Array;
}

export interface EmbeddingMethod {
  /** Also the stem of its columns: pca0, pca1, … */
  name: string;
  description: string;
  /** Fewest particles it makes sense for. */
  leastCount: number;
  embed(cloud: LatentCloud, options: EmbeddingOptions, progress: Progress): Embedding;
}

export interface ClusteringOptions {
  /** null: the suggested number. */
  count: number | null;
  seed: number;
}

/** How well a number of clusters fits; which way is better, the criterion says. */
export interface CountScore {
  count: number;
  score: number;
}

/** Which number of clusters the data ask for, and how strongly. */
export interface CountSuggestion {
  count: number;
  criterion: 'silhouette, highest is best' | 'ln of how far the least prominent peak rises over the valley beside it, 1 or more';
  /** None for one cluster. Empty where nothing but one cluster was found. */
  scores: CountScore[];
  /** Particles that the scores were computed on, drawn by chance where there are more. */
  sampled: number;
}

export interface Clustering {
  count: number;
  /** Per particle, 1 … count; cluster 1 is the largest, and so on down. */
  labels: Uint32Array;
  /** Particles of each cluster. */
  sizes: number[];
  /** count × dims; mean z of each cluster. */
  centres: Float32Array;
  suggestion: CountSuggestion;
}

export interface ClusteringMethod {
  name: string;
  description: string;
  /** Throws RangeError where there are fewer particles than clusters. */
  cluster(cloud: LatentCloud, options: ClusteringOptions, progress: Progress): Clustering;
}
