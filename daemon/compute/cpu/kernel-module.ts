// The compiled SIMD kernels, with fused multiply-add where the machine and Node have it.

import { existsSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

/** A kernel takes (thread, threads, …numbers). */
export type Kernel = (...args: number[]) => number;

export interface KernelModule {
  module: WebAssembly.Module;
  fused: boolean;
}

/** Compiles the kernels of training; `fused` false asks for the version without relaxed SIMD. Throws where the build left none. */
export function loadKernels(fused = true): KernelModule {
  return loadVersions('kernels', fused);
}

/** Compiles the kernels of reconstruction (kernels/maps.ts), likewise. */
export function loadMapKernels(fused = true): KernelModule {
  return loadVersions('map-kernels', fused);
}

function loadVersions(name: string, fused: boolean): KernelModule {
  const plain = new URL(`./kernels/${name}.wasm`, import.meta.url);
  if (!existsSync(plain)) throw new Error('the SIMD kernels are not built: run npm run build');
  if (fused) {
    const bytes = readFileSync(new URL(`./kernels/${name}-fma.wasm`, import.meta.url));
    // Node 20 has relaxed SIMD behind a flag; later ones have it always, and complain on the terminal of a flag that they no longer know.
    if (!WebAssembly.validate(bytes) && Number(process.versions.node.split('.')[0]) < 22)
      setFlagsFromString('--experimental-wasm-relaxed-simd');
    if (WebAssembly.validate(bytes)) return { module: new WebAssembly.Module(bytes), fused: true };
  }
  return { module: new WebAssembly.Module(readFileSync(plain)), fused: false };
}

/** Compiles the kernels of one thread on its own memory (kernels/row.ts). Throws where the build left none. */
export function loadRowKernels(): WebAssembly.Module {
  const file = new URL('./kernels/row-kernels.wasm', import.meta.url);
  if (!existsSync(file)) throw new Error('the SIMD kernels are not built: run npm run build');
  return new WebAssembly.Module(readFileSync(file));
}

/** Kernels of one thread on the memory it shares, or its own, in the order of the module's exports. */
export function instantiateKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): { names: string[]; kernels: Kernel[] } {
  const abort = (_message: number, _file: number, line: number) => {
    throw new Error(`a kernel gave up at line ${line}`);
  };
  const exports = new WebAssembly.Instance(module, { env: { memory, abort } }).exports;
  const names = Object.keys(exports).filter(name => typeof exports[name] === 'function');
  return { names, kernels: names.map(name => exports[name] as Kernel) };
}
