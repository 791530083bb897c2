// The stacks of a particle set: each is checked once, and only the most recently used are kept open.
import { type ImageStack, openStack } from '../formats/mrc.js';

/** A set can name tens of thousands of stacks, a process may often open only 1,024 files. */
const MOST_OPEN_STACKS = 64;

export class StackPool {
  /** Least recently used first. */
  private readonly open = new Map<string, ImageStack>();

  constructor(private readonly mostOpen = MOST_OPEN_STACKS) {}

  /** The stack at `path`, opened if need be. Valid until the next call. Throws InputError as openStack does. */
  get(path: string): ImageStack {
    let stack = this.open.get(path);
    if (stack) this.open.delete(path);
    else {
      stack = openStack(path);
      if (this.open.size >= this.mostOpen) {
        const [oldestPath, oldest] = this.open.entries().next().value!;
        oldest.close();
        this.open.delete(oldestPath);
      }
    }
    this.open.set(path, stack);
    return stack;
  }

  close(): void {
    for (const stack of this.open.values()) stack.close();
    this.open.clear();
  }
}
