// Commands that are only counted: what training would ask of a graphics processor, kernel by kernel, told where none is at hand.

import { type Commands, type DeviceArray, type Groups, type KernelParameters, lineGroups } from './command-queue.js';
import { kernelWork, type Work } from './kernel-work.js';
import type { KernelName } from './kernels.js';

/** Arrays have a size and hold nothing; whatever is read is zero. */
export class TallyingQueue implements Commands {
  private works = new Map<KernelName, Work[]>();

  /** `windowPixels`: side of the square in which a Gaussian of the reference width is drawn. */
  constructor(private readonly windowPixels: number) {}

  /** Every kernel's dispatches since the last call. */
  take(): Map<KernelName, Work[]> {
    const taken = this.works;
    this.works = new Map();
    return taken;
  }

  allocate(bytes: number): DeviceArray {
    return { bytes };
  }

  release(): void {}

  write(): void {}

  async read({ bytes }: DeviceArray): Promise<Float32Array> {
    return new Float32Array(bytes / 4);
  }

  dispatch(name: KernelName, parameters: KernelParameters, _arrays: readonly DeviceArray[], groups: Groups): void {
    const works = this.works.get(name) ?? [];
    works.push(kernelWork(name, parameters, groups, this.windowPixels));
    this.works.set(name, works);
  }

  dispatchEach(name: KernelName, count: number, parameters: KernelParameters, arrays: readonly DeviceArray[]): void {
    if (count > 0) this.dispatch(name, parameters, arrays, lineGroups(count));
  }

  async close(): Promise<void> {}
}
