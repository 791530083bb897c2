// What belongs to one Mol* plugin instance: the frames it may show, where more come from, and the density worker.
import type { PluginContext } from 'molstar/lib/mol-plugin/context.js';
import type { DecodedFrame } from '../protocol/messages.js';
import { DensityClient } from './worker/density-client.js';

/** Gets the molecule at a latent point; how a saved Mol* session finds its frames again. */
export type FrameSource = (run: string, z: number[], atoms: boolean) => Promise<DecodedFrame>;

/** Names a frame; small enough to lie in Mol*'s state tree, where arrays of coordinates must not. */
export interface LatentPoint {
  run: string;
  epoch: number;
  latent: number[];
}

export function latentPointOf(frame: DecodedFrame): LatentPoint {
  return { run: frame.run, epoch: frame.epoch, latent: Array.from(frame.z) };
}

const KEPT_FRAMES = 12;
const contexts = new WeakMap<PluginContext, LimberContext>();

export class LimberContext {
  readonly density = new DensityClient();
  source: FrameSource | null = null;
  private readonly frames = new Map<string, DecodedFrame>();

  static attach(plugin: PluginContext): LimberContext {
    const context = new LimberContext();
    contexts.set(plugin, context);
    return context;
  }

  static detach(plugin: PluginContext): void {
    contexts.get(plugin)?.density.dispose();
    contexts.delete(plugin);
  }

  /** Throws when the limber behaviour is not registered in this plugin. */
  static of(plugin: PluginContext): LimberContext {
    const context = contexts.get(plugin);
    if (!context) throw new Error('the limber behaviour is not registered in this Mol* plugin');
    return context;
  }

  /** Keeps a frame for the state tree to find; the oldest are let go. */
  remember(frame: DecodedFrame): LatentPoint {
    const point = latentPointOf(frame);
    const name = nameOf(point);
    const kept = this.frames.get(name);
    this.frames.delete(name);
    // A frame without atoms does not push out the same frame with atoms.
    this.frames.set(name, frame.atoms || !kept?.atoms ? frame : kept);
    if (this.frames.size > KEPT_FRAMES) this.frames.delete(this.frames.keys().next().value as string);
    return point;
  }

  /** The frame at a point, from memory or from the source; throws one line where neither has it. */
  async frame(point: LatentPoint, atoms: boolean): Promise<DecodedFrame> {
    const kept = this.frames.get(nameOf(point));
    if (kept && (kept.atoms || !atoms)) return kept;
    if (!this.source) throw new Error(`no frame of run ${point.run} at z = (${point.latent.join(', ')}): connect to the limber daemon`);
    const frame = await this.source(point.run, point.latent, atoms);
    // Under the name that was asked for: a session may be older than the run's present epoch.
    this.frames.set(nameOf(point), frame);
    return frame;
  }
}

function nameOf({ run, epoch, latent }: LatentPoint): string {
  return `${run}/${epoch}/${latent.join(',')}`;
}
