// Blocks of one shared WebAssembly memory, at addresses that are multiples of 64 bytes, taken first-fit from a list of free ones.

import { HEAP_START } from './control-block.js';

const PAGE = 65536;
/** The whole of a 32-bit memory, less one page: an address past the end must still fit in 32 bits. */
const LIMIT = 65535 * PAGE;
/** Growth is at least this many bytes at a time. */
const GROWTH = 16 * 2 ** 20;

export class SharedHeap {
  readonly memory = new WebAssembly.Memory({ initial: HEAP_START / PAGE, maximum: 65536, shared: true });
  /** Free blocks in order of address; neighbours are merged. */
  private free: { address: number; bytes: number }[] = [];
  private readonly sizes = new Map<number, number>();

  /** Address of a new block of at least `bytes`, cleared, with at least 16 bytes behind the last so that a vector may reach over it. */
  allocate(bytes: number): number {
    const size = Math.ceil((bytes + 16) / 64) * 64;
    let slot = this.free.findIndex(block => block.bytes >= size);
    if (slot < 0) {
      this.grow(size);
      slot = this.free.findIndex(block => block.bytes >= size);
    }
    const block = this.free[slot];
    const address = block.address;
    block.address += size;
    block.bytes -= size;
    if (block.bytes === 0) this.free.splice(slot, 1);
    this.sizes.set(address, size);
    new Uint8Array(this.memory.buffer, address, size).fill(0);
    return address;
  }

  release(address: number): void {
    const bytes = this.sizes.get(address);
    if (bytes === undefined) throw new Error('a tensor was given back twice');
    this.sizes.delete(address);
    this.insert(address, bytes);
  }

  /** `length` numbers at an address. Made anew for every use, since growth leaves older views too short. */
  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  integers(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  /** Bytes of blocks in use. */
  get used(): number {
    let sum = 0;
    for (const bytes of this.sizes.values()) sum += bytes;
    return sum;
  }

  private grow(size: number): void {
    const end = this.memory.buffer.byteLength;
    const last = this.free.at(-1);
    const missing = size - (last && last.address + last.bytes === end ? last.bytes : 0);
    const bytes = Math.min(Math.max(Math.ceil(missing / PAGE) * PAGE, GROWTH), LIMIT - end);
    try {
      if (bytes < missing) throw new RangeError();
      this.memory.grow(bytes / PAGE);
    } catch {
      throw new Error(
        `the CPU backend needs ${Math.ceil(size / 2 ** 20)} MiB more than the ${Math.ceil(this.used / 2 ** 20)} MiB it holds, and cannot have them (its limit is 4096 MiB): use fewer Gaussians, a smaller box or batch`,
      );
    }
    this.insert(end, bytes);
  }

  private insert(address: number, bytes: number): void {
    let at = this.free.findIndex(block => block.address > address);
    if (at < 0) at = this.free.length;
    const before = this.free[at - 1];
    const after = this.free[at];
    const joinsAfter = after !== undefined && address + bytes === after.address;
    if (before && before.address + before.bytes === address) {
      before.bytes += bytes;
      if (joinsAfter) {
        before.bytes += after.bytes;
        this.free.splice(at, 1);
      }
    } else if (joinsAfter) {
      after.address = address;
      after.bytes += bytes;
    } else this.free.splice(at, 0, { address, bytes });
  }
}
