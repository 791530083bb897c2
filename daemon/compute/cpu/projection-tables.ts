// What the projection kernel needs of a box and its rings, laid into the shared memory once per geometry.

import type { RingGeometry } from '../ring-geometry.js';
import { fourierPlan } from './fourier-plan.js';
import type { SharedHeap } from './shared-heap.js';

/** Byte addresses. */
export interface ProjectionTables {
  plan: number;
  /** Pixels sorted by ring, and where each ring starts in them (rings + 2 numbers). */
  order: number;
  ringStart: number;
  ring: number;
  weights: number;
  /** rings + 1 numbers, written before each use. */
  ringShares: number;
}

export function layProjectionTables(heap: SharedHeap, geometry: RingGeometry): ProjectionTables {
  const { boxSize, rings, planeSize } = geometry;
  const ints = (values: ArrayLike<number>) => {
    const address = heap.allocate(values.length * 4);
    heap.integers(address, values.length).set(values);
    return address;
  };
  const floats = (values: Float32Array) => {
    const address = heap.allocate(values.length * 4);
    heap.floats(address, values.length).set(values);
    return address;
  };

  const ringStart = new Int32Array(rings + 2);
  for (const k of geometry.ring) ringStart[k + 1]++;
  for (let k = 0; k <= rings; k++) ringStart[k + 1] += ringStart[k];
  const next = ringStart.slice();
  const order = new Int32Array(planeSize);
  for (let i = 0; i < planeSize; i++) order[next[geometry.ring[i]]++] = i;

  const { stages } = fourierPlan(boxSize);
  const plan = [stages.length, 0, 0, 0, ...stages.flatMap(s => [s.radix, s.length, s.stride, floats(s.twiddles)])];
  return {
    plan: ints(plan),
    order: ints(order),
    ringStart: ints(ringStart),
    ring: ints(geometry.ring),
    weights: floats(geometry.weights),
    ringShares: floats(new Float32Array(rings + 1)),
  };
}
