// The WGSL kernels as pipelines: each compiled when it is first used, its bindings read off its own text.

import { readFileSync } from 'node:fs';

/** One file of kernels/. */
export type KernelName =
  | 'adam'
  | 'add'
  | 'batch-normalise'
  | 'batch-normalise-backward'
  | 'batch-statistics'
  | 'draw'
  | 'draw-backward'
  | 'dropout'
  | 'fill'
  | 'gaussians'
  | 'gaussians-backward'
  | 'latent-penalty-backward'
  | 'latent-pull-backward'
  | 'mask-inactive'
  | 'matrix-product'
  | 'ring-correlation'
  | 'ring-gradient'
  | 'ring-sums'
  | 'scale-kinds'
  | 'see'
  | 'stretch-backward'
  | 'sum-parts'
  | 'sum-rows';

/**
 * Every kernel has its parameters at binding 0: a struct of whole numbers (u32) first, then floats, as `CommandQueue.dispatch` writes
 * them. Its arrays follow from binding 1 on.
 */
export interface Kernel {
  /** Name and overrides. */
  label: string;
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  /** For each array whether the kernel writes it. */
  isWritten: readonly boolean[];
}

export class Kernels {
  private readonly compiled = new Map<string, Kernel>();

  constructor(private readonly device: GPUDevice) {}

  /** `overrides`: the kernel's constants that are settled when it is compiled. */
  get(name: KernelName, overrides?: Readonly<Record<string, number>>): Kernel {
    const label = overrides ? `${name} ${Object.values(overrides).join(' ')}` : name;
    let kernel = this.compiled.get(label);
    if (!kernel) this.compiled.set(label, (kernel = this.compile(name, label, overrides)));
    return kernel;
  }

  private compile(name: KernelName, label: string, constants: Readonly<Record<string, number>> = {}): Kernel {
    const code = readFileSync(new URL(`./kernels/${name}.wgsl`, import.meta.url), 'utf8');
    const isWritten = [...code.matchAll(/var<storage, (read|read_write)>/g)].map(([, access]) => access === 'read_write');
    const { device } = this;
    const layout = device.createBindGroupLayout({
      label,
      entries: [
        { binding: 0, visibility: GPU_SHADER_STAGE_COMPUTE, buffer: { type: 'uniform', hasDynamicOffset: true } },
        ...isWritten.map(
          (written, i): GPUBindGroupLayoutEntry => ({
            binding: i + 1,
            visibility: GPU_SHADER_STAGE_COMPUTE,
            buffer: { type: written ? 'storage' : 'read-only-storage' },
          }),
        ),
      ],
    });
    const pipeline = device.createComputePipeline({
      label,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: device.createShaderModule({ label, code }), constants },
    });
    return { label, pipeline, layout, isWritten };
  }
}

/** GPUShaderStage.COMPUTE: in Node the constants of WebGPU are no globals. */
const GPU_SHADER_STAGE_COMPUTE = 4;
