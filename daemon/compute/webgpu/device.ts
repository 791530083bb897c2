/// <reference types="@webgpu/types" />
// Opens a graphics processor through Dawn, the WebGPU of the npm package `webgpu`: Vulkan, Metal or Direct3D 12, any vendor's.

import { spawnSync } from 'node:child_process';
import { constants, tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Gpu {
  device: GPUDevice;
  /** One line for people: the adapter's name and vendor. */
  description: string;
  /** Computed by the processor (SwiftShader, llvmpipe): right, and slow. */
  isSoftware: boolean;
}

/** What can be told of a graphics processor without taking it. */
export type GpuAnswer = Pick<Gpu, 'description' | 'isSoftware'>;

/** Why there is no device, as one line with its cure. */
export interface NoGpu {
  reason: string;
}

/** One for the process: Dawn's entry point must outlive its devices, and what they still have to tell when they are closed. */
let dawn: GPU | null = null;

/** A driver that takes longer than this to answer will not do for training. */
const PROBE_MILLISECONDS = 30_000;

/**
 * What openGpu would find, asked by a process of its own: on Linux loader and drivers write to the terminal as they like, software ones the most, and a driver that crashes takes the process
 * along that asks it.
 */
export function probeGpu(): GpuAnswer | NoGpu {
  const missing = missingVulkan();
  if (missing) return { reason: missing };
  const script = fileURLToPath(new URL('./probe-process.js', import.meta.url));
  const { stdout, status, signal } = spawnSync(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: PROBE_MILLISECONDS,
    encoding: 'utf8',
  });
  if (status === 0) return JSON.parse(stdout) as GpuAnswer | NoGpu;
  return { reason: `a Vulkan driver failed when it was asked (${signal ?? `exit status ${status}`}); update or remove it` };
}

/** The machine's fastest adapter with all its limits, or why there is none. Nothing is thrown, so that a caller may do without. */
export async function openGpu(): Promise<Gpu | NoGpu> {
  const missing = missingVulkan();
  if (missing) return { reason: missing };
  // Linux drivers complain where nobody has logged in.
  if (process.platform === 'linux') process.env.XDG_RUNTIME_DIR ??= tmpdir();
  try {
    const { create } = await import('webgpu');
    dawn ??= create([]);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND') return { reason: 'the optional npm package webgpu is not installed; run npm install webgpu' };
    return { reason: `the npm package webgpu does not load here: ${message.split('\n')[0]}` };
  }
  const adapter = await dawn.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    return { reason: 'no graphics processor answers; install its driver with Vulkan (Metal and Direct3D 12 come with the system)' };
  const { limits, info } = adapter;
  const device = await adapter.requestDevice({
    requiredLimits: {
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    },
  });
  const names = [info.description || info.device, info.vendor].filter(Boolean).join(', ');
  const isSoftware = info.isFallbackAdapter;
  return { device, description: isSoftware ? `${names}, in software` : names, isSoftware };
}

/** On Linux Dawn needs the Vulkan loader, and would complain on the terminal by itself. */
function missingVulkan(): string | null {
  if (process.platform !== 'linux') return null;
  try {
    process.dlopen({ exports: {} }, 'libvulkan.so.1', constants.dlopen.RTLD_NOW);
  } catch (error) {
    // A library that is there loads, and is then refused as it is no addon of Node.
    if (/cannot open shared object/.test((error as Error).message))
      return 'there is no Vulkan loader (libvulkan.so.1); install it (Debian: apt install libvulkan1) and the driver of the graphics processor';
  }
  return null;
}
