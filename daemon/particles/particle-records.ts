// What any particle file (star, cs) says of its particles, before a stack has been opened.
import type { CtfParameters } from './particle-set.js';

export interface ParticleRecords {
  /** The file they come from. */
  file: string;
  count: number;
  /** The stacks as the file names them, each once. */
  stackNames: string[];
  /** n: index into stackNames. */
  stackOf: Uint32Array;
  /** n: image within its stack, from 0. */
  imageOf: Uint32Array;
  /** n × 9, row-major A (numerics/rotations.ts). */
  rotations: Float32Array;
  /** n × 2, with the sign of rlnOrigin. */
  shifts: Float64Array;
  shiftUnit: 'pixel' | 'angstrom';
  ctf: CtfParameters[] | null;
  phaseFlipped: boolean;
  ctfPremultiplied: boolean;
  halfSet: Uint8Array;
  /** null: the file does not say. */
  pixelSizeAngstrom: number | null;
  /** null: the file does not say. */
  boxSize: number | null;
  notes: string[];
  /** "FILE, line 12": where particle `row` (from 0) stands, for messages. */
  place(row: number): string;
}
