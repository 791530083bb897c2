// Fourier shell correlation of two maps: FSC(k) = Σ Re(F₁ conj F₂) / √(Σ|F₁|² Σ|F₂|²) over the shell k − ½ ≤ |k| < k + ½.
import type { DensityMap } from '../formats/density-map.js';
import { fft3d, frequency } from '../numerics/fft.js';

export interface ShellCorrelation {
  /** Correlation of shell k, k = 0 … ⌊n/2⌋; 0 where a map has no power. */
  correlation: Float64Array;
  /** Side of the box, Å: shell k is at boxLengthAngstrom/k. */
  boxLengthAngstrom: number;
}

/** Shell of a frequency of `radius` cycles per longest side of the box. */
export type ShellOf = (radius: number) => number;

/** k − ½ ≤ radius < k + ½. */
const nearestShell: ShellOf = radius => Math.floor(radius + 0.5);

/**
 * Compares two maps of one size. `mask` (0 … 1, same size, soft-edged) multiplies both first. Shells count cycles per longest
 * side of the box; `shellOf` says where they end, for comparison with programs that draw them otherwise.
 */
export function fourierShellCorrelation(
  first: DensityMap,
  second: DensityMap,
  mask: DensityMap | null = null,
  shellOf: ShellOf = nearestShell,
): ShellCorrelation {
  for (const other of mask ? [second, mask] : [second]) {
    if (first.size.some((n, axis) => n !== other.size[axis]))
      throw new Error(`maps of ${first.size.join(' × ')} and ${other.size.join(' × ')} voxels cannot be compared shell by shell`);
  }
  const [nx, ny, nz] = first.size;
  const lengths = first.size.map((n, axis) => n * first.voxelSizeAngstrom[axis]);
  const boxLengthAngstrom = Math.max(...lengths);
  const stretch = lengths.map(length => boxLengthAngstrom / length);
  // Two real maps as one complex one, T = T₁ + iT₂: F₁ = (T(k) + conj T(−k))/2 and F₂ = (T(k) − conj T(−k))/2i.
  const re = first.data.slice();
  const im = second.data.slice();
  if (mask) {
    for (let i = 0; i < re.length; i++) {
      re[i] *= mask.data[i];
      im[i] *= mask.data[i];
    }
  }
  fft3d(re, im, first.size);
  const shells = Math.floor(Math.max(nx, ny, nz) / 2) + 1;
  const cross = new Float64Array(shells);
  const power1 = new Float64Array(shells);
  const power2 = new Float64Array(shells);
  for (let z = 0, i = 0; z < nz; z++) {
    const kz = frequency(z, nz) * stretch[2];
    for (let y = 0; y < ny; y++) {
      const ky = frequency(y, ny) * stretch[1];
      const mirrorRow = (((nz - z) % nz) * ny + ((ny - y) % ny)) * nx;
      for (let x = 0; x < nx; x++, i++) {
        // Not Math.hypot, which scales first: the root of a square number must be whole, or a shell that ends there loses it.
        const kx = frequency(x, nx) * stretch[0];
        const shell = shellOf(Math.sqrt(kx * kx + ky * ky + kz * kz));
        if (shell >= shells) continue;
        const mirror = mirrorRow + ((nx - x) % nx);
        const r1 = (re[i] + re[mirror]) / 2;
        const i1 = (im[i] - im[mirror]) / 2;
        const r2 = (im[i] + im[mirror]) / 2;
        const i2 = (re[mirror] - re[i]) / 2;
        cross[shell] += r1 * r2 + i1 * i2;
        power1[shell] += r1 * r1 + i1 * i1;
        power2[shell] += r2 * r2 + i2 * i2;
      }
    }
  }
  const correlation = cross.map((value, shell) => {
    const norm = Math.sqrt(power1[shell] * power2[shell]);
    return norm > 0 ? value / norm : 0;
  });
  return { correlation, boxLengthAngstrom };
}

/**
 * Å at which the correlation first falls below `threshold` (0.143 for half-maps, 0.5 against a model), between shells by a
 * straight line; the finest shell's resolution where it never does.
 */
export function resolutionAt({ correlation, boxLengthAngstrom }: ShellCorrelation, threshold: number): number {
  for (let shell = 1; shell < correlation.length; shell++) {
    if (correlation[shell] >= threshold) continue;
    if (shell === 1) return boxLengthAngstrom;
    const share = (correlation[shell - 1] - threshold) / (correlation[shell - 1] - correlation[shell]);
    return boxLengthAngstrom / (shell - 1 + share);
  }
  return boxLengthAngstrom / (correlation.length - 1);
}

/**
 * A table of curves of one box, for people and plots: comment lines with the resolution of each at 0.143 and 0.5, then a row per shell with its number
 * (cycles per box), its resolution in Å, and a column per curve.
 */
export function formatShellCorrelations(curves: Record<string, ShellCorrelation>): string {
  const names = Object.keys(curves);
  const { correlation, boxLengthAngstrom } = curves[names[0]];
  const lines = names.map(
    name => `# ${name}: ${resolutionAt(curves[name], 0.143).toFixed(3)} Å at 0.143, ${resolutionAt(curves[name], 0.5).toFixed(3)} Å at 0.5`,
  );
  lines.push(['shell', 'resolutionAngstrom', ...names].join('\t'));
  for (let shell = 1; shell < correlation.length; shell++) {
    const values = names.map(name => curves[name].correlation[shell].toFixed(5));
    lines.push([shell, (boxLengthAngstrom / shell).toFixed(4), ...values].join('\t'));
  }
  return lines.join('\n') + '\n';
}
