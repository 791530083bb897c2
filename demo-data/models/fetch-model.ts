// Finds the model that the user named: a file, or an entry of the Protein Data Bank where there is a network.

import { existsSync } from 'node:fs';
import { InputError } from '../../daemon/formats/input-error.js';
import { Cancelled } from '../../daemon/training/progress.js';
import { type ModelFile, parseModel, readModelFile } from './read-model.js';

const PDB_ID = /^[0-9][A-Za-z0-9]{3}$/;

/** A file wins over a PDB id of the same name. Throws InputError when neither can be had, Cancelled after an abort. */
export async function findModel(source: string, signal?: AbortSignal): Promise<ModelFile> {
  if (existsSync(source) || !PDB_ID.test(source)) return readModelFile(source);
  const address = `https://files.rcsb.org/download/${source.toUpperCase()}.cif`;
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(address, { signal: signal ?? null });
    text = await answer.text();
  } catch (error) {
    if (signal?.aborted) throw new Cancelled('the simulation was stopped');
    throw new InputError(
      `--model: ${source} is no file here, and ${address} cannot be reached (${reason(error)}); fetch it elsewhere and give the file`,
    );
  }
  if (!answer.ok) throw new InputError(`--model: ${address} answers ${answer.status}; check the PDB id, or give a file`);
  return parseModel(text, address);
}

function reason(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error instanceof Error ? error.message : String(error);
}
