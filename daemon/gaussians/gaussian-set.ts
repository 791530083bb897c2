// A molecule as N Gaussians in the world frame, and the reading and writing of its text form.

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

/** `# x y z amplitude sigma`, Å in the map frame, one Gaussian a line (contract.md). */
export function formatGaussians(set: GaussianSet): string {
  const lines = ['# x y z amplitude sigma'];
  for (let i = 0; i < set.count; i++) {
    const p = set.positions;
    lines.push([p[3 * i], p[3 * i + 1], p[3 * i + 2], set.amplitudes[i], set.sigmas[i]].map(value => String(Number(value.toPrecision(7)))).join(' '));
  }
  return lines.join('\n') + '\n';
}
