// find-path and stop-path: a path between two latent points with what the particles say along it, found on a thread of its own, so that all else goes on.
import type { ClientMessage, FoundPath, PathCurve, ServerMessage } from '../../protocol/messages.js';
import type { LatentPath, PathOptions } from '../latent/latent-path.js';
import { LEAST_SUPPORT } from '../latent/path-profile.js';
import { runPath } from '../latent/run-analysis.js';
import { parameters } from '../settings/settings.js';
import { Cancelled } from '../training/progress.js';
import type { Latents } from './latents.js';
import { explain, RequestError } from './request-error.js';

type PathQuestion = Extract<ClientMessage, { type: 'find-path' }>;
/** Sends when there is room; a newer message with the same key takes the place of one that waits. */
type Send = (key: string, message: ServerMessage) => void;

export class Paths {
  /** Resolves when the path before is found: one at a time in the daemon, or ten viewers would take ten cores from training. */
  private turn: Promise<void> = Promise.resolve();

  constructor(private readonly latents: Latents) {}

  forViewer(send: Send): PathFinder {
    return new PathFinder(this, send);
  }

  /** Throws Cancelled; RequestError: no such run, no latents yet, ends that cannot be. */
  async find(
    question: PathQuestion,
    progress: (stage: string, done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<ServerMessage> {
    const { id, run, shape, from, to, points = parameters.pathPoints.default, reach, bandwidth } = question;
    const { epoch, count, dims, z } = await this.latents.get(run);
    for (const [name, end] of Object.entries({ from, to }))
      if (end.length !== dims) throw new RequestError('bad-value', `${name} has ${end.length} coordinates, run "${run}" has ${dims}`);
    if (from.every((value, d) => value === to[d])) throw new RequestError('bad-value', 'both ends are the same point');
    const options: PathOptions = { shape, from, to, points, reach, bandwidth };
    const found = this.turn.then(() => runPath({ count, dims, z }, options, { reporter: { progress }, signal }));
    this.turn = found.then(
      () => {},
      () => {},
    );
    const path = await found;
    if (path && !(path.lengths[points - 1] > 0))
      throw new RequestError('bad-value', 'both ends are nearest to the same particle; take points farther apart');
    return { type: 'path', id, run, epoch, path: path && forViewers(path) };
  }
}

/** The path that one viewer waits for: the newest it asked for. */
export class PathFinder {
  private current: AbortController | null = null;

  constructor(
    private readonly paths: Paths,
    private readonly send: Send,
  ) {}

  /** Answers with `path` or `error`; never rejects. */
  async find(question: PathQuestion): Promise<void> {
    this.stop();
    const mine = new AbortController();
    this.current = mine;
    const { id } = question;
    const tell = (stage: string, done: number, total: number) => {
      if (this.current === mine) this.send('path-progress', { type: 'path-progress', id, stage, done, total });
    };
    let answer: ServerMessage;
    try {
      answer = await this.paths.find(question, tell, mine.signal);
    } catch (error) {
      answer =
        error instanceof Cancelled
          ? { type: 'error', id, code: 'cancelled', message: 'the path is not wanted any more' }
          : explain(error, id);
    }
    if (this.current === mine) this.current = null;
    this.send(`path ${id}`, answer);
  }

  stop(): void {
    this.current?.abort();
    this.current = null;
  }
}

function forViewers(path: LatentPath): FoundPath {
  const { shape, dims, populations, bandwidth, reach, counted, beyond, farther, ceiling, links } = path;
  return {
    ...curve(path),
    shape,
    dims,
    populations: Uint32Array.from(populations),
    track: curve(path.track),
    bandwidth,
    reach: Number.isFinite(reach) ? reach : null,
    counted,
    beyond,
    farther,
    leastSupport: LEAST_SUPPORT,
    ceiling,
    longestLink: links?.longest ?? null,
    medianLink: links?.median ?? null,
  };
}

/** Nothing is said where too few particles speak. */
function curve({ points, lengths, freeEnergy, standardError, support }: LatentPath | LatentPath['track']): PathCurve {
  const known = (values: Float64Array) => Float32Array.from(values, (value, i) => (support[i] >= LEAST_SUPPORT ? value : Number.NaN));
  return {
    points,
    lengths: Float32Array.from(lengths),
    freeEnergy: known(freeEnergy),
    standardError: known(standardError),
    support: Float32Array.from(support),
  };
}
