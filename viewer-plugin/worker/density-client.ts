// The page's side of the density worker: questions and their answers, in order.
import source from 'limber:density-worker';
import type { DensityAnswer, DensityQuestion } from './density-messages.js';
import type { DensitySurface } from './density-surface.js';
import { type GaussianCloud, type Grid, gridAround, gridHolds } from './gaussian-grid.js';

/** Longest side of the grid while a person drags, and when the molecule rests. */
export const DRAGGING_POINTS = 64;
export const RESTING_POINTS = 128;

export class DensityClient {
  private worker: Worker | null = null;
  private readonly waiting = new Map<number, { resolve: (answer: DensityAnswer) => void; reject: (error: Error) => void }>();
  private readonly grids = new Map<number, Grid>();
  private nextId = 1;

  /** The surface of the cloud at an absolute contour, on a grid of `points` along its longest side. */
  async surface(cloud: GaussianCloud, contour: number, points: number): Promise<DensitySurface> {
    const answer = await this.ask({ kind: 'surface', id: this.nextId++, cloud: plain(cloud), grid: this.grid(cloud, points), contour });
    return (answer as Extract<DensityAnswer, { surface: DensitySurface }>).surface;
  }

  /** The contour that encloses a volume in Å³; where that is null, the given fraction of the mass. */
  async contour(cloud: GaussianCloud, volumeAngstrom3: number | null, massFraction: number): Promise<number> {
    const grid = this.grid(cloud, RESTING_POINTS);
    const answer = await this.ask({ kind: 'contour', id: this.nextId++, cloud: plain(cloud), grid, volumeAngstrom3, massFraction });
    return (answer as Extract<DensityAnswer, { contour: number }>).contour;
  }

  dispose(): void {
    this.worker?.terminate();
    this.worker = null;
    for (const { reject } of this.waiting.values()) reject(new Error('the view was closed'));
    this.waiting.clear();
  }

  /** The grid stays where it is as long as the molecule stays inside: a grid that moves along makes the surface shimmer. */
  private grid(cloud: GaussianCloud, points: number): Grid {
    const kept = this.grids.get(points);
    if (kept && gridHolds(kept, cloud)) return kept;
    const grid = gridAround(cloud, points);
    this.grids.set(points, grid);
    return grid;
  }

  private ask(question: DensityQuestion): Promise<DensityAnswer> {
    this.worker ??= this.start();
    const worker = this.worker;
    return new Promise((resolve, reject) => {
      this.waiting.set(question.id, { resolve, reject });
      worker.postMessage(question);
    });
  }

  private start(): Worker {
    const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const worker = new Worker(address, { name: 'limber density' });
    URL.revokeObjectURL(address);
    worker.onmessage = (event: MessageEvent<DensityAnswer>) => {
      const waiting = this.waiting.get(event.data.id);
      this.waiting.delete(event.data.id);
      if ('error' in event.data) waiting?.reject(new Error(event.data.error));
      else waiting?.resolve(event.data);
    };
    worker.onerror = event => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the density worker stopped: ${event.message}`));
      this.waiting.clear();
    };
    return worker;
  }
}

/** Only what the worker needs: a frame also carries atoms. */
function plain({ count, positions, amplitudes, sigmas }: GaussianCloud): GaussianCloud {
  return { count, positions, amplitudes, sigmas };
}
