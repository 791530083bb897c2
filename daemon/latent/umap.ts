// UMAP: a picture of the cloud that keeps neighbours together (McInnes, Healy & Melville, arXiv 1802.03426). Distances and empty space in it mean little.
//
// Even with its nearest neighbours given, umap-js 1.4.0 takes 116 s and 2 GB to join the graph of 124,900 points and 2 s an epoch to lay it out, 200 times.
// So both are done here, on flat arrays: 72 s and 0.3 GB on one core for all of it, 15-nearest-neighbour trustworthiness 0.981 as umap-learn 0.5.3
// has it after 100 s on two. umap-js remains the other opinion in the tests.

import { nearestOthers } from '../numerics/k-d-tree.js';
import { Random } from '../numerics/random.js';
import type { Embedding, EmbeddingMethod, EmbeddingOptions, LatentCloud, Progress } from './analysis.js';
import { principalComponents, toComponents } from './pca.js';
import { neighbourGraph } from './umap-graph.js';
import { layOut } from './umap-layout.js';

/** The 15 neighbours of umap-learn, which counts the point itself among them. */
const OTHERS = 14;
/** Extent of the starting picture, and of the noise on it that parts coinciding points (umap-learn's init="pca"). */
const START_EXTENT = 10;
const START_NOISE = 1e-4;

/** umap-learn's number of rounds: large sets settle in fewer. */
const epochsFor = (count: number) => (count <= 10_000 ? 500 : 200);

export const umapEmbedding: EmbeddingMethod = {
  name: 'umap',
  description: 'a picture that keeps neighbours together; its distances mean little',
  leastCount: 4,
  embed,
};

function embed({ count, dims, z }: LatentCloud, options: EmbeddingOptions, progress: Progress): Embedding {
  const random = new Random(options.seed);
  const neighbours = nearestOthers(z, count, dims, OTHERS, done => progress('neighbours', done, count));
  const places = startingPlaces({ count, dims, z }, options.dims, random);
  const epochs = epochsFor(count);
  layOut(neighbourGraph(neighbours, count), places, count, options.dims, epochs, random, done => progress('layout', done, epochs));
  return { dims: options.dims, coordinates: places };
}

/** The principal components, all on the scale of the first; axes that the cloud does not have start as noise of the same extent. */
function startingPlaces({ count, dims, z }: LatentCloud, wanted: number, random: Random): Float32Array {
  const pca = principalComponents(z, count, dims);
  const components = toComponents(pca, z, count);
  let extent = 0;
  for (let i = 0; i < count; i++) extent = Math.max(extent, Math.abs(components[i * dims]));
  const scale = extent > 0 ? START_EXTENT / extent : 0;
  const places = new Float32Array(count * wanted);
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < wanted; d++) {
      const known = d < dims ? scale * components[i * dims + d] : 0;
      places[i * wanted + d] = known + START_NOISE * random.normal();
    }
  }
  return places;
}
