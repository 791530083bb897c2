// Colours of values: perceptually even ramps that also read without colour vision.

export type Rgb = readonly [r: number, g: number, b: number];

// Anchors of viridis (S. van der Walt & N. Smith, 2015, CC0), evenly spaced.
const VIRIDIS: Rgb[] = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
];

/** Colour at t of 0…1; on a light ground the palest end is left out, on a dark one the darkest, so that every point is seen. */
export function viridis(t: number, ground: 'light' | 'dark'): Rgb {
  const clamped = Math.min(1, Math.max(0, t));
  const position = (ground === 'light' ? 0.92 * clamped : 0.22 + 0.78 * clamped) * (VIRIDIS.length - 1);
  const i = Math.min(VIRIDIS.length - 2, Math.floor(position));
  const f = position - i;
  const mix = (c: 0 | 1 | 2) => Math.round(VIRIDIS[i][c] + f * (VIRIDIS[i + 1][c] - VIRIDIS[i][c]));
  return [mix(0), mix(1), mix(2)];
}

/** 256 colours of the ramp, 3 bytes each. */
export function viridisTable(ground: 'light' | 'dark'): Uint8Array {
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i++) table.set(viridis(i / 255, ground), 3 * i);
  return table;
}
