// Takes the fastest backend that works here, and says which and why.

import { InputError } from '../formats/input-error.js';
import type { Reporter } from '../training/progress.js';
import type { Backend } from './backend.js';

export interface BackendRequest {
  /** auto, or a backend's name. */
  backend: string;
  /** null: all of the machine. */
  threads: number | null;
}

/** Throws InputError on a backend that does not exist or does not work here. */
export async function chooseBackend(request: BackendRequest, reporter: Reporter): Promise<Backend> {
  if (request.backend !== 'auto' && request.backend !== 'cpu')
    throw new InputError(`--backend ${request.backend} is not known; take auto or cpu`);
  const { createCpuBackend } = await import('./cpu/cpu-backend.js');
  const backend = await createCpuBackend(request.threads === null ? {} : { threads: request.threads });
  reporter.note(`computing on ${backend.name}: ${backend.description}`);
  return backend;
}
