// What the projection kernels need of a box and its rings, laid on the device once per geometry.

import type { RingGeometry } from '../ring-geometry.js';
import type { Commands, DeviceArray } from './command-queue.js';

export interface ProjectionTables {
  /** [box, 2(K + 1)]: cos(2π k t / box) for k = 0 … K, then sin. */
  waves: DeviceArray;
  /** planeSize: ring of each pixel, 0 where it is not compared. */
  ring: DeviceArray;
  /** Pixels in the order of their rings. */
  order: DeviceArray;
  /** rings + 2: where each ring begins in `order`. */
  ringStart: DeviceArray;
  weights: DeviceArray;
  /** rings + 1: share of each ring in the mean. */
  shares: DeviceArray;
  /** What `shares` holds; null: nothing yet. */
  laidShares: Float32Array | null;
}

export function layProjectionTables(queue: Commands, { boxSize, rings, planeSize, ring, weights }: RingGeometry): ProjectionTables {
  const columns = 2 * (rings + 1);
  const waves = new Float32Array(boxSize * columns);
  for (let t = 0; t < boxSize; t++) {
    for (let k = 0; k <= rings; k++) {
      const angle = (2 * Math.PI * ((k * t) % boxSize)) / boxSize;
      waves[t * columns + k] = Math.cos(angle);
      waves[t * columns + rings + 1 + k] = Math.sin(angle);
    }
  }
  const ringStart = new Uint32Array(rings + 2);
  for (const k of ring) ringStart[k + 1]++;
  for (let k = 0; k <= rings; k++) ringStart[k + 1] += ringStart[k];
  const next = ringStart.slice();
  const order = new Uint32Array(planeSize);
  ring.forEach((k, pixel) => {
    order[next[k]++] = pixel;
  });
  const lay = (data: Float32Array | Uint32Array) => {
    const array = queue.allocate(data.byteLength);
    queue.write(array, 0, data);
    return array;
  };
  return {
    waves: lay(waves),
    ring: lay(Uint32Array.from(ring)),
    order: lay(order),
    ringStart: lay(ringStart),
    weights: lay(weights),
    shares: queue.allocate((rings + 1) * 4),
    laidShares: null,
  };
}
