// Colours of clusters: the same in the plot, its legend and the maps, apart from each other without colour vision, and seen on light and dark ground.
import type { Rgb } from './colour-ramps.js';

/** P. Tol's "bright" scheme without its grey, and four more between its hues. After the last they begin again: the numbers tell them apart. */
const COLOURS = [0x4477aa, 0xee6677, 0x228833, 0xccbb44, 0x66ccee, 0xaa3377, 0xee8833, 0x009988, 0x8877cc, 0x997755];

/** 0xRRGGBB of category k, from 0. */
export function categoryColour(k: number): number {
  return COLOURS[k % COLOURS.length];
}

/** As a style sheet and a colour field write it. */
export function cssColour(colour: number): string {
  return `#${colour.toString(16).padStart(6, '0')}`;
}

/** 3 bytes for each of `count` categories. */
export function categoryTable(count: number): Uint8Array {
  return Uint8Array.from(Array.from({ length: count }, (_, k) => rgb(categoryColour(k))).flat());
}

function rgb(colour: number): Rgb {
  return [colour >> 16, (colour >> 8) & 255, colour & 255];
}
