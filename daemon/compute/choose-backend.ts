// Takes the fastest backend that works here, and says which and why.

import { InputError } from '../formats/input-error.js';
import type { Reporter } from '../training/progress.js';
import type { Backend } from './backend.js';

export interface BackendRequest {
  /** auto, or a backend's name. */
  backend: string;
  /** null: all of the machine. */
  threads: number | null;
  /** False takes a backend by its name only where it is worth having, as auto does. Left out: true for a name. */
  isAsked?: boolean;
}

/** A backend, or why it cannot be had or is not worth having here, with the cure. */
type Opened = Backend | { reason: string };

interface Way {
  name: Backend['name'];
  /** `isAsked`: by its name; else only what is faster than the ways after it is worth having. */
  open(request: BackendRequest, isAsked: boolean): Promise<Opened>;
}

/** In the order in which auto tries them: fastest first, and last one that works everywhere. */
const ways: readonly Way[] = [
  { name: 'webgpu', open: openWebgpu },
  { name: 'tfjs', open: openTfjs },
  { name: 'cpu', open: openCpu },
];

/** Throws InputError on a backend that does not exist or does not work here. */
export async function chooseBackend(request: BackendRequest, reporter: Reporter): Promise<Backend> {
  const isAuto = request.backend === 'auto';
  const tried = isAuto ? ways : ways.filter(({ name }) => name === request.backend);
  const reasons: string[] = [];
  for (const { name, open } of tried) {
    const opened = await open(request, request.isAsked ?? !isAuto);
    if ('reason' in opened) {
      reasons.push(`${name}: ${opened.reason}`);
      continue;
    }
    const others = reasons.length > 0 ? ` (not ${reasons.join('; not ')})` : '';
    reporter.note(`computing on ${opened.name}: ${opened.description}${others}`);
    return opened;
  }
  if (reasons.length > 0) throw new InputError(`--backend ${reasons.join('; ')}`);
  throw new InputError(`--backend ${request.backend} is not known; take auto or ${ways.map(({ name }) => name).join(' or ')}`);
}

async function openWebgpu(_request: BackendRequest, isAsked: boolean): Promise<Opened> {
  const { openGpu, probeGpu } = await import('./webgpu/device.js');
  if (!isAsked) {
    const answer = probeGpu();
    if ('reason' in answer) return answer;
    if (answer.isSoftware) return { reason: `only ${answer.description} answers, which is slower than threads of the processor` };
  }
  const gpu = await openGpu();
  if ('reason' in gpu) return gpu;
  const { createWebgpuBackend } = await import('./webgpu/webgpu-backend.js');
  return createWebgpuBackend(gpu);
}

async function openTfjs({ threads }: BackendRequest, isAsked: boolean): Promise<Opened> {
  const { openTensorFlow } = await import('./tfjs/open-tensorflow.js');
  const opened = await openTensorFlow({ threads, needsCuda: !isAsked });
  if ('reason' in opened) return opened;
  const { TfjsBackend } = await import('./tfjs/tfjs-backend.js');
  return new TfjsBackend(opened);
}

async function openCpu({ threads }: BackendRequest): Promise<Opened> {
  const { createCpuBackend } = await import('./cpu/cpu-backend.js');
  return createCpuBackend(threads === null ? {} : { threads });
}
