// A molecule as N Gaussians in the world frame, and the reading and writing of its text form.
import { InputError } from '../formats/input-error.js';

/** N Gaussians in Å in the map frame. Amplitude is the weight at zero frequency (method.md section 2). */
export interface GaussianSet {
  count: number;
  /** 3N: x0 y0 z0 x1 …, Å. */
  positions: Float32Array;
  /** N, in (0, 1). */
  amplitudes: Float32Array;
  /** N, Å. */
  sigmas: Float32Array;
}

/** Room for `count` Gaussians, all zero. */
export function emptySet(count: number): GaussianSet {
  return { count, positions: new Float32Array(3 * count), amplitudes: new Float32Array(count), sigmas: new Float32Array(count) };
}

/** `# x y z amplitude sigma`, Å in the map frame, one Gaussian a line (contract.md). */
export function formatGaussians(set: GaussianSet): string {
  const lines = ['# x y z amplitude sigma'];
  for (let i = 0; i < set.count; i++) {
    const p = set.positions;
    lines.push(
      [p[3 * i], p[3 * i + 1], p[3 * i + 2], set.amplitudes[i], set.sigmas[i]].map(value => String(Number(value.toPrecision(7)))).join(' '),
    );
  }
  return lines.join('\n') + '\n';
}

/**
 * Reads what `formatGaussians` writes. Lines that start with # and empty lines are passed over. Throws InputError naming `file`
 * and the line where a line does not hold five finite numbers or a sigma is not positive.
 */
export function parseGaussians(text: string, file: string): GaussianSet {
  const rows: number[][] = [];
  text.split(/\r?\n/).forEach((line, i) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const fields = trimmed.split(/[\s,]+/);
    const row = fields.map(Number);
    if (row.length !== 5 || !row.every(Number.isFinite))
      throw new InputError(
        `${file}:${i + 1}: "${trimmed.slice(0, 80)}" is not "x y z amplitude sigma", five numbers with Å as the unit of length`,
      );
    if (row[4] <= 0) throw new InputError(`${file}:${i + 1}: sigma is ${fields[4]}; it must be a positive length in Å`);
    rows.push(row);
  });
  if (rows.length === 0) throw new InputError(`${file}: holds no Gaussian; each line must be "x y z amplitude sigma"`);
  return {
    count: rows.length,
    positions: Float32Array.from(rows.flatMap(row => row.slice(0, 3))),
    amplitudes: Float32Array.from(rows, row => row[3]),
    sigmas: Float32Array.from(rows, row => row[4]),
  };
}
