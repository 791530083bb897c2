// The molecule at a latent point: each run's decoder, loaded once and again when its weights change, and the fitted model that moves with it.
import type { DecodedFrame } from '../../protocol/messages.js';
import type { GaussianSet } from '../gaussians/gaussian-set.js';
import { AtomMotion } from '../models/atom-motion.js';
import { LatentDecoder } from '../networks/latent-decoder.js';
import type { ProjectWatch, WatchedRun } from './project-watch.js';
import { RequestError } from './request-error.js';
import type { RunReader } from './run-reader.js';

/** Decoders in memory at once; the one not used for longest goes. */
const KEPT_RUNS = 4;

interface Loaded {
  version: string;
  decoder: LatentDecoder;
  /** Made when atoms are first asked for; stays while the neutral model stays. */
  motion: { neutral: GaussianSet; motion: AtomMotion } | null;
}

interface Slot {
  loaded: Loaded | null;
  loading: Promise<Loaded> | null;
}

export class Molecules {
  private readonly slots = new Map<string, Slot>();

  constructor(
    private readonly watch: ProjectWatch,
    private readonly reader: RunReader,
    /** 3·atoms, Å; null where the project has no fitted model. */
    private readonly atoms: Float32Array | null,
  ) {}

  /** With the run's newest weights. Throws RequestError: no such run, no weights yet, or a point of the wrong dimension. */
  async decode(run: string, z: readonly number[], withAtoms: boolean): Promise<DecodedFrame> {
    const slot = this.slotOf(this.watch.run(run));
    return this.molecule(run, slot.loading ? await slot.loading : (slot.loaded as Loaded), z, withAtoms);
  }

  /**
   * The same for a drag, which must not stop at each checkpoint: while new weights are being read the former ones answer, and `renewed`
   * resolves (to whether they could be read) when the same point will be answered anew. Null: the frame is of the newest weights.
   */
  async preview(run: string, z: readonly number[], withAtoms: boolean): Promise<{ frame: DecodedFrame; renewed: Promise<boolean> | null }> {
    const { loaded, loading } = this.slotOf(this.watch.run(run));
    const frame = this.molecule(run, loaded ?? (await (loading as Promise<Loaded>)), z, withAtoms);
    const isRead = (reading: Promise<Loaded>) =>
      reading.then(
        () => true,
        () => false,
      );
    return { frame, renewed: loaded && loading ? isRead(loading) : null };
  }

  private molecule(run: string, loaded: Loaded, z: readonly number[], withAtoms: boolean): DecodedFrame {
    const { decoder } = loaded;
    if (z.length !== decoder.dims)
      throw new RequestError('bad-value', `z has ${z.length} numbers, run "${run}" has ${decoder.dims} latent dimensions`);
    const set = decoder.decode(z);
    const atoms = withAtoms && this.atoms ? this.motionOf(loaded, this.atoms).move(set) : null;
    const { count, positions, amplitudes, sigmas } = set;
    return { run, epoch: decoder.epoch, z: Float32Array.from(z), count, positions, amplitudes, sigmas, atoms };
  }

  /** With `loaded` of the newest weights and no `loading`, or these under way. */
  private slotOf(run: WatchedRun): Slot {
    const { name } = run.folder;
    const slot = this.slots.get(name) ?? { loaded: null, loading: null };
    this.slots.delete(name);
    this.slots.set(name, slot);
    if (this.slots.size > KEPT_RUNS) this.slots.delete(this.slots.keys().next().value as string);
    if (run.weightsVersion === '') throw new RequestError('not-ready', `run "${name}" has no weights yet`);
    if (slot.loaded?.version !== run.weightsVersion && !slot.loading) {
      slot.loading = this.read(slot, run);
      // Weights that cannot be read now are tried again with the next question.
      slot.loading.catch(() => {});
    }
    return slot;
  }

  private async read(slot: Slot, run: WatchedRun): Promise<Loaded> {
    try {
      const decoder = new LatentDecoder(await this.reader.weights(run.folder.weightsPath));
      slot.loaded = { version: run.weightsVersion, decoder, motion: keptMotion(slot.loaded, decoder) };
      return slot.loaded;
    } finally {
      slot.loading = null;
    }
  }

  /** The decoder gives the neutral model, into which the atoms were fitted, at z = 0. */
  private motionOf(loaded: Loaded, atoms: Float32Array): AtomMotion {
    if (!loaded.motion) {
      const neutral = loaded.decoder.decode(new Float32Array(loaded.decoder.dims));
      loaded.motion = { neutral, motion: new AtomMotion(atoms, neutral, { movable: loaded.decoder.movable }) };
    }
    return loaded.motion.motion;
  }
}

/** Finding each atom's Gaussians takes long; it need not be repeated at each checkpoint of one training. */
function keptMotion(before: Loaded | null, decoder: LatentDecoder): Loaded['motion'] {
  if (!before?.motion || before.decoder.count !== decoder.count) return null;
  const { positions } = decoder.decode(new Float32Array(decoder.dims));
  return before.motion.neutral.positions.every((value, i) => value === positions[i]) ? before.motion : null;
}
