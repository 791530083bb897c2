// get-latents: every particle's place in the latent space of a run.
import type { ProjectWatch } from './project-watch.js';
import { RequestError } from './request-error.js';
import type { RunLatents, RunReader } from './run-reader.js';

interface Kept {
  run: string;
  version: string;
  epoch: number;
  latents: Promise<RunLatents>;
}

export class Latents {
  /** The table asked for last, so that many viewers of one run cost one reading. */
  private kept: Kept | null = null;

  constructor(
    private readonly watch: ProjectWatch,
    private readonly reader: RunReader,
  ) {}

  /** The fields of the answer but its id. Throws RequestError: no such run, or none yet. */
  async get(run: string) {
    const { folder, latentsVersion: version, summary } = this.watch.run(run);
    if (version === '') throw new RequestError('not-ready', `run "${run}" has no latents yet`);
    if (this.kept?.run !== run || this.kept.version !== version) {
      this.kept = { run, version, epoch: summary.epoch, latents: this.reader.latents(folder.latentsPath) };
    }
    const kept = this.kept;
    try {
      const { dims, count, z, frc, particle, copy, observability = null, pca } = await kept.latents;
      const copies = copy ? Uint32Array.from(copy, value => value + 1) : null;
      return { run, epoch: kept.epoch, dims, count, z, frc, particle, copy: copies, observability, pca };
    } catch (error) {
      if (this.kept === kept) this.kept = null;
      throw error;
    }
  }
}
